// ApiKey: what a program logs in with over REST instead of a token (REST schema APIKey, field names as in its JSON).
#pragma once

#include <cstdint>
#include <string>

namespace ferry::model {

enum : std::int64_t { api_key_scope_admin = 1, api_key_scope_user = 2 };

struct ApiKey {
  std::string id;    // made by the server; the part before the first dot of the key
  std::string name;  // for people; need not be unique
  std::string key;   // hash of the secret part
  std::int64_t scope = api_key_scope_admin;
  std::int64_t created_at = 0;  // Unix ms; kept by the store, as are the next two
  std::int64_t updated_at = 0;
  std::int64_t last_use_at = 0;  // minutes behind at most
  std::int64_t expires_at = 0;   // Unix ms, 0 never
  std::string description;
  std::string user;   // scope user: whom it speaks for; "" whom the key names at each use
  std::string admin;  // scope admin: the same
  bool operator==(const ApiKey&) const = default;
};

}  // namespace ferry::model
