// What the programs of a shell say of an error: the words of strerror(3), which people know and clients search for.
#pragma once

#include <string_view>

#include "base/error.h"

namespace ferry {

// Never the Error's own message, which may name a real path.
std::string_view shell_text(ErrorCode code);

}  // namespace ferry
