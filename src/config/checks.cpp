#include "config/checks.h"

#include <arpa/inet.h>

#include <algorithm>
#include <cctype>
#include <charconv>

namespace ferry::config {

namespace {

bool is_ip(std::string_view text, int family) {
  unsigned char address[16];
  return inet_pton(family, std::string(text).c_str(), address) == 1;
}
bool is_ip(std::string_view text) { return is_ip(text, AF_INET) || is_ip(text, AF_INET6); }
bool is_ip_or_empty(std::string_view text) { return text.empty() || is_ip(text); }

bool is_absolute(std::string_view text) { return text.empty() || text.front() == '/'; }

// A name that may be looked up (RFC 1123 section 2.1); what ends with a number is a wrong IP address.
bool is_host_name(std::string_view text) {
  const auto letter_or_digit = [](char c) { return (std::isalnum(static_cast<unsigned char>(c))) != 0; };
  const auto allowed = [&](char c) { return letter_or_digit(c) || c == '-' || c == '.'; };
  if (text.empty() || text.size() > 253 || !letter_or_digit(text.front()) || !std::ranges::all_of(text, allowed)) {
    return false;
  }
  const std::string_view last = text.substr(text.rfind('.') + 1);
  return std::ranges::any_of(last, [](char c) { return c < '0' || c > '9'; });
}

bool is_host_address(std::string_view text) {
  if (text.starts_with('[') && text.ends_with(']')) return is_ip(text.substr(1, text.size() - 2), AF_INET6);
  return text.empty() || is_ip(text) || is_host_name(text);
}

bool is_listen_address(std::string_view text) { return is_absolute(text) || is_host_address(text); }

bool is_network(std::string_view text) {
  const std::size_t slash = text.find('/');
  if (slash == std::string_view::npos) return is_ip(text);
  const std::string_view address = text.substr(0, slash), bits = text.substr(slash + 1);
  unsigned value = 0;
  const auto [end, error] = std::from_chars(bits.data(), bits.data() + bits.size(), value);
  if (error != std::errc{} || end != bits.data() + bits.size()) return false;
  return is_ip(address, AF_INET) ? value <= 32 : is_ip(address, AF_INET6) && value <= 128;
}

bool is_octal_mask(std::string_view text) {
  return text.size() <= 4 && std::ranges::all_of(text, [](char c) { return c >= '0' && c <= '7'; });
}

// RFC 4253 section 4.2 leaves 255 bytes for the whole line.
bool is_version_text(std::string_view text) {
  constexpr std::size_t longest = 200;
  const bool printable = std::ranges::all_of(text, [](char c) { return c >= ' ' && c <= '~'; });
  return text.size() <= longest && printable && !text.starts_with(' ');
}

Check text_check(bool (*accepts)(std::string_view), std::string_view expected) {
  Check check;
  check.accepts = accepts;
  check.expected = expected;
  return check;
}

}  // namespace

void Check::limit(std::int64_t low, std::int64_t high) {
  least = std::max(least, low);
  most = std::min(most, high);
}

bool Check::allows(std::string_view text) const {
  if (text.find('\0') != std::string_view::npos) return false;
  if (!choices.empty()) return std::ranges::find(choices, text) != choices.end();
  return accepts == nullptr || accepts(text);
}

std::string Check::integer_form() const {
  if (least <= std::numeric_limits<int>::min() && most >= std::numeric_limits<int>::max()) return "an integer";
  if (most >= std::numeric_limits<int>::max()) return "an integer of at least " + std::to_string(least);
  return "an integer from " + std::to_string(least) + " to " + std::to_string(most);
}

std::string Check::text_form() const {
  if (!choices.empty()) {
    std::string form = "one of";
    for (const std::string_view choice : choices) {
      form.append(form.size() > 6 ? ", " : " ").append(choice.empty() ? "nothing" : choice);
    }
    return form;
  }
  return expected.empty() ? "a string" : std::string(expected);
}

Check range(std::int64_t least, std::int64_t most) {
  Check check;
  check.limit(least, most);
  return check;
}
Check port_number() { return range(0, 65535); }
Check flag() { return range(0, 1); }
Check tls_version() { return range(12, 13); }

Check one_of(std::span<const std::string_view> choices) {
  Check check;
  check.choices = choices;
  return check;
}

Check ip_address() { return text_check(is_ip_or_empty, "an IP address, or empty"); }
Check host_address() { return text_check(is_host_address, "an IP address, a host name, or empty"); }
Check listen_address() {
  return text_check(is_listen_address, "an IP address, a host name, the absolute path of a socket, or empty");
}
Check network() { return text_check(is_network, "an IP address or a network as 192.0.2.0/24"); }
Check octal_mask() { return text_check(is_octal_mask, "an octal mask as 0022, or empty"); }
Check version_text() {
  return text_check(is_version_text, "at most 200 printable ASCII characters that do not begin with a space, or empty");
}
Check absolute_path() { return text_check(is_absolute, "an absolute path, or empty"); }

}  // namespace ferry::config
