// The bytes of the scp protocol: control lines, answers, and the pure functions that read them.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/task.h"
#include "base/virtual_path.h"
#include "session/session.h"
#include "ssh/channel/channel.h"

namespace ferry::scp {

// Of one control line: a path, two numbers and a letter fit well.
inline constexpr std::size_t longest_line = 8 * 1024;
inline constexpr std::size_t chunk = 256 * 1024;  // file data handled at once when it goes through a buffer

struct Entry {
  std::uint32_t mode = 0;
  std::uint64_t size = 0;
  std::string name;
};

// What follows the 'C' or 'D', or the 'T', of a line. protocol_error: not so, or a name that is a path.
Result<Entry> parse_entry(std::string_view text);
Result<vfs::AttributeChange::Times> parse_times(std::string_view text);
std::string format_entry(char kind, const vfs::FileInfo& info, std::string_view name);
std::string format_times(const vfs::FileInfo& info);

struct Answer {
  enum class Kind : std::uint8_t { done, warning, fatal };
  Kind kind = Kind::done;
  std::string text;
};

class Wire {
 public:
  explicit Wire(ssh::Channel& channel) : channel_(channel) {}
  ssh::Channel& channel() { return channel_; }

  // The next control line without its end. No value: the client has nothing more to say. protocol_error: too long.
  // connection_lost: it stopped in the middle.
  Task<Result<std::optional<std::string>>> line();
  // The next answer. protocol_error: neither 0, 1 nor 2.
  Task<Result<Answer>> answer();

  Task<bool> done();
  // "\1scp: <text>\n", and counts it. Bytes that could end the line or move a cursor are replaced.
  Task<bool> warn(std::string text);
  Task<bool> warn(const VirtualPath& path, const Error& error);
  Task<bool> fatal(std::string text);
  Task<bool> send(std::string text);

  void count_error() { ++errors_; }
  std::size_t errors() const { return errors_; }

 private:
  ssh::Channel& channel_;
  std::size_t errors_ = 0;
};

}  // namespace ferry::scp
