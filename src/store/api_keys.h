// API keys in the data provider. Errors and threads as in provider.h.
#pragma once

#include <string_view>
#include <vector>

#include "base/error.h"
#include "model/api_key.h"
#include "store/change.h"
#include "store/page.h"

namespace ferry::store {

class ApiKeys {
 public:
  virtual ~ApiKeys() = default;
  // not_found. A key is deleted together with the user or admin that it is bound to.
  virtual Result<model::ApiKey> api_key(std::string_view id) = 0;
  // Ordered by id.
  virtual Result<std::vector<model::ApiKey>> api_keys(Page page) = 0;
  // already_exists; invalid_argument: a user or admin that does not exist.
  virtual Result<model::ApiKey> add_api_key(model::ApiKey key, Origin origin = Origin::client) = 0;
  virtual Result<model::ApiKey> change_api_key(std::string_view id, const Change<model::ApiKey>& change) = 0;
  virtual Result<void> delete_api_key(std::string_view id) = 0;
  // Unix milliseconds. updated_at does not change.
  virtual Result<void> set_api_key_last_use(std::string_view id, std::int64_t when) = 0;
};

}  // namespace ferry::store
