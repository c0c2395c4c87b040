// The options before a key in an authorized_keys line. Private to src/model.
#pragma once

#include <string_view>

#include "model/public_key.h"

namespace ferry::model {

// Takes the options away from the start of `rest`, up to the first blank that no quotes enclose.
std::string_view take_key_options(std::string_view& rest);
// "from=\"10.0.0.0/8\",no-touch-required" and its like; "" gives the defaults.
Result<KeyOptions> parse_key_options(std::string_view text);

}  // namespace ferry::model
