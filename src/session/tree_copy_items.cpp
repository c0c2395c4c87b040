// The single entries of a TreeCopy: files, links and directories.
#include "session/listing.h"
#include "session/shown.h"
#include "session/tree_copy.h"

namespace ferry::session {

namespace {

constexpr std::size_t copy_piece = 1024 * 1024;
// Links may lead a copy into itself by other names than its own: it ends there. Each costs a descriptor.
constexpr std::size_t deepest = 100;

}  // namespace

VirtualPath TreeCopy::below_top(const Item& item) const {
  return way_.empty() ? VirtualPath() : item.from.below(way_.front().item.from);
}

Task<Result<void>> TreeCopy::entry(Item item) {
  Result<void> done = co_await pause();
  if (!done) co_return done;
  if (purpose_ == Purpose::move) moved_.add(below_top(item), item.info, TreeFacts::original);
  if (removes_singly_) done = found_.add(below_top(item), item.info);
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
  const Result<bool> stored = co_await stored_copy(item);
  if (!stored) co_return fail(stored.error());
  if (*stored) co_return Result<void>();
  const vfs::MountTable::Target source = state_->mounts.resolve(item.from);
  const std::shared_ptr<vfs::FileSystem> storage = state_->link_free(*source.mount);
  const vfs::OpenOptions reading{.read = true};
  Result<std::unique_ptr<vfs::File>> from = co_await storage->open(source.path, reading);
  if (!from) co_return fail(from.error());
  const Result<vfs::FileInfo> opened = co_await (*from)->info();
  if (!opened) co_return fail(opened.error());
  if (purpose_ == Purpose::move && is_busy(*opened, *storage, source.path))
    co_return fail(ErrorCode::conflict, "it is being written");
  if (purpose_ == Purpose::move && opened->size != item.info.size) {
    co_return fail(ErrorCode::conflict, "it was changed while it was copied");
  }
  Result<void> done = claim(opened->size);
  if (!done) co_return done;
  const vfs::Capabilities& can = target_->capabilities();
  const bool replaces = in_place_ && overwrite_ && way_.empty();
  const vfs::OpenOptions how{.write = true,
                             .create = true,
                             .exclusive = !replaces,
                             .truncate = replaces,
                             .mode = item.info.mode & 0777U,
                             .expected_size = opened->size};
  quota::Existing before;
  if (replaces) before = co_await replaced_before(item);
  Result<std::unique_ptr<vfs::File>> to = co_await target_->open(item.made, how);
  if (!to && vfs::leaves_open(to.error()) && !can.published_at_close && !replaces)
    made_ = true;  // perhaps: undo() looks
  if (!to) co_return fail(to.error());
  if (!can.published_at_close) made_ = true;
  done = co_await data(**from, **to, opened->size);
  vfs::AttributeChange kept;
  if (purpose_ == Purpose::move && can.attributes) kept.mode = item.info.mode & 01777U;
  if (purpose_ == Purpose::move && can.times) kept.times = {item.info.accessed, item.info.modified};
  if (done && (kept.mode || kept.times)) done = co_await (*to)->set_attributes(kept);
  if (done && purpose_ == Purpose::move) done = co_await note_copied(item, **to);
  if (done) done = note_made(item, opened->size);
  // Before the copy is shown: afterwards nothing may fail that would take away what has replaced something.
  const Result<void> read = co_await (*from)->close();
  if (done && !read) done = read;
  if (done) {
    done = co_await (*to)->close();
    if (!done && can.published_at_close && vfs::leaves_open(done.error())) {
      const bool shown = co_await is_shown(*target_, item.made, opened->size, before);
      if (shown) done = Result<void>();
    }
    if (done) made_ = true;
  } else {
    (void)co_await (*to)->discard();  // what went wrong before says more
  }
  co_return done;
}

// By the storage itself, so that the bytes need not pass through this process. False: they have to.
Task<Result<bool>> TreeCopy::stored_copy(const Item& item) {
  const vfs::MountTable::Target source = state_->mounts.resolve(item.from);
  const std::shared_ptr<vfs::FileSystem> storage = state_->link_free(*source.mount);
  // A move inside one storage is a rename; where that needs copies, they are compared with what was copied, which a
  // copy that the storage makes does not tell.
  if (purpose_ == Purpose::move || storage != target_ || !target_->capabilities().copy) co_return false;
  const quota::Usage before = counted_;
  Result<void> done = claim(item.info.size);
  if (!done) co_return fail(done.error());
  const bool replaces = in_place_ && overwrite_ && way_.empty();
  quota::Existing old;
  if (replaces) old = co_await replaced_before(item);
  done = co_await target_->copy_file(source.path, item.made, replaces);
  if (!done && vfs::leaves_open(done.error())) {
    const bool shown = co_await is_shown(*target_, item.made, item.info.size, old);
    if (shown) done = Result<void>();
  }
  if (!done && done.error().code == ErrorCode::unsupported) {
    gaining_.settle({}, {counted_.files - before.files, counted_.size - before.size});
    counted_ = before;
    co_return false;
  }
  Result<void> noted = note_made(item, item.info.size);
  if (done) done = noted;
  if (!done) co_return fail(done.error());
  made_ = true;
  if (gaining_.empty() && losing_.empty()) co_return true;
  // The source may have been replaced since it was listed. The copy is complete, and may have replaced something, so
  // nothing takes it away any more: it counts with the size it has, even beyond the limit.
  const Result<vfs::FileInfo> copied = co_await target_->lstat(item.made);
  if (!copied) co_return true;
  const std::int64_t more = static_cast<std::int64_t>(copied->size) - static_cast<std::int64_t>(item.info.size);
  if (more != 0) gaining_.settle({.size = more}, {});
  if (more != 0) noted = note_made(item, copied->size);
  if (!noted) co_return fail(noted.error());
  co_return true;
}

// What the copy of a file that is made in place replaces: if the end of it is not answered, that tells the two apart.
Task<quota::Existing> TreeCopy::replaced_before(const Item& item) {
  const Result<vfs::FileInfo> there = co_await target_->lstat(item.made);
  co_return countable(there);
}

// Before it shows, so that an answer which is lost leaves nothing that undo() does not know.
Result<void> TreeCopy::note_made(const Item& item, std::uint64_t size) {
  const bool in_directory = !way_.empty() || item.info.type == vfs::FileType::directory;
  if (!in_place_ || !in_directory) return {};
  vfs::FileInfo made = item.info;
  made.size = size;
  return made_entries_.add(below_top(item), made);
}

Task<Result<void>> TreeCopy::note_copied(const Item& item, vfs::File& copy) {
  vfs::FileInfo made = item.info;
  if (copy_facts_ == TreeFacts::copy) {
    const Result<vfs::FileInfo> info = co_await copy.info();
    if (!info) co_return fail(info.error());
    made = *info;
  }
  copied_.add(below_top(item), made, copy_facts_);
  co_return Result<void>();
}

// `size`: what was there when it was opened; a file that grows meanwhile must not be copied for ever.
Task<Result<void>> TreeCopy::data(vfs::File& from, vfs::File& to, std::uint64_t size) {
  if (buffer_.empty()) buffer_.resize(copy_piece);
  for (std::uint64_t at = 0; at < size;) {
    const auto wanted = static_cast<std::size_t>(std::min<std::uint64_t>(copy_piece, size - at));
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
  Result<void> made = note_made(item, 0);
  if (!made) co_return made;
  made = co_await target_->make_symlink(absolute ? there.path.text() : *text, item.made);
  copied_.add(below_top(item), item.info, copy_facts_);
  if (made) made_ = true;
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
  const vfs::MountTable::Target source = state_->mounts.resolve(item.from);
  if (purpose_ == Purpose::move && is_busy(item.info, *source.mount->storage, source.path)) {
    co_return fail(ErrorCode::conflict, "an upload or a copy into it is running");
  }
  Result<std::unique_ptr<OpenDirectory>> listing = co_await list(item.from);
  if (!listing) co_return fail(listing.error());
  Result<void> made = note_made(item, 0);
  if (!made) co_return made;
  made = co_await target_->make_directory(item.made, item.info.mode | 0700U);
  copied_.add(below_top(item), item.info, copy_facts_);
  if (made) made_ = true;
  if (made) way_.push_back({std::move(item), std::move(*listing)});
  co_return made;
}

Task<Result<void>> TreeCopy::leave() {
  const Item item = std::move(way_.back().item);
  way_.pop_back();
  // While it was filled its owner had all rights.
  const bool complete = purpose_ == Purpose::copy && (item.info.mode & 0700U) == 0700U;
  const vfs::Capabilities& can = target_->capabilities();
  vfs::AttributeChange change;
  if (can.attributes && !complete) change.mode = item.info.mode & 01777U;
  if (change.mode && purpose_ == Purpose::copy) *change.mode &= ~state_->options.umask;
  if (can.times && purpose_ == Purpose::move) change.times = {item.info.accessed, item.info.modified};
  if (!change.mode && !change.times) co_return Result<void>();
  Result<void> set = co_await target_->set_attributes(item.made, change, false);
  // Object stores keep times of files alone.
  if (!set && !change.mode && set.error().code == ErrorCode::unsupported) set = Result<void>();
  co_return set;
}

}  // namespace ferry::session
