#include "model/json.h"
#include "store/sqlite/tables.h"
#include "store/store_fields.h"

namespace ferry::store::tables {

namespace {

struct Columns {
  Row id = 0, quota_size = 0, quota_files = 0, quota_update = 0;
  std::string data;
};

#define FERRY_FOLDER_COLUMNS "SELECT id, used_quota_size, used_quota_files, last_quota_update, data FROM folders "

template <class Prepared>
auto into_columns(Prepared&& prepared, Columns& c) {
  return (prepared, soci::into(c.id), soci::into(c.quota_size), soci::into(c.quota_files), soci::into(c.quota_update),
          soci::into(c.data));
}

Result<model::Folder> to_folder(const Columns& c) {
  auto folder = model::folder_from_text(c.data);
  if (!folder) return fail(ErrorCode::io_error, "a folder's record is damaged: " + folder.error().message);
  folder->id = c.id;
  folder->used_quota_size = c.quota_size;
  folder->used_quota_files = c.quota_files;
  folder->last_quota_update = c.quota_update;
  return folder;
}

std::string record_of(const model::Folder& folder) {
  model::Folder bare = folder;
  bare.users.clear();
  bare.groups.clear();
  return model::to_text(bare, model::View::storage);
}

}  // namespace

namespace mounts {

namespace {

struct Statements {
  const char* select;
  const char* erase;
  const char* insert;
  const char* owners;
};

const Statements& of(Of owners) {
  static constexpr Statements users{
      "SELECT f.id, f.used_quota_size, f.used_quota_files, f.last_quota_update, f.data, m.virtual_path, m.quota_size, "
      "m.quota_files, m.subpath FROM users_folders m JOIN folders f ON f.id = m.folder_id WHERE m.user_id = :owner "
      "ORDER BY m.position",
      "DELETE FROM users_folders WHERE user_id = :owner",
      "INSERT INTO users_folders (user_id, position, folder_id, virtual_path, quota_size, quota_files, subpath) "
      "VALUES (:owner, :position, :folder, :path, :size, :files, :subpath)",
      "SELECT DISTINCT u.username FROM users_folders m JOIN users u ON u.id = m.user_id WHERE m.folder_id = :folder "
      "ORDER BY u.username"};
  static constexpr Statements groups{
      "SELECT f.id, f.used_quota_size, f.used_quota_files, f.last_quota_update, f.data, m.virtual_path, m.quota_size, "
      "m.quota_files, m.subpath FROM groups_folders m JOIN folders f ON f.id = m.folder_id WHERE m.group_id = :owner "
      "ORDER BY m.position",
      "DELETE FROM groups_folders WHERE group_id = :owner",
      "INSERT INTO groups_folders (group_id, position, folder_id, virtual_path, quota_size, quota_files, subpath) "
      "VALUES (:owner, :position, :folder, :path, :size, :files, :subpath)",
      "SELECT DISTINCT g.name FROM groups_folders m JOIN account_groups g ON g.id = m.group_id "
      "WHERE m.folder_id = :folder ORDER BY g.name"};
  return owners == Of::users ? users : groups;
}

}  // namespace

std::vector<model::VirtualFolder> find(soci::session& sql, Of owners, Row owner_id) {
  Columns c;
  model::VirtualFolder mount;
  Row quota_size = 0, quota_files = 0;
  soci::statement rows =
      (sql.prepare << of(owners).select, soci::use(owner_id), soci::into(c.id), soci::into(c.quota_size),
       soci::into(c.quota_files), soci::into(c.quota_update), soci::into(c.data), soci::into(mount.virtual_path),
       soci::into(quota_size), soci::into(quota_files), soci::into(mount.subpath));
  rows.execute();
  std::vector<model::VirtualFolder> list;
  while (rows.fetch()) {
    const auto folder = to_folder(c);
    if (!folder) throw soci::soci_error(folder.error().message);
    mount.quota_size = quota_size;
    mount.quota_files = quota_files;
    list.push_back(mounted(mount, *folder));
  }
  return list;
}

Result<void> replace(soci::session& sql, Of owners, Row owner_id, const std::vector<model::VirtualFolder>& list) {
  sql << of(owners).erase, soci::use(owner_id);
  Row position = 0;
  for (const model::VirtualFolder& mount : list) {
    Row folder_id = 0;
    sql << "SELECT id FROM folders WHERE name = :name", soci::use(mount.name), soci::into(folder_id);
    if (!sql.got_data()) return fail_reference("virtual_folders", "folder", mount.name);
    const Row size = mount.quota_size, files = mount.quota_files;
    sql << of(owners).insert, soci::use(owner_id), soci::use(position), soci::use(folder_id),
        soci::use(mount.virtual_path), soci::use(size), soci::use(files), soci::use(mount.subpath);
    ++position;
  }
  return {};
}

std::vector<std::string> owners_of(soci::session& sql, Of owners, Row folder_id) {
  return names_of(sql, of(owners).owners, folder_id);
}

}  // namespace mounts

namespace folders {

namespace {

void add_owners(soci::session& sql, model::Folder& folder) {
  folder.users = mounts::owners_of(sql, mounts::Of::users, folder.id);
  folder.groups = mounts::owners_of(sql, mounts::Of::groups, folder.id);
}

}  // namespace

Result<model::Folder> find(soci::session& sql, const std::string& name) {
  Columns c;
  soci::statement query = into_columns((sql.prepare << FERRY_FOLDER_COLUMNS "WHERE name = :name", soci::use(name)), c);
  if (!query.execute(true)) return fail_missing("folder", name);
  auto folder = to_folder(c);
  if (folder) add_owners(sql, *folder);
  return folder;
}

Result<std::vector<model::Folder>> list(soci::session& sql, Page page) {
  Columns c;
  const Row limit = as_row(page.limit), offset = as_row(page.offset);
  const char* query = page.descending ? FERRY_FOLDER_COLUMNS "ORDER BY name DESC LIMIT :limit OFFSET :offset"
                                      : FERRY_FOLDER_COLUMNS "ORDER BY name LIMIT :limit OFFSET :offset";
  soci::statement rows = into_columns((sql.prepare << query, soci::use(limit), soci::use(offset)), c);
  return fetch_all(rows, [&] {
    auto folder = to_folder(c);
    if (folder) add_owners(sql, *folder);
    return folder;
  });
}

Result<model::Folder> add(soci::session& sql, model::Folder folder, Origin origin) {
  int taken = 0;
  sql << "SELECT count(*) FROM folders WHERE name = :name", soci::use(folder.name), soci::into(taken);
  if (taken != 0) return fail_exists("folder", folder.name);
  set_store_fields(folder, origin);
  const std::string record = record_of(folder);
  const Row size = folder.used_quota_size, files = folder.used_quota_files, when = folder.last_quota_update;
  sql << "INSERT INTO folders (name, data, used_quota_size, used_quota_files, last_quota_update) "
         "VALUES (:name, :data, :size, :files, :when)",
      soci::use(folder.name), soci::use(record), soci::use(size), soci::use(files), soci::use(when);
  return find(sql, folder.name);
}

Result<model::Folder> change(soci::session& sql, const std::string& name, const Change<model::Folder>& change) {
  const auto stored = find(sql, name);
  if (!stored) return fail(stored.error());
  model::Folder folder = *stored;
  if (auto changed = change(folder); !changed) return fail(changed.error());
  restore_store_fields(folder, *stored);
  const Row id = stored->id;
  const std::string record = record_of(folder);
  sql << "UPDATE folders SET data = :data WHERE id = :id", soci::use(record), soci::use(id);
  return find(sql, name);
}

Result<void> erase(soci::session& sql, const std::string& name) {
  sql << "DELETE FROM folders WHERE name = :name", soci::use(name);
  if (!changed_any(sql)) return fail_missing("folder", name);
  return {};
}

Result<void> update_quota(soci::session& sql, const std::string& name, QuotaUsage usage, QuotaUpdate how) {
  const auto now = how == QuotaUpdate::add ? quota(sql, name) : Result<QuotaUsage>(QuotaUsage{});
  if (!now) return fail(now.error());
  const Row files = add_usage(now->files, usage.files), size = add_usage(now->size, usage.size), when = now_ms();
  sql << "UPDATE folders SET used_quota_files = :files, used_quota_size = :size, last_quota_update = :when "
         "WHERE name = :name",
      soci::use(files), soci::use(size), soci::use(when), soci::use(name);
  if (!changed_any(sql)) return fail_missing("folder", name);
  return {};
}

Result<QuotaUsage> quota(soci::session& sql, const std::string& name) {
  Row files = 0, size = 0;
  sql << "SELECT used_quota_files, used_quota_size FROM folders WHERE name = :name", soci::use(name), soci::into(files),
      soci::into(size);
  if (!sql.got_data()) return fail_missing("folder", name);
  return QuotaUsage{files, size};
}

}  // namespace folders

}  // namespace ferry::store::tables
