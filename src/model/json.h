// Objects to and from JSON, the form of REST, of dumps and of the store.
//
//   auto user = model::user_from_json(nlohmann::json::parse(body, nullptr, false));
//   if (!user) return bad_request(user.error().message);   // "quota_size: an integer expected"
//   body = model::to_json(*user, model::View::answer).dump();
//
// Reading: a missing or null field takes its default (a user or administrator without `status` is disabled, an API key
// without `scope` and a user's group without `type` have none and are not valid, a null entry of permissions is an
// empty one), an unknown field is ignored, but kept with storages (UnknownFields), a field of another type is
// invalid_argument with a message that names it. Nothing else is checked: see model/validate.h.
// Writing leaves out empty strings, lists, objects, false and 0 where SFTPGo does. `dump` of the result never
// throws for text that came from JSON or passed validation (it is UTF-8).
#pragma once

#include <cstddef>
#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>

#include "base/error.h"
#include "model/admin.h"
#include "model/api_key.h"
#include "model/folder.h"
#include "model/group.h"
#include "model/ip_list.h"
#include "model/role.h"
#include "model/user.h"

namespace ferry::model {

enum class View : std::uint8_t {
  answer,        // for REST: no password (`has_password` says if there is one) nor key, of a secret its status and its
                 // encrypted payload, which nobody can read without the key that is left out
  confidential,  // as answer, but secrets as they are stored: REST's confidential_data=1
  storage,       // everything, with hashes and encrypted secrets: the store and dumps
};

nlohmann::json to_json(const User& user, View view);
nlohmann::json to_json(const Admin& admin, View view);
nlohmann::json to_json(const Folder& folder, View view);
nlohmann::json to_json(const Group& group, View view);
nlohmann::json to_json(const Role& role, View view);
nlohmann::json to_json(const IpListEntry& entry, View view);
nlohmann::json to_json(const ApiKey& key, View view);

Result<User> user_from_json(const nlohmann::json& json);
Result<Admin> admin_from_json(const nlohmann::json& json);
Result<Folder> folder_from_json(const nlohmann::json& json);
Result<Group> group_from_json(const nlohmann::json& json);
Result<Role> role_from_json(const nlohmann::json& json);
Result<IpListEntry> ip_list_entry_from_json(const nlohmann::json& json);
Result<ApiKey> api_key_from_json(const nlohmann::json& json);

Result<TotpConfig> totp_from_json(const nlohmann::json& json);

// JSON from outside: an object that is not nested deeper than this. invalid_argument with a message for the client.
inline constexpr std::size_t max_json_depth = 32;
Result<nlohmann::json> parse_object(std::string_view text);

// The same from and to text. invalid_argument when the text is no JSON object.
Result<User> user_from_text(std::string_view text);
Result<Admin> admin_from_text(std::string_view text);
Result<Folder> folder_from_text(std::string_view text);
Result<Group> group_from_text(std::string_view text);
Result<Role> role_from_text(std::string_view text);
Result<ApiKey> api_key_from_text(std::string_view text);
std::string to_text(const User& user, View view);
std::string to_text(const Admin& admin, View view);
std::string to_text(const Folder& folder, View view);
std::string to_text(const Group& group, View view);
std::string to_text(const Role& role, View view);
std::string to_text(const ApiKey& key, View view);
std::string to_text(const IpListEntry& entry, View view);

}  // namespace ferry::model
