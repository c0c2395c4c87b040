#include "protocols/rest/object_events.h"

#include "protocols/rest/operations.h"
#include "store/object_text.h"

namespace ferry::rest {

// A kind of objects: POST on the collection adds one, PUT and DELETE on an element change and remove it.
struct ObjectKind {
  std::string_view type;
  std::string_view collection;  // "" where there is none
  std::string_view parameter;   // of an element's path
  std::string_view own;         // PUT there changes the caller itself; so does saving a second factor
};

namespace {

constexpr ObjectKind kinds[] = {
    {"user", "/api/v2/users", "username", "/api/v2/user/"},
    {"admin", "/api/v2/admins", "username", "/api/v2/admin/"},
    {"folder", "/api/v2/folders", "name", ""},
    {"group", "/api/v2/groups", "name", ""},
    {"role", "/api/v2/roles", "name", ""},
    {"api_key", "/api/v2/apikeys", "id", ""},
    {"ip_list_entry", "/api/v2/iplists/{type}", "ipornet", ""},
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

// As REST shows it.
std::string text_of(const Call& call, const model::ProviderEvent& event) {
  store::ObjectKey key{.type = event.object_type, .name = event.object_name};
  if (event.object_type == "ip_list_entry") key.ip_list = ip_list_of(call).value_or(model::IpListType{});
  return store::object_text(call.api.accounts, key).value_or("{}");
}

}  // namespace

ObjectChange::ObjectChange(const Row& row, const Call& call) : call_(call) {
  if (row.method == "GET" || call.caller == nullptr || !call.api.events.stream) return;
  for (const ObjectKind& kind : kinds) {
    const Where where = where_of(kind, row.path);
    const std::string_view action =
        where == Where::elsewhere ? std::string_view() : action_of(where, row.method, row.path);
    if (action.empty() || !call.api.events.stream->wants_objects(action, kind.type)) continue;
    event_.action = action;
    event_.object_type = kind.type;
    event_.username = where == Where::own ? "__self__" : call.caller->name();
    if (where == Where::own) event_.object_name = call.caller->name();
    if (where == Where::element) event_.object_name = call.name(kind.parameter);
  }
  if (event_.object_type.empty()) return;
  event_.ip = call.request.remote_ip;
  event_.role = call.caller->user ? call.user().role : call.admin().role;
  if (event_.action == "delete") event_.object_data = text_of(call, event_);
}

void ObjectChange::tell(const http::Response& response) {
  if (event_.object_type.empty() || response.status < 200 || response.status >= 300) return;
  if (event_.action == "add") event_.object_name = name_in(response);
  if (event_.action != "delete") event_.object_data = text_of(call_, event_);
  event_.timestamp = model::now_ns();
  call_.api.events.stream->publish(std::move(event_));
}

}  // namespace ferry::rest
