#include "session/tree_copy.h"

#include "session/listing.h"
#include "session/partial_name.h"
#include "session/stored_tree.h"
#include "session/tree_walk.h"

namespace ferry::session {

namespace {

bool same_file(const vfs::FileInfo& one, const vfs::FileInfo& other) { return one.id != 0 && one.id == other.id; }

// While it lives a cancelled coroutine goes on to its end, so that nothing is left half done.
Task<bool> hold_cancellation() {
  const bool throwing = co_await asio::this_coro::throw_if_cancelled();
  co_await asio::this_coro::throw_if_cancelled(false);
  co_return throwing;
}

}  // namespace

Task<Result<void>> TreeCopy::pause() {
  co_await asio::post(asio::use_awaitable);
  state_->registration->touch();
  if (given_up_ && given_up_()) co_return fail(ErrorCode::aborted, "nobody waits for it any more");
  co_return Result<void>();
}

Task<Result<void>> TreeCopy::run(VirtualPath from, VirtualPath to, bool overwrite) {
  const Result<Item> item = co_await top(from, to, overwrite);
  if (!item) co_return fail(item.error());
  const bool throwing = co_await hold_cancellation();
  const quota::Owners& source = state_->owners_of(*state_->mounts.resolve(item->from).mount);
  const quota::Owners& target = state_->owners_of(*state_->mounts.resolve(item->to).mount);
  // What moves from one quota to itself needs no room.
  gaining_ = purpose_ == Purpose::move ? target.without(source) : target;
  losing_ = purpose_ == Purpose::move ? source.without(target) : quota::Owners();
  // Between the copy and the end of its source, who pays for both has two files and counts one.
  const quota::Owners all = purpose_ == Purpose::move ? target.with(source) : target;
  if (!all.empty()) change_.emplace(all);
  const vfs::Capabilities& can = target_->capabilities();
  copy_facts_ = !in_place_ && can.attributes && can.times ? TreeFacts::copy : TreeFacts::content;
  const std::shared_ptr<vfs::FileSystem>& from_storage = state_->mounts.resolve(item->from).mount->storage;
  removes_singly_ = purpose_ == Purpose::move && item->info.type == vfs::FileType::directory &&
                    !from_storage->capabilities().directory_rename;
  Result<void> done;
  if (in_place_) done = co_await hold_target();
  if (done && in_place_) done = co_await check_target(*item, overwrite);  // nobody puts anything there any more
  if (done) done = co_await grow(*item);
  way_.clear();
  if (done && purpose_ == Purpose::move) done = co_await compare_source(*item);
  if (done && !in_place_) done = co_await hold_target();
  if (done) done = co_await place(*item, overwrite);
  if (done) {
    gaining_.settle(counted_, counted_);
    co_await replaced_->done();
  } else {
    co_await undo(*item);
  }
  replaced_.reset();
  if (done && purpose_ == Purpose::move) {
    done = co_await take_source_away(*item);
    if (!done) co_await keep_source(*item);
  }
  change_.reset();
  if (!all.empty()) co_await state_->ledger->store(all);
  co_await asio::this_coro::throw_if_cancelled(throwing);
  co_return done;
}

// The copy has failed. What there was of it goes; storage that publishes at close may hold nothing of it.
Task<void> TreeCopy::undo(const Item& top) {
  if (made_ && replaces_ && target_->capabilities().published_at_close) {
    // A file that is complete, and what it has replaced is gone: without it there would be neither.
    gaining_.settle(counted_, counted_);
    if (replaced_) co_await replaced_->done();
    co_return;
  }
  Result<void> removed;
  quota::Usage gone;
  made_entries_.sort();
  const bool seen = in_place_ && top.info.type == vfs::FileType::directory;  // others may have put something into it
  bool left = false;
  if (made_) removed = co_await remove_stored(target_, top.made, &gone, seen ? &made_entries_ : nullptr, &left);
  const bool all = removed ? !left : removed.error().code == ErrorCode::not_found;
  if (!removed && !all) log_failure(*state_->who, "tidy up after a copy", top.to, removed.error());
  // What stays where clients see it counts. So does what others have removed or replaced meanwhile, as they have
  // counted that for themselves as taken away.
  quota::Usage stays;
  if (in_place_ && !all) stays = {counted_.files - gone.files, counted_.size - gone.size};
  gaining_.settle(stays, counted_);
  // What it was written over went with it.
  if (made_ && in_place_ && replaced_) co_await replaced_->done();
}

Task<Result<vfs::FileInfo>> TreeCopy::behind_links(VirtualPath path) {
  const Result<VirtualPath> real = co_await state_->canonical(path, true);
  if (!real) co_return fail(real.error());
  const vfs::MountTable::Target there = state_->mounts.resolve(*real);
  const std::shared_ptr<vfs::FileSystem> storage = state_->link_free(*there.mount);
  Result<vfs::FileInfo> info = co_await storage->lstat(there.path);
  co_return info;
}

// The paths are resolved once. From then on no link is followed, so that the files which were checked are those copied.
Task<Result<TreeCopy::Item>> TreeCopy::top(VirtualPath from, VirtualPath to, bool overwrite) {
  if (to.is_within(from)) co_return fail(ErrorCode::invalid_argument, "onto or into itself");
  bool follow = false;
  if (purpose_ == Purpose::copy) {
    // A link to a file that is named itself stands for the file.
    const Result<vfs::FileInfo> meant = co_await behind_links(from);
    follow = meant && meant->type == vfs::FileType::regular;
    const Result<VirtualPath> readable = co_await state_->check(Operation::copy, from, follow);
    if (!readable) co_return fail(readable.error());
    const Result<VirtualPath> writable = co_await state_->check(Operation::copy, to, false);
    if (!writable) co_return fail(writable.error());
  }
  const Result<VirtualPath> source = co_await state_->canonical(from, follow);
  if (!source) co_return fail(source.error());
  const Result<VirtualPath> target = co_await state_->canonical(to, false);
  if (!target) co_return fail(target.error());
  if (target->is_within(*source)) co_return fail(ErrorCode::invalid_argument, "onto or into itself");
  if (state_->mounts.is_pinned(*target)) co_return fail(ErrorCode::already_exists, "a mount point");
  // The rights of a move were checked for where things lay then.
  const bool checked = purpose_ == Purpose::copy || state_->has_uniform_rules();
  if (!checked && (*source != from || *target != to)) co_return fail(ErrorCode::conflict, "the path keeps changing");
  Item item{*source, *target, VirtualPath(), vfs::FileInfo()};
  const vfs::MountTable::Target here = state_->mounts.resolve(*source);
  const std::shared_ptr<vfs::FileSystem> storage = state_->link_free(*here.mount);
  Result<vfs::FileInfo> info = co_await storage->lstat(here.path);
  const bool directory = info && info->type == vfs::FileType::directory;
  if (!directory && state_->mounts.is_pinned(*source)) info = pinned_directory();
  if (info) item.info = *info;
  const Result<void> allowed = check_item(item);
  if (!allowed) co_return fail(allowed.error());
  if (!info) co_return fail(info.error());
  const Result<void> held = co_await hold_place(*target);
  if (!held) co_return fail(held.error());
  const vfs::Capabilities& can = target_->capabilities();
  in_place_ =
      item.info.type == vfs::FileType::directory ? !can.directory_rename : can.published_at_close || !can.atomic_rename;
  overwrite_ = overwrite;
  item.made = in_place_ ? place_.path : partial_path(place_.path);
  const Result<void> free = co_await check_target(item, overwrite);
  if (!free) co_return fail(free.error());
  co_return item;
}

// From here on the copy stays in the directory that the path of its target meant, wherever that is renamed to.
Task<Result<void>> TreeCopy::hold_place(VirtualPath target) {
  const vfs::MountTable::Target there = state_->mounts.resolve(target);
  const std::shared_ptr<vfs::FileSystem> whole = state_->link_free(*there.mount);
  Result<HeldName> held = co_await hold_name(whole, there.path);
  if (!held) co_return fail(held.error());
  place_ = std::move(*held);
  target_ = place_.storage;
  target_mount_ = there.mount;
  if (!state_->ledger) co_return Result<void>();
  Result<std::shared_ptr<const void>> noted = note_arrival(state_->ledger->uploads(), place_, *whole);
  if (!noted) co_return fail(noted.error());
  arrival_ = std::move(*noted);
  co_return Result<void>();
}

Task<Result<void>> TreeCopy::check_target(const Item& top, bool overwrite) {
  const Result<vfs::FileInfo> there = co_await behind_links(top.to);
  if (there && same_file(*there, top.info))
    co_return fail(ErrorCode::invalid_argument, "the same file by another name");
  const Result<vfs::FileInfo> existing = co_await target_->lstat(place_.path);
  replaces_ = existing.has_value();
  if (!existing) co_return existing.error().code == ErrorCode::not_found ? Result<void>() : fail(existing.error());
  if (overwrite && purpose_ == Purpose::move) co_return Result<void>();  // as the storage's own rename has it
  if (overwrite && top.info.type == vfs::FileType::regular) {
    if (existing->type == vfs::FileType::directory) co_return fail(ErrorCode::is_a_directory, "a directory is there");
    if (existing->type != vfs::FileType::other) co_return Result<void>();
  }
  co_return fail(ErrorCode::already_exists, "the target exists");
}

Task<Result<void>> TreeCopy::grow(Item top) {
  Result<void> done = co_await entry(std::move(top));
  while (done && !way_.empty()) {
    Directory& here = way_.back();
    if (here.next == here.entries.size()) {
      Result<std::vector<vfs::DirectoryEntry>> some = co_await here.listing->next(listing_batch_of_a_level);
      if (!some) co_return fail(some.error());
      if (some->empty()) {
        done = co_await leave();
        continue;
      }
      here.entries = std::move(*some);
      here.next = 0;
    }
    const vfs::DirectoryEntry& found = here.entries[here.next++];
    const Result<VirtualPath> from = here.item.from.child(found.name), to = here.item.to.child(found.name),
                              made = here.item.made.child(found.name);
    if (!from || !to || !made) co_return fail(ErrorCode::invalid_argument, "a path too long");
    if (found.name == way_.front().item.made.name()) co_return fail(ErrorCode::invalid_argument, "into itself");
    if (is_partial_name(found.name)) continue;
    Item item{*from, *to, *made, found.info};
    const Result<void> allowed = check_item(item);
    if (!allowed) co_return allowed;
    done = co_await entry(std::move(item));
  }
  co_return done;
}

// Rights are those of where things will be, not of where they grow.
Result<void> TreeCopy::check_item(const Item& item) const {
  if (purpose_ == Purpose::move) return {};
  std::vector<std::pair<Operation, const VirtualPath*>> needed{
      {Operation::copy, &item.from}, {Operation::copy, &item.to}, {Operation::list, &item.from}};
  switch (item.info.type) {
    case vfs::FileType::regular:
      needed.emplace_back(Operation::download, &item.from);
      needed.emplace_back(Operation::upload, &item.to);
      break;
    case vfs::FileType::directory: needed.emplace_back(Operation::make_directory, &item.to); break;
    case vfs::FileType::symlink: needed.emplace_back(Operation::make_link, &item.to); break;
    case vfs::FileType::other: break;
  }
  for (const auto& [operation, path] : needed) {
    const Result<void> allowed = state_->check_text(operation, *path);
    if (!allowed) return allowed;
  }
  return {};
}

bool TreeCopy::is_busy(const vfs::FileInfo& info, const vfs::FileSystem& storage, const VirtualPath& path) const {
  if (!state_->ledger) return false;
  const quota::UploadTable& uploads = state_->ledger->uploads();
  return uploads.is_written(writer_id(info, storage, path)) || uploads.awaits_arrival(info.id);
}

Result<void> TreeCopy::claim(std::uint64_t size) {
  const auto largest = static_cast<std::uint64_t>(state_->user->filters.max_upload_file_size);
  if (purpose_ == Purpose::copy && largest > 0 && size > largest) {
    return fail(ErrorCode::quota_exceeded, "larger than max_upload_file_size");
  }
  const quota::Usage file{.files = 1, .size = static_cast<std::int64_t>(size)};
  const Result<void> reserved = gaining_.reserve(file);
  if (!reserved) return reserved;
  counted_ = {counted_.files + file.files, counted_.size + file.size};
  return {};
}

// From then on nobody else opens what is at the target, or takes it away: each would count for it.
Task<Result<void>> TreeCopy::hold_target() {
  Result<QuotaStep> step = co_await QuotaStep::removing(state_->ledger, state_->owners_of(*target_mount_), place_);
  if (!step) co_return fail(step.error());
  replaced_.emplace(std::move(*step));
  co_return Result<void>();
}

}  // namespace ferry::session
