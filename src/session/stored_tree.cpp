#include "session/stored_tree.h"

namespace ferry::session {

namespace {

// Opens a directory of what is to be removed; one that keeps its owner out is let in first.
Task<Result<std::unique_ptr<vfs::Directory>>> open_to_empty(vfs::FileSystem& storage, VirtualPath path,
                                                            std::uint32_t mode) {
  if ((mode & 0700U) != 0700U && storage.capabilities().attributes) {
    // If this is refused, so will be what follows.
    const vfs::AttributeChange owner_may{.mode = mode | 0700U};
    (void)co_await storage.set_attributes(path, owner_may, false);
  }
  Result<std::unique_ptr<vfs::Directory>> opened = co_await storage.open_directory(path);
  co_return std::move(opened);
}

}  // namespace

Task<Result<void>> remove_stored(std::shared_ptr<vfs::FileSystem> storage, VirtualPath path,
                                 quota::Usage* removed_files, const TreeEntries* only, bool* some_left) {
  struct Emptied {
    VirtualPath path, below;
    std::unique_ptr<vfs::Directory> listing;
    bool left = false;  // something stays in it
  };
  const Result<vfs::FileInfo> info = co_await storage->lstat(path);
  if (!info) co_return fail(info.error());
  const auto count = [removed_files](const vfs::FileInfo& file) {
    if (removed_files == nullptr || file.type != vfs::FileType::regular) return;
    removed_files->files += 1;
    removed_files->size += static_cast<std::int64_t>(file.size);
  };
  Result<void> removed;
  if (info->type != vfs::FileType::directory) {
    removed = co_await storage->remove_file(path);
    if (removed) count(*info);
    co_return removed;
  }
  std::vector<Emptied> way;
  Result<std::unique_ptr<vfs::Directory>> listing = co_await open_to_empty(*storage, path, info->mode);
  if (!listing) co_return fail(listing.error());
  bool any_left = false;
  way.push_back({path, VirtualPath(), std::move(*listing)});
  while (!way.empty()) {
    co_await asio::post(asio::use_awaitable);
    const Result<std::vector<vfs::DirectoryEntry>> some = co_await way.back().listing->next(1);
    if (!some) co_return fail(some.error());
    if (some->empty()) {
      const Emptied emptied = std::move(way.back());
      way.pop_back();
      bool left = emptied.left;
      if (!left) removed = co_await storage->remove_directory(emptied.path);
      if (!left && !removed && only != nullptr && removed.error().code == ErrorCode::directory_not_empty) left = true;
      if (!left && !removed) co_return removed;
      any_left = any_left || left;
      if (left && !way.empty()) way.back().left = true;
      continue;
    }
    const vfs::DirectoryEntry& entry = some->front();
    const Result<VirtualPath> child = way.back().path.child(entry.name), below = way.back().below.child(entry.name);
    if (!child) co_return fail(child.error());
    if (!below) co_return fail(below.error());
    if (only != nullptr && !only->contains(*below, entry.info)) {
      way.back().left = true;
      continue;
    }
    if (entry.info.type != vfs::FileType::directory) {
      removed = co_await storage->remove_file(*child);
      if (!removed && removed.error().code != ErrorCode::not_found) co_return removed;
      if (removed) count(entry.info);
      continue;
    }
    listing = co_await open_to_empty(*storage, *child, entry.info.mode);
    if (!listing) co_return fail(listing.error());
    way.push_back({*child, *below, std::move(*listing)});
  }
  if (some_left != nullptr) *some_left = any_left;
  co_return Result<void>();
}

}  // namespace ferry::session
