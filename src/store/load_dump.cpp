#include <algorithm>
#include <map>
#include <nlohmann/json.hpp>
#include <set>

#include "model/json.h"
#include "store/dump.h"
#include "store/object_text.h"

namespace ferry::store {

namespace {

using Json = nlohmann::json;
using Counts = std::map<std::string, std::size_t>;
using Names = std::set<std::string, std::less<>>;

// Whether a value says no more than leaving it out would.
bool is_nothing(const Json& value) {
  if (value.is_structured()) return std::all_of(value.begin(), value.end(), is_nothing);
  return value.is_null() || value == false || value == 0 || value == "";
}

// Counts the fields of `given` that say something and are not in `kept`, what the object became.
void count_unknown(const Json& given, const Json& kept, const std::string& path, Counts& unknown) {
  if (given.is_object()) {
    for (const auto& [name, value] : given.items()) {
      const auto found = kept.is_object() ? kept.find(name) : kept.end();
      if (kept.is_object() && found != kept.end()) {
        count_unknown(value, *found, path + "." + name, unknown);
      } else if (!is_nothing(value) && name != "has_password") {
        ++unknown[path + "." + name];
      }
    }
  } else if (given.is_array() && kept.is_array() && given.size() == kept.size()) {
    for (std::size_t i = 0; i < given.size(); ++i) count_unknown(given[i], kept[i], path, unknown);
  }
}

const std::string& name_of(const auto& object) {
  if constexpr (requires { object.username; }) {
    return object.username;
  } else if constexpr (requires { object.ipornet; }) {
    return object.ipornet;
  } else if constexpr (requires { object.expires_at; }) {
    return object.id;  // an API key's name is for people
  } else {
    return object.name;
  }
}

// As it stands in messages: names are not always checked by then.
std::string shown_name(std::string_view name) {
  return "\"" + std::string(name.substr(0, model::max_name_length)) + "\"";
}

// Everything of a dump, checked; and the names it has.
class Contents {
 public:
  Contents(const Accounts& accounts, const Json& dump, const LoadListener& listener)
      : accounts_(accounts), dump_(dump), listener_(listener) {}

  Result<void> read();
  std::vector<std::string> left_out() const;

  std::vector<model::Role> roles;
  std::vector<model::Folder> folders;
  std::vector<model::Group> groups;
  std::vector<model::User> users;
  std::vector<model::Admin> admins;
  std::vector<model::IpListEntry> ip_lists;
  std::vector<model::ApiKey> api_keys;

 private:
  template <class Object>
  Result<void> read_list(const char* key, Result<Object> (*from_json)(const Json&), std::vector<Object>& into);
  template <class Object>
  Result<void> check_references(const char* key, const std::vector<Object>& objects);
  Result<void> check_version() const;
  Result<void> check_passwords() const;
  void count_others();

  template <class Lookup>
  Result<void> require(const Names& in_dump, const std::string& name, const char* field, const char* kind,
                       Lookup lookup) {
    if (in_dump.contains(name)) return {};
    const auto stored = lookup(name);
    if (stored) return {};
    if (stored.error().code != ErrorCode::not_found) return fail(stored.error());
    return fail(ErrorCode::invalid_argument, std::string(field) + ": " + kind + " \"" + name + "\" does not exist");
  }

