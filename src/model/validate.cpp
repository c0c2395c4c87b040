#include "model/validate.h"

#include "model/checker.h"

namespace ferry::model {

namespace {

constexpr std::string_view permissions_list[] = {
    "*",           "list",    "download",     "upload",      "overwrite",   "delete",          "delete_files",
    "delete_dirs", "rename",  "rename_files", "rename_dirs", "create_dirs", "create_symlinks", "chmod",
    "chown",       "chtimes", "copy"};
constexpr std::string_view admin_permissions_list[] = {
    "*", "add_users", "edit_users", "del_users", "view_users", "view_conns", "close_conns", "view_status",
    "manage_folders", "manage_groups", "quota_scans", "manage_defender", "view_defender", "view_events", "disable_mfa",
    // Of older versions, met in their dumps: kept, so that nothing is lost on the way.
    "manage_admins", "manage_apikeys", "manage_system", "manage_event_rules", "manage_roles", "manage_ip_lists",
    "retention_checks", "metadata_checks"};
// They reach beyond the users of one role, or did so in older versions.
constexpr std::string_view not_with_a_role[] = {
    "*",           "manage_admins",    "manage_apikeys",  "manage_system",  "manage_event_rules", "manage_roles",
    "view_events", "retention_checks", "metadata_checks", "manage_ip_lists"};
constexpr std::string_view login_methods_list[] = {"publickey",          "password",
                                                   "password-over-SSH",  "keyboard-interactive",
                                                   "publickey+password", "publickey+keyboard-interactive",
                                                   "TLSCertificate",     "TLSCertificate+password"};
constexpr std::string_view protocols_list[] = {"SSH", "FTP", "DAV", "HTTP"};

constexpr std::int64_t largest_id = 2147483647;
constexpr std::int64_t largest_days = 36500;
constexpr std::int64_t largest_scaled = std::int64_t{1} << 42;  // of KB and MB: bytes still fit 63 bits
constexpr std::size_t max_subpath = 191;

// An entry without rights is one: it closes the directory.
void check_permissions(Checker& check, Permissions& permissions) {
  Permissions normal;
  for (auto& [path, granted] : permissions) {
    std::string directory = path;
    check.virtual_path("permissions", directory);
    check.words("permissions", granted, known_permissions());
    if (std::ranges::find(granted, "*") != granted.end()) granted = {"*"};
    const auto [place, added] = normal.emplace(directory, granted);
    check.require(added || place->second == granted, "permissions", "\"" + directory + "\" stands twice");
  }
  permissions = std::move(normal);
}

void check_root_permissions(Checker& check, const User& user) {
  const auto root = user.permissions.find("/");
  check.require(root == user.permissions.end() || !root->second.empty(), "permissions", "none granted for \"/\"");
  check.require(!user.permissions.empty(), "permissions", "please grant some permissions");
  check.require(user.permissions.contains("/"), "permissions", "those of the root directory \"/\" must be set");
}

// A path that was meant from the root is taken as such.
void from_root(std::string& path) {
  if (!path.empty() && !path.starts_with('/')) path.insert(0, "/");
}

void check_subpath(Checker& check, std::string& text) {
  if (text.empty()) return;
  const auto subpath = VirtualPath::parse(text);
  if (!check.require(subpath.has_value(), "virtual_folders.subpath", "not a valid path")) return;
  text = subpath->is_root() ? "" : subpath->text();
  check.require(text.size() <= max_subpath, "virtual_folders.subpath", "too long");
}

void check_virtual_folders(Checker& check, std::vector<VirtualFolder>& folders, const NamingRules& naming) {
  std::vector<std::string> seen;
  for (VirtualFolder& folder : folders) {
    check.name(naming, "virtual_folders.name", folder.name);
    from_root(folder.virtual_path);
    check.virtual_path("virtual_folders.virtual_path", folder.virtual_path);
    check.require(std::ranges::find(seen, folder.virtual_path) == seen.end(), "virtual_folders.virtual_path",
                  "\"" + folder.virtual_path + "\" stands twice");
    seen.push_back(folder.virtual_path);
    check.require(folder.quota_size >= -1 && folder.quota_files >= -1, "virtual_folders", "a quota is below -1");
    check.require((folder.quota_size == -1) == (folder.quota_files == -1), "virtual_folders",
                  "quota_size and quota_files are -1 together or not at all");
    check_subpath(check, folder.subpath);
    const auto same = [&](const VirtualFolder& other) {
      return other.name == folder.name && other.subpath == folder.subpath;
    };
    const auto here = folders.begin() + (&folder - folders.data());
    check.require(std::none_of(folders.begin(), here, same), "virtual_folders.name",
                  "\"" + folder.name + "\" is mounted twice with the same subpath");
  }
}

// The numbers that users and groups have alike. Negative sessions, quotas and max_upload_file_size are no limit, as is
// 0.
void check_limits(Checker& check, const auto& settings) {
  check.range("upload_bandwidth", settings.upload_bandwidth, 0, largest_scaled);
  check.range("download_bandwidth", settings.download_bandwidth, 0, largest_scaled);
  check.range("upload_data_transfer", settings.upload_data_transfer, 0, largest_scaled);
  check.range("download_data_transfer", settings.download_data_transfer, 0, largest_scaled);
  check.range("total_data_transfer", settings.total_data_transfer, 0, largest_scaled);
}

void check_numbers(Checker& check, const User& user) {
  check.range("status", user.status, 0, 1);
  check.range("uid", user.uid, -largest_id, largest_id);
  check.range("gid", user.gid, -largest_id, largest_id);
  check.not_negative("expiration_date", user.expiration_date);
  check_limits(check, user);
}

void check_groups(Checker& check, std::vector<GroupMapping>& groups, const NamingRules& naming) {
  int primary = 0;
  std::vector<std::string> seen;
  for (GroupMapping& group : groups) {
    check.name(naming, "groups.name", group.name);
    check.require(std::ranges::find(seen, group.name) == seen.end(), "groups", "\"" + group.name + "\" stands twice");
    seen.push_back(group.name);
    check.range("groups.type", group.type, 1, 3);
    primary += group.type == 1 ? 1 : 0;
  }
  check.require(primary <= 1, "groups", "only one primary group is allowed");
}

void check_limited_admin(Checker& check, Admin& admin, const NamingRules& naming) {
  check.name(naming, "role", admin.role);
  for (const std::string& permission : admin.permissions) {
    check.require(!reaches_beyond_a_role(permission), "permissions",
                  "an administrator with a role cannot have \"" + permission + "\"");
  }
}

void check_home(Checker& check, User& user, const UserRules& rules) {
  if (user.home_dir.empty() && !rules.users_base_dir.empty()) {
    user.home_dir = rules.users_base_dir + "/" + user.username;
  }
  check.real_path("home_dir", user.home_dir);
}

}  // namespace

bool reaches_beyond_a_role(std::string_view permission) {
  return std::ranges::find(not_with_a_role, permission) != std::end(not_with_a_role);
}

std::span<const std::string_view> known_permissions() { return permissions_list; }
std::span<const std::string_view> known_admin_permissions() { return admin_permissions_list; }
std::span<const std::string_view> known_login_methods() { return login_methods_list; }
std::span<const std::string_view> known_protocols() { return protocols_list; }

bool Admin::may(std::string_view permission) const {
  return std::ranges::any_of(permissions, [&](const std::string& own) { return own == "*" || own == permission; });
}

void restrict_anonymous(User& user) {
  if (!user.filters.is_anonymous) return;
  user.permissions = {{"/", {"list", "download"}}};
  for (const char* protocol : {"SSH", "HTTP"}) user.filters.denied_protocols.emplace_back(protocol);
  drop_duplicates(user.filters.denied_protocols);
  user.filters.denied_login_methods.clear();
  for (const std::string_view method : login_methods_list) {
    if (method != "password") user.filters.denied_login_methods.emplace_back(method);
  }
}

Result<void> validate(User& user, const UserRules& rules) {
  Checker check;
  check.name(rules.naming, "username", user.username);
  check.texts(user);
  check.require(user.oidc_custom_fields.size() <= max_text_bytes, "oidc_custom_fields", "too long");
  check.email("email", user.email);
  check_numbers(check, user);
  restrict_anonymous(user);
  check_home(check, user, rules);
  check_permissions(check, user.permissions);
  check.public_keys("public_keys", user.public_keys);
  check_virtual_folders(check, user.virtual_folders, rules.naming);
  check_groups(check, user.groups, rules.naming);
  check_root_permissions(check, user);
  check.filters(user.filters);
  check.filesystem(user.filesystem);
  if (!user.role.empty()) check.name(rules.naming, "role", user.role);
  return check.result();
}

Result<void> validate(Admin& admin, const NamingRules& naming) {
  Checker check;
  check.name(naming, "username", admin.username);
  check.texts(admin);
  check.email("email", admin.email);
  check.require(!admin.permissions.empty(), "permissions", "please grant some permissions");
  check.words("permissions", admin.permissions, known_admin_permissions());
  if (admin.may("*")) admin.permissions = {"*"};
  check.networks("filters.allow_list", admin.filters.allow_list);
  check.totp(admin.filters.totp_config, admin.filters.recovery_codes);
  check.not_negative("filters.preferences.hide_user_page_sections", admin.filters.preferences.hide_user_page_sections);
  check.not_negative("filters.preferences.default_users_expiration",
                     admin.filters.preferences.default_users_expiration);
  std::vector<std::string> seen;
  for (AdminGroupMapping& group : admin.groups) {
    check.name(naming, "groups.name", group.name);
    check.require(std::ranges::find(seen, group.name) == seen.end(), "groups", "\"" + group.name + "\" stands twice");
    seen.push_back(group.name);
    check.range("groups.options.add_to_users_as", group.options.add_to_users_as, 0, 2);
  }
  if (!admin.role.empty()) check_limited_admin(check, admin, naming);
  return check.result();
}

Result<void> validate(Folder& folder, const NamingRules& naming) {
  Checker check;
  check.name(naming, "name", folder.name);
  check.texts(folder);
  check.not_negative("used_quota_size", folder.used_quota_size);
  check.not_negative("used_quota_files", folder.used_quota_files);
  const bool on_disk = folder.filesystem.provider == FilesystemProvider::local ||
                       folder.filesystem.provider == FilesystemProvider::encrypted;
  if (on_disk || !folder.mapped_path.empty()) check.real_path("mapped_path", folder.mapped_path);
  check.filesystem(folder.filesystem);
  return check.result();
}

Result<void> validate(Group& group, const NamingRules& naming) {
  GroupUserSettings& settings = group.user_settings;
  Checker check;
  check.name(naming, "name", group.name);
  check.texts(group);
  check_limits(check, settings);
  check.range("expires_in", settings.expires_in, -largest_days, largest_days);
  if (!settings.home_dir.empty()) check.real_path("home_dir", settings.home_dir);
  check_permissions(check, settings.permissions);
  check_virtual_folders(check, group.virtual_folders, naming);
  settings.filters.user_type.clear();  // says what a user is
  check.base_filters(settings.filters);
  check.filesystem(settings.filesystem);
  return check.result();
}

Result<void> validate(Role& role, const NamingRules& naming) {
  Checker check;
  check.name(naming, "name", role.name);
  check.texts(role);
  return check.result();
}

Result<void> validate(IpListEntry& entry) {
  Checker check;
  check.range("type", entry.type, 1, 3);
  check.range("mode", entry.mode, 1, 2);
  const bool may_deny = entry.type == static_cast<std::int64_t>(IpListType::defender);
  check.require(may_deny || entry.mode != static_cast<std::int64_t>(IpListMode::deny), "mode",
                "only the defender's list can deny");
  check.range("protocols", entry.protocols, 0, 15);
  check.texts(entry);
  const auto network = IpNetwork::parse(entry.ipornet);
  check.require(network.has_value(), "ipornet", "an IP address or network expected");
  if (network) entry.ipornet = network->to_string();
  return check.result();
}

Result<void> validate(ApiKey& key, const NamingRules& naming) {
  constexpr std::string_view letters = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
  Checker check;
  check.require(
      !key.id.empty() && key.id.size() <= max_name_length && key.id.find_first_not_of(letters) == std::string::npos,
      "id", "letters and digits expected");
  check.require(!key.name.empty(), "name", "is required");
  check.texts(key);
  check.range("scope", key.scope, api_key_scope_admin, api_key_scope_user);
  check.not_negative("expires_at", key.expires_at);
  check.require(key.user.empty() || key.scope == api_key_scope_user, "user", "only for keys of users");
  // The other way round a key for one user would become one for every administrator.
  if (key.scope == api_key_scope_user && key.user.empty()) key.admin.clear();
  check.require(key.admin.empty() || key.scope == api_key_scope_admin, "admin", "only for keys of administrators");
  if (!key.user.empty()) check.name(naming, "user", key.user);
  if (!key.admin.empty()) check.name(naming, "admin", key.admin);
  return check.result();
}

}  // namespace ferry::model
