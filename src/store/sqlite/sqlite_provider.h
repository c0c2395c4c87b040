// SQLite: WAL, foreign keys, one writer at a time and readers beside it.
#pragma once

#include <memory>
#include <string>

#include "base/error.h"
#include "store/provider.h"

namespace ferry::store {

struct SqliteOptions {
  std::string path;          // the database file; its directory must exist. Events go to a second one, path + "-events"
  unsigned connections = 4;  // of the pool, at least 2
  int busy_timeout_s = 10;   // how long to wait for another process that writes
  bool create_schema = true;  // create or update the schema; false: a schema that is not current is refused
};

// Opens the database. conflict: made by SFTPGo (it is not touched), by something else, or by a newer Ferry; the
// message says what to do. With create_schema = false also: the schema must be created by `initprovider`.
Result<std::unique_ptr<Provider>> open_sqlite(const SqliteOptions& options);

}  // namespace ferry::store
