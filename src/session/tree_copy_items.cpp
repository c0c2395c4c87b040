// The single entries of a TreeCopy: files, links and directories.
#include "session/listing.h"
#include "session/tree_copy.h"

namespace ferry::session {

namespace {

constexpr std::size_t piece = 1024 * 1024;
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
  if (purpose_ == Purpose::move && opened->size != item.info.size) {
    co_return fail(ErrorCode::conflict, "it was changed while it was copied");
  }
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
  if (done && purpose_ == Purpose::move) done = co_await note_copied(item, **to);
  Result<void> closed;
  if (done) closed = co_await (*to)->close();
  if (!done) (void)co_await (*to)->discard();  // what went wrong before says more
  if (done && !closed) done = closed;
  const Result<void> read = co_await (*from)->close();
  if (done && !read) done = read;
  co_return done;
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
  copied_.add(below_top(item), item.info, copy_facts_);
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
  copied_.add(below_top(item), item.info, copy_facts_);
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

}  // namespace ferry::session
