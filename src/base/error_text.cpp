#include "base/error_text.h"

namespace ferry {

// Exhaustive without a default on purpose: a new ErrorCode must be decided about here.
std::string_view shell_text(ErrorCode code) {
  switch (code) {
    case ErrorCode::not_found: return "No such file or directory";
    case ErrorCode::permission_denied:
    case ErrorCode::authentication_failed: return "Permission denied";
    case ErrorCode::already_exists: return "File exists";
    case ErrorCode::not_a_directory: return "Not a directory";
    case ErrorCode::is_a_directory: return "Is a directory";
    case ErrorCode::directory_not_empty: return "Directory not empty";
    case ErrorCode::invalid_argument: return "Invalid argument";
    case ErrorCode::unsupported: return "Operation not supported";
    case ErrorCode::quota_exceeded: return "Disk quota exceeded";
    case ErrorCode::storage_full: return "No space left on device";
    case ErrorCode::limit_exceeded: return "Resource temporarily unavailable";
    case ErrorCode::protocol_error: return "Protocol error";
    case ErrorCode::timeout: return "Connection timed out";
    case ErrorCode::connection_lost: return "Connection reset by peer";
    case ErrorCode::aborted: return "Operation canceled";
    case ErrorCode::conflict: return "Device or resource busy";
    case ErrorCode::io_error:
    case ErrorCode::internal: return "Input/output error";
  }
  return "Input/output error";
}

}  // namespace ferry
