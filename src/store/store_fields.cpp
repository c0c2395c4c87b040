#include "store/store_fields.h"

#include <chrono>
#include <limits>

#include "crypto/password_text.h"

namespace ferry::store {

std::int64_t now_ms() {
  using namespace std::chrono;
  return duration_cast<milliseconds>(system_clock::now().time_since_epoch()).count();
}

namespace {

template <class Object>
void begin_times(Object& object, Origin origin) {
  const std::int64_t now = now_ms();
  if (origin == Origin::client || object.created_at <= 0) object.created_at = now;
  if (origin == Origin::client || object.updated_at <= 0) object.updated_at = now;
}

// Of a group or role, which the store tells who has it.
template <class Object>
void begin_shared(Object& object, Origin origin) {
  begin_times(object, origin);
  object.users.clear();
  object.admins.clear();
}

template <class Object>
void restore_shared(Object& changed, const Object& stored) {
  changed.id = stored.id;
  changed.name = stored.name;
  changed.created_at = stored.created_at;
  changed.users = stored.users;
  changed.admins = stored.admins;
}

}  // namespace

void set_store_fields(model::User& user, Origin origin) {
  begin_times(user, origin);
  if (origin == Origin::client) user.last_login = user.first_download = user.first_upload = 0;
  user.used_quota_size = user.used_quota_files = user.last_quota_update = 0;
  user.used_upload_data_transfer = user.used_download_data_transfer = 0;
}

void set_store_fields(model::Admin& admin, Origin origin) {
  begin_times(admin, origin);
  if (origin == Origin::client) admin.last_login = 0;
}

void set_store_fields(model::Folder& folder, Origin origin) {
  if (origin == Origin::client) folder.used_quota_size = folder.used_quota_files = folder.last_quota_update = 0;
  folder.users.clear();
  folder.groups.clear();
}

void set_store_fields(model::Group& group, Origin origin) { begin_shared(group, origin); }

void set_store_fields(model::Role& role, Origin origin) { begin_shared(role, origin); }

void set_store_fields(model::IpListEntry& entry, Origin origin) { begin_times(entry, origin); }

void set_store_fields(model::ApiKey& key, Origin origin) {
  begin_times(key, origin);
  if (origin == Origin::client) key.last_use_at = 0;
}

void restore_store_fields(model::User& changed, const model::User& stored) {
  changed.id = stored.id;
  changed.username = stored.username;
  changed.used_quota_size = stored.used_quota_size;
  changed.used_quota_files = stored.used_quota_files;
  changed.last_quota_update = stored.last_quota_update;
  changed.used_upload_data_transfer = stored.used_upload_data_transfer;
  changed.used_download_data_transfer = stored.used_download_data_transfer;
  changed.created_at = stored.created_at;
  changed.last_login = stored.last_login;
  changed.first_download = stored.first_download;
  changed.first_upload = stored.first_upload;
}

void restore_store_fields(model::Admin& changed, const model::Admin& stored) {
  changed.id = stored.id;
  changed.username = stored.username;
  changed.created_at = stored.created_at;
  changed.last_login = stored.last_login;
}

void restore_store_fields(model::Folder& changed, const model::Folder& stored) {
  changed.id = stored.id;
  changed.name = stored.name;
  changed.used_quota_size = stored.used_quota_size;
  changed.used_quota_files = stored.used_quota_files;
  changed.last_quota_update = stored.last_quota_update;
  changed.users = stored.users;
  changed.groups = stored.groups;
}

void restore_store_fields(model::Group& changed, const model::Group& stored) { restore_shared(changed, stored); }

void restore_store_fields(model::Role& changed, const model::Role& stored) { restore_shared(changed, stored); }

void restore_store_fields(model::IpListEntry& changed, const model::IpListEntry& stored) {
  changed.type = stored.type;
  changed.ipornet = stored.ipornet;
  changed.created_at = stored.created_at;
}

void restore_store_fields(model::ApiKey& changed, const model::ApiKey& stored) {
  changed.id = stored.id;
  changed.created_at = stored.created_at;
  changed.last_use_at = stored.last_use_at;
}

model::VirtualFolder mount_only(const model::VirtualFolder& mount) {
  model::VirtualFolder only;
  only.name = mount.name;
  only.virtual_path = mount.virtual_path;
  only.quota_size = mount.quota_size;
  only.quota_files = mount.quota_files;
  only.subpath = mount.subpath;
  return only;
}

model::VirtualFolder mounted(model::VirtualFolder mount, const model::Folder& folder) {
  static_cast<model::Folder&>(mount) = folder;
  mount.users.clear();
  mount.groups.clear();
  return mount;
}

Result<void> check_imported_password(std::string_view password) {
  switch (crypto::kind_of_password(password, true)) {
    case crypto::PasswordText::hash:
    case crypto::PasswordText::lock: return {};
    case crypto::PasswordText::unusable:
      return fail(ErrorCode::invalid_argument, "password: " + crypto::problem_of_password(password));
    case crypto::PasswordText::password: break;
  }
  if (password.size() <= max_password) return {};
  return fail(ErrorCode::invalid_argument, "password: too long");
}

bool lock_if_marked(std::int64_t& status, std::string& password) {
  if (password.empty() || crypto::kind_of_password(password, true) != crypto::PasswordText::lock) return false;
  status = 0;
  password.clear();
  return true;
}

std::int64_t add_usage(std::int64_t stored, std::int64_t change) {
  std::int64_t sum = 0;
  if (__builtin_add_overflow(stored, change, &sum)) {
    sum = change > 0 ? std::numeric_limits<std::int64_t>::max() : 0;
  }
  return sum < 0 ? 0 : sum;
}

std::unexpected<Error> fail_missing(std::string_view kind, std::string_view name) {
  return fail(ErrorCode::not_found, std::string(kind) + " \"" + std::string(name) + "\" does not exist");
}
std::unexpected<Error> fail_exists(std::string_view kind, std::string_view name) {
  return fail(ErrorCode::already_exists, std::string(kind) + " \"" + std::string(name) + "\" exists already");
}
std::unexpected<Error> fail_reference(std::string_view field, std::string_view kind, std::string_view name) {
  return fail(ErrorCode::invalid_argument,
              std::string(field) + ": " + std::string(kind) + " \"" + std::string(name) + "\" does not exist");
}
std::unexpected<Error> fail_in_use(std::string_view kind, std::string_view name, std::string_view others) {
  return fail(ErrorCode::invalid_argument, std::string(kind) + " \"" + std::string(name) +
                                               "\" cannot be removed: there are " + std::string(others) + " of it");
}

}  // namespace ferry::store
