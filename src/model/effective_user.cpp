#include "model/effective_user.h"

#include <algorithm>
#include <filesystem>

#include "base/virtual_path.h"
#include "model/validate.h"

namespace ferry::model {

namespace {

namespace fs = std::filesystem;

constexpr std::int64_t day_ms = 86'400'000;
constexpr std::int64_t primary = 1, membership = 3;

// Where a group's settings go, and whose names stand for the placeholders.
class Merge {
 public:
  explicit Merge(User& user) : user_(user) {}

  void from_primary(const Group& group);
  // `with_root`: the group may also say something about "/".
  void add(const Group& group, bool with_root);
  const std::string& error() const { return error_; }

 private:
  std::string text(std::string_view with_placeholders) const {
    return replace_placeholders(with_placeholders, user_.username, user_.role);
  }
  // A path of the virtual tree in normal form.
  std::string path(const Group& group, std::string_view with_placeholders);
  // A path of the machine or a prefix of a storage: names never make it climb.
  std::string place(const Group& group, std::string_view with_placeholders);
  // Brings a path into normal form; whether the user has nothing there and the group may say something about it.
  template <class Item>
  bool is_free(const Group& group, std::string& at, const std::vector<Item>& own, std::string Item::*where,
               bool with_root) {
    at = path(group, at);
    return (at != "/" || with_root) && std::ranges::find(own, at, where) == own.end();
  }
  void in_storage(const Group& group, FilesystemConfig& config);
  void filters(const BaseUserFilters& filters);
  void permissions(const Group& group, bool with_root);
  void patterns(const Group& group, bool with_root);
  void folders(const Group& group, bool with_root);

