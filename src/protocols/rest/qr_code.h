// QR codes as pictures. Internal to src/protocols/rest.
#pragma once

#include <string_view>

#include "base/bytes.h"
#include "base/error.h"

namespace ferry::rest {

// A PNG, black on white with the margin that readers need. invalid_argument: the text is longer than a QR code holds.
Result<Bytes> qr_png(std::string_view text);

}  // namespace ferry::rest
