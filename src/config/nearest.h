// The known key that a misspelt one most likely meant.
#pragma once

#include <string>
#include <string_view>

#include "config/schema.h"

namespace ferry::config {

// The full name of the key closest to `name` among `siblings` (whose own path is `path`), or, when none of them is
// close, of one with exactly this name elsewhere.
std::string nearest_key(const Schema& siblings, std::string_view path, std::string_view name);

}  // namespace ferry::config
