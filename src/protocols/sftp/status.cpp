#include "protocols/sftp/status.h"

namespace ferry::sftp {

// Exhaustive without a default on purpose: a new ErrorCode must be decided about here. Clients test for
// NO_SUCH_FILE before they create something, so a path through a file counts as missing, as OpenSSH has it.
Status status_of(ErrorCode code) {
  switch (code) {
    case ErrorCode::not_found:
    case ErrorCode::not_a_directory: return Status::no_such_file;
    case ErrorCode::permission_denied:
    case ErrorCode::authentication_failed: return Status::permission_denied;
    case ErrorCode::unsupported: return Status::op_unsupported;
    case ErrorCode::protocol_error: return Status::bad_message;
    case ErrorCode::already_exists:
    case ErrorCode::is_a_directory:
    case ErrorCode::directory_not_empty:
    case ErrorCode::invalid_argument:
    case ErrorCode::quota_exceeded:
    case ErrorCode::storage_full:
    case ErrorCode::limit_exceeded:
    case ErrorCode::timeout:
    case ErrorCode::connection_lost:
    case ErrorCode::aborted:
    case ErrorCode::conflict:
    case ErrorCode::io_error:
    case ErrorCode::internal: return Status::failure;
  }
  return Status::failure;
}

std::string_view status_text(Status status) {
  switch (status) {
    case Status::ok: return "Success";
    case Status::eof: return "End of file";
    case Status::no_such_file: return "No such file";
    case Status::permission_denied: return "Permission denied";
    case Status::failure: return "Failure";
    case Status::bad_message: return "Bad message";
    case Status::op_unsupported: return "Operation unsupported";
  }
  return "Failure";
}

std::string_view status_text(ErrorCode code) {
  // Nearly always: a directory that something is on its way into, or a file that somebody writes.
  if (code == ErrorCode::conflict) return "in use: an upload or a copy is running";
  const Status status = status_of(code);
  return status == Status::failure ? to_string(code) : status_text(status);
}

}  // namespace ferry::sftp
