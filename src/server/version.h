// What was built: the version of CMakeLists.txt, when (RFC 3339) and from which commit (empty: not from git).
#pragma once

#include <string_view>

namespace ferry::server {

std::string_view version();
std::string_view build_date();
std::string_view commit();

}  // namespace ferry::server
