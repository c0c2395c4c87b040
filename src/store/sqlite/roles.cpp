#include "model/json.h"
#include "store/sqlite/tables.h"
#include "store/store_fields.h"

namespace ferry::store::tables {

namespace roles {

namespace {

struct Columns {
  Row id = 0, created_at = 0, updated_at = 0;
  std::string data;
};

#define FERRY_ROLE_COLUMNS "SELECT id, created_at, updated_at, data FROM roles "

template <class Prepared>
auto into_columns(Prepared&& prepared, Columns& c) {
  return (prepared, soci::into(c.id), soci::into(c.created_at), soci::into(c.updated_at), soci::into(c.data));
}

Result<model::Role> to_role(soci::session& sql, const Columns& c) {
  auto role = model::role_from_text(c.data);
  if (!role) return fail(ErrorCode::io_error, "a role's record is damaged: " + role.error().message);
  role->id = c.id;
  role->created_at = c.created_at;
  role->updated_at = c.updated_at;
  role->users = names_of(sql, "SELECT username FROM users WHERE role_id = :role ORDER BY username", c.id);
  role->admins = names_of(sql, "SELECT username FROM admins WHERE role_id = :role ORDER BY username", c.id);
  return role;
}

std::string record_of(const model::Role& role) {
  model::Role bare = role;
  bare.users.clear();
  bare.admins.clear();
  return model::to_text(bare, model::View::storage);
}

}  // namespace

Result<void> assign(soci::session& sql, members::Of members, Row member_id, const std::string& role) {
  Row role_id = 0;
  soci::indicator given = soci::i_null;
  if (!role.empty()) {
    sql << "SELECT id FROM roles WHERE name = :name", soci::use(role), soci::into(role_id);
    if (!sql.got_data()) return fail_reference("role", "role", role);
    given = soci::i_ok;
  }
  const char* update = members == members::Of::users ? "UPDATE users SET role_id = :role WHERE id = :id"
                                                     : "UPDATE admins SET role_id = :role WHERE id = :id";
  sql << update, soci::use(role_id, given), soci::use(member_id);
  return {};
}

Result<model::Role> find(soci::session& sql, const std::string& name) {
  Columns c;
  soci::statement query = into_columns((sql.prepare << FERRY_ROLE_COLUMNS "WHERE name = :name", soci::use(name)), c);
  if (!query.execute(true)) return fail_missing("role", name);
  return to_role(sql, c);
}

Result<std::vector<model::Role>> list(soci::session& sql, Page page) {
  Columns c;
  const Row limit = as_row(page.limit), offset = as_row(page.offset);
  const char* query = page.descending ? FERRY_ROLE_COLUMNS "ORDER BY name DESC LIMIT :limit OFFSET :offset"
                                      : FERRY_ROLE_COLUMNS "ORDER BY name LIMIT :limit OFFSET :offset";
  soci::statement rows = into_columns((sql.prepare << query, soci::use(limit), soci::use(offset)), c);
  return fetch_all(rows, [&] { return to_role(sql, c); });
}

Result<model::Role> add(soci::session& sql, model::Role role, Origin origin) {
  int taken = 0;
  sql << "SELECT count(*) FROM roles WHERE name = :name", soci::use(role.name), soci::into(taken);
  if (taken != 0) return fail_exists("role", role.name);
  set_store_fields(role, origin);
  const Row created = role.created_at, updated = role.updated_at;
  const std::string record = record_of(role);
  sql << "INSERT INTO roles (name, created_at, updated_at, data) VALUES (:name, :created, :updated, :data)",
      soci::use(role.name), soci::use(created), soci::use(updated), soci::use(record);
  return find(sql, role.name);
}

Result<model::Role> change(soci::session& sql, const std::string& name, const Change<model::Role>& change) {
  const auto stored = find(sql, name);
  if (!stored) return fail(stored.error());
  model::Role role = *stored;
  if (auto changed = change(role); !changed) return fail(changed.error());
  restore_store_fields(role, *stored);
  const Row now = now_ms(), id = stored->id;
  const std::string record = record_of(role);
  sql << "UPDATE roles SET updated_at = :now, data = :data WHERE id = :id", soci::use(now), soci::use(record),
      soci::use(id);
  return find(sql, name);
}

Result<void> erase(soci::session& sql, const std::string& name) {
  int admins = 0;
  sql << "SELECT EXISTS (SELECT 1 FROM admins WHERE role_id = (SELECT id FROM roles WHERE name = :name))",
      soci::use(name), soci::into(admins);
  if (admins != 0) return fail_in_use("role", name, "administrators");
  sql << "DELETE FROM roles WHERE name = :name", soci::use(name);
  if (!changed_any(sql)) return fail_missing("role", name);
  return {};
}

}  // namespace roles

Result<Snapshot> snapshot(soci::session& sql) {
  Snapshot all;
  const auto take = [](auto list, auto& into) -> Result<void> {
    if (!list) return fail(std::move(list.error()));
    into = std::move(*list);
    return {};
  };
  auto done = take(users::list(sql, everything), all.users);
  if (done) done = take(groups::list(sql, everything), all.groups);
  if (done) done = take(folders::list(sql, everything), all.folders);
  if (done) done = take(admins::list(sql, everything), all.admins);
  if (done) done = take(roles::list(sql, everything), all.roles);
  if (done) done = take(api_keys::list(sql, everything), all.api_keys);
  if (!done) return fail(std::move(done.error()));
  all.ip_lists = ip_lists::all(sql);
  return all;
}

}  // namespace ferry::store::tables
