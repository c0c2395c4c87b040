#include "store/sqlite/schema.h"

#include <sqlite3.h>
#include <sys/stat.h>

#include <memory>
#include <span>
#include <vector>

namespace ferry::store {

namespace {

// The objects' records are JSON in `data`. Beside it stand what is searched, and what changes by itself (counters,
// times): those are not read from the JSON.
constexpr const char* version_1[] = {
    "CREATE TABLE ferry_schema (version INTEGER NOT NULL)",
    "INSERT INTO ferry_schema (version) VALUES (0)",

    "CREATE TABLE users ("
    " id INTEGER PRIMARY KEY AUTOINCREMENT,"
    " username TEXT NOT NULL UNIQUE,"
    " created_at BIGINT NOT NULL,"
    " updated_at BIGINT NOT NULL,"
    " last_login BIGINT NOT NULL DEFAULT 0,"
    " first_download BIGINT NOT NULL DEFAULT 0,"
    " first_upload BIGINT NOT NULL DEFAULT 0,"
    " used_quota_size BIGINT NOT NULL DEFAULT 0,"
    " used_quota_files BIGINT NOT NULL DEFAULT 0,"
    " last_quota_update BIGINT NOT NULL DEFAULT 0,"
    " used_upload_data_transfer BIGINT NOT NULL DEFAULT 0,"
    " used_download_data_transfer BIGINT NOT NULL DEFAULT 0,"
    " data TEXT NOT NULL)",

    "CREATE TABLE admins ("
    " id INTEGER PRIMARY KEY AUTOINCREMENT,"
    " username TEXT NOT NULL UNIQUE,"
    " created_at BIGINT NOT NULL,"
    " updated_at BIGINT NOT NULL,"
    " last_login BIGINT NOT NULL DEFAULT 0,"
    " data TEXT NOT NULL)",

    "CREATE TABLE folders ("
    " id INTEGER PRIMARY KEY AUTOINCREMENT,"
    " name TEXT NOT NULL UNIQUE,"
    " used_quota_size BIGINT NOT NULL DEFAULT 0,"
    " used_quota_files BIGINT NOT NULL DEFAULT 0,"
    " last_quota_update BIGINT NOT NULL DEFAULT 0,"
    " data TEXT NOT NULL)",

    "CREATE TABLE users_folders ("
    " user_id INTEGER NOT NULL REFERENCES users (id) ON DELETE CASCADE,"
    " position INTEGER NOT NULL,"
    " folder_id INTEGER NOT NULL REFERENCES folders (id) ON DELETE CASCADE,"
    " virtual_path TEXT NOT NULL,"
    " quota_size BIGINT NOT NULL,"
    " quota_files BIGINT NOT NULL,"
    " subpath TEXT NOT NULL,"
    " PRIMARY KEY (user_id, position)) WITHOUT ROWID",
    "CREATE INDEX users_folders_by_folder ON users_folders (folder_id)",
};

// Groups and roles. Version 1 kept their names in the records of users and admins, and there was nothing else of
// them: what is named there begins as a group without settings and as a role, so that nobody loses a limit.
constexpr const char* version_2[] = {
    "CREATE TABLE roles ("
    " id INTEGER PRIMARY KEY AUTOINCREMENT,"
    " name TEXT NOT NULL UNIQUE,"
    " created_at BIGINT NOT NULL,"
    " updated_at BIGINT NOT NULL,"
    " data TEXT NOT NULL)",
    "CREATE TABLE account_groups ("
    " id INTEGER PRIMARY KEY AUTOINCREMENT,"
    " name TEXT NOT NULL UNIQUE,"
    " created_at BIGINT NOT NULL,"
    " updated_at BIGINT NOT NULL,"
    " data TEXT NOT NULL)",

    "ALTER TABLE users ADD COLUMN role_id INTEGER REFERENCES roles (id) ON DELETE SET NULL",
    "ALTER TABLE admins ADD COLUMN role_id INTEGER REFERENCES roles (id)",
    "CREATE INDEX users_by_role ON users (role_id, username)",
    "CREATE INDEX admins_by_role ON admins (role_id, username)",

    "CREATE TABLE users_groups ("
    " user_id INTEGER NOT NULL REFERENCES users (id) ON DELETE CASCADE,"
    " position INTEGER NOT NULL,"
    " group_id INTEGER NOT NULL REFERENCES account_groups (id),"
    " kind INTEGER NOT NULL,"
    " PRIMARY KEY (user_id, position)) WITHOUT ROWID",
    "CREATE INDEX users_groups_by_group ON users_groups (group_id)",
    "CREATE TABLE admins_groups ("
    " admin_id INTEGER NOT NULL REFERENCES admins (id) ON DELETE CASCADE,"
    " position INTEGER NOT NULL,"
    " group_id INTEGER NOT NULL REFERENCES account_groups (id) ON DELETE CASCADE,"
    " kind INTEGER NOT NULL,"
    " PRIMARY KEY (admin_id, position)) WITHOUT ROWID",
    "CREATE INDEX admins_groups_by_group ON admins_groups (group_id)",
    "CREATE TABLE groups_folders ("
    " group_id INTEGER NOT NULL REFERENCES account_groups (id) ON DELETE CASCADE,"
    " position INTEGER NOT NULL,"
    " folder_id INTEGER NOT NULL REFERENCES folders (id) ON DELETE CASCADE,"
    " virtual_path TEXT NOT NULL,"
    " quota_size BIGINT NOT NULL,"
    " quota_files BIGINT NOT NULL,"
    " subpath TEXT NOT NULL,"
    " PRIMARY KEY (group_id, position)) WITHOUT ROWID",
    "CREATE INDEX groups_folders_by_folder ON groups_folders (folder_id)",

    "INSERT INTO roles (name, created_at, updated_at, data)"
    " SELECT named.role, ms, ms, json_object('name', named.role) FROM"
    " (SELECT json_extract(data, '$.role') AS role FROM users UNION SELECT json_extract(data, '$.role') FROM admins)"
    " AS named, (SELECT CAST(unixepoch() AS INTEGER) * 1000 AS ms) WHERE named.role <> ''",
    "UPDATE users SET role_id = (SELECT id FROM roles WHERE name = json_extract(users.data, '$.role'))",
    "UPDATE admins SET role_id = (SELECT id FROM roles WHERE name = json_extract(admins.data, '$.role'))",

    "INSERT INTO account_groups (name, created_at, updated_at, data)"
    " SELECT named.name, ms, ms, json_object('name', named.name) FROM"
    " (SELECT json_extract(g.value, '$.name') AS name FROM users, json_each(users.data, '$.groups') AS g UNION"
    "  SELECT json_extract(g.value, '$.name') FROM admins, json_each(admins.data, '$.groups') AS g)"
    " AS named, (SELECT CAST(unixepoch() AS INTEGER) * 1000 AS ms)",
    // A user that names a group twice keeps the first.
    "INSERT INTO users_groups (user_id, position, group_id, kind)"
    " SELECT u.id, min(g.key), a.id, json_extract(g.value, '$.type') FROM users u, json_each(u.data, '$.groups') AS g"
    " JOIN account_groups a ON a.name = json_extract(g.value, '$.name') GROUP BY u.id, a.id",
    "INSERT INTO admins_groups (admin_id, position, group_id, kind)"
    " SELECT m.id, min(g.key), a.id, COALESCE(json_extract(g.value, '$.options.add_to_users_as'), 0)"
    " FROM admins m, json_each(m.data, '$.groups') AS g"
    " JOIN account_groups a ON a.name = json_extract(g.value, '$.name') GROUP BY m.id, a.id",
    "UPDATE users SET data = json_remove(data, '$.groups', '$.role')",
    "UPDATE admins SET data = json_remove(data, '$.groups', '$.role')",
};

// IP lists, and what the defender's driver "provider" keeps.
constexpr const char* version_3[] = {
    "CREATE TABLE ip_lists ("
    " type INTEGER NOT NULL,"
    " ipornet TEXT NOT NULL,"
    " description TEXT NOT NULL,"
    " mode INTEGER NOT NULL,"
    " protocols INTEGER NOT NULL,"
    " created_at BIGINT NOT NULL,"
    " updated_at BIGINT NOT NULL,"
    " PRIMARY KEY (type, ipornet)) WITHOUT ROWID",
    "CREATE TABLE defender_hosts ("
    " ip TEXT NOT NULL PRIMARY KEY,"
    " banned_until BIGINT NOT NULL) WITHOUT ROWID",
    "CREATE INDEX defender_hosts_by_ban ON defender_hosts (banned_until)",
    "CREATE TABLE defender_events ("
    " id INTEGER PRIMARY KEY,"
    " ip TEXT NOT NULL,"
    " at BIGINT NOT NULL,"
    " score INTEGER NOT NULL)",
    "CREATE INDEX defender_events_by_ip ON defender_events (ip, at)",
    "CREATE INDEX defender_events_by_time ON defender_events (at)",
};

// API keys, and the latest time step of a one-time code that each account has used.
constexpr const char* version_4[] = {
    "CREATE TABLE api_keys ("
    " id INTEGER PRIMARY KEY AUTOINCREMENT,"
    " key_id TEXT NOT NULL UNIQUE,"
    " created_at BIGINT NOT NULL,"
    " updated_at BIGINT NOT NULL,"
    " last_use_at BIGINT NOT NULL DEFAULT 0,"
    " user_id INTEGER REFERENCES users (id) ON DELETE CASCADE,"
    " admin_id INTEGER REFERENCES admins (id) ON DELETE CASCADE,"
    " data TEXT NOT NULL)",
    "CREATE INDEX api_keys_by_user ON api_keys (user_id)",
    "CREATE INDEX api_keys_by_admin ON api_keys (admin_id)",
    "CREATE TABLE used_codes (account TEXT PRIMARY KEY, step BIGINT NOT NULL) WITHOUT ROWID",
};

// Uploads to object stores that are not complete. Keys may be any bytes.
constexpr const char* version_5[] = {
    "CREATE TABLE open_uploads ("
    " id INTEGER PRIMARY KEY AUTOINCREMENT,"
    " account TEXT NOT NULL,"
    " folder TEXT NOT NULL,"
    " location TEXT NOT NULL,"
    " object TEXT NOT NULL,"
    " upload TEXT NOT NULL,"
    " owner TEXT NOT NULL,"
    " started_at BIGINT NOT NULL)",
};

// What leads from version i to i + 1.
constexpr Migration migrations[] = {version_1, version_2, version_3, version_4, version_5};

struct Tables {
  bool any = false;
  bool ours = false;
  bool sftpgo = false;
};

struct CloseSqlite {
  void operator()(sqlite3* database) const { sqlite3_close(database); }
  void operator()(sqlite3_stmt* statement) const { sqlite3_finalize(statement); }
};

Result<Tables> read_tables(const std::string& path) {
  sqlite3* raw = nullptr;
  const int opened = sqlite3_open_v2(path.c_str(), &raw, SQLITE_OPEN_READONLY | SQLITE_OPEN_NOMUTEX, nullptr);
  const std::unique_ptr<sqlite3, CloseSqlite> database(raw);
  if (opened != SQLITE_OK) return fail(ErrorCode::io_error, "cannot open the database " + path);
  sqlite3_busy_timeout(raw, 10'000);
  sqlite3_stmt* raw_statement = nullptr;
  const char* query = "SELECT name FROM sqlite_master WHERE type = 'table'";
  int state = sqlite3_prepare_v2(raw, query, -1, &raw_statement, nullptr);
  const std::unique_ptr<sqlite3_stmt, CloseSqlite> statement(raw_statement);
  Tables tables;
  while (state == SQLITE_OK || state == SQLITE_ROW) {
    state = sqlite3_step(raw_statement);
    if (state != SQLITE_ROW) break;
    const std::string name(reinterpret_cast<const char*>(sqlite3_column_text(raw_statement, 0)));
    tables.any = true;
    if (name == "ferry_schema") tables.ours = true;
    // SFTPGo's version table, with the prefix that sql_tables_prefix may have put before it.
    if (name.ends_with("schema_version")) tables.sftpgo = true;
  }
  if (state == SQLITE_DONE) return tables;
  if (state == SQLITE_NOTADB)
    return fail(ErrorCode::conflict, path + " is not an SQLite database; it is left as it is");
  return fail(ErrorCode::io_error, "cannot read the database " + path + ": " + sqlite3_errmsg(raw));
}

}  // namespace

Result<void> check_owner(const std::string& path) {
  struct stat info {};
  if (::stat(path.c_str(), &info) != 0 || info.st_size == 0) return {};
  const auto tables = read_tables(path);
  if (!tables) return fail(tables.error());
  if (tables->ours || !tables->any) return {};
  if (tables->sftpgo) {
    return fail(ErrorCode::conflict,
                path +
                    " was made by SFTPGo and is left as it is: to bring its data over, dump it there (GET "
                    "/api/v2/dumpdata), then start Ferry on a new database with --loaddata-from");
  }
  return fail(ErrorCode::conflict, path + " holds tables that are not Ferry's; it is left as it is");
}

std::span<const Migration> object_schema() { return migrations; }

Result<void> migrate(soci::session& sql, std::span<const Migration> migrations, bool may_change) {
  const int current = static_cast<int>(migrations.size());
  int known = 0, version = 0;
  sql << "SELECT count(*) FROM sqlite_master WHERE type = 'table' AND name = 'ferry_schema'", soci::into(known);
  if (known != 0) sql << "SELECT version FROM ferry_schema", soci::into(version);
  if (version == current) return {};
  if (version > current) {
    return fail(ErrorCode::conflict, "the database was made by a newer Ferry (schema " + std::to_string(version) +
                                         ", this one knows " + std::to_string(current) + ")");
  }
  if (!may_change) {
    return fail(ErrorCode::conflict, "the database's schema is version " + std::to_string(version) + ", not " +
                                         std::to_string(current) + ": run \"ferry initprovider\"");
  }
  for (; version < current; ++version) {
    for (const char* statement : migrations[static_cast<std::size_t>(version)]) sql << statement;
  }
  sql << "UPDATE ferry_schema SET version = :version", soci::use(current);
  return {};
}

}  // namespace ferry::store
