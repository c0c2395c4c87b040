#include "model/json.h"
#include "store/sqlite/tables.h"
#include "store/store_fields.h"

namespace ferry::store::tables {

namespace members {

namespace {

struct Statements {
  const char* select;
  const char* erase;
  const char* insert;
  const char* members;
};

const Statements& of(Of members) {
  static constexpr Statements users{
      "SELECT g.name, m.kind FROM users_groups m JOIN account_groups g ON g.id = m.group_id WHERE m.user_id = :member "
      "ORDER BY m.position",
      "DELETE FROM users_groups WHERE user_id = :member",
      "INSERT INTO users_groups (user_id, position, group_id, kind) VALUES (:member, :position, :group, :kind)",
      "SELECT u.username FROM users_groups m JOIN users u ON u.id = m.user_id WHERE m.group_id = :group "
      "ORDER BY u.username"};
  static constexpr Statements admins{
      "SELECT g.name, m.kind FROM admins_groups m JOIN account_groups g ON g.id = m.group_id "
      "WHERE m.admin_id = :member ORDER BY m.position",
      "DELETE FROM admins_groups WHERE admin_id = :member",
      "INSERT INTO admins_groups (admin_id, position, group_id, kind) VALUES (:member, :position, :group, :kind)",
      "SELECT a.username FROM admins_groups m JOIN admins a ON a.id = m.admin_id WHERE m.group_id = :group "
      "ORDER BY a.username"};
  return members == Of::users ? users : admins;
}

}  // namespace

std::vector<Member> find(soci::session& sql, Of members, Row member_id) {
  Member member;
  soci::statement rows =
      (sql.prepare << of(members).select, soci::use(member_id), soci::into(member.group), soci::into(member.kind));
  rows.execute();
  std::vector<Member> list;
  while (rows.fetch()) list.push_back(member);
  return list;
}

Result<void> replace(soci::session& sql, Of members, Row member_id, const std::vector<Member>& list) {
  sql << of(members).erase, soci::use(member_id);
  Row position = 0;
  for (const Member& member : list) {
    Row group_id = 0;
    sql << "SELECT id FROM account_groups WHERE name = :name", soci::use(member.group), soci::into(group_id);
    if (!sql.got_data()) return fail_reference("groups", "group", member.group);
    sql << of(members).insert, soci::use(member_id), soci::use(position), soci::use(group_id), soci::use(member.kind);
    ++position;
  }
  return {};
}

std::vector<std::string> members_of(soci::session& sql, Of members, Row group_id) {
  return names_of(sql, of(members).members, group_id);
}

}  // namespace members

namespace groups {

namespace {

struct Columns {
  Row id = 0, created_at = 0, updated_at = 0;
  std::string data;
};

#define FERRY_GROUP_COLUMNS "SELECT id, created_at, updated_at, data FROM account_groups "

template <class Prepared>
auto into_columns(Prepared&& prepared, Columns& c) {
  return (prepared, soci::into(c.id), soci::into(c.created_at), soci::into(c.updated_at), soci::into(c.data));
}

Result<model::Group> to_group(soci::session& sql, const Columns& c) {
  auto group = model::group_from_text(c.data);
  if (!group) return fail(ErrorCode::io_error, "a group's record is damaged: " + group.error().message);
  group->id = c.id;
  group->created_at = c.created_at;
  group->updated_at = c.updated_at;
  group->virtual_folders = mounts::find(sql, mounts::Of::groups, c.id);
  return group;
}

void add_members(soci::session& sql, model::Group& group) {
  group.users = members::members_of(sql, members::Of::users, group.id);
  group.admins = members::members_of(sql, members::Of::admins, group.id);
}

std::string record_of(const model::Group& group) {
  model::Group bare = group;
  bare.virtual_folders.clear();
  bare.users.clear();
  bare.admins.clear();
  return model::to_text(bare, model::View::storage);
}

}  // namespace

Result<model::Group> find(soci::session& sql, const std::string& name) {
  Columns c;
  soci::statement query = into_columns((sql.prepare << FERRY_GROUP_COLUMNS "WHERE name = :name", soci::use(name)), c);
  if (!query.execute(true)) return fail_missing("group", name);
  auto group = to_group(sql, c);
  if (group) add_members(sql, *group);
  return group;
}

Result<std::vector<model::Group>> of_user(soci::session& sql, Row user_id) {
  Columns c;
  soci::statement rows = into_columns(
      (sql.prepare << FERRY_GROUP_COLUMNS "WHERE id IN (SELECT group_id FROM users_groups WHERE user_id = :user)",
       soci::use(user_id)),
      c);
  return fetch_all(rows, [&] { return to_group(sql, c); });
}

Result<std::vector<model::Group>> list(soci::session& sql, Page page) {
  Columns c;
  const Row limit = as_row(page.limit), offset = as_row(page.offset);
  const char* query = page.descending ? FERRY_GROUP_COLUMNS "ORDER BY name DESC LIMIT :limit OFFSET :offset"
                                      : FERRY_GROUP_COLUMNS "ORDER BY name LIMIT :limit OFFSET :offset";
  soci::statement rows = into_columns((sql.prepare << query, soci::use(limit), soci::use(offset)), c);
  return fetch_all(rows, [&] {
    auto group = to_group(sql, c);
    if (group) add_members(sql, *group);
    return group;
  });
}

Result<model::Group> add(soci::session& sql, model::Group group, Origin origin) {
  int taken = 0;
  sql << "SELECT count(*) FROM account_groups WHERE name = :name", soci::use(group.name), soci::into(taken);
  if (taken != 0) return fail_exists("group", group.name);
  set_store_fields(group, origin);
  const Row created = group.created_at, updated = group.updated_at;
  const std::string record = record_of(group);
  sql << "INSERT INTO account_groups (name, created_at, updated_at, data) VALUES (:name, :created, :updated, :data)",
      soci::use(group.name), soci::use(created), soci::use(updated), soci::use(record);
  auto done = mounts::replace(sql, mounts::Of::groups, last_id(sql), group.virtual_folders);
  if (!done) return fail(done.error());
  return find(sql, group.name);
}

Result<model::Group> change(soci::session& sql, const std::string& name, const Change<model::Group>& change) {
  const auto stored = find(sql, name);
  if (!stored) return fail(stored.error());
  model::Group group = *stored;
  if (auto changed = change(group); !changed) return fail(changed.error());
  restore_store_fields(group, *stored);
  const Row now = now_ms(), id = stored->id;
  const std::string record = record_of(group);
  sql << "UPDATE account_groups SET updated_at = :now, data = :data WHERE id = :id", soci::use(now), soci::use(record),
      soci::use(id);
  if (group.virtual_folders != stored->virtual_folders) {
    auto done = mounts::replace(sql, mounts::Of::groups, id, group.virtual_folders);
    if (!done) return fail(done.error());
  }
  return find(sql, name);
}

Result<void> erase(soci::session& sql, const std::string& name) {
  int users = 0;
  sql << "SELECT EXISTS (SELECT 1 FROM users_groups m JOIN account_groups g ON g.id = m.group_id WHERE g.name = :name)",
      soci::use(name), soci::into(users);
  if (users != 0) return fail_in_use("group", name, "users");
  sql << "DELETE FROM account_groups WHERE name = :name", soci::use(name);
  if (!changed_any(sql)) return fail_missing("group", name);
  return {};
}

}  // namespace groups

}  // namespace ferry::store::tables
