#include "store/sqlite/user_cache.h"

#include <sqlite3.h>

namespace ferry::store {

namespace {
constexpr std::size_t most_users = 4096;
}

Result<std::unique_ptr<UserCache>> UserCache::open(const std::string& path, int busy_timeout_s) {
  std::unique_ptr<UserCache> cache(new UserCache);
  const bool ready =
      sqlite3_open_v2(path.c_str(), &cache->connection_, SQLITE_OPEN_READWRITE, nullptr) == SQLITE_OK &&
      sqlite3_busy_timeout(cache->connection_, busy_timeout_s * 1000) == SQLITE_OK &&
      sqlite3_prepare_v2(cache->connection_, "PRAGMA data_version", -1, &cache->question_, nullptr) == SQLITE_OK &&
      sqlite3_busy_timeout(cache->connection_, 0) == SQLITE_OK;  // while the file is locked, nothing is known
  if (ready) return cache;
  const char* why = cache->connection_ != nullptr ? sqlite3_errmsg(cache->connection_) : "no memory";
  return fail(ErrorCode::io_error, std::string("sqlite: ") + why + " (" + path + ")");
}

UserCache::~UserCache() {
  sqlite3_finalize(question_);
  sqlite3_close(connection_);
}

std::optional<std::int64_t> UserCache::version() {
  const std::lock_guard lock(mutex_);
  std::optional<std::int64_t> answer;
  if (sqlite3_step(question_) == SQLITE_ROW) answer = sqlite3_column_int64(question_, 0);
  sqlite3_reset(question_);
  return answer;
}

model::UserPtr UserCache::find(const std::string& name, std::optional<std::int64_t> version) {
  const std::lock_guard lock(mutex_);
  if (!version || version != version_) return nullptr;
  const auto found = users_.find(name);
  return found != users_.end() ? found->second : nullptr;
}

// `version` was asked before the user was read: one that has changed since is not found again.
void UserCache::keep(const std::string& name, model::UserPtr user, std::optional<std::int64_t> version) {
  const std::lock_guard lock(mutex_);
  if (!version) return;
  if (version != version_ || users_.size() >= most_users) users_.clear();
  version_ = version;
  users_.insert_or_assign(name, std::move(user));
}

}  // namespace ferry::store
