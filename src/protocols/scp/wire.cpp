#include "protocols/scp/wire.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <limits>

#include "base/error_text.h"

namespace ferry::scp {

namespace {

std::unexpected<Error> malformed(std::string text) { return fail(ErrorCode::protocol_error, std::move(text)); }

// The digits at the start of `text`, which are taken off together with `separator` behind them.
template <class Number>
std::optional<Number> take_number(std::string_view& text, int base, char separator) {
  Number value{};
  if (text.empty() || text.front() < '0' || text.front() > '9') return std::nullopt;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value, base);
  if (error != std::errc() || end == text.data() + text.size() || *end != separator) return std::nullopt;
  text.remove_prefix(static_cast<std::size_t>(end - text.data()) + 1);
  return value;
}

// Where '\n' is in the fragments; nothing when it is not there.
std::optional<std::size_t> find_line_end(std::span<const ByteSpan> fragments) {
  std::size_t before = 0;
  for (const ByteSpan fragment : fragments) {
    const auto found = std::ranges::find(fragment, std::byte{'\n'});
    if (found != fragment.end()) return before + static_cast<std::size_t>(found - fragment.begin());
    before += fragment.size();
  }
  return std::nullopt;
}

std::string take_text(ssh::Channel& channel, std::size_t count) {
  std::string text;
  text.reserve(count);
  for (const ByteSpan fragment : channel.input()) {
    if (text.size() == count) break;
    text += as_text(fragment.first(std::min(fragment.size(), count - text.size())));
  }
  channel.consume(count);
  return text;
}

}  // namespace

Result<Entry> parse_entry(std::string_view text) {
  Entry entry;
  const auto mode = take_number<std::uint32_t>(text, 8, ' ');
  if (!mode || *mode > 07777) return malformed("mode not delimited");
  const auto size = take_number<std::uint64_t>(text, 10, ' ');
  if (!size || *size > std::numeric_limits<std::int64_t>::max()) return malformed("size not delimited");
  if (text.empty() || text == "." || text == ".." || text.find('/') != std::string_view::npos ||
      text.find('\0') != std::string_view::npos) {
    return malformed("unexpected filename");
  }
  entry.mode = *mode;
  entry.size = *size;
  entry.name = text;
  return entry;
}

Result<vfs::AttributeChange::Times> parse_times(std::string_view text) {
  const std::string line = std::string(text) + ' ';
  std::string_view rest = line;
  const auto modified = take_number<std::int64_t>(rest, 10, ' ');
  const auto modified_part = take_number<std::uint32_t>(rest, 10, ' ');
  const auto accessed = take_number<std::int64_t>(rest, 10, ' ');
  const auto accessed_part = take_number<std::uint32_t>(rest, 10, ' ');
  constexpr std::uint32_t million = 1'000'000;
  if (!modified || !modified_part || !accessed || !accessed_part || !rest.empty() || *modified_part >= million ||
      *accessed_part >= million) {
    return malformed("times not delimited");
  }
  return vfs::AttributeChange::Times{.accessed = {.seconds = *accessed, .nanoseconds = *accessed_part * 1000},
                                     .modified = {.seconds = *modified, .nanoseconds = *modified_part * 1000}};
}

std::string format_entry(char kind, const vfs::FileInfo& info, std::string_view name) {
  return fmt::format("{}{:04o} {} {}\n", kind, info.mode & 07777U, kind == 'D' ? 0 : info.size, name);
}

std::string format_times(const vfs::FileInfo& info) {
  const auto seconds = [](const vfs::FileTime& time) { return std::max<std::int64_t>(time.seconds, 0); };
  return fmt::format("T{} 0 {} 0\n", seconds(info.modified), seconds(info.accessed));
}

Task<Result<std::optional<std::string>>> Wire::line() {
  while (true) {
    const std::optional<std::size_t> end = find_line_end(channel_.input());
    if (end && *end <= longest_line) {
      std::string text = take_text(channel_, *end + 1);
      text.pop_back();
      co_return std::optional(std::move(text));
    }
    const std::size_t had = channel_.input_size();
    if (had > longest_line) co_return fail(ErrorCode::protocol_error, "control line too long");
    const bool more = co_await channel_.wait_input(had);
    if (more) continue;
    if (had > 0) co_return fail(ErrorCode::connection_lost, "the client stopped within a line");
    co_return std::optional<std::string>();
  }
}

Task<Result<Answer>> Wire::answer() {
  if (channel_.input_size() == 0) {
    const bool more = co_await channel_.wait_input(0);
    if (!more) co_return fail(ErrorCode::connection_lost, "the client does not answer");
  }
  const auto first = static_cast<unsigned char>(take_text(channel_, 1)[0]);
  Answer answer;
  if (first == 0) co_return answer;
  if (first > 2) co_return fail(ErrorCode::protocol_error, "unexpected answer");
  Result<std::optional<std::string>> text = co_await line();
  if (!text) co_return fail(text.error());
  answer.kind = first == 1 ? Answer::Kind::warning : Answer::Kind::fatal;
  answer.text = text->value_or(std::string());
  co_return answer;
}

Task<bool> Wire::send(std::string text) {
  const Result<void> sent = co_await channel_.write(as_bytes(text));
  co_return sent.has_value();
}

Task<bool> Wire::done() {
  const bool sent = co_await send(std::string(1, '\0'));
  co_return sent;
}

namespace {

std::string error_line(char kind, std::string_view text) {
  std::string line = kind + std::string("scp: ");
  for (const char c : text.substr(0, longest_line / 2)) line += static_cast<unsigned char>(c) < ' ' ? '?' : c;
  return line + '\n';
}

}  // namespace

Task<bool> Wire::warn(std::string text) {
  count_error();
  const bool sent = co_await send(error_line('\1', text));
  co_return sent;
}

Task<bool> Wire::warn(const VirtualPath& path, const Error& error) {
  const bool sent = co_await warn(fmt::format("{}: {}", path.text(), shell_text(error.code)));
  co_return sent;
}

Task<bool> Wire::fatal(std::string text) {
  count_error();
  const bool sent = co_await send(error_line('\2', text));
  co_return sent;
}

}  // namespace ferry::scp
