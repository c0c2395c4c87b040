#include "store/dump_check.h"

#include <algorithm>

#include "base/log.h"
#include "crypto/password_text.h"
#include "model/json.h"
#include "store/store_fields.h"

namespace ferry::store {

namespace {

using Json = nlohmann::json;
using Counts = std::map<std::string, std::size_t>;

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

// As it stands in messages: names are not always checked by then.
std::string shown_name(std::string_view name) {
  return "\"" + std::string(name.substr(0, model::max_name_length)) + "\"";
}

}  // namespace

void NameList::add(std::string name) {
  constexpr std::size_t most_bytes = 64 * 1024;
  ++count_;
  bytes_ += name.size();
  if (bytes_ <= most_bytes) names_.push_back(std::move(name));
}

std::vector<std::string> NameList::take() {
  if (count_ > names_.size()) names_.push_back("and " + std::to_string(count_ - names_.size()) + " more");
  return std::move(names_);
}

Result<void> DumpCheck::check_version() const {
  const std::string_view* text = dump_.find("version");
  if (text == nullptr) return {};  // written by hand
  const Json version = Json::parse(*text, nullptr, false);
  if (!version.is_number_integer()) return fail(ErrorCode::invalid_argument, "version: an integer expected");
  if (version < oldest_dump_version || version > dump_version) {
    log::warn("dataprovider", "", "the dump is of version {}, those of {} to {} are known: read as far as it goes",
              version.dump(), oldest_dump_version, dump_version);
  }
  return {};
}

Result<void> DumpCheck::count_others() {
  static const std::set<std::string, std::less<>> known = {"version", "roles",  "folders",  "groups",
                                                           "users",   "admins", "ip_lists", "api_keys"};
  for (const auto& [name, value] : dump_.members()) {
    if (known.contains(name)) continue;
    bool valid = true;
    const auto count = [&](std::string_view item) {
      const Json json = Json::parse(item, nullptr, false);
      valid = !json.is_discarded();
      if (valid && !is_nothing(json)) ++left_out_[name];
      return valid;
    };
    if (!value.starts_with('[')) {
      count(value);
    } else if (auto done = for_each_item(value, count); !done) {
      return done;
    }
    if (!valid) return fail(ErrorCode::invalid_argument, name.substr(0, 64) + ": not valid JSON");
  }
  return {};
}

Result<void> DumpCheck::run() {
  Result<void> done = check_version();
  if (done) done = check_list("roles", model::role_from_json);
  if (done) done = check_list("folders", model::folder_from_json);
  if (done) done = check_list("groups", model::group_from_json);
  if (done) done = check_list("users", model::user_from_json);
  if (done) done = check_list("admins", model::admin_from_json);
  if (done) done = check_list("ip_lists", model::ip_list_entry_from_json);
  if (done) done = check_list("api_keys", model::api_key_from_json);
  if (done) done = count_others();
  return done;
}

template <class Object>
Result<void> DumpCheck::check_list(const char* key, FromJson<Object> from_json) {
  const std::string_view* list = dump_.find(key);
  if (list == nullptr) return {};
  std::size_t index = 0;
  Result<void> fatal;  // of the provider, or no JSON: more than one object's fault
  const auto check = [&](std::string_view text) {
    const std::string where = std::string(key) + "[" + std::to_string(index) + "]";
    Json json;
    auto object = read_item(text, from_json, json);
    std::string problem;
    if (object) {
      const auto valid = check_object(key, *object, json);
      if (!valid && valid.error().code != ErrorCode::invalid_argument) fatal = fail(valid.error());
      if (!valid) problem = where + " " + shown_name(name_of(*object)) + valid.error().message;
    } else if (object.error().code == ErrorCode::invalid_argument) {
      problem = where + ": " + object.error().message;
    } else {
      fatal = fail(ErrorCode::invalid_argument, where + ": " + object.error().message);
    }
    if (!problem.empty()) {
      bad_[key].insert(index);
      problems_.add(std::move(problem));
    }
    ++index;
    return fatal.has_value();
  };
  const auto done = for_each_item(*list, check);
  if (!done) return fail(done.error().code, std::string(key) + ": " + done.error().message);
  return fatal;
}

// Errors begin with what follows the object's name in messages.
template <class Object>
Result<void> DumpCheck::check_object(const char* key, Object& object, const Json& json) {
  const auto refuse = [](const Error& error) { return fail(error.code, ": " + error.message); };
  Counts unknown;
  count_unknown(json, model::to_json(object, model::View::storage), key, unknown);
  if (auto valid = accounts_.check(object); !valid) return refuse(valid.error());
  std::string name = name_of(object);
  if constexpr (requires { object.ipornet; }) name += " of list " + std::to_string(object.type);
  if (names_[key].contains(name)) return fail(ErrorCode::invalid_argument, " stands twice");
  if (auto found = check_references(object); !found) return refuse(found.error());
  if constexpr (std::same_as<Object, model::Admin>) {
    // One without a password keeps the stored one's; one that is disabled needs none.
    if (object.password.empty() && object.status != 0 && !accounts_.provider().admin(object.username)) {
      return fail(ErrorCode::invalid_argument, ": password: please set a password");
    }
    model::Admin becomes = object;
    lock_if_marked(becomes.status, becomes.password);
    const auto may = listener_.may_become ? listener_.may_become(becomes) : Result<void>();
    if (!may) return refuse(may.error());
  }
  for (const auto& [what, count] : unknown) {
    // Of fields that each have a name of their own the first are named, so that reports stay short.
    constexpr std::size_t most_named = 200;
    const bool named = what.size() <= 256 && (left_out_.size() < most_named || left_out_.contains(what));
    left_out_[named ? what : "other fields"] += count;
  }
  names_[key].insert(std::move(name));
  note(key, object);
  return {};
}

// What there is to tell of a valid object.
template <class Object>
void DumpCheck::note(const char* key, const Object& object) {
  const std::string shown = std::string(key) + " " + shown_name(name_of(object));
  if constexpr (requires { object.password; }) {
    if (crypto::kind_of_password(object.password, true) == crypto::PasswordText::lock) locked_.add(shown);
  }
  const auto cannot_open = [&](const model::FilesystemConfig& config) { return !accounts_.can_open(config.provider); };
  bool unusable = false;
  if constexpr (requires { object.virtual_folders; }) {
    for (const model::VirtualFolder& mount : object.virtual_folders) {
      unusable = unusable || unusable_folders_.contains(mount.name);
    }
  }
  if constexpr (std::same_as<Object, model::Group>) {
    unusable = unusable || cannot_open(object.user_settings.filesystem);
    if (unusable) unusable_groups_.insert(object.name);
  } else if constexpr (requires { object.filesystem; }) {
    unusable = unusable || cannot_open(object.filesystem);
  }
  if constexpr (std::same_as<Object, model::Folder>) {
    if (unusable) unusable_folders_.insert(object.name);
  }
  if constexpr (std::same_as<Object, model::User>) {
    for (const model::GroupMapping& group : object.groups) {
      unusable = unusable || (group.type != 3 && unusable_groups_.contains(group.name));
    }
  }
  if (unusable) unusable_.add(shown);
}

template <class Object>
Result<void> DumpCheck::check_references(const Object& object) {
  Provider& provider = accounts_.provider();
  Result<void> done;
  if constexpr (requires { object.virtual_folders; }) {
    for (const model::VirtualFolder& mount : object.virtual_folders) {
      if (!done) return done;
      done = require("folders", mount.name, "virtual_folders", "folder",
                     [&](const std::string& name) { return provider.folder(name); });
    }
  }
  if constexpr (requires { object.expires_at; }) {
    if (!object.user.empty()) {
      done =
          require("users", object.user, "user", "user", [&](const std::string& name) { return provider.user(name); });
    }
    if (done && !object.admin.empty()) {
      done = require("admins", object.admin, "admin", "admin",
                     [&](const std::string& name) { return provider.admin(name); });
    }
  }
  if constexpr (requires { object.role; }) {
    for (const auto& mapping : object.groups) {
      if (!done) return done;
      done = require("groups", mapping.name, "groups", "group",
                     [&](const std::string& name) { return provider.group(name); });
    }
    if (done && !object.role.empty()) {
      done =
          require("roles", object.role, "role", "role", [&](const std::string& name) { return provider.role(name); });
    }
  }
  return done;
}

void DumpCheck::tell(LoadReport& report) {
  for (const auto& [what, count] : left_out_) report.left_out.push_back(what + " (" + std::to_string(count) + ")");
  report.skipped = problems_.take();
  report.locked = locked_.take();
  report.unusable = unusable_.take();
}

}  // namespace ferry::store
