#include "server/version.h"

namespace ferry::server {

std::string_view version() { return FERRY_VERSION; }
std::string_view build_date() { return FERRY_BUILD_DATE; }
std::string_view commit() { return FERRY_COMMIT; }

}  // namespace ferry::server
