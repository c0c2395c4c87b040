#include "protocols/rest/object_events.h"

#include "protocols/rest/operations.h"

namespace ferry::rest {

// A kind of objects: POST on the collection adds one, PUT and DELETE on an element change and remove it.
struct ObjectKind {
  std::string_view type;
  std::string_view collection;  // "" where there is none
  std::string_view parameter;   // of an element's path
  std::string_view own;         // PUT there changes the caller itself; so does saving a second factor
  // As REST shows it. Errors as the provider's.
  Result<std::string> (*read)(const Call& call, const std::string& name);
};

namespace {

Result<std::string> text_of(const auto& object) {
  if (!object) return fail(object.error());
  if constexpr (requires { **object; }) {
    return model::to_text(**object, model::View::answer);
  } else {
    return model::to_text(*object, model::View::answer);
  }
}

Result<std::string> read_user(const Call& call, const std::string& name) {
  return text_of(call.api.accounts.provider().user(name));
}
Result<std::string> read_admin(const Call& call, const std::string& name) {
  return text_of(call.api.accounts.provider().admin(name));
}
Result<std::string> read_folder(const Call& call, const std::string& name) {
  return text_of(call.api.accounts.provider().folder(name));
}
Result<std::string> read_group(const Call& call, const std::string& name) {
  return text_of(call.api.accounts.provider().group(name));
}
Result<std::string> read_role(const Call& call, const std::string& name) {
  return text_of(call.api.accounts.provider().role(name));
}
Result<std::string> read_api_key(const Call& call, const std::string& id) {
  return text_of(call.api.accounts.provider().api_key(id));
}
Result<std::string> read_ip_list_entry(const Call& call, const std::string& ipornet) {
  const auto type = ip_list_of(call);
  if (!type) return fail(type.error());
  return text_of(call.api.accounts.ip_list_entry(*type, ipornet));
}

constexpr ObjectKind kinds[] = {
    {"user", "/api/v2/users", "username", "/api/v2/user/", read_user},
    {"admin", "/api/v2/admins", "username", "/api/v2/admin/", read_admin},
    {"folder", "/api/v2/folders", "name", "", read_folder},
    {"group", "/api/v2/groups", "name", "", read_group},
    {"role", "/api/v2/roles", "name", "", read_role},
    {"api_key", "/api/v2/apikeys", "id", "", read_api_key},
    {"ip_list_entry", "/api/v2/iplists/{type}", "ipornet", "", read_ip_list_entry},
};

enum class Where : std::uint8_t { elsewhere, collection, element, own };

Where where_of(const ObjectKind& kind, std::string_view path) {
  if (!kind.own.empty() && path.starts_with(kind.own)) return Where::own;
  if (!path.starts_with(kind.collection)) return Where::elsewhere;
  path.remove_prefix(kind.collection.size());
  if (path.empty()) return Where::collection;
  const std::string element = "/{" + std::string(kind.parameter) + "}";
  return path == element || path == element + "/2fa/disable" ? Where::element : Where::elsewhere;
}

std::string_view action_of(Where where, std::string_view method, std::string_view path) {
  if (where == Where::collection && method == "POST") return "add";
  if (where == Where::own && method == "POST" && path.ends_with("/totp/save")) return "update";
  if (where != Where::collection && method == "PUT") return "update";
  return where == Where::element && method == "DELETE" ? "delete" : std::string_view();
}

// A new object's name is the last segment of its address.
std::string name_in(const http::Response& response) {
  const std::string_view address = response.headers.get("Location");
  const auto name = http::percent_decode(address.substr(address.rfind('/') + 1));
  return name ? *name : std::string();
}

}  // namespace

ObjectChange::ObjectChange(const Row& row, const Call& call) : call_(call) {
  if (row.method == "GET" || call.caller == nullptr || !call.api.events) return;
  for (const ObjectKind& kind : kinds) {
    const Where where = where_of(kind, row.path);
    const std::string_view action =
        where == Where::elsewhere ? std::string_view() : action_of(where, row.method, row.path);
    if (action.empty() || !call.api.events->wants_objects(action, kind.type)) continue;
    kind_ = &kind;
    event_.action = action;
    event_.object_type = kind.type;
    event_.username = where == Where::own ? "__self__" : call.caller->name();
    if (where == Where::own) event_.object_name = call.caller->name();
    if (where == Where::element) event_.object_name = call.name(kind.parameter);
  }
  if (kind_ == nullptr) return;
  event_.ip = call.request.remote_ip;
  event_.role = call.caller->user ? call.user().role : call.admin().role;
  if (event_.action == "delete") {
    event_.object_data = kind_->read(call, event_.object_name).value_or("{}");
  }
}

void ObjectChange::tell(const http::Response& response) {
  if (kind_ == nullptr || response.status < 200 || response.status >= 300) return;
  if (event_.action == "add") event_.object_name = name_in(response);
  if (event_.action != "delete") {
    event_.object_data = kind_->read(call_, event_.object_name).value_or("{}");
  }
  event_.timestamp = model::now_ns();
  call_.api.events->publish(std::move(event_));
}

}  // namespace ferry::rest
