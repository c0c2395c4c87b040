#include "model/json.h"
#include "store/sqlite/tables.h"
#include "store/store_fields.h"

namespace ferry::store::tables::api_keys {

namespace {

struct Columns {
  Row created_at = 0, updated_at = 0, last_use_at = 0;
  std::string key_id, data, user, admin;
};

#define FERRY_API_KEY_COLUMNS                                             \
  "SELECT key_id, created_at, updated_at, last_use_at, data, "            \
  "COALESCE((SELECT u.username FROM users u WHERE u.id = user_id), ''), " \
  "COALESCE((SELECT a.username FROM admins a WHERE a.id = admin_id), '') FROM api_keys "

template <class Prepared>
auto into_columns(Prepared&& prepared, Columns& c) {
  return (prepared, soci::into(c.key_id), soci::into(c.created_at), soci::into(c.updated_at), soci::into(c.last_use_at),
          soci::into(c.data), soci::into(c.user), soci::into(c.admin));
}

Result<model::ApiKey> to_key(const Columns& c) {
  auto key = model::api_key_from_text(c.data);
  if (!key) return fail(ErrorCode::io_error, "an API key's record is damaged: " + key.error().message);
  key->id = c.key_id;
  key->created_at = c.created_at;
  key->updated_at = c.updated_at;
  key->last_use_at = c.last_use_at;
  key->user = c.user;
  key->admin = c.admin;
  return key;
}

// The record without what has a column of its own.
std::string record_of(const model::ApiKey& key) {
  model::ApiKey bare = key;
  bare.user.clear();
  bare.admin.clear();
  return model::to_text(bare, model::View::storage);
}

// Whom the key is bound to; null for nobody.
struct Owner {
  Row id = 0;
  soci::indicator given = soci::i_null;
};

Result<Owner> find_owner(soci::session& sql, const char* kind, const char* query, const std::string& name) {
  Owner owner;
  if (name.empty()) return owner;
  sql << query, soci::use(name), soci::into(owner.id);
  if (!sql.got_data()) return fail_reference(kind, kind, name);
  owner.given = soci::i_ok;
  return owner;
}

Result<void> set_owners(soci::session& sql, const model::ApiKey& key) {
  auto user = find_owner(sql, "user", "SELECT id FROM users WHERE username = :name", key.user);
  if (!user) return fail(user.error());
  auto admin = find_owner(sql, "admin", "SELECT id FROM admins WHERE username = :name", key.admin);
  if (!admin) return fail(admin.error());
  sql << "UPDATE api_keys SET user_id = :user, admin_id = :admin WHERE key_id = :id", soci::use(user->id, user->given),
      soci::use(admin->id, admin->given), soci::use(key.id);
  return {};
}

}  // namespace

Result<model::ApiKey> find(soci::session& sql, const std::string& id) {
  Columns c;
  soci::statement query = into_columns((sql.prepare << FERRY_API_KEY_COLUMNS "WHERE key_id = :id", soci::use(id)), c);
  if (!query.execute(true)) return fail_missing("API key", id);
  return to_key(c);
}

Result<std::vector<model::ApiKey>> list(soci::session& sql, Page page) {
  Columns c;
  const Row limit = as_row(page.limit), offset = as_row(page.offset);
  const char* query = page.descending ? FERRY_API_KEY_COLUMNS "ORDER BY key_id DESC LIMIT :limit OFFSET :offset"
                                      : FERRY_API_KEY_COLUMNS "ORDER BY key_id LIMIT :limit OFFSET :offset";
  soci::statement rows = into_columns((sql.prepare << query, soci::use(limit), soci::use(offset)), c);
  return fetch_all(rows, [&] { return to_key(c); });
}

Result<model::ApiKey> add(soci::session& sql, model::ApiKey key, Origin origin) {
  int taken = 0;
  sql << "SELECT count(*) FROM api_keys WHERE key_id = :id", soci::use(key.id), soci::into(taken);
  if (taken != 0) return fail_exists("API key", key.id);
  set_store_fields(key, origin);
  const Row created = key.created_at, updated = key.updated_at, last_use = key.last_use_at;
  const std::string record = record_of(key);
  sql << "INSERT INTO api_keys (key_id, created_at, updated_at, last_use_at, data) "
         "VALUES (:id, :created, :updated, :used, :data)",
      soci::use(key.id), soci::use(created), soci::use(updated), soci::use(last_use), soci::use(record);
  if (auto done = set_owners(sql, key); !done) return fail(done.error());
  return find(sql, key.id);
}

Result<model::ApiKey> change(soci::session& sql, const std::string& id, const Change<model::ApiKey>& change) {
  const auto stored = find(sql, id);
  if (!stored) return fail(stored.error());
  model::ApiKey key = *stored;
  if (auto changed = change(key); !changed) return fail(changed.error());
  restore_store_fields(key, *stored);
  const Row now = now_ms();
  const std::string record = record_of(key);
  sql << "UPDATE api_keys SET updated_at = :now, data = :data WHERE key_id = :id", soci::use(now), soci::use(record),
      soci::use(id);
  if (auto done = set_owners(sql, key); !done) return fail(done.error());
  return find(sql, id);
}

Result<void> erase(soci::session& sql, const std::string& id) {
  sql << "DELETE FROM api_keys WHERE key_id = :id", soci::use(id);
  if (!changed_any(sql)) return fail_missing("API key", id);
  return {};
}

Result<void> set_last_use(soci::session& sql, const std::string& id, Row when) {
  sql << "UPDATE api_keys SET last_use_at = :when WHERE key_id = :id", soci::use(when), soci::use(id);
  if (!changed_any(sql)) return fail_missing("API key", id);
  return {};
}

}  // namespace ferry::store::tables::api_keys
