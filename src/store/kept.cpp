#include "store/kept.h"

#include <chrono>
#include <limits>

#include "store/provider.h"

namespace ferry::store {

std::int64_t now_ms() {
  using namespace std::chrono;
  return duration_cast<milliseconds>(system_clock::now().time_since_epoch()).count();
}

void restore_kept(model::User& changed, const model::User& stored) {
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

void restore_kept(model::Admin& changed, const model::Admin& stored) {
  changed.id = stored.id;
  changed.username = stored.username;
  changed.created_at = stored.created_at;
  changed.last_login = stored.last_login;
}

void restore_kept(model::Folder& changed, const model::Folder& stored) {
  changed.id = stored.id;
  changed.name = stored.name;
  changed.used_quota_size = stored.used_quota_size;
  changed.used_quota_files = stored.used_quota_files;
  changed.last_quota_update = stored.last_quota_update;
  changed.users = stored.users;
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
  return mount;
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
std::unexpected<Error> fail_no_folder(std::string_view name) {
  return fail(ErrorCode::invalid_argument, "virtual_folders: folder \"" + std::string(name) + "\" does not exist");
}

}  // namespace ferry::store
