#include "model/json.h"

#include <algorithm>

#include "model/json_io.h"

namespace ferry::model {

Json Writer::json_of(const Permissions& value) const {
  if (value.empty()) return nullptr;
  Json object = Json::object();
  for (const auto& [path, granted] : value) object[path] = granted;
  return object;
}

Json Writer::json_of(const ConfigSecret& secret) const {
  Json object = Json::object();
  if (view_ == View::answer) {
    if (secret.empty()) return object;
    object["status"] = secret.status;
    // Nobody can read an encrypted payload without the key that stays here.
    if (secret.is_encrypted()) object["payload"] = secret.payload;
    return object;
  }
  if (view_ == View::confidential && secret.empty()) return object;
  Writer inner(object, view_, unset_secrets_);
  visit_fields(inner, secret);
  return object;
}

void Reader::read(const Json& json, const std::string& path, std::string& value) {
  if (!json.is_string()) return expected(path, "a string");
  value = json.get_ref<const std::string&>();
}

void Reader::read(const Json& json, const std::string& path, std::int64_t& value) {
  constexpr auto largest = static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max());
  if (!json.is_number_integer()) return expected(path, "an integer");
  if (json.is_number_unsigned() && json.get<std::uint64_t>() > largest) return expected(path, "a smaller integer");
  value = json.get<std::int64_t>();
}

void Reader::read(const Json& json, const std::string& path, bool& value) {
  if (!json.is_boolean()) return expected(path, "true or false");
  value = json.get<bool>();
}

void Reader::read(const Json& json, const std::string& path, FilesystemProvider& value) {
  std::int64_t number = 0;
  read(json, path, number);
  if (!error_.empty()) return;
  if (number < 0 || number > 6) return expected(path, "a number from 0 to 6");
  value = static_cast<FilesystemProvider>(number);
}

void Reader::read(const Json& json, const std::string& path, Permissions& value) {
  if (!json.is_object()) return expected(path, "an object");
  for (const auto& [directory, granted] : json.items()) {
    const std::string inner = path + "." + directory;
    // An entry that is there counts: null grants nothing, so that the parent's rights do not open a closed directory.
    std::vector<std::string>& rights = value[directory];
    if (!granted.is_null()) read(granted, inner, rights);
    if (!error_.empty()) return;
  }
}

void Writer::add_unknown(const UnknownFields& fields) {
  const Json object = Json::parse(fields, nullptr, false);
  if (!object.is_object()) return;
  for (const auto& [name, value] : object.items()) {
    if (!out_.contains(name)) out_[name] = value;
  }
}

namespace {

// Secrets are objects with a payload (model/config_secret.h).
bool holds_secret(const Json& value) {
  if (!value.is_structured()) return false;
  return (value.is_object() && value.contains("payload")) || std::any_of(value.begin(), value.end(), holds_secret);
}

}  // namespace

UnknownFields unknown_fields(const Json& object, std::span<const std::string_view> known) {
  Json kept = Json::object();
  for (const auto& [name, value] : object.items()) {
    if (value.is_null() || holds_secret(value) || std::ranges::find(known, name) != known.end()) continue;
    kept[name] = value;
  }
  return kept.empty() ? "" : kept.dump(-1, ' ', false, Json::error_handler_t::replace);
}

namespace {

template <class Object>
Json write(const Object& object, View view) {
  Json out = Json::object();
  Writer writer(out, view, shows_unset_secrets<Object>(view));
  visit_fields(writer, object);
  return out;
}

// What an omitted field means where it is not what a new object of the program itself has: never the stronger reading.
template <class Object>
void begin_reading(Object& object) {
  if constexpr (requires { object.status; }) object.status = 0;
  if constexpr (std::same_as<Object, ApiKey>) object.scope = 0;
}

template <class Object>
Result<Object> read_object(const Json& json) {
  if (!json.is_object()) return fail(ErrorCode::invalid_argument, "a JSON object expected");
  Object object;
  begin_reading(object);
  std::string error;
  Reader reader(json, "", error);
  visit_fields(reader, object);
  if constexpr (requires { object.password; }) reader.field("password", object.password);
  if constexpr (requires { object.expires_at; }) reader.field("key", object.key);
  if (!error.empty()) return fail(ErrorCode::invalid_argument, error);
  return object;
}

template <class Read>
auto from_text(std::string_view text, Read read) -> decltype(read(Json())) {
  const Json json = Json::parse(text, nullptr, false);
  if (json.is_discarded()) return fail(ErrorCode::invalid_argument, "not valid JSON");
  return read(json);
}

// Bytes that are not UTF-8 cannot come from JSON; should some other source bring them, a replacement
// character is better than an exception.
std::string dump(const Json& json) { return json.dump(-1, ' ', false, Json::error_handler_t::replace); }

bool too_deep(std::string_view text) {
  std::size_t depth = 0;
  bool in_string = false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (in_string) {
      if (c == '\\') ++i;
      in_string = c != '"';
    } else if (c == '"') {
      in_string = true;
    } else if (c == '[' || c == '{') {
      if (++depth > max_json_depth) return true;
    } else if ((c == ']' || c == '}') && depth > 0) {
      --depth;
    }
  }
  return false;
}