  const Accounts& accounts_;
  const Json& dump_;
  const LoadListener& listener_;
  Counts left_out_;
  std::map<std::string, Names> names_;  // by list
};

Result<void> Contents::check_version() const {
  const auto version = dump_.find("version");
  if (version == dump_.end() || version->is_null()) return {};  // written by hand
  if (!version->is_number_integer()) return fail(ErrorCode::invalid_argument, "version: an integer expected");
  if (*version >= oldest_dump_version && *version <= dump_version) return {};
  return fail(ErrorCode::invalid_argument, "version " + version->dump() + ": dumps of versions " +
                                               std::to_string(oldest_dump_version) + " to " +
                                               std::to_string(dump_version) + " can be loaded");
}

void Contents::count_others() {
  static const Names known = {"version", "roles", "folders", "groups", "users", "admins", "ip_lists", "api_keys"};
  for (const auto& [name, value] : dump_.items()) {
    if (!known.contains(name) && !is_nothing(value)) left_out_[name] += value.is_array() ? value.size() : 1;
  }
}

Result<void> Contents::read() {
  Result<void> done = check_version();
  if (done) done = read_list("roles", model::role_from_json, roles);
  if (done) done = read_list("folders", model::folder_from_json, folders);
  if (done) done = read_list("groups", model::group_from_json, groups);
  if (done) done = read_list("users", model::user_from_json, users);
  if (done) done = read_list("admins", model::admin_from_json, admins);
  if (done) done = read_list("ip_lists", model::ip_list_entry_from_json, ip_lists);
  if (done) done = read_list("api_keys", model::api_key_from_json, api_keys);
  if (done) done = check_references("groups", groups);
  if (done) done = check_references("users", users);
  if (done) done = check_references("admins", admins);
  if (done) done = check_references("api_keys", api_keys);
  if (done) done = check_passwords();
  if (done) count_others();
  return done;
}

template <class Object>
Result<void> Contents::read_list(const char* key, Result<Object> (*from_json)(const Json&), std::vector<Object>& into) {
  const auto list = dump_.find(key);
  if (list == dump_.end() || list->is_null()) return {};
  if (!list->is_array()) return fail(ErrorCode::invalid_argument, std::string(key) + ": a list expected");
  for (const Json& item : *list) {
    const std::string where = std::string(key) + "[" + std::to_string(into.size()) + "]";
    auto object = from_json(item);
    if (!object) return fail(object.error().code, where + ": " + object.error().message);
    const auto refuse = [&](const std::string& why) {
      return fail(ErrorCode::invalid_argument, where + " " + shown_name(name_of(*object)) + why);
    };
    count_unknown(item, model::to_json(*object, model::View::storage), key, left_out_);
    if (auto valid = accounts_.check(*object); !valid) return refuse(": " + valid.error().message);
    if constexpr (std::same_as<Object, model::Admin>) {
      const auto may = listener_.may_become ? listener_.may_become(*object) : Result<void>();
      if (!may) return refuse(": " + may.error().message);
    }
    std::string name = name_of(*object);
    if constexpr (requires { object->ipornet; }) name += " of list " + std::to_string(object->type);
    if (!names_[key].insert(name).second) return refuse(" stands twice");
    into.push_back(std::move(*object));
  }
  return {};
}

template <class Object>
Result<void> Contents::check_references(const char* key, const std::vector<Object>& objects) {
  Provider& provider = accounts_.provider();
  for (std::size_t i = 0; i < objects.size(); ++i) {
    const Object& object = objects[i];
    Result<void> done;
    if constexpr (requires { object.virtual_folders; }) {
      for (const model::VirtualFolder& mount : object.virtual_folders) {
        if (done) {
          done = require(names_["folders"], mount.name, "virtual_folders", "folder",
                         [&](const std::string& name) { return provider.folder(name); });
        }
      }
    }
    if constexpr (requires { object.expires_at; }) {
      if (!object.user.empty()) {
        done = require(names_["users"], object.user, "user", "user",
                       [&](const std::string& name) { return provider.user(name); });
      }
      if (done && !object.admin.empty()) {
        done = require(names_["admins"], object.admin, "admin", "admin",
                       [&](const std::string& name) { return provider.admin(name); });
      }
    }
    if constexpr (requires { object.role; }) {
      for (const auto& mapping : object.groups) {
        if (done) {
          done = require(names_["groups"], mapping.name, "groups", "group",
                         [&](const std::string& name) { return provider.group(name); });
        }
      }
      if (done && !object.role.empty()) {
        done = require(names_["roles"], object.role, "role", "role",
                       [&](const std::string& name) { return provider.role(name); });
      }
    }
    if (done) continue;
    return fail(done.error().code,
                std::string(key) + "[" + std::to_string(i) + "] \"" + name_of(object) + "\": " + done.error().message);
  }
  return {};
}

// An admin without one keeps the stored one's.
Result<void> Contents::check_passwords() const {
  for (std::size_t i = 0; i < admins.size(); ++i) {
    if (!admins[i].password.empty() || accounts_.provider().admin(admins[i].username)) continue;
    return fail(ErrorCode::invalid_argument, "admins[" + std::to_string(i) + "] " + shown_name(admins[i].username) +
                                                 ": password: please set a password");
  }
  return {};
}

std::vector<std::string> Contents::left_out() const {
  std::vector<std::string> list;
  for (const auto& [what, count] : left_out_) list.push_back(what + " (" + std::to_string(count) + ")");
  return list;
}

// One list of a dump: its key there, and the type that its objects have in events.
struct List {
  const char* key;
  const char* type;
};

// One load on its way.
struct Loading {
  Accounts& accounts;
  LoadMode mode;
  const LoadListener& listener;
  LoadReport report = {};

