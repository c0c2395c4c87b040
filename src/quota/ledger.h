// The ledger of quotas: one for the whole process, shared by all sessions.
//
//   auto ledger = std::make_shared<Ledger>(provider, Options{.tracking = Tracking::limited});
//   Owners owners = ledger->owners_of_home(user);      // may block
//   ... reserve, settle: see quota.h ...
//   co_await ledger->store(owners);
//
// Safe from any thread.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <shared_mutex>
#include <string>
#include <vector>

#include "base/task.h"
#include "quota/path_locks.h"
#include "quota/quota.h"
#include "quota/upload_table.h"

namespace ferry::quota {

// The numbers are those of the configuration key `track_quota`.
enum class Tracking : std::uint8_t {
  off = 0,      // nothing is counted, so no quota can be held
  all = 1,      // everybody is counted
  limited = 2,  // users with limits, and folders
};

struct Options {
  Tracking tracking = Tracking::limited;
  std::chrono::seconds delay{0};  // changes are stored this long after they were made; 0: at once
};

class Ledger {
 public:
  // The provider must live until close().
  Ledger(store::Provider& provider, Options options) : provider_(provider), options_(options) {}

  const Options& options() const { return options_; }

  // Whether anything of the user's home or its transfers is counted. Does not block.
  bool counts(const model::User& user) const { return counts_storage(user) || counts_transfers(user); }

  // Whose quotas count the user's home, and one of its folders. Blocking.
  Owners owners_of_home(const model::User& user);
  Owners owners_of_folder(const model::User& user, const model::VirtualFolder& folder);
  // Of the user's data transfer; null when it is not counted. Blocking.
  std::shared_ptr<Balance> transfers_of(const model::User& user);

  // Stores what has changed, unless Options::delay puts it off. Errors are logged, and tick() tries again.
  Task<void> store(Owners owners);
  Task<void> store(std::shared_ptr<Balance> balance);

  // What REST asks for. Blocking. Errors: those of the provider.
  Result<void> update_user(const std::string& name, Usage usage, Update how);
  Result<void> update_folder(const std::string& name, Usage usage, Update how);
  Result<void> update_transfer(const std::string& name, TransferUsage usage, Update how);
  // See store::Provider.
  Result<bool> note_first_transfer(const std::string& name, bool upload);
  // With what the store knows of it.
  std::shared_ptr<Balance> known_user(const std::string& name) { return loaded(user_balance(name)); }
  std::shared_ptr<Balance> known_folder(const std::string& name) { return loaded(folder_balance(name)); }
  // See Balance::reset.
  Result<void> reset(std::shared_ptr<Balance> balance, Usage usage, std::optional<std::uint64_t> generation);

  // Stores what is due, and drops the balances of accounts that are not connected any more. Blocking; called every few
  // seconds.
  void tick();
  // At the end of the server: waits up to `longest` for uploads that are being settled, and stores everything. After
  // that the store is not used any more.
  void close(std::chrono::milliseconds longest = std::chrono::seconds(5));

  UploadTable& uploads() { return uploads_; }
  PathLocks& locks() { return locks_; }
  // Locks of files by their id, see hold_file. Order, to avoid deadlocks: the lock of a path first, then the lock of
  // one file; never two files.
  PathLocks& files() { return files_; }

 private:
  bool counts_storage(const model::User& user) const;
  bool counts_transfers(const model::User& user) const;
  using Balances = std::map<std::string, std::shared_ptr<Balance>, std::less<>>;
  std::shared_ptr<Balance> user_balance(const std::string& name);
  std::shared_ptr<Balance> folder_balance(const std::string& name);
  std::shared_ptr<Balance> find(Balances& balances, Balance::Kind kind, const std::string& name);
  std::shared_ptr<Balance> loaded(std::shared_ptr<Balance> balance);
  void flush(Balance& balance);
  // Runs `work(Balance&)` unless the ledger is closed (aborted).
  template <class Work>
  Result<void> ask(std::shared_ptr<Balance> balance, Work work);
  std::vector<std::shared_ptr<Balance>> all_balances();

  store::Provider& provider_;
  const Options options_;
  std::mutex mutex_;  // of the tables
  Balances users_, folders_;
  std::shared_mutex asking_;  // of closed_: nobody asks the store after close()
  bool closed_ = false;
  std::chrono::steady_clock::time_point last_flush_ = std::chrono::steady_clock::now();
  UploadTable uploads_;
  PathLocks locks_;
  PathLocks files_;
};

}  // namespace ferry::quota
