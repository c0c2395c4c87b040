// What `ferry version` and `ferry --version` print.
#pragma once

#include <string>

namespace ferry::app {

std::string version_text();

}  // namespace ferry::app
