#include "quota/quota.h"

#include <algorithm>
#include <functional>
#include <limits>

namespace ferry::quota {

namespace {

constexpr std::int64_t boundless = std::numeric_limits<std::int64_t>::max();
// Reserved ahead of a growing file: enough that the ledger is asked seldom, a small part of what is left so that
// others find room too.
constexpr std::int64_t largest_chunk = 1024 * 1024;
constexpr std::int64_t chunk_part = 16;

Usage plus(Usage one, Usage other) { return {one.files + other.files, one.size + other.size}; }

std::int64_t left_of(std::int64_t limit, std::int64_t taken) { return limit > 0 ? limit - taken : boundless; }

std::int64_t chunk_of(std::int64_t needed, std::int64_t room) {
  return std::clamp(std::min(largest_chunk, room / chunk_part), needed, std::max(needed, room));
}

Error exceeded() { return {ErrorCode::quota_exceeded, "quota exceeded"}; }

}  // namespace

Usage Balance::used() const {
  const std::lock_guard lock(mutex_);
  return {std::max<std::int64_t>(0, used_.files), std::max<std::int64_t>(0, used_.size)};
}

TransferUsage Balance::transferred() const {
  const std::lock_guard lock(mutex_);
  return transferred_;
}

std::optional<std::uint64_t> Balance::generation() const {
  const std::lock_guard lock(mutex_);
  if (changing_ > 0) return std::nullopt;
  return generation_;
}

void Balance::change_used(Usage change) {
  used_ = plus(used_, change);
  untold_ = plus(untold_, change);
  ++generation_;
  if (changing_ == 0) rise_to_zero();
}

void Balance::rise_to_zero() {
  const Usage lacking{std::max<std::int64_t>(0, -used_.files), std::max<std::int64_t>(0, -used_.size)};
  used_ = plus(used_, lacking);
  untold_ = plus(untold_, lacking);
}

void Balance::add(Usage change) {
  const std::lock_guard lock(mutex_);
  change_used(change);
}

void Balance::add_transfer(TransferUsage change) {
  const std::lock_guard lock(mutex_);
  const TransferUsage before = transferred_;
  transferred_ = {std::max<std::int64_t>(0, before.upload + change.upload),
                  std::max<std::int64_t>(0, before.download + change.download)};
  transfer_untold_.upload += transferred_.upload - before.upload;
  transfer_untold_.download += transferred_.download - before.download;
}

std::int64_t Balance::reserve_transfer(bool upload, std::int64_t needed, const TransferLimits& limits) {
  const std::lock_guard lock(mutex_);
  const std::int64_t up = transferred_.upload + transfer_reserved_.upload;
  const std::int64_t down = transferred_.download + transfer_reserved_.download;
  const std::int64_t room =
      std::min(upload ? left_of(limits.upload, up) : left_of(limits.download, down), left_of(limits.total, up + down));
  if (room <= 0) return 0;
  const std::int64_t granted = std::min(room, chunk_of(needed, room));
  (upload ? transfer_reserved_.upload : transfer_reserved_.download) += granted;
  return granted;
}

void Balance::settle_transfer(bool upload, std::int64_t used, std::int64_t reserved) {
  const std::lock_guard lock(mutex_);
  (upload ? transfer_reserved_.upload : transfer_reserved_.download) -= reserved;
  (upload ? transferred_.upload : transferred_.download) += used;
  (upload ? transfer_untold_.upload : transfer_untold_.download) += used;
}

bool Balance::is_stored() const {
  const std::lock_guard lock(mutex_);
  return untold_.files == 0 && untold_.size == 0 && transfer_untold_.upload == 0 && transfer_untold_.download == 0;
}

Result<void> Balance::load(store::Provider& provider) {
  const std::lock_guard turn(telling_);
  const bool is_user = kind_ == Kind::user;
  const Result<Usage> stored = is_user ? provider.user_quota(name_) : provider.folder_quota(name_);
  if (!stored) return fail(stored.error());
  const Result<TransferUsage> moved = is_user ? provider.transfer_quota(name_) : Result<TransferUsage>(TransferUsage{});
  if (!moved) return fail(moved.error());
  const std::lock_guard lock(mutex_);
  used_ = plus(*stored, untold_);
  transferred_ = {moved->upload + transfer_untold_.upload, moved->download + transfer_untold_.download};
  return {};
}

Result<void> Balance::flush(store::Provider& provider) {
  const std::lock_guard turn(telling_);
  Usage usage;
  TransferUsage moved;
  {
    const std::lock_guard lock(mutex_);
    // The store does not go below 0: what would is told when it has come back.
    const Usage below{std::min<std::int64_t>(0, used_.files), std::min<std::int64_t>(0, used_.size)};
    usage = plus(std::exchange(untold_, below), {-below.files, -below.size});
    moved = std::exchange(transfer_untold_, {});
  }
  Result<void> told;
  if (usage.files != 0 || usage.size != 0) {
    told = kind_ == Kind::user ? provider.update_user_quota(name_, usage, Update::add)
                               : provider.update_folder_quota(name_, usage, Update::add);
    if (told) usage = {};
  }
  if (told && (moved.upload != 0 || moved.download != 0)) {
    told = provider.update_transfer_quota(name_, moved, Update::add);
    if (told) moved = {};
  }
  // Nobody will ask any more for what belonged to one that was deleted.
  if (told || told.error().code == ErrorCode::not_found) return told;
  const std::lock_guard lock(mutex_);
  untold_ = plus(untold_, usage);
  transfer_untold_.upload += moved.upload;
  transfer_untold_.download += moved.download;
  return told;
}

Result<void> Balance::reset(store::Provider& provider, Usage usage, std::optional<std::uint64_t> generation) {
  const std::lock_guard turn(telling_);
  {
    const std::lock_guard lock(mutex_);
    if (generation && (changing_ > 0 || generation_ != *generation)) return fail(ErrorCode::conflict, "changed");
    used_ = usage;
    untold_ = {};
    ++generation_;
  }
  return kind_ == Kind::user ? provider.update_user_quota(name_, usage, Update::reset)
                             : provider.update_folder_quota(name_, usage, Update::reset);
}

Result<void> Balance::reset_transfer(store::Provider& provider, TransferUsage usage) {
  const std::lock_guard turn(telling_);
  {
    const std::lock_guard lock(mutex_);
    transferred_ = usage;
    transfer_untold_ = {};
  }
  return provider.update_transfer_quota(name_, usage, Update::reset);
}

// One order for everybody: where they lie.
Owners::Owners(std::vector<Owner> all) : all_(std::move(all)) {
  std::ranges::sort(all_, std::less<Balance*>(), [](const Owner& owner) { return owner.balance.get(); });
}

bool Owners::has(const Owner& owner) const {
  return std::ranges::find(all_, owner.balance, &Owner::balance) != all_.end();
}

Owners Owners::with(const Owners& others) const {
  std::vector<Owner> all = all_;
  for (const Owner& owner : others.all_) {
    if (!has(owner)) all.push_back({owner.balance, {}});
  }
  return Owners(std::move(all));
}

Owners Owners::without(const Owners& others) const {
  std::vector<Owner> left = all_;
  std::erase_if(left, [&others](const Owner& owner) { return others.has(owner); });
  return Owners(std::move(left));
}

std::vector<std::unique_lock<std::mutex>> Owners::lock_all() const {
  std::vector<std::unique_lock<std::mutex>> locks;
  locks.reserve(all_.size());
  for (const Owner& owner : all_) locks.emplace_back(owner.balance->mutex_);
  return locks;
}

Usage Owners::room_of_locked() const {
  Usage room{boundless, boundless};
  for (const Owner& owner : all_) {
    const Usage taken = plus(owner.balance->used_, owner.balance->reserved_);
    room.files = std::min(room.files, left_of(owner.limits.files, taken.files));
    room.size = std::min(room.size, left_of(owner.limits.size, taken.size));
  }
  return room;
}

Usage Owners::room() const {
  const auto locks = lock_all();
  return room_of_locked();
}

Usage Owners::limits() const {
  Usage narrowest;
  const auto narrow = [](std::int64_t& limit, std::int64_t other) {
    if (other > 0 && (limit == 0 || other < limit)) limit = other;
  };
  for (const Owner& owner : all_) {
    narrow(narrowest.files, owner.limits.files);
    narrow(narrowest.size, owner.limits.size);
  }
  return narrowest;
}

Result<void> Owners::reserve(Usage wanted) const {
  const auto locks = lock_all();
  const Usage room = room_of_locked();
  if ((wanted.files > 0 && wanted.files > room.files) || (wanted.size > 0 && wanted.size > room.size)) {
    return fail(exceeded());
  }
  for (const Owner& owner : all_) owner.balance->reserved_ = plus(owner.balance->reserved_, wanted);
  return {};
}

std::int64_t Owners::reserve_growth(std::int64_t needed, bool exactly) const {
  const auto locks = lock_all();
  const std::int64_t room = room_of_locked().size;
  if (room <= 0) return 0;
  const std::int64_t granted = std::min(room, exactly ? needed : chunk_of(needed, room));
  for (const Owner& owner : all_) owner.balance->reserved_.size += granted;
  return granted;
}

void Owners::settle(Usage used, Usage reserved) const {
  const auto locks = lock_all();
  for (const Owner& owner : all_) {
    owner.balance->reserved_ = plus(owner.balance->reserved_, {-reserved.files, -reserved.size});
    if (used.files != 0 || used.size != 0) owner.balance->change_used(used);
  }
}

Change::Change(Owners owners) : owners_(std::move(owners)) {
  for (const Owner& owner : owners_.all()) {
    const std::lock_guard lock(owner.balance->mutex_);
    ++owner.balance->changing_;
  }
}

Change::~Change() {
  for (const Owner& owner : owners_.all()) {
    const std::lock_guard lock(owner.balance->mutex_);
    if (--owner.balance->changing_ == 0) owner.balance->rise_to_zero();
    ++owner.balance->generation_;
  }
}

Balance::TransferLimits transfer_limits_of(const model::User& user) {
  constexpr std::int64_t mb = 1024 * 1024;
  const auto bytes = [](std::int64_t limit) { return limit > boundless / mb ? boundless : limit * mb; };
  return {bytes(user.upload_data_transfer), bytes(user.download_data_transfer), bytes(user.total_data_transfer)};
}

}  // namespace ferry::quota