  template <class Object>
  Result<void> store(const List& list, std::vector<Object>& objects);

 private:
  void tell(const ObjectKey& key, bool added);
};

void Loading::tell(const ObjectKey& key, bool added) {
  const std::string_view action = added ? "add" : "update";
  if (!listener.wants || !listener.wants(action, key.type)) return;
  listener.tell({.action = std::string(action),
                 .timestamp = model::now_ns(),
                 .object_type = std::string(key.type),
                 .object_name = key.name,
                 .object_data = object_text(accounts, key).value_or("{}")});
}

template <class Object>
Result<void> Loading::store(const List& list, std::vector<Object>& objects) {
  for (Object& object : objects) {
    ObjectKey key{.type = list.type, .name = name_of(object)};
    if constexpr (requires { object.ipornet; }) key.ip_list = static_cast<model::IpListType>(object.type);
    const auto restored = accounts.restore(std::move(object), mode == LoadMode::update);
    if (!restored) {
      return fail(restored.error().code, std::string(list.key) + " \"" + key.name + "\": " + restored.error().message +
                                             "; stopped here, before it: " + report.text());
    }
    ++(*restored == Restored::added ? report.added : *restored == Restored::updated ? report.updated : report.kept);
    if (*restored == Restored::kept) continue;
    if constexpr (std::same_as<Object, model::User>) {
      report.users.push_back(key.name);
      if (*restored == Restored::updated) report.updated_users.push_back(key.name);
    }
    if constexpr (std::same_as<Object, model::Folder>) report.folders.push_back(key.name);
    tell(key, *restored == Restored::added);
  }
  return {};
}

}  // namespace

std::string LoadReport::text() const {
  std::string text = std::to_string(added) + " added, " + std::to_string(updated) + " updated, " +
                     std::to_string(kept) + " left as they were";
  for (const std::string& what : left_out)
    text += (&what == left_out.data() ? "; not kept by this server: " : ", ") + what;
  return text;
}

Result<LoadReport> load_dump(Accounts& accounts, std::string_view text, LoadMode mode, const LoadListener& listener) {
  const auto dump = model::parse_object(text);
  if (!dump) return fail(dump.error());
  Contents contents(accounts, *dump, listener);
  if (auto read = contents.read(); !read) return fail(read.error());
  Loading loading{accounts, mode, listener};
  loading.report.left_out = contents.left_out();
  Result<void> done = loading.store({"roles", "role"}, contents.roles);
  if (done) done = loading.store({"folders", "folder"}, contents.folders);
  if (done) done = loading.store({"groups", "group"}, contents.groups);
  if (done) done = loading.store({"users", "user"}, contents.users);
  if (done) done = loading.store({"admins", "admin"}, contents.admins);
  if (done) done = loading.store({"ip_lists", "ip_list_entry"}, contents.ip_lists);
  if (done) done = loading.store({"api_keys", "api_key"}, contents.api_keys);
  if (!done) return fail(done.error());
  return std::move(loading.report);
}

}  // namespace ferry::store
