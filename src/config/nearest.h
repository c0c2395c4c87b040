// The known key that a misspelt key or variable most likely meant.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "config/config.h"
#include "config/loader.h"
#include "config/schema.h"

namespace ferry::config {

// Declared before the first use, as C++ demands of a specialization; config.cpp has it.
template <>
const Schema& schema<Config>();

// The full name of the key closest to `name` among `siblings` (whose own path is `path`), or, when none of them is
// close, of one with exactly this name elsewhere.
std::string nearest_key(const Schema& siblings, std::string_view path, std::string_view name);

// One warning for each variable that would set a key, were its parts joined by two underscores:
// FERRY_SFTPD_MAX_AUTH_TRIES for FERRY_SFTPD__MAX_AUTH_TRIES.
std::vector<std::string> misspelt_variables(const Environment& environment);

}  // namespace ferry::config
