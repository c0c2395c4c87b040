// The one list of every object's fields and their JSON names. Private to src/model.
//
// A visitor has `field(name, value)`, for fields that are left out of JSON when they have their default, `shown(name,
// value)`, for those that are left out only of what is stored, and `always(name, value)`. It is called with const
// objects to write and with others to read. `unknown(object)` comes last for objects that keep the fields of their JSON
// that are not listed here.
#pragma once

#include <concepts>
#include <type_traits>

#include "model/admin.h"
#include "model/api_key.h"
#include "model/folder.h"
#include "model/group.h"
#include "model/ip_list.h"
#include "model/role.h"
#include "model/user.h"

namespace ferry::model {

template <class T, class Object>
concept Of = std::same_as<std::remove_const_t<T>, Object>;

template <class V>
void visit_fields(V& v, Of<ConfigSecret> auto& o) {
  v.always("status", o.status);
  v.field("payload", o.payload);
  v.field("key", o.key);
  v.field("additional_data", o.additional_data);
  v.field("mode", o.mode);
}

template <class V>
void visit_fields(V& v, Of<LocalConfig> auto& o) {
  v.field("read_buffer_size", o.read_buffer_size);
  v.field("write_buffer_size", o.write_buffer_size);
  v.unknown(o);
}

template <class V>
void visit_fields(V& v, Of<S3Config> auto& o) {
  v.field("bucket", o.bucket);
  v.field("region", o.region);
  v.field("access_key", o.access_key);
  v.field("access_secret", o.access_secret);
  v.field("sse_customer_key", o.sse_customer_key);
  v.field("role_arn", o.role_arn);
  v.field("session_token", o.session_token);
  v.field("endpoint", o.endpoint);
  v.field("storage_class", o.storage_class);
  v.field("acl", o.acl);
  v.field("upload_part_size", o.upload_part_size);
  v.field("upload_concurrency", o.upload_concurrency);
  v.field("upload_part_max_time", o.upload_part_max_time);
  v.field("download_part_size", o.download_part_size);
  v.field("download_concurrency", o.download_concurrency);
  v.field("download_part_max_time", o.download_part_max_time);
  v.field("force_path_style", o.force_path_style);
  v.field("key_prefix", o.key_prefix);
  v.field("skip_tls_verify", o.skip_tls_verify);
  v.unknown(o);
}

template <class V>
void visit_fields(V& v, Of<GcsConfig> auto& o) {
  v.field("bucket", o.bucket);
  v.field("credentials", o.credentials);
  v.field("automatic_credentials", o.automatic_credentials);
  v.field("storage_class", o.storage_class);
  v.field("acl", o.acl);
  v.field("key_prefix", o.key_prefix);
  v.field("upload_part_size", o.upload_part_size);
  v.field("upload_part_max_time", o.upload_part_max_time);
  v.unknown(o);
}

template <class V>
void visit_fields(V& v, Of<AzureBlobConfig> auto& o) {
  v.field("container", o.container);
  v.field("account_name", o.account_name);
  v.field("account_key", o.account_key);
  v.field("sas_url", o.sas_url);
  v.field("endpoint", o.endpoint);
  v.field("upload_part_size", o.upload_part_size);
  v.field("upload_concurrency", o.upload_concurrency);
  v.field("download_part_size", o.download_part_size);
  v.field("download_concurrency", o.download_concurrency);
  v.field("access_tier", o.access_tier);
  v.field("key_prefix", o.key_prefix);
  v.field("use_emulator", o.use_emulator);
  v.unknown(o);
}

template <class V>
void visit_fields(V& v, Of<EncryptedConfig> auto& o) {
  v.field("passphrase", o.passphrase);
  v.field("read_buffer_size", o.read_buffer_size);
  v.field("write_buffer_size", o.write_buffer_size);
  v.unknown(o);
}

template <class V>
void visit_fields(V& v, Of<SftpConfig> auto& o) {
  v.field("endpoint", o.endpoint);
  v.field("username", o.username);
  v.field("password", o.password);
  v.field("private_key", o.private_key);
  v.field("key_passphrase", o.key_passphrase);
  v.field("fingerprints", o.fingerprints);
  v.field("prefix", o.prefix);
  v.field("disable_concurrent_reads", o.disable_concurrent_reads);
  v.field("buffer_size", o.buffer_size);
  v.field("equality_check_mode", o.equality_check_mode);
  v.unknown(o);
}

template <class V>
void visit_fields(V& v, Of<HttpConfig> auto& o) {
  v.field("endpoint", o.endpoint);
  v.field("username", o.username);
  v.field("password", o.password);
  v.field("api_key", o.api_key);
  v.field("skip_tls_verify", o.skip_tls_verify);
  v.field("equality_check_mode", o.equality_check_mode);
  v.unknown(o);
}

template <class V>
void visit_fields(V& v, Of<FilesystemConfig> auto& o) {
  v.always("provider", o.provider);
  v.shown("osconfig", o.osconfig);
  v.shown("s3config", o.s3config);
  v.shown("gcsconfig", o.gcsconfig);
  v.shown("azblobconfig", o.azblobconfig);
  v.shown("cryptconfig", o.cryptconfig);
  v.shown("sftpconfig", o.sftpconfig);
  v.shown("httpconfig", o.httpconfig);
  v.unknown(o);
}

template <class V>
void visit_fields(V& v, Of<PatternsFilter> auto& o) {
  v.always("path", o.path);
  v.field("allowed_patterns", o.allowed_patterns);
  v.field("denied_patterns", o.denied_patterns);
  v.field("deny_policy", o.deny_policy);
}

template <class V>
void visit_fields(V& v, Of<HooksFilter> auto& o) {
  v.always("external_auth_disabled", o.external_auth_disabled);
  v.always("pre_login_disabled", o.pre_login_disabled);
  v.always("check_password_disabled", o.check_password_disabled);
}

template <class V>
void visit_fields(V& v, Of<BandwidthLimit> auto& o) {
  v.always("sources", o.sources);
  v.field("upload_bandwidth", o.upload_bandwidth);
  v.field("download_bandwidth", o.download_bandwidth);
}

template <class V>
void visit_fields(V& v, Of<TimePeriod> auto& o) {
  v.always("day_of_week", o.day_of_week);
  v.always("from", o.from);
  v.always("to", o.to);
}

template <class V>
void visit_fields(V& v, Of<TotpConfig> auto& o) {
  v.field("enabled", o.enabled);
  v.field("config_name", o.config_name);
  v.field("secret", o.secret);
  v.field("protocols", o.protocols);
}

template <class V>
void visit_fields(V& v, Of<RecoveryCode> auto& o) {
  v.always("secret", o.secret);
  v.field("used", o.used);
}

template <class V>
void visit_base_filters(V& v, auto& o) {
  v.field("allowed_ip", o.allowed_ip);
  v.field("denied_ip", o.denied_ip);
  v.field("denied_login_methods", o.denied_login_methods);
  v.field("denied_protocols", o.denied_protocols);
  v.field("file_patterns", o.file_patterns);
  v.field("max_upload_file_size", o.max_upload_file_size);
  v.field("tls_username", o.tls_username);
  v.always("hooks", o.hooks);
  v.field("disable_fs_checks", o.disable_fs_checks);
  v.field("web_client", o.web_client);
  v.field("allow_api_key_auth", o.allow_api_key_auth);
  v.field("user_type", o.user_type);
  v.field("bandwidth_limits", o.bandwidth_limits);
  v.field("external_auth_cache_time", o.external_auth_cache_time);
  v.field("start_directory", o.start_directory);
  v.field("two_factor_protocols", o.two_factor_protocols);
  v.field("ftp_security", o.ftp_security);
  v.field("is_anonymous", o.is_anonymous);
  v.field("default_shares_expiration", o.default_shares_expiration);
  v.field("max_shares_expiration", o.max_shares_expiration);
  v.field("password_expiration", o.password_expiration);
  v.field("password_strength", o.password_strength);
  v.field("access_time", o.access_time);
}

template <class V>
void visit_fields(V& v, Of<BaseUserFilters> auto& o) {
  visit_base_filters(v, o);
}

template <class V>
void visit_fields(V& v, Of<UserFilters> auto& o) {
  visit_base_filters(v, o);
  v.field("require_password_change", o.require_password_change);
  v.always("totp_config", o.totp_config);
  v.field("recovery_codes", o.recovery_codes);
  v.field("tls_certs", o.tls_certs);
  v.field("additional_emails", o.additional_emails);
}

template <class V>
void visit_base_folder(V& v, auto& o) {
  v.field("id", o.id);
  v.always("name", o.name);
  v.field("mapped_path", o.mapped_path);
  v.field("description", o.description);
  v.always("used_quota_size", o.used_quota_size);
  v.always("used_quota_files", o.used_quota_files);
  v.always("last_quota_update", o.last_quota_update);
  v.field("users", o.users);
  v.field("groups", o.groups);
  v.always("filesystem", o.filesystem);
}

template <class V>
void visit_fields(V& v, Of<Folder> auto& o) {
  visit_base_folder(v, o);
}

template <class V>
void visit_fields(V& v, Of<VirtualFolder> auto& o) {
  visit_base_folder(v, o);
  v.always("virtual_path", o.virtual_path);
  v.always("quota_size", o.quota_size);
  v.always("quota_files", o.quota_files);
  v.field("subpath", o.subpath);
}

template <class V>
void visit_fields(V& v, Of<GroupMapping> auto& o) {
  v.always("name", o.name);
  v.always("type", o.type);
}

// Not here: password and oidc_custom_fields, which json.cpp treats in their own way.
template <class V>
void visit_fields(V& v, Of<User> auto& o) {
  v.field("id", o.id);
  v.always("status", o.status);
  v.always("username", o.username);
  v.field("email", o.email);
  v.field("description", o.description);
  v.field("expiration_date", o.expiration_date);
  v.field("public_keys", o.public_keys);
  v.always("home_dir", o.home_dir);
  v.field("virtual_folders", o.virtual_folders);
  v.always("uid", o.uid);
  v.always("gid", o.gid);
  v.always("max_sessions", o.max_sessions);
  v.always("quota_size", o.quota_size);
  v.always("quota_files", o.quota_files);
  v.always("permissions", o.permissions);
  v.field("used_quota_size", o.used_quota_size);
  v.field("used_quota_files", o.used_quota_files);
  v.field("last_quota_update", o.last_quota_update);
  v.field("upload_bandwidth", o.upload_bandwidth);
  v.field("download_bandwidth", o.download_bandwidth);
  v.shown("upload_data_transfer", o.upload_data_transfer);
  v.shown("download_data_transfer", o.download_data_transfer);
  v.shown("total_data_transfer", o.total_data_transfer);
  v.field("used_upload_data_transfer", o.used_upload_data_transfer);
  v.field("used_download_data_transfer", o.used_download_data_transfer);
  v.always("created_at", o.created_at);
  v.always("updated_at", o.updated_at);
  v.field("last_login", o.last_login);
  v.field("first_download", o.first_download);
  v.field("first_upload", o.first_upload);
  v.field("last_password_change", o.last_password_change);
  v.always("filters", o.filters);
  v.always("filesystem", o.filesystem);
  v.field("additional_info", o.additional_info);
  v.field("groups", o.groups);
  v.field("role", o.role);
}

template <class V>
void visit_fields(V& v, Of<AdminPreferences> auto& o) {
  v.field("hide_user_page_sections", o.hide_user_page_sections);
  v.field("default_users_expiration", o.default_users_expiration);
}

template <class V>
void visit_fields(V& v, Of<AdminFilters> auto& o) {
  v.field("allow_list", o.allow_list);
  v.field("allow_api_key_auth", o.allow_api_key_auth);
  v.shown("require_two_factor", o.require_two_factor);
  v.field("require_password_change", o.require_password_change);
  v.always("totp_config", o.totp_config);
  v.field("recovery_codes", o.recovery_codes);
  v.always("preferences", o.preferences);
}

template <class V>
void visit_fields(V& v, Of<AdminGroupMappingOptions> auto& o) {
  v.field("add_to_users_as", o.add_to_users_as);
}

template <class V>
void visit_fields(V& v, Of<AdminGroupMapping> auto& o) {
  v.always("name", o.name);
  v.always("options", o.options);
}

// Not here: password.
template <class V>
void visit_fields(V& v, Of<Admin> auto& o) {
  v.field("id", o.id);
  v.always("status", o.status);
  v.always("username", o.username);
  v.field("description", o.description);
  v.field("email", o.email);
  v.always("permissions", o.permissions);
  v.always("filters", o.filters);
  v.field("additional_info", o.additional_info);
  v.field("groups", o.groups);
  v.always("created_at", o.created_at);
  v.always("updated_at", o.updated_at);
  v.always("last_login", o.last_login);
  v.field("role", o.role);
}

template <class V>
void visit_fields(V& v, Of<GroupUserSettings> auto& o) {
  v.shown("home_dir", o.home_dir);
  v.shown("max_sessions", o.max_sessions);
  v.shown("quota_size", o.quota_size);
  v.shown("quota_files", o.quota_files);
  v.shown("permissions", o.permissions);
  v.field("upload_bandwidth", o.upload_bandwidth);
  v.field("download_bandwidth", o.download_bandwidth);
  v.shown("upload_data_transfer", o.upload_data_transfer);
  v.shown("download_data_transfer", o.download_data_transfer);
  v.shown("total_data_transfer", o.total_data_transfer);
  v.field("expires_in", o.expires_in);
  v.always("filters", o.filters);
  v.always("filesystem", o.filesystem);
}

template <class V>
void visit_fields(V& v, Of<Group> auto& o) {
  v.field("id", o.id);
  v.always("name", o.name);
  v.field("description", o.description);
  v.always("created_at", o.created_at);
  v.always("updated_at", o.updated_at);
  v.always("user_settings", o.user_settings);
  v.field("virtual_folders", o.virtual_folders);
  v.field("users", o.users);
  v.field("admins", o.admins);
}

// Not here: key.
template <class V>
void visit_fields(V& v, Of<ApiKey> auto& o) {
  v.always("id", o.id);
  v.always("name", o.name);
  v.always("scope", o.scope);
  v.always("created_at", o.created_at);
  v.always("updated_at", o.updated_at);
  v.field("last_use_at", o.last_use_at);
  v.field("expires_at", o.expires_at);
  v.field("description", o.description);
  v.field("user", o.user);
  v.field("admin", o.admin);
}

template <class V>
void visit_fields(V& v, Of<Role> auto& o) {
  v.field("id", o.id);
  v.always("name", o.name);
  v.field("description", o.description);
  v.always("created_at", o.created_at);
  v.always("updated_at", o.updated_at);
  v.field("users", o.users);
  v.field("admins", o.admins);
}

template <class V>
void visit_fields(V& v, Of<IpListEntry> auto& o) {
  v.always("ipornet", o.ipornet);
  v.field("description", o.description);
  v.always("type", o.type);
  v.always("mode", o.mode);
  v.always("protocols", o.protocols);
  v.always("created_at", o.created_at);
  v.always("updated_at", o.updated_at);
}

}  // namespace ferry::model
