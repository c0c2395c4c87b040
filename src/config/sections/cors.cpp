#include "config/sections/cors.h"

#include "config/schema.h"

namespace ferry::config {

template <>
const Schema& schema<Cors>() {
  static const Row rows[] = {
      row<&Cors::enabled>("enabled"),
      row<&Cors::allowed_origins>("allowed_origins"),
      row<&Cors::allowed_methods>("allowed_methods"),
      row<&Cors::allowed_headers>("allowed_headers"),
      row<&Cors::exposed_headers>("exposed_headers"),
      row<&Cors::allow_credentials>("allow_credentials"),
      row<&Cors::max_age>("max_age"),
      row<&Cors::options_passthrough>("options_passthrough"),
      row<&Cors::options_success_status>("options_success_status"),
      row<&Cors::allow_private_network>("allow_private_network"),
  };
  static const Schema table{rows};
  return table;
}

}  // namespace ferry::config
