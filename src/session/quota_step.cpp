#include "session/quota_step.h"

namespace ferry::session {

Existing countable(const Result<vfs::FileInfo>& info) {
  if (!info || info->type != vfs::FileType::regular) return {};
  return *info;
}

Result<void> may_resize(const Existing& file) {
  if (!file || file->links <= 1) return {};
  return fail(ErrorCode::permission_denied, "a file with several names that quotas count keeps its size");
}

namespace {

Task<Existing> look_at(vfs::FileSystem& storage, VirtualPath path, bool follow) {
  Result<vfs::FileInfo> info = fail(ErrorCode::not_found);
  if (follow) {
    info = co_await storage.stat(path);
  } else {
    info = co_await storage.lstat(path);
  }
  co_return countable(info);
}

}  // namespace

Task<Existing> hold_file(Ledger& ledger, vfs::FileSystem& storage, VirtualPath path, bool follow,
                         PathLocks::Held& held) {
  while (true) {
    const Existing seen = co_await look_at(storage, path, follow);
    if (!seen || seen->id == 0) co_return seen;
    PathLocks::Held taken = co_await ledger.files().take(std::to_string(seen->id));
    const Existing now = co_await look_at(storage, path, follow);
    if (now && now->id == seen->id) {
      held = std::move(taken);
      co_return now;
    }
  }
}

QuotaStep::~QuotaStep() {
  if (reserved_.files != 0 || reserved_.size != 0) payers_.settle({}, reserved_);
}

Result<void> QuotaStep::reserve(QuotaUsage wanted) {
  Result<void> reserved = payers_.reserve(wanted);
  if (reserved) reserved_ = wanted;
  return reserved;
}

QuotaStep::QuotaStep(Account& account, VirtualPath from, VirtualPath path) : ledger_(account.ledger) {
  const vfs::MountTable::Target source = account.mounts.resolve(from), target = account.mounts.resolve(path);
  payers_ = account.payers_of(*target.mount);
  const std::shared_ptr<vfs::FileSystem>& storage = account.storage_of(*target.mount);
  from_ = {storage, source.path};
  at_ = {storage, target.path};
}

Task<Result<void>> QuotaStep::hold_one(HeldName& name, bool follow) {
  Result<HeldName> held = fail(ErrorCode::internal);
  if (follow) {
    held = co_await hold_followed(name.storage, name.path);
  } else {
    held = co_await hold_name(name.storage, name.path);
  }
  if (!held) co_return fail(held.error());
  name = std::move(*held);
  co_return Result<void>();
}

Task<Result<void>> QuotaStep::hold(bool follow) {
  const bool same = from_.path == at_.path;
  Result<void> held = co_await hold_one(at_, follow);
  if (held && same) from_ = at_;
  if (held && !same) held = co_await hold_one(from_, false);
  if (!held) co_return held;
  held_ = co_await ledger_->locks().take(from_.key(), at_.key());
  change_.emplace(payers_);
  co_return held;
}

Task<Result<void>> QuotaStep::hold_to_put(std::shared_ptr<vfs::FileSystem> whole) {
  Result<void> held = co_await hold(false);
  if (!held) co_return held;
  Result<std::shared_ptr<const void>> noted = note_arrival(ledger_->uploads(), at_, *whole);
  if (!noted) co_return fail(noted.error());
  arrival_ = std::move(*noted);
  co_return held;
}

Task<Result<QuotaStep>> QuotaStep::losing(Account& account, VirtualPath path) {
  QuotaStep step(account, path, path);
  if (step.payers_.empty()) co_return std::move(step);
  const Result<void> held = co_await step.hold(false);
  if (!held) co_return fail(held.error());
  step.lost_ = co_await hold_file(*step.ledger_, *step.at_.storage, step.at_.path, false, step.file_);
  co_return std::move(step);
}

Task<QuotaStep> QuotaStep::losing(std::shared_ptr<Ledger> ledger, Payers payers, HeldName name) {
  QuotaStep step(std::move(ledger), std::move(payers));
  step.from_ = step.at_ = std::move(name);
  if (step.payers_.empty()) co_return std::move(step);
  step.held_ = co_await step.ledger_->locks().take(step.at_.key());
  step.change_.emplace(step.payers_);
  step.lost_ = co_await hold_file(*step.ledger_, *step.at_.storage, step.at_.path, false, step.file_);
  co_return std::move(step);
}

QuotaStep QuotaStep::lost(Account& account, const VirtualPath& path, Existing what) {
  QuotaStep step(account, path, path);
  step.lost_ = std::move(what);
  return step;
}

Task<Result<QuotaStep>> QuotaStep::renaming(Account& account, VirtualPath from, VirtualPath path) {
  QuotaStep step(account, from, path);
  if (step.payers_.empty()) co_return std::move(step);
  const Result<void> held = co_await step.hold_to_put(step.at_.storage);
  if (!held) co_return fail(held.error());
  step.lost_ = co_await hold_file(*step.ledger_, *step.at_.storage, step.at_.path, false, step.file_);
  if (!step.lost_) co_return std::move(step);
  // Two names of one file: rename(2) leaves both.
  const Result<vfs::FileInfo> moved = co_await step.from_.storage->lstat(step.from_.path);
  if (moved && moved->id != 0 && moved->id == step.lost_->id) step.lost_.reset();
  co_return std::move(step);
}

Task<Result<QuotaStep>> QuotaStep::resizing(Account& account, VirtualPath path, std::uint64_t size, bool follow) {
  const auto largest = static_cast<std::uint64_t>(account.user->filters.max_upload_file_size);
  if (largest > 0 && size > largest) co_return fail(ErrorCode::quota_exceeded, "larger than max_upload_file_size");
  QuotaStep step(account, path, path);
  // Without payers, too, whoever appends to it is to know where it ends.
  const bool counted = !step.payers_.empty();
  if (!account.ledger || (!counted && largest == 0)) co_return std::move(step);
  // What was judged by its text leads over no link.
  const Result<void> held = co_await step.hold(follow && account.alike_everywhere());
  if (!held) co_return fail(held.error());
  const Existing file = co_await hold_file(*step.ledger_, *step.at_.storage, step.at_.path, follow, step.file_);
  if (!file) co_return std::move(step);
  const Result<void> alone = counted ? may_resize(file) : Result<void>();
  if (!alone) co_return fail(alone.error());
  const std::shared_ptr<UploadRow> row = account.ledger->uploads().find(file->id);
  if (row) {
    const std::lock_guard lock(row->mutex);
    // What it has grown by is settled when it is closed.
    const Payers joining = step.payers_.without(row->payers);
    row->join(joining);
    const Result<void> covered = row->cover(size, step.payers_);
    if (!covered) {
      row->leave(joining);
      co_return fail(covered.error());
    }
    row->end = std::max(row->end, size);
    co_return std::move(step);
  }
  step.gained_.size = static_cast<std::int64_t>(size) - static_cast<std::int64_t>(file->size);
  if (step.gained_.size > 0) {
    const Result<void> reserved = step.reserve(step.gained_);
    if (!reserved) co_return fail(reserved.error());
  }
  co_return std::move(step);
}

Task<Result<QuotaStep>> QuotaStep::linking(Account& account, VirtualPath existing, VirtualPath link) {
  QuotaStep step(account, existing, link);
  if (step.payers_.empty()) co_return std::move(step);
  const Result<void> held = co_await step.hold_to_put(step.at_.storage);
  if (!held) co_return fail(held.error());
  const Existing file = co_await hold_file(*step.ledger_, *step.from_.storage, step.from_.path, false, step.file_);
  if (!file) co_return std::move(step);
  // It would grow under both of its names.
  if (account.ledger->uploads().is_written(file->id)) co_return fail(ErrorCode::conflict, "it is being written");
  step.gained_ = {.files = 1, .size = static_cast<std::int64_t>(file->size)};
  const Result<void> reserved = step.reserve(step.gained_);
  if (!reserved) co_return fail(reserved.error());
  co_return std::move(step);
}

Task<void> QuotaStep::done() {
  if (payers_.empty()) co_return;
  const QuotaUsage loss = lost_ ? ledger_->uploads().take_away(*lost_) : QuotaUsage{};
  const QuotaUsage used{gained_.files + loss.files, gained_.size + loss.size};
  payers_.settle(used, std::exchange(reserved_, {}));
  change_.reset();
  file_.release();
  held_.release();
  const bool changed = used.files != 0 || used.size != 0;
  if (changed) co_await ledger_->store(payers_);
}

}  // namespace ferry::session
