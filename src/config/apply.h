// Puts a document into a configuration, as the table says.
#pragma once

#include <string>
#include <vector>

#include "base/error.h"
#include "config/config.h"
#include "config/value.h"

namespace ferry::config {

// `origin` names the source in errors and warnings ("/etc/ferry/ferry.json"); a value that carries its own variable
// is named by that. Unknown keys become warnings that name the nearest known one.
Result<void> apply(const Value& document, const std::string& origin, Config& config,
                   std::vector<std::string>& warnings);

}  // namespace ferry::config