void write_password(Json& json, const std::string& password, View view) {
  if (view == View::storage && !password.empty()) json["password"] = password;
}

}  // namespace

Result<Json> parse_object(std::string_view text) {
  if (too_deep(text)) return fail(ErrorCode::invalid_argument, "the JSON is nested too deeply");
  Json value = Json::parse(text, nullptr, false);
  if (value.is_discarded()) return fail(ErrorCode::invalid_argument, "not valid JSON");
  if (!value.is_object()) return fail(ErrorCode::invalid_argument, "a JSON object expected");
  return value;
}

Json to_json(const User& user, View view) {
  Json json = write(user, view);
  write_password(json, user.password, view);
  if (view != View::storage) {
    if (user.has_password()) json["has_password"] = true;
    json["filters"]["totp_config"].emplace("secret", Json::object());  // unless there is one
  }
  const Json custom = Json::parse(user.oidc_custom_fields, nullptr, false);
  if (custom.is_object()) json["oidc_custom_fields"] = custom;
  return json;
}

Json to_json(const Admin& admin, View view) {
  Json json = write(admin, view);
  write_password(json, admin.password, view);
  return json;
}

Json to_json(const Folder& folder, View view) { return write(folder, view); }
Json to_json(const Group& group, View view) { return write(group, view); }
Json to_json(const Role& role, View view) { return write(role, view); }
Json to_json(const IpListEntry& entry, View view) { return write(entry, view); }

Json to_json(const ApiKey& key, View view) {
  Json json = write(key, view);
  if (view == View::storage) json["key"] = key.key;
  return json;
}

Result<User> user_from_json(const Json& json) {
  auto user = read_object<User>(json);
  if (!user) return user;
  for (std::size_t i = 0; i < user->groups.size(); ++i) {
    if (!json["groups"][i].contains("type")) user->groups[i].type = 0;  // refused by validate()
  }
  const auto custom = json.find("oidc_custom_fields");
  if (custom == json.end() || custom->is_null()) return user;
  if (!custom->is_object()) return fail(ErrorCode::invalid_argument, "oidc_custom_fields: an object expected");
  user->oidc_custom_fields = dump(*custom);
  return user;
}

Result<TotpConfig> totp_from_json(const Json& json) { return read_object<TotpConfig>(json); }
Result<Admin> admin_from_json(const Json& json) { return read_object<Admin>(json); }
Result<Folder> folder_from_json(const Json& json) { return read_object<Folder>(json); }
Result<Group> group_from_json(const Json& json) { return read_object<Group>(json); }
Result<Role> role_from_json(const Json& json) { return read_object<Role>(json); }
Result<ApiKey> api_key_from_json(const Json& json) { return read_object<ApiKey>(json); }

Result<IpListEntry> ip_list_entry_from_json(const Json& json) { return read_object<IpListEntry>(json); }

Result<std::vector<IpNetwork>> networks_from_text(std::string_view text) {
  const auto object = parse_object(text);
  if (!object) return fail(object.error());
  std::vector<IpNetwork> networks;
  for (const char* key : {"addresses", "networks"}) {
    const auto list = object->find(key);
    if (list == object->end() || list->is_null()) continue;
    if (!list->is_array()) return fail(ErrorCode::invalid_argument, std::string(key) + ": a list expected");
    for (const Json& item : *list) {
      const auto network = item.is_string() ? IpNetwork::parse(item.get_ref<const std::string&>())
                                            : Result<IpNetwork>(fail(ErrorCode::invalid_argument, "text expected"));
      if (!network)
        return fail(ErrorCode::invalid_argument, std::string(key) + ": " + dump(item) + ": " + network.error().message);
      networks.push_back(*network);
    }
  }
  return networks;
}

Result<User> user_from_text(std::string_view text) { return from_text(text, user_from_json); }
Result<Admin> admin_from_text(std::string_view text) { return from_text(text, admin_from_json); }
Result<Folder> folder_from_text(std::string_view text) { return from_text(text, folder_from_json); }
Result<Group> group_from_text(std::string_view text) { return from_text(text, group_from_json); }
Result<Role> role_from_text(std::string_view text) { return from_text(text, role_from_json); }
Result<ApiKey> api_key_from_text(std::string_view text) { return from_text(text, api_key_from_json); }

std::string to_text(const User& user, View view) { return dump(to_json(user, view)); }
std::string to_text(const Admin& admin, View view) { return dump(to_json(admin, view)); }
std::string to_text(const Folder& folder, View view) { return dump(to_json(folder, view)); }
std::string to_text(const Group& group, View view) { return dump(to_json(group, view)); }
std::string to_text(const Role& role, View view) { return dump(to_json(role, view)); }
std::string to_text(const ApiKey& key, View view) { return dump(to_json(key, view)); }
std::string to_text(const IpListEntry& entry, View view) { return dump(to_json(entry, view)); }

}  // namespace ferry::model
