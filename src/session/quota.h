// What users and folders have used of their quotas, and who pays for what.
//
//   Payers payers = ledger->payers_of_home(user);                        // see ledger.h
//   if (auto kept = payers.reserve({.files = 1}); !kept) ...             // quota_exceeded
//   payers.settle({.files = 1, .size = 10}, {.files = 1});               // used, and given back from what was reserved
//
// Room is reserved before bytes are written and settled afterwards, so that what runs in parallel cannot go past a
// limit together. Safe from any thread. The store is always told differences, except by reset.
#pragma once

#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "store/provider.h"

namespace ferry::session {

using store::QuotaUpdate;
using store::QuotaUsage;
using store::TransferUsage;

// What one user or folder has used, and has reserved on top of it.
class Balance {
 public:
  enum class Kind : std::uint8_t { user, folder };
  Balance(Kind kind, std::string name) : kind_(kind), name_(std::move(name)) {}

  QuotaUsage used() const;
  TransferUsage transferred() const;
  // Changes with every change of what is used. No value: one is under way, see QuotaChange.
  std::optional<std::uint64_t> generation() const;

  // Data transfer: reserves up to `wanted` bytes, `needed` at least if the limits leave them; answers how many.
  // A limit of 0 is none; `total` counts both ways together.
  struct TransferLimits {
    std::int64_t upload = 0, download = 0, total = 0;  // bytes
  };
  std::int64_t reserve_transfer(bool upload, std::int64_t needed, const TransferLimits& limits);
  void settle_transfer(bool upload, std::int64_t used, std::int64_t reserved);

  // Blocking, each of them.
  Result<void> load(store::Provider& provider);
  Result<void> flush(store::Provider& provider);
  // Sets what is used, and tells the store; only if nothing has changed since `generation` and nothing is about to,
  // when that is given (conflict).
  Result<void> reset(store::Provider& provider, QuotaUsage usage, std::optional<std::uint64_t> generation = {});
  Result<void> reset_transfer(store::Provider& provider, TransferUsage usage);
  void add(QuotaUsage change);
  void add_transfer(TransferUsage change);
  bool is_stored() const;  // nothing is left to tell the store

 private:
  friend class Payers;
  friend class QuotaChange;
  // Need mutex_.
  void change_used(QuotaUsage change);
  void rise_to_zero();

  const Kind kind_;
  const std::string name_;
  std::mutex telling_;          // one conversation with the store at a time
  mutable std::mutex mutex_;    // of what follows; never held while the store is asked
  QuotaUsage used_, reserved_;  // used_: below 0 only while changes are under way
  QuotaUsage untold_;           // part of used_ that the store does not know yet
  TransferUsage transferred_, transfer_reserved_, transfer_untold_;
  std::uint64_t generation_ = 0;
  unsigned changing_ = 0;  // QuotaChanges that are alive
};

struct Payer {
  std::shared_ptr<Balance> balance;
  QuotaUsage limits;  // 0: none
};

// Everybody whose quota counts what lies in one mount: the user, a folder, a folder and the user it is included in, or
// nobody. What concerns several is done to all or none.
class Payers {
 public:
  Payers() = default;
  explicit Payers(std::vector<Payer> all);

  bool empty() const { return all_.empty(); }
  const std::vector<Payer>& all() const { return all_; }
  // These, and those of `others` that are not among them: their limits do not hold here.
  Payers with(const Payers& others) const;
  // Those that are not among `others`.
  Payers without(const Payers& others) const;

  // Size and files that all limits leave; the largest number where there is no limit, below 0 when it was overrun.
  QuotaUsage room() const;
  // The narrowest limits; 0: none.
  QuotaUsage limits() const;
  // quota_exceeded: not all of it fits.
  Result<void> reserve(QuotaUsage wanted) const;
  // Bytes for a file that grows: `needed` at least, more while there is plenty, unless `exactly`; fewer, perhaps 0,
  // when that is all.
  std::int64_t reserve_growth(std::int64_t needed, bool exactly = false) const;
  // Adds to what is used, and gives back what was reserved.
  void settle(QuotaUsage used, QuotaUsage reserved) const;

 private:
  std::vector<std::unique_lock<std::mutex>> lock_all() const;
  QuotaUsage room_of_locked() const;

  bool has(const Payer& payer) const;

  std::vector<Payer> all_;  // in the order in which balances are locked
};

// Something happens to the storage that will be settled when it has: whoever counts the storage meanwhile cannot know
// whether it saw it. In the meantime more may be counted as gone than was there.
class QuotaChange {
 public:
  explicit QuotaChange(Payers payers);
  QuotaChange(QuotaChange&& other) noexcept : payers_(std::exchange(other.payers_, Payers())) {}
  QuotaChange& operator=(QuotaChange&&) = delete;
  ~QuotaChange();
  const Payers& payers() const { return payers_; }

 private:
  Payers payers_;
};

// Bytes of the limit, given in MB of 1024 x 1024 bytes.
Balance::TransferLimits transfer_limits_of(const model::User& user);

}  // namespace ferry::session
