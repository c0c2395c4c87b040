// The text for an error that ls, cp or scp would print: that of strerror(3), such as "No such file or directory".
// Clients search for these words.
#pragma once

#include <string_view>

#include "base/error.h"

namespace ferry {

// Never the Error's own message, which may name a real path.
std::string_view shell_text(ErrorCode code);

}  // namespace ferry
