#include "session/tree_walk.h"

#include "session/permissions.h"

namespace ferry::session {

namespace {

constexpr std::size_t piece = 1024 * 1024;
constexpr std::size_t listing_batch = 256;
// Links may lead a copy into itself by other names than its own: it ends there.
constexpr std::size_t deepest = 100;

Error nobody_waits() { return {ErrorCode::aborted, "nobody waits for it any more"}; }

class Copy {
 public:
  Copy(Session& session, bool overwrite, GivenUp given_up)
      : session_(session),
        permissions_(session.user().permissions),
        overwrite_(overwrite),
        given_up_(std::move(given_up)) {}

  Task<Result<void>> run(VirtualPath from, VirtualPath to) {
    if (to.is_within(from)) co_return fail(ErrorCode::invalid_argument, "a copy onto or into itself");
    // A link to a file that is named itself stands for the file.
    const Result<vfs::FileInfo> info = co_await session_.stat(from);
    const bool follow = info && info->type == vfs::FileType::regular;
    Result<void> done = co_await entry(from, to, 0, follow);
    while (done && !pending_.empty()) {
      const Ends next = std::move(pending_.back());
      pending_.pop_back();
      done = co_await contents(next);
    }
    co_return done;
  }

 private:
  struct Ends {
    VirtualPath from, to;
    std::size_t depth;
  };

  Task<Result<void>> entry(VirtualPath from, VirtualPath to, std::size_t depth, bool follow);
  Task<Result<void>> contents(Ends ends);
  Task<Result<void>> file(VirtualPath from, VirtualPath to, vfs::FileInfo info);
  Task<Result<void>> check_distinct(vfs::FileInfo source, VirtualPath to);
  Task<Result<void>> data(OpenFile& from, OpenFile& to);
  Task<Result<void>> link(VirtualPath from, VirtualPath to);

