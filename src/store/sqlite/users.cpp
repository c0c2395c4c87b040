#include <memory>

#include "model/effective_user.h"
#include "model/json.h"
#include "store/sqlite/tables.h"
#include "store/store_fields.h"

namespace ferry::store::tables::users {

namespace {

struct Columns {
  Row id = 0, created_at = 0, updated_at = 0, last_login = 0, first_download = 0, first_upload = 0;
  Row quota_size = 0, quota_files = 0, quota_update = 0, upload = 0, download = 0;
  std::string data, role;
};

#define FERRY_USER_COLUMNS                                                                              \
  "SELECT id, created_at, updated_at, last_login, first_download, first_upload, used_quota_size, "      \
  "used_quota_files, last_quota_update, used_upload_data_transfer, used_download_data_transfer, data, " \
  "COALESCE((SELECT r.name FROM roles r WHERE r.id = role_id), '') FROM users "

template <class Prepared>
auto into_columns(Prepared&& prepared, Columns& c) {
  return (prepared, soci::into(c.id), soci::into(c.created_at), soci::into(c.updated_at), soci::into(c.last_login),
          soci::into(c.first_download), soci::into(c.first_upload), soci::into(c.quota_size), soci::into(c.quota_files),
          soci::into(c.quota_update), soci::into(c.upload), soci::into(c.download), soci::into(c.data),
          soci::into(c.role));
}

Result<model::User> to_user(soci::session& sql, const Columns& c) {
  auto user = model::user_from_text(c.data);
  if (!user) return fail(ErrorCode::io_error, "a user's record is damaged: " + user.error().message);
  user->id = c.id;
  user->created_at = c.created_at;
  user->updated_at = c.updated_at;
  user->last_login = c.last_login;
  user->first_download = c.first_download;
  user->first_upload = c.first_upload;
  user->used_quota_size = c.quota_size;
  user->used_quota_files = c.quota_files;
  user->last_quota_update = c.quota_update;
  user->used_upload_data_transfer = c.upload;
  user->used_download_data_transfer = c.download;
  user->role = c.role;
  for (members::Member& member : members::find(sql, members::Of::users, c.id)) {
    user->groups.push_back({std::move(member.group), member.kind});
  }
  user->virtual_folders = mounts::find(sql, mounts::Of::users, c.id);
  return user;
}

Result<model::User> load(soci::session& sql, const std::string& name) {
  Columns c;
  soci::statement query =
      into_columns((sql.prepare << FERRY_USER_COLUMNS "WHERE username = :name", soci::use(name)), c);
  if (!query.execute(true)) return fail_missing("user", name);
  return to_user(sql, c);
}

// The record without what has a table of its own.
std::string record_of(const model::User& user) {
  model::User bare = user;
  bare.virtual_folders.clear();
  bare.groups.clear();
  bare.role.clear();
  return model::to_text(bare, model::View::storage);
}

Result<void> replace_groups(soci::session& sql, Row id, const std::vector<model::GroupMapping>& groups) {
  std::vector<members::Member> list;
  for (const model::GroupMapping& group : groups) list.push_back({group.name, group.type});
  return members::replace(sql, members::Of::users, id, list);
}

Result<model::UserPtr> share(Result<model::User> user) {
  if (!user) return fail(std::move(user.error()));
  return std::make_shared<const model::User>(std::move(*user));
}

}  // namespace

Result<model::UserPtr> find(soci::session& sql, const std::string& name) { return share(load(sql, name)); }

Result<model::UserPtr> find_effective(soci::session& sql, const std::string& name) {
  auto user = load(sql, name);
  if (!user || user->groups.empty()) return share(std::move(user));
  const auto groups = groups::of_user(sql, user->id);
  if (!groups) return fail(groups.error());
  return share(model::effective_user(std::move(*user), *groups));
}

Result<std::vector<model::UserPtr>> list(soci::session& sql, Page page) {
  Columns c;
  const Row limit = as_row(page.limit), offset = as_row(page.offset);
  const char* query = page.descending ? FERRY_USER_COLUMNS "ORDER BY username DESC LIMIT :limit OFFSET :offset"
                                      : FERRY_USER_COLUMNS "ORDER BY username LIMIT :limit OFFSET :offset";
  soci::statement rows = into_columns((sql.prepare << query, soci::use(limit), soci::use(offset)), c);
  return fetch_all(rows, [&] { return share(to_user(sql, c)); });
}

Result<std::vector<model::UserPtr>> list_of_role(soci::session& sql, const std::string& role, Page page) {
  Columns c;
  const Row limit = as_row(page.limit), offset = as_row(page.offset);
  const char* query = page.descending ? FERRY_USER_COLUMNS
                          "WHERE role_id = (SELECT id FROM roles WHERE name = :role) "
                          "ORDER BY username DESC LIMIT :limit OFFSET :offset"
                                      : FERRY_USER_COLUMNS
                          "WHERE role_id = (SELECT id FROM roles WHERE name = :role) "
                          "ORDER BY username LIMIT :limit OFFSET :offset";
  soci::statement rows = into_columns((sql.prepare << query, soci::use(role), soci::use(limit), soci::use(offset)), c);
  return fetch_all(rows, [&] { return share(to_user(sql, c)); });
}

Result<model::UserPtr> add(soci::session& sql, model::User user, Origin origin) {
  int taken = 0;
  sql << "SELECT count(*) FROM users WHERE username = :name", soci::use(user.username), soci::into(taken);
  if (taken != 0) return fail_exists("user", user.username);
  set_store_fields(user, origin);
  const Row created = user.created_at, updated = user.updated_at, last_login = user.last_login;
  const Row download = user.first_download, upload = user.first_upload;
  const std::string record = record_of(user);
  sql << "INSERT INTO users (username, created_at, updated_at, last_login, first_download, first_upload, data) "
         "VALUES (:name, :created, :updated, :login, :download, :upload, :data)",
      soci::use(user.username), soci::use(created), soci::use(updated), soci::use(last_login), soci::use(download),
      soci::use(upload), soci::use(record);
  const Row id = last_id(sql);
  if (auto done = mounts::replace(sql, mounts::Of::users, id, user.virtual_folders); !done) return fail(done.error());
  if (auto done = replace_groups(sql, id, user.groups); !done) return fail(done.error());
  if (auto done = roles::assign(sql, members::Of::users, id, user.role); !done) return fail(done.error());
  return find(sql, user.username);
}

Result<model::UserPtr> change(soci::session& sql, const std::string& name, const Change<model::User>& change) {
  const auto stored = load(sql, name);
  if (!stored) return fail(stored.error());
  model::User user = *stored;
  if (auto changed = change(user); !changed) return fail(changed.error());
  restore_store_fields(user, *stored);
  const Row now = now_ms(), id = stored->id;
  const std::string record = record_of(user);
  sql << "UPDATE users SET updated_at = :now, data = :data WHERE id = :id", soci::use(now), soci::use(record),
      soci::use(id);
  Result<void> done;
  if (user.virtual_folders != stored->virtual_folders) {
    done = mounts::replace(sql, mounts::Of::users, id, user.virtual_folders);
  }
  if (done && user.groups != stored->groups) done = replace_groups(sql, id, user.groups);
  if (done && user.role != stored->role) done = roles::assign(sql, members::Of::users, id, user.role);
  if (!done) return fail(done.error());
  return find(sql, name);
}

Result<void> erase(soci::session& sql, const std::string& name) {
  sql << "DELETE FROM users WHERE username = :name", soci::use(name);
  if (!changed_any(sql)) return fail_missing("user", name);
  return {};
}

Result<void> update_quota(soci::session& sql, const std::string& name, QuotaUsage usage, QuotaUpdate how) {
  const auto now = how == QuotaUpdate::add ? quota(sql, name) : Result<QuotaUsage>(QuotaUsage{});
  if (!now) return fail(now.error());
  const Row files = add_usage(now->files, usage.files), size = add_usage(now->size, usage.size), when = now_ms();
  sql << "UPDATE users SET used_quota_files = :files, used_quota_size = :size, last_quota_update = :when "
         "WHERE username = :name",
      soci::use(files), soci::use(size), soci::use(when), soci::use(name);
  if (!changed_any(sql)) return fail_missing("user", name);
  return {};
}

Result<void> update_transfer(soci::session& sql, const std::string& name, TransferUsage usage, QuotaUpdate how) {
  const auto now = how == QuotaUpdate::add ? transfer(sql, name) : Result<TransferUsage>(TransferUsage{});
  if (!now) return fail(now.error());
  const Row up = add_usage(now->upload, usage.upload), down = add_usage(now->download, usage.download);
  const Row when = now_ms();
  sql << "UPDATE users SET used_upload_data_transfer = :up, used_download_data_transfer = :down, "
         "last_quota_update = :when WHERE username = :name",
      soci::use(up), soci::use(down), soci::use(when), soci::use(name);
  if (!changed_any(sql)) return fail_missing("user", name);
  return {};
}

Result<QuotaUsage> quota(soci::session& sql, const std::string& name) {
  Row files = 0, size = 0;
  sql << "SELECT used_quota_files, used_quota_size FROM users WHERE username = :name", soci::use(name),
      soci::into(files), soci::into(size);
  if (!sql.got_data()) return fail_missing("user", name);
  return QuotaUsage{files, size};
}

Result<TransferUsage> transfer(soci::session& sql, const std::string& name) {
  Row up = 0, down = 0;
  sql << "SELECT used_upload_data_transfer, used_download_data_transfer FROM users WHERE username = :name",
      soci::use(name), soci::into(up), soci::into(down);
  if (!sql.got_data()) return fail_missing("user", name);
  return TransferUsage{up, down};
}

Result<void> set_last_login(soci::session& sql, const std::string& name, Row when) {
  sql << "UPDATE users SET last_login = :when WHERE username = :name", soci::use(when), soci::use(name);
  if (!changed_any(sql)) return fail_missing("user", name);
  return {};
}

Result<bool> note_first_transfer(soci::session& sql, const std::string& name, bool upload, Row when) {
  const char* update = upload ? "UPDATE users SET first_upload = :when WHERE username = :name AND first_upload = 0"
                              : "UPDATE users SET first_download = :when WHERE username = :name AND first_download = 0";
  sql << update, soci::use(when), soci::use(name);
  if (changed_any(sql)) return true;
  int known = 0;
  sql << "SELECT EXISTS (SELECT 1 FROM users WHERE username = :name)", soci::use(name), soci::into(known);
  if (known == 0) return fail_missing("user", name);
  return false;
}

}  // namespace ferry::store::tables::users
