#include "session/tree_compare.h"

#include "session/partial_name.h"
#include "session/tree_walk.h"

namespace ferry::session {

namespace {

// Some storages keep no fractions of seconds, or no times at all.
bool same_time(const vfs::FileTime& original, const vfs::FileTime& copied) {
  return original == copied || (copied.nanoseconds == 0 && original.seconds == copied.seconds);
}

using Busy = std::function<bool(std::uint64_t)>;

Task<Result<bool>> has_counterpart(vfs::FileInfo original, vfs::FileSystem& copy, VirtualPath to, const Busy& busy) {
  const Result<vfs::FileInfo> there = co_await copy.lstat(to);
  if (!there && there.error().code == ErrorCode::not_found) co_return false;
  if (!there) co_return fail(there.error());
  if (there->type != original.type) co_return false;
  // Asked of a directory before it is read: whatever arrives in it later was not on its way when it was set aside.
  if (busy(original.id)) co_return false;
  if (original.type != vfs::FileType::regular) co_return true;
  const bool timely = !copy.capabilities().attributes || same_time(original.modified, there->modified);
  co_return there->size == original.size&& timely;
}

struct Level {
  VirtualPath from, to;
  std::unique_ptr<vfs::Directory> listing;
};

// Compares a batch of the directory; the directories among it are added to `below`. No value: it has ended.
Task<Result<std::optional<bool>>> compare_some(Level& level, vfs::FileSystem& copy, std::vector<Level>& below,
                                               const Busy& busy) {
  const Result<std::vector<vfs::DirectoryEntry>> some = co_await level.listing->next(listing_batch_of_a_level);
  if (!some) co_return fail(some.error());
  if (some->empty()) co_return std::optional<bool>();
  for (const vfs::DirectoryEntry& entry : *some) {
    if (is_partial_name(entry.name)) continue;
    Result<VirtualPath> from = level.from.child(entry.name), to = level.to.child(entry.name);
    if (!from || !to) co_return fail(ErrorCode::invalid_argument, "a path too long");
    const Result<bool> there = co_await has_counterpart(entry.info, copy, *to, busy);
    if (!there) co_return fail(there.error());
    if (!*there) co_return std::optional<bool>(false);
    if (entry.info.type == vfs::FileType::directory) below.push_back({std::move(*from), std::move(*to), nullptr});
  }
  co_return std::optional<bool>(true);
}

}  // namespace

Task<Result<bool>> is_whole_copy(vfs::FileSystem& source, VirtualPath from, vfs::FileSystem& copy, VirtualPath to,
                                 std::function<bool(std::uint64_t)> busy) {
  const Result<vfs::FileInfo> info = co_await source.lstat(from);
  if (!info) co_return fail(info.error());
  Result<bool> there = co_await has_counterpart(*info, copy, to, busy);
  if (!there || !*there || info->type != vfs::FileType::directory) co_return there;
  std::vector<Level> waiting;
  waiting.push_back({from, to, nullptr});
  while (!waiting.empty()) {
    co_await asio::post(asio::use_awaitable);
    Level level = std::move(waiting.back());
    waiting.pop_back();
    Result<std::unique_ptr<vfs::Directory>> listing = co_await source.open_directory(level.from);
    if (!listing) co_return fail(listing.error());
    level.listing = std::move(*listing);
    for (bool more = true; more;) {
      const Result<std::optional<bool>> some = co_await compare_some(level, copy, waiting, busy);
      if (!some) co_return fail(some.error());
      more = some->has_value();
      if (more && !**some) co_return false;
    }
  }
  co_return true;
}

}  // namespace ferry::session
