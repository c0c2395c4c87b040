// Result<T>: how every fallible call of Ferry answers.
//
//   Result<FileInfo> info = fs.stat(path);
//   if (!info) return fail(info.error());
//
// Exceptions are for bugs and start-up only. Each protocol has one exhaustive switch from ErrorCode
// to its own status, so a new code is a compile error until every protocol has decided about it.
#pragma once

#include <cstdint>
#include <expected>
#include <string>
#include <string_view>

namespace ferry {

enum class ErrorCode : std::uint8_t {
  not_found,          // the thing named does not exist
  permission_denied,  // the account's permissions or the kernel forbid it
  already_exists,     // the new name is taken
  not_a_directory,
  is_a_directory,
  directory_not_empty,
  invalid_argument,  // the request is wrong in itself: bad path, bad range, bad value
  unsupported,       // this backend or protocol version cannot do it
  quota_exceeded,    // the account's or folder's quota
  storage_full,      // the device has no space left
  limit_exceeded,    // too many handles, connections, requests
  authentication_failed,
  protocol_error,  // the peer broke its protocol
  timeout,
  connection_lost,
  aborted,   // ended on purpose: shutdown, disconnect by an administrator
  conflict,  // another change came first, or another object still refers to this one
  io_error,  // the device or the remote store failed
  internal,  // a bug of ours; never the client's fault
};

std::string_view to_string(ErrorCode code);

struct Error {
  ErrorCode code = ErrorCode::internal;
  std::string message;  // for the log; never shown to a client unless a protocol says so
};

template <class T>
using Result = std::expected<T, Error>;

[[nodiscard]] inline std::unexpected<Error> fail(ErrorCode code, std::string message = {}) {
  return std::unexpected(Error{code, std::move(message)});
}
[[nodiscard]] inline std::unexpected<Error> fail(Error error) { return std::unexpected(std::move(error)); }

// The Error for a system call that set `error_number`; `what` names the call and its object.
Error error_from_errno(int error_number, std::string_view what);
[[nodiscard]] inline std::unexpected<Error> fail_errno(int error_number, std::string_view what) {
  return std::unexpected(error_from_errno(error_number, what));
}

}  // namespace ferry