  User& user_;
  std::string error_;
};

template <class T>
void take_unset(T& own, const T& group) {
  if (own == T{}) own = group;
}

void add_all(std::vector<std::string>& own, const std::vector<std::string>& more) {
  for (const std::string& item : more) {
    if (std::ranges::find(own, item) == own.end()) own.push_back(item);
  }
}

std::string Merge::path(const Group& group, std::string_view with_placeholders) {
  const auto parsed = VirtualPath::parse(text(with_placeholders));
  if (parsed) return parsed->text();
  error_ = "group \"" + group.name + "\": \"" + std::string(with_placeholders) + "\" is no path for this user";
  return "/";
}

std::string Merge::place(const Group& group, std::string_view with_placeholders) {
  if (!with_placeholders.contains('%')) return std::string(with_placeholders);
  const fs::path replaced = text(with_placeholders);
  const bool climbs = std::ranges::any_of(replaced, [](const fs::path& part) { return part == ".."; });
  if (climbs || replaced.native().contains('\0')) {
    error_ = "group \"" + group.name + "\": \"" + std::string(with_placeholders) + "\" is no path for this user";
  }
  return replaced.lexically_normal().native();
}

void Merge::in_storage(const Group& group, FilesystemConfig& config) {
  for (std::string* prefix : {&config.s3config.key_prefix, &config.gcsconfig.key_prefix,
                              &config.azblobconfig.key_prefix, &config.sftpconfig.prefix}) {
    *prefix = place(group, *prefix);
  }
  for (std::string* name : {&config.sftpconfig.username, &config.httpconfig.username}) *name = text(*name);
}

void Merge::from_primary(const Group& group) {
  const GroupUserSettings& from = group.user_settings;
  if (!from.home_dir.empty()) user_.home_dir = place(group, from.home_dir);
  if (from.filesystem.provider != FilesystemProvider::local) {
    user_.filesystem = from.filesystem;
    in_storage(group, user_.filesystem);
  }
  take_unset(user_.max_sessions, from.max_sessions);
  take_unset(user_.quota_size, from.quota_size);
  take_unset(user_.quota_files, from.quota_files);
  take_unset(user_.upload_bandwidth, from.upload_bandwidth);
  take_unset(user_.download_bandwidth, from.download_bandwidth);
  // Together: a limit of the user's own for one way means that the other way has none.
  if (user_.upload_data_transfer == 0 && user_.download_data_transfer == 0 && user_.total_data_transfer == 0) {
    user_.upload_data_transfer = from.upload_data_transfer;
    user_.download_data_transfer = from.download_data_transfer;
    user_.total_data_transfer = from.total_data_transfer;
  }
  if (from.expires_in > 0) take_unset(user_.expiration_date, user_.created_at + from.expires_in * day_ms);
  filters(from.filters);
}

void Merge::filters(const BaseUserFilters& from) {
  UserFilters& own = user_.filters;
  take_unset(own.max_upload_file_size, from.max_upload_file_size);
  take_unset(own.external_auth_cache_time, from.external_auth_cache_time);
  take_unset(own.ftp_security, from.ftp_security);
  take_unset(own.default_shares_expiration, from.default_shares_expiration);
  take_unset(own.max_shares_expiration, from.max_shares_expiration);
  take_unset(own.password_expiration, from.password_expiration);
  take_unset(own.password_strength, from.password_strength);
  take_unset(own.hooks.external_auth_disabled, from.hooks.external_auth_disabled);
  take_unset(own.hooks.pre_login_disabled, from.hooks.pre_login_disabled);
  take_unset(own.hooks.check_password_disabled, from.hooks.check_password_disabled);
  take_unset(own.disable_fs_checks, from.disable_fs_checks);
  take_unset(own.allow_api_key_auth, from.allow_api_key_auth);
  take_unset(own.is_anonymous, from.is_anonymous);
  if (own.tls_username.empty() || own.tls_username == "None") own.tls_username = from.tls_username;
  if (own.start_directory.empty()) own.start_directory = text(from.start_directory);
}

void Merge::add(const Group& group, bool with_root) {
  permissions(group, with_root);
  patterns(group, with_root);
  folders(group, with_root);
  UserFilters& own = user_.filters;
  const BaseUserFilters& from = group.user_settings.filters;
  add_all(own.allowed_ip, from.allowed_ip);
  add_all(own.denied_ip, from.denied_ip);
  add_all(own.denied_login_methods, from.denied_login_methods);
  add_all(own.denied_protocols, from.denied_protocols);
  add_all(own.two_factor_protocols, from.two_factor_protocols);
  add_all(own.web_client, from.web_client);
  own.bandwidth_limits.insert(own.bandwidth_limits.end(), from.bandwidth_limits.begin(), from.bandwidth_limits.end());
  own.access_time.insert(own.access_time.end(), from.access_time.begin(), from.access_time.end());
}

void Merge::permissions(const Group& group, bool with_root) {
  for (const auto& [directory, granted] : group.user_settings.permissions) {
    std::string at = path(group, directory);
    if (at != "/" || with_root) user_.permissions.emplace(std::move(at), granted);
  }
}

void Merge::patterns(const Group& group, bool with_root) {
  for (PatternsFilter filter : group.user_settings.filters.file_patterns) {
    if (!is_free(group, filter.path, user_.filters.file_patterns, &PatternsFilter::path, with_root)) continue;
    user_.filters.file_patterns.push_back(std::move(filter));
  }
}

void Merge::folders(const Group& group, bool with_root) {
  for (VirtualFolder folder : group.virtual_folders) {
    if (!is_free(group, folder.virtual_path, user_.virtual_folders, &VirtualFolder::virtual_path, with_root)) continue;
    // Nobody gets what lies above the directories of others.
    if (user_.role.empty() && folder.subpath.contains("%role%")) continue;
    folder.subpath = place(group, folder.subpath);
    folder.mapped_path = place(group, folder.mapped_path);
    in_storage(group, folder.filesystem);
    user_.virtual_folders.push_back(std::move(folder));
  }
}

}  // namespace

std::string replace_placeholders(std::string_view text, std::string_view username, std::string_view role) {
  constexpr std::string_view user_mark = "%username%", role_mark = "%role%";
  std::string out;
  while (!text.empty()) {
    const std::size_t at = std::min(text.find('%'), text.size());
    out += text.substr(0, at);
    text.remove_prefix(at);
    if (text.starts_with(user_mark)) {
      out += username;
      text.remove_prefix(user_mark.size());
    } else if (text.starts_with(role_mark)) {
      out += role;
      text.remove_prefix(role_mark.size());
    } else if (!text.empty()) {
      out += '%';
      text.remove_prefix(1);
    }
  }
  return out;
}

Result<User> effective_user(User user, std::span<const Group> groups) {
  Merge merge(user);
  const auto named = [&](const GroupMapping& mapping) { return std::ranges::find(groups, mapping.name, &Group::name); };
  // A copy: what follows changes the user.
  std::vector<GroupMapping> mappings = user.groups;
  std::erase_if(mappings, [](const GroupMapping& mapping) { return mapping.type == membership; });
  std::ranges::stable_partition(mappings, [](const GroupMapping& mapping) { return mapping.type == primary; });
  for (const GroupMapping& mapping : mappings) {
    const auto group = named(mapping);
    if (group == groups.end()) {
      return fail(ErrorCode::invalid_argument, "group \"" + mapping.name + "\" does not exist");
    }
    if (mapping.type == primary) merge.from_primary(*group);
    merge.add(*group, mapping.type == primary);
    if (!merge.error().empty()) return fail(ErrorCode::invalid_argument, merge.error());
  }
  if (!mappings.empty()) restrict_anonymous(user);
  return user;
}

}  // namespace ferry::model
