#include "session/quota_step.h"

#include "vfs/confirmed.h"

namespace ferry::session {

quota::Existing countable(const Result<vfs::FileInfo>& info) {
  if (!info || info->type != vfs::FileType::regular) return {};
  return *info;
}

Result<void> may_resize(const quota::Existing& file) {
  if (!file || file->links <= 1) return {};
  return fail(ErrorCode::permission_denied, "a file with several names that quotas count keeps its size");
}

namespace {

// Whether the storage could not say what is there. (Another error says that there is no file to be counted.)
bool is_unknown(const Error& error) {
  return vfs::leaves_open(error) || error.code == ErrorCode::limit_exceeded ||
         error.code == ErrorCode::authentication_failed;
}

Task<Result<quota::Existing>> look_at(vfs::FileSystem& storage, VirtualPath path, bool follow) {
  Result<vfs::FileInfo> info = fail(ErrorCode::not_found);
  if (follow) {
    info = co_await storage.stat(path);
  } else {
    info = co_await storage.lstat(path);
  }
  if (!info && is_unknown(info.error())) co_return fail(info.error());
  co_return countable(info);
}

}  // namespace

Task<Result<quota::Existing>> hold_file(quota::Ledger& ledger, vfs::FileSystem& storage, VirtualPath path, bool follow,
                                        quota::PathLocks::Held& held) {
  while (true) {
    const Result<quota::Existing> seen = co_await look_at(storage, path, follow);
    if (!seen || !*seen || (*seen)->id == 0) co_return seen;
    quota::PathLocks::Held taken = co_await ledger.files().take(std::to_string((*seen)->id));
    const Result<quota::Existing> now = co_await look_at(storage, path, follow);
    if (!now) co_return now;
    if (*now && (*now)->id == (*seen)->id) {
      held = std::move(taken);
      co_return now;
    }
  }
}

QuotaStep::~QuotaStep() {
  if (reserved_.files != 0 || reserved_.size != 0) owners_.settle({}, reserved_);
}

Result<void> QuotaStep::reserve(quota::Usage wanted) {
  Result<void> reserved = owners_.reserve(wanted);
  if (reserved) reserved_ = wanted;
  return reserved;
}

QuotaStep::QuotaStep(SessionState& state, VirtualPath from, VirtualPath path) : ledger_(state.ledger) {
  const vfs::MountTable::Target source = state.mounts.resolve(from), target = state.mounts.resolve(path);
  owners_ = state.owners_of(*target.mount);
  const std::shared_ptr<vfs::FileSystem>& storage = state.storage_of(*target.mount);
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
  const std::shared_ptr<vfs::FileSystem> whole = at_.storage;
  Result<void> held = co_await hold_one(at_, follow);
  if (held && same) from_ = at_;
  if (held && !same) held = co_await hold_one(from_, false);
  if (!held) co_return held;
  held_ = co_await ledger_->locks().take(from_.key(), at_.key());
  held = note_uses(*whole);
  change_.emplace(owners_);
  co_return held;
}

Result<void> QuotaStep::note_uses(const vfs::FileSystem& whole) {
  Result<std::shared_ptr<const void>> noted = note_use(ledger_->uploads(), at_, whole);
  if (!noted) return fail(noted.error());
  uses_at_ = std::move(*noted);
  if (from_.directory == at_.directory) return {};
  noted = note_use(ledger_->uploads(), from_, whole);
  if (!noted) return fail(noted.error());
  uses_from_ = std::move(*noted);
  return {};
}

Task<Result<void>> QuotaStep::hold_to_put() {
  const std::shared_ptr<vfs::FileSystem> whole = at_.storage;
  Result<void> held = co_await hold(false);
  if (!held) co_return held;
  Result<std::shared_ptr<const void>> noted = note_arrival(ledger_->uploads(), at_, *whole);
  if (!noted) co_return fail(noted.error());
  arrival_ = std::move(*noted);
  co_return held;
}

Task<Result<QuotaStep>> QuotaStep::removing(SessionState& state, VirtualPath path) {
  QuotaStep step(state, path, path);
  if (!step.ledger_) co_return std::move(step);
  const Result<void> held = co_await step.hold(false);
  if (!held) co_return fail(held.error());
  if (step.owners_.empty()) co_return std::move(step);
  const Result<void> known = co_await step.hold_removed();
  if (!known) co_return fail(known.error());
  co_return std::move(step);
}

// What is at the name; its size is what the quotas lose.
Task<Result<void>> QuotaStep::hold_removed() {
  const Result<quota::Existing> found = co_await hold_file(*ledger_, *at_.storage, at_.path, false, file_);
  if (!found) co_return fail(found.error());
  removed_ = *found;
  co_return Result<void>();
}

Task<Result<QuotaStep>> QuotaStep::removing(std::shared_ptr<quota::Ledger> ledger, quota::Owners owners,
                                            HeldName name) {
  QuotaStep step(std::move(ledger), std::move(owners));
  step.from_ = step.at_ = std::move(name);
  if (!step.ledger_) co_return std::move(step);
  step.held_ = co_await step.ledger_->locks().take(step.at_.key());
  if (step.owners_.empty()) co_return std::move(step);
  step.change_.emplace(step.owners_);
  const Result<void> known = co_await step.hold_removed();
  if (!known) co_return fail(known.error());
  co_return std::move(step);
}

QuotaStep QuotaStep::removed(SessionState& state, const VirtualPath& path, quota::Existing what) {
  QuotaStep step(state, path, path);
  step.removed_ = std::move(what);
  return step;
}

Task<Result<QuotaStep>> QuotaStep::renaming(SessionState& state, VirtualPath from, VirtualPath path) {
  QuotaStep step(state, from, path);
  if (!step.ledger_) co_return std::move(step);
  const Result<void> held = co_await step.hold_to_put();
  if (!held) co_return fail(held.error());
  if (step.owners_.empty()) co_return std::move(step);
  const Result<void> known = co_await step.hold_removed();
  if (!known) co_return fail(known.error());
  if (!step.removed_) co_return std::move(step);
  // Two names of one file: rename(2) leaves both.
  const Result<vfs::FileInfo> moved = co_await step.from_.storage->lstat(step.from_.path);
  const bool same_file = moved && moved->id != 0 && moved->id == step.removed_->id;
  if (same_file || step.from_.key() == step.at_.key()) step.removed_.reset();
  co_return std::move(step);
}

Task<Result<QuotaStep>> QuotaStep::resizing(SessionState& state, VirtualPath path, std::uint64_t size, bool follow) {
  const auto largest = static_cast<std::uint64_t>(state.user->filters.max_upload_file_size);
  if (largest > 0 && size > largest) co_return fail(ErrorCode::quota_exceeded, "larger than max_upload_file_size");
  QuotaStep step(state, path, path);
  const bool counted = !step.owners_.empty();
  if (!state.ledger) co_return std::move(step);
  // The path was checked by its text, so it must be used without following links.
  const Result<void> held = co_await step.hold(follow && state.has_uniform_rules());
  if (!held) co_return fail(held.error());
  // Without owners, too, whoever appends to it is to know where it ends.
  if (!counted && largest == 0) co_return std::move(step);
  const Result<quota::Existing> found =
      co_await hold_file(*step.ledger_, *step.at_.storage, step.at_.path, follow, step.file_);
  if (!found) co_return fail(found.error());
  const quota::Existing& file = *found;
  if (!file) co_return std::move(step);
  const Result<void> alone = counted ? may_resize(file) : Result<void>();
  if (!alone) co_return fail(alone.error());
  const std::shared_ptr<quota::SharedUpload> row =
      state.ledger->uploads().find(writer_id(*file, *step.at_.storage, step.at_.path));
  if (row) {
    const std::lock_guard lock(row->mutex);
    // What it has grown by is settled when it is closed.
    const quota::Owners joining = step.owners_.without(row->owners);
    row->join(joining);
    const Result<void> covered = row->cover(size, step.owners_);
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

Task<Result<QuotaStep>> QuotaStep::linking(SessionState& state, VirtualPath existing, VirtualPath link) {
  QuotaStep step(state, existing, link);
  if (!step.ledger_) co_return std::move(step);
  const Result<void> held = co_await step.hold_to_put();
  if (!held) co_return fail(held.error());
  if (step.owners_.empty()) co_return std::move(step);
  const Result<quota::Existing> found =
      co_await hold_file(*step.ledger_, *step.from_.storage, step.from_.path, false, step.file_);
  if (!found) co_return fail(found.error());
  const quota::Existing& file = *found;
  if (!file) co_return std::move(step);
  // It would grow under both of its names.
  if (state.ledger->uploads().is_written(file->id)) co_return fail(ErrorCode::conflict, "it is being written");
  step.gained_ = {.files = 1, .size = static_cast<std::int64_t>(file->size)};
  const Result<void> reserved = step.reserve(step.gained_);
  if (!reserved) co_return fail(reserved.error());
  co_return std::move(step);
}

Task<void> QuotaStep::partly_done() {
  if (owners_.empty()) co_return;
  const Result<vfs::FileInfo> now = co_await at_.storage->lstat(at_.path);
  if (!now && is_unknown(now.error())) co_return;
  const quota::Existing there = countable(now);
  if (there && removed_ && there->size == removed_->size && there->modified == removed_->modified) co_return;
  const Result<vfs::FileInfo> left = co_await from_.storage->lstat(from_.path);
  const bool moved = !left && left.error().code == ErrorCode::not_found;  // all of it, and only the answer is missing
  if (there && !moved) gained_ = {.files = 1, .size = static_cast<std::int64_t>(there->size)};
  co_await done();
}

Task<void> QuotaStep::done() {
  if (owners_.empty()) co_return;
  quota::Usage loss;
  if (removed_ && at_.storage) {
    loss = ledger_->uploads().take_away(*removed_, writer_id(*removed_, *at_.storage, at_.path));
  }
  const quota::Usage used{gained_.files + loss.files, gained_.size + loss.size};
  owners_.settle(used, std::exchange(reserved_, {}));
  change_.reset();
  file_.release();
  held_.release();
  const bool changed = used.files != 0 || used.size != 0;
  if (changed) co_await ledger_->store(owners_);
}

}  // namespace ferry::session