  Session& session_;
  Permissions permissions_;
  bool overwrite_;
  GivenUp given_up_;
  std::vector<Ends> pending_;  // directories that are made, and not filled yet
  Bytes buffer_;
};

Task<Result<void>> Copy::entry(VirtualPath from, VirtualPath to, std::size_t depth, bool follow) {
  if (depth > deepest) co_return fail(ErrorCode::limit_exceeded, "too deep");
  if (given_up_ && given_up_()) co_return fail(nobody_waits());
  for (const VirtualPath* end : {&from, &to}) {
    if (!permissions_.allow(Operation::copy, end->parent())) {
      co_return fail(ErrorCode::permission_denied, "may not copy here");
    }
  }
  Result<vfs::FileInfo> info = fail(ErrorCode::internal);
  if (follow) {
    info = co_await session_.stat(from);
  } else {
    info = co_await session_.lstat(from);
  }
  if (!info) co_return fail(info.error());
  Result<void> done = fail(ErrorCode::unsupported, "neither a file, a directory nor a link");
  if (info->type == vfs::FileType::regular) {
    done = co_await file(from, to, *info);
  } else if (info->type == vfs::FileType::symlink) {
    done = co_await link(from, to);
  } else if (info->type == vfs::FileType::directory) {
    done = co_await session_.make_directory(to, info->mode | 0700U);
    if (done) pending_.push_back({std::move(from), std::move(to), depth + 1});
  }
  co_return done;
}

Task<Result<void>> Copy::contents(Ends ends) {
  Result<std::unique_ptr<OpenDirectory>> listing = co_await session_.open_directory(ends.from);
  if (!listing) co_return fail(listing.error());
  while (true) {
    const Result<std::vector<vfs::DirectoryEntry>> some = co_await (*listing)->next(listing_batch);
    if (!some) co_return fail(some.error());
    if (some->empty()) co_return Result<void>();
    for (const vfs::DirectoryEntry& one : *some) {
      const Result<VirtualPath> source = ends.from.child(one.name), target = ends.to.child(one.name);
      if (!source || !target) co_return fail(ErrorCode::invalid_argument, "a path too long");
      const Result<void> done = co_await entry(*source, *target, ends.depth, false);
      if (!done) co_return done;
    }
  }
}

Task<Result<void>> Copy::link(VirtualPath from, VirtualPath to) {
  const Result<std::string> target = co_await session_.read_symlink(from);
  if (!target) co_return fail(target.error());
  Result<void> made = co_await session_.make_symlink(*target, to);
  co_return made;
}

// Replacing a file by itself, by another of its names, would empty it. Files alike in all of this are taken for one.
Task<Result<void>> Copy::check_distinct(vfs::FileInfo source, VirtualPath to) {
  const Result<vfs::FileInfo> target = co_await session_.stat(to);
  if (target && target->size == source.size && target->modified == source.modified && target->mode == source.mode &&
      target->links == source.links && target->uid == source.uid) {
    co_return fail(ErrorCode::invalid_argument, "source and destination seem to be one file");
  }
  co_return Result<void>();
}

Task<Result<void>> Copy::file(VirtualPath from, VirtualPath to, vfs::FileInfo info) {
  if (overwrite_) {
    const Result<void> distinct = co_await check_distinct(info, to);
    if (!distinct) co_return distinct;
  }
  const vfs::OpenOptions reading{.read = true};
  const vfs::OpenOptions writing{
      .write = true, .create = true, .exclusive = !overwrite_, .truncate = overwrite_, .mode = info.mode};
  Result<std::unique_ptr<OpenFile>> source = co_await session_.open(from, reading);
  if (!source) co_return fail(source.error());
  Result<std::unique_ptr<OpenFile>> target = co_await session_.open(to, writing);
  Result<void> done;
  if (!target) done = fail(target.error());
  if (target) done = co_await data(**source, **target);
  if (!done) {
    const Error why = done.error();
    if (target) co_await (*target)->abandon(why);
    co_await (*source)->abandon(why);
    co_return fail(why);
  }
  done = co_await (*target)->close();
  const Result<void> closed = co_await (*source)->close();
  if (done && !closed) done = closed;
  co_return done;
}

Task<Result<void>> Copy::data(OpenFile& from, OpenFile& to) {
  // What is there now: a file that is another name of its own copy must not grow for ever.
  const Result<vfs::FileInfo> info = co_await from.info();
  if (!info) co_return fail(info.error());
  if (buffer_.empty()) buffer_.resize(piece);
  for (std::uint64_t at = 0; at < info->size;) {
    const auto wanted = static_cast<std::size_t>(std::min<std::uint64_t>(piece, info->size - at));
    const Result<std::size_t> got = co_await from.read_at(at, MutableByteSpan(buffer_).first(wanted));
    if (!got) co_return fail(got.error());
    if (*got == 0) co_return fail(ErrorCode::conflict, "the source became shorter");
    const iovec data[]{{buffer_.data(), *got}};
    const Result<void> written = co_await to.write_at(at, data);
    if (!written) co_return written;
    at += *got;
    if (given_up_ && given_up_()) co_return fail(nobody_waits());
  }
  co_return Result<void>();
}

}  // namespace

Task<Result<void>> copy_tree(Session& session, VirtualPath from, VirtualPath to, bool overwrite, GivenUp given_up) {
  Copy copy(session, overwrite, std::move(given_up));
  Result<void> done = co_await copy.run(std::move(from), std::move(to));
  co_return done;
}

namespace {

// Removes what lies directly in `directory`, as far as it is no directory itself; the first that is one is answered.
// No value: it is empty.
Task<Result<std::optional<VirtualPath>>> empty_out(Session& session, VirtualPath directory, const GivenUp& given_up) {
  Result<std::unique_ptr<OpenDirectory>> listing = co_await session.open_directory(directory);
  if (!listing) co_return fail(listing.error());
  while (true) {
    const Result<std::vector<vfs::DirectoryEntry>> some = co_await (*listing)->next(listing_batch);
    if (!some) co_return fail(some.error());
    if (some->empty()) co_return std::optional<VirtualPath>();
    for (const vfs::DirectoryEntry& one : *some) {
      if (given_up && given_up()) co_return fail(nobody_waits());
      const Result<VirtualPath> path = directory.child(one.name);
      if (!path) co_return fail(path.error());
      if (one.info.type == vfs::FileType::directory) co_return std::optional<VirtualPath>(*path);
      const Result<void> removed = co_await session.remove_file(*path);
      if (!removed && removed.error().code != ErrorCode::not_found) co_return fail(removed.error());
    }
  }
}

}  // namespace

Task<Result<void>> remove_tree(Session& session, VirtualPath path, GivenUp given_up) {
  for (const model::VirtualFolder& folder : session.user().virtual_folders) {
    const Result<VirtualPath> point = VirtualPath::parse(folder.virtual_path);
    if (point && point->is_within(path)) co_return fail(ErrorCode::unsupported, "a virtual folder is below");
  }
  const Result<vfs::FileInfo> info = co_await session.lstat(path);
  if (!info) co_return fail(info.error());
  Result<void> removed;
  if (info->type != vfs::FileType::directory) {
    removed = co_await session.remove_file(path);
    co_return removed;
  }
  std::vector<VirtualPath> deeper{path};
  while (!deeper.empty()) {
    Result<std::optional<VirtualPath>> found = co_await empty_out(session, deeper.back(), given_up);
    if (!found) co_return fail(found.error());
    if (*found) {
      deeper.push_back(std::move(**found));
      continue;
    }
    removed = co_await session.remove_directory(deeper.back());
    if (!removed) co_return removed;
    deeper.pop_back();
  }
  co_return removed;
}

}  // namespace ferry::session
