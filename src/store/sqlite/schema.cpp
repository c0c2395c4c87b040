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

// What leads from version i to i + 1.
const std::vector<std::span<const char* const>> migrations = {version_1};

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

Result<void> migrate(soci::session& sql, bool may_change) {
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
