// What users and folders have used of their quotas, and whose quotas count a file.
//
//   Owners owners = ledger->owners_of_home(user);                        // see ledger.h
//   if (auto kept = owners.reserve({.files = 1}); !kept) ...             // quota_exceeded
//   owners.settle({.files = 1, .size = 10}, {.files = 1});               // used, and given back from what was reserved
//
// Bytes are reserved before they are written, and settled afterwards: the bytes really used are counted, the reserve is
// given back. So uploads that run at the same time cannot exceed a limit together: with 100 bytes left, two uploads of
// 80 cannot both reserve them. Safe from any thread. The store is told differences ("+10"), so that two servers on one
// database do not overwrite each other's counts; only reset() stores totals.
#pragma once

#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "store/provider.h"

namespace ferry::quota {

using Update = store::QuotaUpdate;
using Usage = store::QuotaUsage;
using store::TransferUsage;

// What one user or folder has used, and reserved on top of that.
class Balance {
 public:
  enum class Kind : std::uint8_t { user, folder };
  Balance(Kind kind, std::string name) : kind_(kind), name_(std::move(name)) {}

  Usage used() const;
  TransferUsage transferred() const;
  // A number that changes whenever the used quota does. No value: a change is under way (Change).
  std::optional<std::uint64_t> generation() const;

  // Data transfer: reserves at least `needed` bytes if the limits leave them, and more while plenty is left; answers
  // how many were reserved. A limit of 0 means no limit; `total` limits both directions together.
  struct TransferLimits {
    std::int64_t upload = 0, download = 0, total = 0;  // bytes
  };
  std::int64_t reserve_transfer(bool upload, std::int64_t needed, const TransferLimits& limits);
  void settle_transfer(bool upload, std::int64_t used, std::int64_t reserved);

  // Blocking, each of them.
  Result<void> load(store::Provider& provider);
  Result<void> flush(store::Provider& provider);
  // Sets and stores what is used (the result of a scan). With `generation`: conflict, and nothing is set, when the used
  // quota has changed since, or a change is under way.
  Result<void> reset(store::Provider& provider, Usage usage, std::optional<std::uint64_t> generation = {});
  Result<void> reset_transfer(store::Provider& provider, TransferUsage usage);
  void add(Usage change);
  void add_transfer(TransferUsage change);
  bool is_stored() const;  // all changes have been stored

 private:
  friend class Owners;
  friend class Change;
  // Need mutex_.
  void change_used(Usage change);
  void rise_to_zero();

  const Kind kind_;
  const std::string name_;
  std::mutex telling_;        // held while the store is asked: one call at a time
  mutable std::mutex mutex_;  // guards the fields below; never held while the store is asked
  Usage used_, reserved_;     // used_ may be below 0 while changes are under way
  Usage untold_;              // the part of used_ that is not stored yet
  TransferUsage transferred_, transfer_reserved_, transfer_untold_;
  std::uint64_t generation_ = 0;
  unsigned changing_ = 0;  // number of Change objects
};

struct Owner {
  std::shared_ptr<Balance> balance;
  Usage limits;  // 0: none
};

// Everybody whose quota counts the files of one mount: the user, or a folder, or both (a folder that is included in the
// user's quota), or nobody. A reservation is made with all of them or with none.
class Owners {
 public:
  Owners() = default;
  explicit Owners(std::vector<Owner> all);

  bool empty() const { return all_.empty(); }
  const std::vector<Owner>& all() const { return all_; }
  // These and `others` together; the limits of the added ones are not applied.
  Owners with(const Owners& others) const;
  // Those that are not among `others`.
  Owners without(const Owners& others) const;

  // Size and files that the limits of all leave. Without a limit: the largest number. Below 0: more is used than
  // allowed.
  Usage room() const;
  // The smallest limits; 0: no limit.
  Usage limits() const;
  // Reserves all of it, or (quota_exceeded) nothing.
  Result<void> reserve(Usage wanted) const;
  // Reserves bytes for a file that grows, and answers how many. Normally at least `needed`, and up to 1 MiB while
  // plenty is left, to spare the next calls; `exactly`: no more than needed. Fewer, perhaps 0, when the limits leave no
  // more.
  std::int64_t reserve_growth(std::int64_t needed, bool exactly = false) const;
  // Adds `used` to what is used, and gives back `reserved`.
  void settle(Usage used, Usage reserved) const;

 private:
  std::vector<std::unique_lock<std::mutex>> lock_all() const;
  Usage room_of_locked() const;

  bool has(const Owner& owner) const;

  std::vector<Owner> all_;  // in the order in which balances are locked
};

// Lives while an operation changes the storage and has not yet been settled in the balance. A quota scan that reads the
// storage in that time cannot know whether it saw the change: example: a file of 100 bytes is removed after the scan
// passed it and before the balance is reduced. Therefore Balance::reset() refuses the scan's result meanwhile.
class Change {
 public:
  explicit Change(Owners owners);
  Change(Change&& other) noexcept : owners_(std::exchange(other.owners_, Owners())) {}
  Change& operator=(Change&&) = delete;
  ~Change();
  const Owners& owners() const { return owners_; }

 private:
  Owners owners_;
};

// Bytes of the limit, given in MB of 1024 x 1024 bytes.
Balance::TransferLimits transfer_limits_of(const model::User& user);

}  // namespace ferry::quota
