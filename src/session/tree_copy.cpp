#include "session/tree_copy.h"

#include <fmt/format.h>

#include <algorithm>

#include "session/listing.h"
#include "session/partial_name.h"
#include "session/tree_compare.h"
#include "session/tree_walk.h"

namespace ferry::session {

namespace {

constexpr std::size_t piece = 1024 * 1024;
// Links may lead a copy into itself by other names than its own: it ends there. Each costs a descriptor.
constexpr std::size_t deepest = 100;

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
  const QuotaOwners& source = state_->owners_of(*state_->mounts.resolve(item->from).mount);
  const QuotaOwners& target = state_->owners_of(*state_->mounts.resolve(item->to).mount);
  // What moves from one quota to itself needs no room.
  gaining_ = purpose_ == Purpose::move ? target.without(source) : target;
  losing_ = purpose_ == Purpose::move ? source.without(target) : QuotaOwners();
  // Between the copy and the end of its source, who pays for both has two files and counts one.
  const QuotaOwners all = purpose_ == Purpose::move ? target.with(source) : target;
  if (!all.empty()) change_.emplace(all);
  const bool in_place = !target_->capabilities().atomic_rename;
  if (in_place) co_await hold_target();
  Result<void> done = co_await grow(*item);
  way_.clear();
  if (done && !in_place) co_await hold_target();
  if (done) done = co_await place(*item, overwrite);
  if (done) {
    gaining_.settle(counted_, counted_);
    co_await replaced_->done();
  } else {
    gaining_.settle({}, counted_);
    // not_found: it had not begun. Anything else leaves what docs/configuration.md tells how to tidy up.
    const Result<void> removed = co_await remove_stored(target_, item->made);
    if (!removed && removed.error().code != ErrorCode::not_found) {
      log_failure(*state_->who, "tidy up after a copy", item->to, removed.error());
    }
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
  item.made = target_->capabilities().atomic_rename ? partial_path(place_.path) : place_.path;
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

Task<Result<void>> TreeCopy::entry(Item item) {
  Result<void> done = co_await pause();
  if (!done) co_return done;
  switch (item.info.type) {
    case vfs::FileType::regular: done = co_await file(item); break;
    case vfs::FileType::symlink: done = co_await link(item); break;
    case vfs::FileType::directory: done = co_await enter(std::move(item)); break;
    case vfs::FileType::other: done = fail(ErrorCode::unsupported, "neither a file, a directory nor a link");
  }
  co_return done;
}

Task<Result<void>> TreeCopy::file(const Item& item) {
  const vfs::MountTable::Target source = state_->mounts.resolve(item.from);
  const std::shared_ptr<vfs::FileSystem> storage = state_->link_free(*source.mount);
  const vfs::OpenOptions reading{.read = true};
  Result<std::unique_ptr<vfs::File>> from = co_await storage->open(source.path, reading);
  if (!from) co_return fail(from.error());
  const Result<vfs::FileInfo> opened = co_await (*from)->info();
  if (!opened) co_return fail(opened.error());
  if (purpose_ == Purpose::move && is_busy(opened->id)) co_return fail(ErrorCode::conflict, "it is being written");
  const vfs::OpenOptions fresh{.write = true, .create = true, .exclusive = true, .mode = item.info.mode & 0777U};
  const bool replaces = !target_->capabilities().atomic_rename;
  const vfs::OpenOptions in_place{.write = true, .create = true, .truncate = true, .mode = item.info.mode & 0777U};
  Result<std::unique_ptr<vfs::File>> to = co_await target_->open(item.made, replaces ? in_place : fresh);
  if (!to) co_return fail(to.error());
  Result<void> done = claim(opened->size);
  if (done) done = co_await data(**from, **to, opened->size);
  if (done && purpose_ == Purpose::move && target_->capabilities().attributes) {
    const vfs::AttributeChange::Times times{item.info.accessed, item.info.modified};
    done = co_await (*to)->set_attributes({.mode = item.info.mode & 01777U, .times = times});
  }
  Result<void> closed;
  if (done) closed = co_await (*to)->close();
  if (!done) (void)co_await (*to)->discard();  // what went wrong before says more
  if (done && !closed) done = closed;
  const Result<void> read = co_await (*from)->close();
  if (done && !read) done = read;
  co_return done;
}

bool TreeCopy::is_busy(std::uint64_t id) const {
  if (!state_->ledger) return false;
  const UploadTable& uploads = state_->ledger->uploads();
  return uploads.is_written(id) || uploads.awaits_arrival(id);
}

Result<void> TreeCopy::claim(std::uint64_t size) {
  const auto largest = static_cast<std::uint64_t>(state_->user->filters.max_upload_file_size);
  if (purpose_ == Purpose::copy && largest > 0 && size > largest) {
    return fail(ErrorCode::quota_exceeded, "larger than max_upload_file_size");
  }
  const QuotaUsage file{.files = 1, .size = static_cast<std::int64_t>(size)};
  const Result<void> reserved = gaining_.reserve(file);
  if (!reserved) return reserved;
  counted_ = {counted_.files + file.files, counted_.size + file.size};
  return {};
}

// From then on nobody else opens what is at the target, or takes it away: each would count for it.
Task<void> TreeCopy::hold_target() {
  QuotaStep step = co_await QuotaStep::removing(state_->ledger, state_->owners_of(*target_mount_), place_);
  replaced_.emplace(std::move(step));
}

// A move that has failed at its end. The copy goes, unless it has replaced something by then: then both stay, and who
// pays for both counts one more.
Task<void> TreeCopy::keep_source(const Item& top) {
  co_await hold_target();
  const Result<vfs::FileInfo> there = co_await target_->lstat(place_.path);
  Result<void> undone = fail(ErrorCode::conflict, "somebody else has replaced it");
  const bool ours = there && (placed_.id == 0 || same_file(*there, placed_));
  if (!replaces_ && ours) undone = co_await remove_stored(target_, place_.path);
  if (!undone && !replaces_) log_failure(*state_->who, "undo a move", top.to, undone.error());
  const QuotaOwners& owners = state_->owners_of(*target_mount_);
  if (undone && placed_.type != vfs::FileType::regular) {
    gaining_.settle({-counted_.files, -counted_.size}, {});
  } else {
    if (undone) co_await replaced_->done();  // each of them has lost a file
    owners.without(gaining_).settle(counted_, {});
  }
  replaced_.reset();
}

// `size`: what was there when it was opened; a file that grows meanwhile must not be copied for ever.
Task<Result<void>> TreeCopy::data(vfs::File& from, vfs::File& to, std::uint64_t size) {
  if (buffer_.empty()) buffer_.resize(piece);
  for (std::uint64_t at = 0; at < size;) {
    const auto wanted = static_cast<std::size_t>(std::min<std::uint64_t>(piece, size - at));
    const Result<std::size_t> got = co_await from.read_at(at, MutableByteSpan(buffer_).first(wanted));
    if (!got) co_return fail(got.error());
    if (*got == 0) co_return fail(ErrorCode::conflict, "the source became shorter");
    const iovec bytes[]{{buffer_.data(), *got}};
    const Result<void> written = co_await to.write_at(at, bytes);
    if (!written) co_return written;
    at += *got;
    const Result<void> paused = co_await pause();
    if (!paused) co_return paused;
  }
  co_return Result<void>();
}

// A relative link keeps its text. An absolute one that leads into the tree itself leads into the copy; another one
// means the account's tree, and has to stay in its storage.
Task<Result<void>> TreeCopy::link(const Item& item) {
  const vfs::MountTable::Target source = state_->mounts.resolve(item.from);
  const std::shared_ptr<vfs::FileSystem> storage = state_->link_free(*source.mount);
  Result<std::string> text = co_await storage->read_symlink(source.path);
  if (!text) co_return fail(text.error());
  const bool absolute = text->starts_with('/');
  const Result<VirtualPath> inside = VirtualPath::parse(*text);
  if (!inside) co_return fail(inside.error());
  Result<VirtualPath> meant =
      absolute ? source.mount->point.join(*inside) : VirtualPath::parse(*text, item.to.parent());
  if (!meant) co_return fail(meant.error());
  if (absolute && !way_.empty() && meant->is_within(way_.front().item.from)) {
    // Its directory may have another name by now.
    const Result<VirtualPath> now = where_is(place_, *state_->link_free(*target_mount_));
    const VirtualPath top = now ? target_mount_->point.join(*now) : way_.front().item.to;
    meant = top.join(meant->below(way_.front().item.from));
  }
  if (purpose_ == Purpose::copy) {
    const Result<VirtualPath> goal = co_await state_->check(Operation::make_link, *meant, true);
    if (!goal) co_return fail(goal.error());
    const Result<void> allowed = state_->check_links(*state_->mounts.resolve(item.to).mount);
    if (!allowed) co_return allowed;
  }
  const vfs::MountTable::Target there = state_->mounts.resolve(*meant);
  if (there.mount != target_mount_) co_return fail(ErrorCode::unsupported, "a link between two storages");
  Result<void> made = co_await target_->make_symlink(absolute ? there.path.text() : *text, item.made);
  co_return made;
}

Task<Result<std::unique_ptr<OpenDirectory>>> TreeCopy::list(VirtualPath directory) {
  const vfs::MountTable::Target target = state_->mounts.resolve(directory);
  if (purpose_ == Purpose::copy) {
    const Result<void> allowed = state_->check_listing_text(directory);
    if (!allowed) co_return fail(allowed.error());
    Result<std::unique_ptr<Listing>> seen = co_await Listing::open(state_, directory, directory);
    if (!seen) co_return fail(seen.error());
    (*seen)->show_partial();
    co_return std::move(*seen);
  }
  const std::shared_ptr<vfs::FileSystem> storage = state_->link_free(*target.mount);
  Result<std::unique_ptr<vfs::Directory>> stored = co_await storage->open_directory(target.path);
  if (!stored) co_return fail(stored.error());
  auto listing = std::make_unique<Listing>(state_, std::move(*stored), std::vector<vfs::DirectoryEntry>());
  listing->show_partial();
  co_return std::move(listing);
}

Task<Result<void>> TreeCopy::enter(Item item) {
  if (way_.size() == deepest) co_return fail(ErrorCode::limit_exceeded, "too deep");
  if (purpose_ == Purpose::move && is_busy(item.info.id)) {
    co_return fail(ErrorCode::conflict, "an upload or a copy into it is running");
  }
  Result<std::unique_ptr<OpenDirectory>> listing = co_await list(item.from);
  if (!listing) co_return fail(listing.error());
  Result<void> made = co_await target_->make_directory(item.made, item.info.mode | 0700U);
  if (made) way_.push_back({std::move(item), std::move(*listing)});
  co_return made;
}

Task<Result<void>> TreeCopy::leave() {
  const Item item = std::move(way_.back().item);
  way_.pop_back();
  // While it was filled its owner had all rights.
  const bool complete = purpose_ == Purpose::copy && (item.info.mode & 0700U) == 0700U;
  if (complete || !target_->capabilities().attributes) co_return Result<void>();
  vfs::AttributeChange change{.mode = item.info.mode & 01777U};
  if (purpose_ == Purpose::copy) *change.mode &= ~state_->options.umask;
  if (purpose_ == Purpose::move) change.times = vfs::AttributeChange::Times{item.info.accessed, item.info.modified};
  Result<void> set = co_await target_->set_attributes(item.made, change, false);
  co_return set;
}

Task<Result<void>> TreeCopy::place(const Item& top, bool overwrite) {
  const Result<vfs::FileInfo> made = co_await target_->lstat(top.made);
  if (!made) co_return fail(made.error());
  placed_ = *made;
  replaces_ = overwrite;
  if (top.made == place_.path) co_return Result<void>();
  const Result<vfs::FileInfo> there = co_await target_->lstat(place_.path);
  replaces_ = there.has_value();
  Result<void> placed = co_await target_->rename(top.made, place_.path, overwrite);
  co_return placed;
}

namespace {

// Back to its name; when that was taken meanwhile, to one beside it that clients see.
Task<Result<void>> put_back(vfs::FileSystem& storage, VirtualPath aside, VirtualPath name) {
  constexpr int most_tries = 100;
  constexpr std::size_t longest_suffix = 16;
  Result<void> back = co_await storage.rename(aside, name, false);
  for (int tries = 1; !back && back.error().code == ErrorCode::already_exists && tries <= most_tries; ++tries) {
    const std::string_view kept = name.name().substr(0, VirtualPath::max_name_length - longest_suffix);
    const Result<VirtualPath> other = name.parent().child(fmt::format("{}.not-moved-{}", kept, tries));
    if (!other) co_return fail(other.error());
    back = co_await storage.rename(aside, *other, false);
  }
  co_return back;
}

}  // namespace

// Set aside first, in one step: either the whole source is gone from its place, or all of it is still there. What was
// written to it while it was copied is not in the copy: then it goes back.
Task<Result<void>> TreeCopy::take_source_away(const Item& top) {
  const vfs::MountTable::Target source = state_->mounts.resolve(top.from);
  const std::shared_ptr<vfs::FileSystem> storage = state_->link_free(*source.mount);
  if (!storage->capabilities().atomic_rename) {
    Result<void> gone = co_await remove_stored(storage, source.path);
    if (gone) losing_.settle({-counted_.files, -counted_.size}, {});
    co_return gone;
  }
  const Result<HeldName> name = co_await hold_name(storage, source.path);
  if (!name) co_return fail(name.error());
  // Its directory stays where it is until the source is gone, or back.
  std::shared_ptr<const void> back;
  if (state_->ledger) {
    Result<std::shared_ptr<const void>> noted = note_arrival(state_->ledger->uploads(), *name, *storage);
    if (!noted) co_return fail(noted.error());
    back = std::move(*noted);
  }
  const VirtualPath aside = partial_path(name->path);
  // Who opens the source meanwhile would count it as what he replaces.
  std::optional<QuotaStep> held;
  QuotaStep step = co_await QuotaStep::removing(state_->ledger, state_->owners_of(*source.mount), *name);
  held.emplace(std::move(step));
  const Result<void> moved = co_await name->storage->rename(name->path, aside, false);
  if (!moved) co_return moved;
  const auto busy = [this](std::uint64_t id) { return is_busy(id); };
  const Result<bool> whole = co_await is_whole_copy(*name->storage, aside, *target_, place_.path, busy);
  if (!whole || !*whole) {
    const Result<void> returned = co_await put_back(*name->storage, aside, name->path);
    if (!returned) log_failure(*state_->who, "put back what was not moved", top.from, returned.error());
    if (!whole) co_return fail(whole.error());
    co_return fail(ErrorCode::conflict, "it was changed while it was copied");
  }
  losing_.settle({-counted_.files, -counted_.size}, {});
  held.reset();
  const Result<void> removed = co_await remove_stored(name->storage, aside);
  if (!removed) log_failure(*state_->who, "tidy up after a move", top.from, removed.error());
  co_return Result<void>();
}

namespace {

// Opens a directory of what is to be removed; one that keeps its owner out is let in first.
Task<Result<std::unique_ptr<vfs::Directory>>> open_to_empty(vfs::FileSystem& storage, VirtualPath path,
                                                            std::uint32_t mode) {
  if ((mode & 0700U) != 0700U && storage.capabilities().attributes) {
    // If this is refused, so will be what follows.
    (void)co_await storage.set_attributes(path, {.mode = mode | 0700U}, false);
  }
  Result<std::unique_ptr<vfs::Directory>> opened = co_await storage.open_directory(path);
  co_return std::move(opened);
}

}  // namespace

Task<Result<void>> remove_stored(std::shared_ptr<vfs::FileSystem> storage, VirtualPath path) {
  struct Emptied {
    VirtualPath path;
    std::unique_ptr<vfs::Directory> listing;
  };
  const Result<vfs::FileInfo> info = co_await storage->lstat(path);
  if (!info) co_return fail(info.error());
  Result<void> removed;
  if (info->type != vfs::FileType::directory) {
    removed = co_await storage->remove_file(path);
    co_return removed;
  }
  std::vector<Emptied> way;
  Result<std::unique_ptr<vfs::Directory>> listing = co_await open_to_empty(*storage, path, info->mode);
  if (!listing) co_return fail(listing.error());
  way.push_back({path, std::move(*listing)});
  while (!way.empty()) {
    co_await asio::post(asio::use_awaitable);
    const Result<std::vector<vfs::DirectoryEntry>> some = co_await way.back().listing->next(1);
    if (!some) co_return fail(some.error());
    if (some->empty()) {
      const VirtualPath emptied = std::move(way.back().path);
      way.pop_back();
      removed = co_await storage->remove_directory(emptied);
      if (!removed) co_return removed;
      continue;
    }
    const vfs::DirectoryEntry& entry = some->front();
    const Result<VirtualPath> child = way.back().path.child(entry.name);
    if (!child) co_return fail(child.error());
    if (entry.info.type != vfs::FileType::directory) {
      removed = co_await storage->remove_file(*child);
      if (!removed && removed.error().code != ErrorCode::not_found) co_return removed;
      continue;
    }
    listing = co_await open_to_empty(*storage, *child, entry.info.mode);
    if (!listing) co_return fail(listing.error());
    way.push_back({*child, std::move(*listing)});
  }
  co_return Result<void>();
}

}  // namespace ferry::session
