#include "session/leftovers.h"

#include <algorithm>
#include <chrono>
#include <vector>

#include "session/partial_name.h"
#include "session/stored_tree.h"
#include "session/tree_walk.h"

namespace ferry::session {

namespace {

struct Weight {
  std::int64_t size = 0;
  std::int64_t newest = 0;  // seconds since the epoch
};

void weigh(const vfs::FileInfo& info, Weight& weight) {
  if (info.type == vfs::FileType::regular) weight.size += static_cast<std::int64_t>(info.size);
  weight.newest = std::max(weight.newest, info.modified.seconds);
}

struct Level {
  VirtualPath path;
  std::unique_ptr<vfs::Directory> listing;
};

Task<Result<void>> enter(vfs::FileSystem& storage, VirtualPath path, std::vector<Level>& way) {
  Result<std::unique_ptr<vfs::Directory>> listing = co_await storage.open_directory(path);
  if (!listing) co_return fail(listing.error());
  way.push_back({std::move(path), std::move(*listing)});
  co_return Result<void>();
}

// One entry after another, so that only the way down is held in memory.
Task<Result<void>> weigh_tree(vfs::FileSystem& storage, VirtualPath path, Weight& weight) {
  std::vector<Level> way;
  Result<void> done = co_await enter(storage, path, way);
  while (done && !way.empty()) {
    const Result<std::vector<vfs::DirectoryEntry>> some = co_await way.back().listing->next(1);
    if (!some) co_return fail(some.error());
    if (some->empty()) {
      way.pop_back();
      continue;
    }
    weigh(some->front().info, weight);
    if (some->front().info.type != vfs::FileType::directory) continue;
    const Result<VirtualPath> child = way.back().path.child(some->front().name);
    if (!child) co_return fail(child.error());
    done = co_await enter(storage, *child, way);
  }
  co_return done;
}

std::int64_t now_seconds() {
  return std::chrono::duration_cast<std::chrono::seconds>(std::chrono::system_clock::now().time_since_epoch()).count();
}

// Whether there is nothing but hidden names.
Task<Result<bool>> holds_hidden_alone(vfs::FileSystem& storage, VirtualPath directory) {
  Result<std::unique_ptr<vfs::Directory>> listing = co_await storage.open_directory(directory);
  if (!listing) co_return fail(listing.error());
  while (true) {
    const Result<std::vector<vfs::DirectoryEntry>> some = co_await (*listing)->next(listing_batch);
    if (!some) co_return fail(some.error());
    if (some->empty()) co_return true;
    for (const vfs::DirectoryEntry& entry : *some) {
      if (!is_partial_name(entry.name)) co_return false;
    }
  }
}

}  // namespace

void Leftovers::add(const Leftovers& more) {
  files += more.files;
  size += more.size;
  removed += more.removed;
  if (first.empty()) first = more.first;
}

Task<Result<void>> add_leftover(std::shared_ptr<vfs::FileSystem> storage, VirtualPath path, vfs::FileInfo info,
                                Leftovers& found) {
  Weight weight;
  weigh(info, weight);
  Result<void> done;
  if (info.type == vfs::FileType::directory) done = co_await weigh_tree(*storage, path, weight);
  if (!done) co_return done;
  ++found.files;
  found.size += weight.size;
  if (found.first.empty()) found.first = storage->location(path);
  if (weight.newest > now_seconds() - leftover_age) co_return done;
  done = co_await remove_stored(storage, path);
  if (done) ++found.removed;
  co_return done;
}

Task<Result<std::size_t>> remove_leftovers(std::shared_ptr<vfs::FileSystem> storage, VirtualPath directory) {
  const Result<bool> alone = co_await holds_hidden_alone(*storage, directory);
  if (!alone) co_return fail(alone.error());
  if (!*alone) co_return std::size_t{0};
  Result<std::unique_ptr<vfs::Directory>> listing = co_await storage->open_directory(directory);
  if (!listing) co_return fail(listing.error());
  std::size_t removed = 0;
  while (true) {
    const Result<std::vector<vfs::DirectoryEntry>> some = co_await (*listing)->next(listing_batch);
    if (!some) co_return fail(some.error());
    if (some->empty()) co_return removed;
    for (const vfs::DirectoryEntry& entry : *some) {
      if (!is_partial_name(entry.name)) continue;
      const Result<VirtualPath> path = directory.child(entry.name);
      if (!path) co_return fail(path.error());
      const Result<void> gone = co_await remove_stored(storage, *path);
      if (!gone && gone.error().code != ErrorCode::not_found) co_return fail(gone.error());
      ++removed;
    }
  }
}

}  // namespace ferry::session
