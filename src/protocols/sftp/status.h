// The one place where Ferry's errors become SFTP's.
#pragma once

#include <string_view>

#include "base/error.h"
#include "protocols/sftp/protocol.h"

namespace ferry::sftp {

Status status_of(ErrorCode code);
// English text for a STATUS message; never the Error's own, which may name a real path.
std::string_view status_text(Status status);
// More precise than the status alone where that is just FAILURE.
std::string_view status_text(ErrorCode code);

}  // namespace ferry::sftp
