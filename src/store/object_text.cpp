#include "store/object_text.h"

#include "model/json.h"

namespace ferry::store {

namespace {

Result<std::string> text_of(const auto& object) {
  if (!object) return fail(object.error());
  if constexpr (requires { **object; }) {
    return model::to_text(**object, model::View::answer);
  } else {
    return model::to_text(*object, model::View::answer);
  }
}

}  // namespace

Result<std::string> object_text(Accounts& accounts, const ObjectKey& key) {
  Provider& provider = accounts.provider();
  if (key.type == "user") return text_of(provider.user(key.name));
  if (key.type == "admin") return text_of(provider.admin(key.name));
  if (key.type == "folder") return text_of(provider.folder(key.name));
  if (key.type == "group") return text_of(provider.group(key.name));
  if (key.type == "role") return text_of(provider.role(key.name));
  if (key.type == "api_key") return text_of(provider.api_key(key.name));
  if (key.type == "ip_list_entry") return text_of(accounts.ip_list_entry(key.ip_list, key.name));
  return fail(ErrorCode::not_found, "no objects of type " + std::string(key.type));
}

}  // namespace ferry::store
