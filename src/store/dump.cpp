#include "store/dump.h"

#include <array>
#include <concepts>
#include <nlohmann/json.hpp>
#include <utility>

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
  static constexpr std::array<std::pair<std::string_view, bool DumpScopes::*>, 11> known = {{
      {"users", &DumpScopes::users},
      {"groups", &DumpScopes::groups},
      {"folders", &DumpScopes::folders},
      {"admins", &DumpScopes::admins},
      {"roles", &DumpScopes::roles},
      {"ip_lists", &DumpScopes::ip_lists},
      {"api_keys", &DumpScopes::api_keys},
      {"shares", &DumpScopes::shares},
      {"actions", &DumpScopes::actions},
      {"rules", &DumpScopes::rules},
      {"configs", &DumpScopes::configs},
  }};
  DumpScopes scopes;
  while (!words.empty()) {
    const std::string_view word = words.substr(0, words.find(','));
    words.remove_prefix(std::min(word.size() + 1, words.size()));
    const auto found = std::ranges::find(known, word, &std::pair<std::string_view, bool DumpScopes::*>::first);
    if (found == known.end()) {
      return fail(ErrorCode::invalid_argument, "scopes: unknown value \"" + std::string(word) + "\"");
    }
    scopes.*(found->second) = true;
  }
  return scopes;
}

Result<std::string> write_dump(Provider& provider, const DumpScopes& scopes, bool indent) {
  const auto all = provider.snapshot();
  if (!all) return fail(all.error());
  Json dump{{"version", dump_version}};
  dump["users"] = scopes.users ? list_of(all->users) : Json();
  dump["groups"] = scopes.groups ? list_of(all->groups) : Json();
  dump["folders"] = scopes.folders ? list_of(all->folders) : Json();
  dump["admins"] = scopes.admins ? list_of(all->admins) : Json();
  dump["roles"] = scopes.roles ? list_of(all->roles) : Json();
  dump["ip_lists"] = scopes.ip_lists ? list_of(all->ip_lists) : Json();
  dump["api_keys"] = scopes.api_keys ? list_of(all->api_keys) : Json();
  dump["shares"] = scopes.shares ? Json::array() : Json();
  dump["event_actions"] = scopes.actions ? Json::array() : Json();
  dump["event_rules"] = scopes.rules ? Json::array() : Json();
  dump["configs"] = scopes.configs ? Json::object() : Json();
  return dump.dump(indent ? 2 : -1, ' ', false, Json::error_handler_t::replace);
}

}  // namespace ferry::store
