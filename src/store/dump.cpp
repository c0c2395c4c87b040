#include "store/dump.h"

#include <array>
#include <concepts>
#include <nlohmann/json.hpp>

#include "model/json.h"

namespace ferry::store {

namespace {

using Json = nlohmann::json;

// Ids are the business of one provider.
void drop_ids(std::vector<model::VirtualFolder>& mounts) {
  for (model::VirtualFolder& mount : mounts) mount.id = 0;
}

template <class Object>
Json without_ids(Object object) {
  // An API key's id is a part of it.
  if constexpr (requires { object.id; } && !std::same_as<Object, model::ApiKey>) object.id = 0;
  if constexpr (requires { object.virtual_folders; }) drop_ids(object.virtual_folders);
  return model::to_json(object, model::View::storage);
}

template <class Object>
Json list_of(const std::vector<Object>& objects) {
  Json list = Json::array();
  for (const Object& object : objects) {
    if constexpr (requires { *object; }) {
      list.push_back(without_ids(*object));
    } else {
      list.push_back(without_ids(object));
    }
  }
  return list;
}

}  // namespace

Result<DumpScopes> DumpScopes::parse(std::string_view words) {
  if (words.empty()) return everything();
  static constexpr std::array others = {"shares", "actions", "rules", "configs"};
  DumpScopes scopes;
  while (!words.empty()) {
    const std::string_view word = words.substr(0, words.find(','));
    words.remove_prefix(std::min(word.size() + 1, words.size()));
    if (word == "users") {
      scopes.users = true;
    } else if (word == "groups") {
      scopes.groups = true;
    } else if (word == "folders") {
      scopes.folders = true;
    } else if (word == "admins") {
      scopes.admins = true;
    } else if (word == "roles") {
      scopes.roles = true;
    } else if (word == "ip_lists") {
      scopes.ip_lists = true;
    } else if (word == "api_keys") {
      scopes.api_keys = true;
    } else if (std::ranges::find(others, word) == others.end()) {
      return fail(ErrorCode::invalid_argument, "scopes: unknown value \"" + std::string(word) + "\"");
    }
  }
  return scopes;
}

Result<std::string> write_dump(Provider& provider, const DumpScopes& scopes, bool indent) {
  const auto all = provider.snapshot();
  if (!all) return fail(all.error());
  Json dump{{"version", dump_version}};
  if (scopes.users) dump["users"] = list_of(all->users);
  if (scopes.groups) dump["groups"] = list_of(all->groups);
  if (scopes.folders) dump["folders"] = list_of(all->folders);
  if (scopes.admins) dump["admins"] = list_of(all->admins);
  if (scopes.roles) dump["roles"] = list_of(all->roles);
  if (scopes.ip_lists) dump["ip_lists"] = list_of(all->ip_lists);
  if (scopes.api_keys) dump["api_keys"] = list_of(all->api_keys);
  return dump.dump(indent ? 2 : -1, ' ', false, Json::error_handler_t::replace);
}

}  // namespace ferry::store
