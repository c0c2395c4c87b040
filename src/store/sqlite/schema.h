// The tables, by version, and whose a database file is. Private to src/store/sqlite.
#pragma once

#include <soci/soci.h>

#include <span>
#include <string>

#include "base/error.h"

namespace ferry::store {

// Whether the file may be opened as ours: it is missing, empty, or made by Ferry. Only reads it.
// conflict: made by SFTPGo or something else; the message says what to do.
Result<void> check_owner(const std::string& path);

using Migration = std::span<const char* const>;  // statements that lead from one version to the next
// Those of a database's two files, oldest first.
std::span<const Migration> object_schema();
std::span<const Migration> event_schema();

// Brings the tables to the current version inside the caller's transaction. conflict: made by a newer Ferry, or
// `may_change` is false and they are not current.
Result<void> migrate(soci::session& sql, std::span<const Migration> migrations, bool may_change);

}  // namespace ferry::store
