#include "base/error.h"

#include <cerrno>
#include <cstring>

namespace ferry {

std::string_view to_string(ErrorCode code) {
  switch (code) {
    case ErrorCode::not_found: return "not found";
    case ErrorCode::permission_denied: return "permission denied";
    case ErrorCode::already_exists: return "already exists";
    case ErrorCode::not_a_directory: return "not a directory";
    case ErrorCode::is_a_directory: return "is a directory";
    case ErrorCode::directory_not_empty: return "directory not empty";
    case ErrorCode::invalid_argument: return "invalid argument";
    case ErrorCode::unsupported: return "unsupported";
    case ErrorCode::quota_exceeded: return "quota exceeded";
    case ErrorCode::storage_full: return "storage full";
    case ErrorCode::limit_exceeded: return "limit exceeded";
    case ErrorCode::authentication_failed: return "authentication failed";
    case ErrorCode::protocol_error: return "protocol error";
    case ErrorCode::timeout: return "timeout";
    case ErrorCode::connection_lost: return "connection lost";
    case ErrorCode::aborted: return "aborted";
    case ErrorCode::conflict: return "conflict";
    case ErrorCode::io_error: return "i/o error";
    case ErrorCode::internal: return "internal error";
  }
  return "unknown error";
}

namespace {

ErrorCode code_from_errno(int error_number) {
  switch (error_number) {
    case ENOENT: return ErrorCode::not_found;
    case EACCES:
    case EPERM:
    case EROFS:
    case EXDEV:  // openat2: the path would leave its root
    case ELOOP: return ErrorCode::permission_denied;
    case EEXIST: return ErrorCode::already_exists;
    case ENOTDIR: return ErrorCode::not_a_directory;
    case EISDIR: return ErrorCode::is_a_directory;
    case ENOTEMPTY: return ErrorCode::directory_not_empty;
    case EINVAL:
    case E2BIG:  // execve: longer than a program can be told
    case ENAMETOOLONG: return ErrorCode::invalid_argument;
    case ENOSYS:
    case EOPNOTSUPP: return ErrorCode::unsupported;
    case EDQUOT:
    case EFBIG:
    case ENOSPC: return ErrorCode::storage_full;
    case EMFILE:
    case ENFILE:
    case ENOMEM: return ErrorCode::limit_exceeded;
    case ETIMEDOUT: return ErrorCode::timeout;
    case EPIPE:
    case ECONNRESET: return ErrorCode::connection_lost;
    default: return ErrorCode::io_error;
  }
}

}  // namespace

Error error_from_errno(int error_number, std::string_view what) {
  std::string message(what);
  message += ": ";
  message += std::strerror(error_number);
  return Error{code_from_errno(error_number), std::move(message)};
}

}  // namespace ferry
