// SOCI sessions over one SQLite file: a small pool, transactions, and exceptions turned into Result.
// Private to src/store/sqlite.
#pragma once

#include <soci/soci.h>

#include <chrono>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <string>
#include <type_traits>
#include <utility>

#include "base/error.h"
#include "store/sqlite/sqlite_provider.h"

namespace ferry::store {

// The Error for the exception being handled.
Error error_of_exception();

// One transaction; rolled back unless it was committed.
class Transaction {
 public:
  // BEGIN IMMEDIATE takes the writer's place at once: no upgrade later that could fail half-way.
  Transaction(soci::session& sql, bool writing) : sql_(sql) {
    writing ? (sql_ << "BEGIN IMMEDIATE") : (sql_ << "BEGIN");
  }
  Transaction(const Transaction&) = delete;
  Transaction& operator=(const Transaction&) = delete;
  ~Transaction();
  void commit() {
    sql_ << "COMMIT";
    open_ = false;
  }

 private:
  soci::session& sql_;
  bool open_ = true;
};

// A mutex that can be waited for with a time limit. (The thread sanitizer of g++ 12 does not follow std::timed_mutex.)
class TimedMutex {
 public:
  bool try_lock_for(std::chrono::seconds longest) {
    std::unique_lock lock(mutex_);
    if (!given_back_.wait_for(lock, longest, [this] { return !taken_; })) return false;
    return taken_ = true;
  }
  void unlock() {
    {
      const std::scoped_lock lock(mutex_);
      taken_ = false;
    }
    given_back_.notify_one();
  }

 private:
  std::mutex mutex_;
  std::condition_variable given_back_;
  bool taken_ = false;
};

class Database {
 public:
  // Opens every connection of the pool.
  static Result<std::unique_ptr<Database>> open(const SqliteOptions& options);

  // Runs `work(session)` in a transaction, which answers a Result; an error or exception undoes all of it.
  template <class Work>
  std::invoke_result_t<Work&, soci::session&> read(Work work) {
    return run(work, false);
  }
  // One writer at a time in this process, in turn; SQLite's file lock is for other processes. Nobody waits for the turn
  // longer than for that lock: while another process holds it those who wait shall not wait for each other, too.
  template <class Work>
  std::invoke_result_t<Work&, soci::session&> write(Work work) {
    const std::unique_lock lock(writer_, longest_wait_);
    if (!lock) return fail(ErrorCode::io_error, "sqlite: the database is locked: others wait to write, too");
    return run(work, true);
  }

 private:
  Database(std::size_t connections, std::chrono::seconds longest_wait)
      : pool_(connections), longest_wait_(longest_wait) {}

  template <class Work>
  std::invoke_result_t<Work&, soci::session&> run(Work& work, bool writing) {
    try {
      soci::session sql(pool_);
      Transaction transaction(sql, writing);
      auto result = work(sql);
      if (result) transaction.commit();
      return result;
    } catch (...) {
      return fail(error_of_exception());
    }
  }

  soci::connection_pool pool_;
  const std::chrono::seconds longest_wait_;
  TimedMutex writer_;
};

}  // namespace ferry::store
