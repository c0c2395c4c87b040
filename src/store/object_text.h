// Objects as REST and events show them, by the names that events give their types.
#pragma once

#include <string>
#include <string_view>

#include "base/error.h"
#include "store/accounts.h"

namespace ferry::store {

struct ObjectKey {
  std::string_view type;  // user, admin, folder, group, role, api_key, ip_list_entry
  std::string name;
  model::IpListType ip_list = {};  // of an ip_list_entry
};

// JSON without secrets. Blocking. not_found, also for a type that there is not; the provider's errors.
Result<std::string> object_text(Accounts& accounts, const ObjectKey& key);

}  // namespace ferry::store
