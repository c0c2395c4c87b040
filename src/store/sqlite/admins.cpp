#include <memory>

#include "model/json.h"
#include "store/sqlite/tables.h"
#include "store/store_fields.h"

namespace ferry::store::tables::admins {

namespace {

struct Columns {
  Row id = 0, created_at = 0, updated_at = 0, last_login = 0;
  std::string data, role;
};

#define FERRY_ADMIN_COLUMNS                               \
  "SELECT id, created_at, updated_at, last_login, data, " \
  "COALESCE((SELECT r.name FROM roles r WHERE r.id = role_id), '') FROM admins "

template <class Prepared>
auto into_columns(Prepared&& prepared, Columns& c) {
  return (prepared, soci::into(c.id), soci::into(c.created_at), soci::into(c.updated_at), soci::into(c.last_login),
          soci::into(c.data), soci::into(c.role));
}

Result<model::AdminPtr> to_admin(soci::session& sql, const Columns& c) {
  auto admin = model::admin_from_text(c.data);
  if (!admin) return fail(ErrorCode::io_error, "an admin's record is damaged: " + admin.error().message);
  admin->id = c.id;
  admin->created_at = c.created_at;
  admin->updated_at = c.updated_at;
  admin->last_login = c.last_login;
  admin->role = c.role;
  for (members::Member& member : members::find(sql, members::Of::admins, c.id)) {
    admin->groups.push_back({std::move(member.group), {member.kind}});
  }
  return std::make_shared<const model::Admin>(std::move(*admin));
}

// The record without what has a table of its own.
std::string record_of(const model::Admin& admin) {
  model::Admin bare = admin;
  bare.groups.clear();
  bare.role.clear();
  return model::to_text(bare, model::View::storage);
}

Result<void> replace_references(soci::session& sql, Row id, const model::Admin& admin) {
  std::vector<members::Member> list;
  for (const model::AdminGroupMapping& group : admin.groups)
    list.push_back({group.name, group.options.add_to_users_as});
  if (auto done = members::replace(sql, members::Of::admins, id, list); !done) return done;
  return roles::assign(sql, members::Of::admins, id, admin.role);
}

}  // namespace

Result<model::AdminPtr> find(soci::session& sql, const std::string& name) {
  Columns c;
  soci::statement query =
      into_columns((sql.prepare << FERRY_ADMIN_COLUMNS "WHERE username = :name", soci::use(name)), c);
  if (!query.execute(true)) return fail_missing("admin", name);
  return to_admin(sql, c);
}

Result<std::vector<model::AdminPtr>> list(soci::session& sql, Page page) {
  Columns c;
  const Row limit = as_row(page.limit), offset = as_row(page.offset);
  const char* query = page.descending ? FERRY_ADMIN_COLUMNS "ORDER BY username DESC LIMIT :limit OFFSET :offset"
                                      : FERRY_ADMIN_COLUMNS "ORDER BY username LIMIT :limit OFFSET :offset";
  soci::statement rows = into_columns((sql.prepare << query, soci::use(limit), soci::use(offset)), c);
  return fetch_all(rows, [&] { return to_admin(sql, c); });
}

Result<model::AdminPtr> add(soci::session& sql, model::Admin admin, Origin origin) {
  int taken = 0;
  sql << "SELECT count(*) FROM admins WHERE username = :name", soci::use(admin.username), soci::into(taken);
  if (taken != 0) return fail_exists("admin", admin.username);
  set_store_fields(admin, origin);
  const Row created = admin.created_at, updated = admin.updated_at, last_login = admin.last_login;
  const std::string record = record_of(admin);
  sql << "INSERT INTO admins (username, created_at, updated_at, last_login, data) "
         "VALUES (:name, :created, :updated, :login, :data)",
      soci::use(admin.username), soci::use(created), soci::use(updated), soci::use(last_login), soci::use(record);
  if (auto done = replace_references(sql, last_id(sql), admin); !done) return fail(done.error());
  return find(sql, admin.username);
}

Result<model::AdminPtr> change(soci::session& sql, const std::string& name, const Change<model::Admin>& change) {
  const auto stored = find(sql, name);
  if (!stored) return fail(stored.error());
  model::Admin admin = **stored;
  if (auto changed = change(admin); !changed) return fail(changed.error());
  restore_store_fields(admin, **stored);
  const Row now = now_ms(), id = admin.id;
  const std::string record = record_of(admin);
  sql << "UPDATE admins SET updated_at = :now, data = :data WHERE id = :id", soci::use(now), soci::use(record),
      soci::use(id);
  if (auto done = replace_references(sql, id, admin); !done) return fail(done.error());
  return find(sql, name);
}

Result<void> erase(soci::session& sql, const std::string& name) {
  sql << "DELETE FROM admins WHERE username = :name", soci::use(name);
  if (!changed_any(sql)) return fail_missing("admin", name);
  return {};
}

bool any(soci::session& sql) {
  int found = 0;
  sql << "SELECT EXISTS (SELECT 1 FROM admins)", soci::into(found);
  return found != 0;
}

Result<void> set_last_login(soci::session& sql, const std::string& name, Row when) {
  sql << "UPDATE admins SET last_login = :when WHERE username = :name", soci::use(when), soci::use(name);
  if (!changed_any(sql)) return fail_missing("admin", name);
  return {};
}

}  // namespace ferry::store::tables::admins
