#include "session/tree_walk.h"

namespace ferry::session {

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
      if (given_up && given_up()) co_return fail(ErrorCode::aborted, "nobody waits for it any more");
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
  const Result<bool> covered = co_await session.holds_mounts(path);
  if (!covered) co_return fail(covered.error());
  if (*covered) co_return fail(ErrorCode::unsupported, "a virtual folder is below");
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
