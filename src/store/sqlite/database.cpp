#include "store/sqlite/database.h"

#include <soci/sqlite3/soci-sqlite3.h>

#include "base/log.h"

namespace ferry::store {

Error error_of_exception() {
  try {
    throw;
  } catch (const soci::sqlite3_soci_error& error) {
    // A constraint is a rule between objects that a race or a bug would have broken.
    const bool constraint = (error.result() & 0xff) == SQLITE_CONSTRAINT;
    return {constraint ? ErrorCode::conflict : ErrorCode::io_error, std::string("sqlite: ") + error.what()};
  } catch (const soci::soci_error& error) {
    return {ErrorCode::io_error, std::string("sqlite: ") + error.what()};
  } catch (const std::exception& error) {
    return {ErrorCode::internal, std::string("sqlite: ") + error.what()};
  }
}

Transaction::~Transaction() {
  if (!open_) return;
  try {
    sql_ << "ROLLBACK";
  } catch (const std::exception& error) {
    // SQLite has rolled back by itself (disk full, I/O error); what led here is reported by the caller.
    log::debug("dataprovider", "", "rollback: {}", error.what());
  }
}

Result<std::unique_ptr<Database>> Database::open(const SqliteOptions& options) {
  if (options.path.find('"') != std::string::npos) {
    return fail(ErrorCode::invalid_argument, "the database's path cannot hold double quotes: " + options.path);
  }
  const std::size_t connections = options.connections < 2 ? 2 : options.connections;
  const std::string parameters =
      "db=\"" + options.path + "\" timeout=" + std::to_string(options.busy_timeout_s) + " synchronous=normal";
  try {
    std::unique_ptr<Database> database(new Database(connections, std::chrono::seconds(options.busy_timeout_s)));
    for (std::size_t i = 0; i < connections; ++i) {
      soci::session& sql = database->pool_.at(i);
      sql.open(soci::sqlite3, parameters);
      sql << "PRAGMA foreign_keys = ON";
      std::string mode;
      sql << "PRAGMA journal_mode = WAL", soci::into(mode);
    }
    return database;
  } catch (...) {
    Error error = error_of_exception();
    error.message += " (" + options.path + ")";
    return fail(std::move(error));
  }
}

}  // namespace ferry::store
