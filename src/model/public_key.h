// The key inside one line of authorized_keys form.
#pragma once

#include <string_view>

#include "base/bytes.h"
#include "base/error.h"

namespace ferry::model {

// [options] type base64 [comment] to the key's blob (RFC 4253 section 6.6: string type, then its fields).
// invalid_argument: no such key in the line, a line break in it, or a blob that names another type.
Result<Bytes> public_key_blob(std::string_view line);

}  // namespace ferry::model
