#include "model/key_options.h"

#include <algorithm>
#include <ctime>
#include <set>

#include "base/glob.h"
#include "base/ip_network.h"

namespace ferry::model {

namespace {

std::unexpected<Error> refuse(std::string why) { return fail(ErrorCode::invalid_argument, std::move(why)); }

std::string lower(std::string_view text) {
  std::string result(text);
  std::ranges::transform(result, result.begin(), [](char c) { return c >= 'A' && c <= 'Z' ? char(c + 32) : c; });
  return result;
}

// Takes "text" with its quotes away; \" inside stands for a quote.
Result<std::string> take_quoted(std::string_view& rest, const std::string& name) {
  if (!rest.starts_with('"')) return refuse("option " + name + ": a value in quotes expected");
  std::string value;
  for (std::size_t i = 1; i < rest.size(); ++i) {
    if (rest[i] == '"') {
      rest.remove_prefix(i + 1);
      return value;
    }
    if (rest[i] == '\\' && i + 1 < rest.size() && rest[i + 1] == '"') ++i;
    value += rest[i];
  }
  return refuse("option " + name + ": the quote is not closed");
}

// Calls `act(pattern, negated)` on each pattern of the list.
template <class Act>
void for_each_pattern(std::string_view list, Act act) {
  for (bool more = true; more;) {
    const std::size_t end = std::min(list.find(','), list.size());
    std::string_view pattern = list.substr(0, end);
    more = end < list.size();
    list.remove_prefix(more ? end + 1 : end);
    const bool negated = pattern.starts_with('!');
    if (negated) pattern.remove_prefix(1);
    act(pattern, negated);
  }
}

// A network without host bits, as sshd wants it, an address, or an address with wildcards. Not the name of a host:
// nobody looks it up here, and a "!name" that never matched would let in whom it keeps out.
bool is_address_pattern(std::string_view pattern) {
  if (const std::size_t slash = pattern.find('/'); slash != std::string_view::npos) {
    const auto network = IpNetwork::parse(pattern);
    const auto address = IpAddress::parse(pattern.substr(0, slash));
    return network && address && network->base() == *address;
  }
  return IpAddress::parse(pattern).has_value() ||
         (!pattern.empty() && pattern.find_first_not_of("0123456789abcdefABCDEF.:*?") == std::string_view::npos &&
          pattern.find_first_of("*?") != std::string_view::npos && Glob::compile(pattern).has_value());
}

bool matches(std::string_view pattern, const IpAddress& address) {
  if (const auto network = IpNetwork::parse(pattern)) return network->contains(address);
  const auto glob = Glob::compile(pattern);
  return glob && glob->matches(fold_name(address.to_string()));
}

Result<void> check_from(std::string_view list) {
  std::string wrong;
  bool lets_in = false;
  for_each_pattern(list, [&](std::string_view pattern, bool negated) {
    lets_in = lets_in || !negated;
    if (wrong.empty() && !is_address_pattern(pattern)) wrong = '"' + std::string(pattern) + '"';
  });
  if (!wrong.empty()) {
    return refuse("option from: " + wrong +
                  " is no address, network or pattern of addresses (names are not looked up)");
  }
  if (!lets_in) return refuse("option from: lets nobody in");
  return {};
}

// YYYYMMDD, YYYYMMDDHHMM or YYYYMMDDHHMMSS, in the system's time zone or, with a Z behind it, in UTC.
Result<std::int64_t> parse_expiry(std::string_view text) {
  const auto malformed = [] { return refuse("option expiry-time: a time as YYYYMMDD[HHMM[SS]][Z] expected"); };
  const bool utc = text.ends_with('Z');
  if (utc) text.remove_suffix(1);
  if ((text.size() != 8 && text.size() != 12 && text.size() != 14) ||
      text.find_first_not_of("0123456789") != std::string_view::npos) {
    return malformed();
  }
  const auto number = [&](std::size_t at, std::size_t size) {
    int value = 0;
    for (const char c : at < text.size() ? text.substr(at, size) : std::string_view()) value = value * 10 + (c - '0');
    return value;
  };
  std::tm time{};
  time.tm_year = number(0, 4) - 1900;
  time.tm_mon = number(4, 2) - 1;
  time.tm_mday = number(6, 2);
  time.tm_hour = number(8, 2);
  time.tm_min = number(10, 2);
  time.tm_sec = number(12, 2);
  const bool fits = time.tm_year >= 70 && time.tm_mon >= 0 && time.tm_mon < 12 && time.tm_mday >= 1 &&
                    time.tm_hour < 24 && time.tm_min < 60 && time.tm_sec < 60;
  const int day = time.tm_mday;
  time.tm_isdst = -1;
  if (!fits) return malformed();
  const std::time_t seconds = utc ? ::timegm(&time) : ::mktime(&time);
  if (seconds < 0 || time.tm_mday != day) return malformed();  // the 31st of a month of 30 days
  return static_cast<std::int64_t>(seconds);
}

Result<void> take_option(std::string_view& rest, KeyOptions& options, std::set<std::string>& seen) {
  const std::size_t end = std::min(rest.find_first_of("=,"), rest.size());
  const std::string name = lower(rest.substr(0, end));
  const std::string shown = name.substr(0, 64);
  rest.remove_prefix(end);
  if (!seen.insert(name).second) return refuse("option " + shown + " stands twice");
  if (name == "verify-required" || name == "no-touch-required") {
    if (rest.starts_with('=')) return refuse("option " + shown + " has no value");
    (name == "verify-required" ? options.verify_required : options.no_touch_required) = true;
    return {};
  }
  if (name != "from" && name != "expiry-time") return refuse("option " + shown + " is not supported");
  if (!rest.starts_with('=')) return refuse("option " + shown + ": a value in quotes expected");
  rest.remove_prefix(1);
  auto value = take_quoted(rest, shown);
  if (!value) return fail(value.error());
  if (name == "from") {
    options.from = std::move(*value);
    return check_from(options.from);
  }
  const auto time = parse_expiry(*value);
  if (!time) return fail(time.error());
  options.expires_at = *time;
  return {};
}

}  // namespace

std::string_view take_key_options(std::string_view& rest) {
  bool quoted = false;
  std::size_t end = 0;
  for (; end < rest.size(); ++end) {
    if (rest[end] == '\\' && end + 1 < rest.size() && rest[end + 1] == '"') {
      ++end;
    } else if (rest[end] == '"') {
      quoted = !quoted;
    } else if (!quoted && (rest[end] == ' ' || rest[end] == '\t')) {
      break;
    }
  }
  end = std::min(end, rest.size());
  const std::string_view options = rest.substr(0, end);
  rest.remove_prefix(end);
  return options;
}

Result<KeyOptions> parse_key_options(std::string_view text) {
  KeyOptions options;
  std::set<std::string> seen;
  while (!text.empty()) {
    if (auto taken = take_option(text, options, seen); !taken) return fail(taken.error());
    if (text.empty()) break;
    if (!text.starts_with(',') || text.size() == 1) return refuse("options: malformed");
    text.remove_prefix(1);
  }
  return options;
}

bool KeyOptions::allow_address(std::string_view ip) const {
  if (from.empty()) return true;
  const auto address = IpAddress::parse(ip);
  if (!address) return false;
  bool allowed = false, denied = false;
  for_each_pattern(from, [&](std::string_view pattern, bool negated) {
    if (!matches(pattern, *address)) return;
    (negated ? denied : allowed) = true;
  });
  return allowed && !denied;
}

}  // namespace ferry::model
