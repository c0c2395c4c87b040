// Users as they were read, good until anything in the database changes: most logins then need no SQL.
// Private to src/store/sqlite.
//
// Whether something changed SQLite itself tells (PRAGMA data_version), asked on a connection that does nothing else:
// so changes of this process and of others count alike. Safe from any thread; bounded.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>

#include "base/error.h"
#include "model/user.h"

struct sqlite3;
struct sqlite3_stmt;

namespace ferry::store {

class UserCache {
 public:
  static Result<std::unique_ptr<UserCache>> open(const std::string& path, int busy_timeout_s);
  UserCache(const UserCache&) = delete;
  UserCache& operator=(const UserCache&) = delete;
  ~UserCache();

  // The user of that name (with the kind of reading before it) as the database has it now; `load` reads it when it is
  // not known.
  template <class Load>
  Result<model::UserPtr> get(const std::string& name, Load load) {
    const std::optional<std::int64_t> before = version();
    if (model::UserPtr known = find(name, before)) return known;
    Result<model::UserPtr> user = load();
    if (user) keep(name, *user, before);
    return user;
  }
  // The same, or null when it is not known. Never waits for the database.
  model::UserPtr remembered(const std::string& name) { return find(name, version()); }

 private:
  UserCache() = default;
  // No value: not to be learned now.
  std::optional<std::int64_t> version();
  model::UserPtr find(const std::string& name, std::optional<std::int64_t> version);
  void keep(const std::string& name, model::UserPtr user, std::optional<std::int64_t> version);

  std::mutex mutex_;
  sqlite3* connection_ = nullptr;
  sqlite3_stmt* question_ = nullptr;
  std::optional<std::int64_t> version_;  // at which users_ were read
  std::map<std::string, model::UserPtr> users_;
};

}  // namespace ferry::store
