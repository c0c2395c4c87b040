#include "session/tree_watch.h"

#include <algorithm>
#include <boost/asio/redirect_error.hpp>
#include <cctype>
#include <limits>

#include "session/quota_scan.h"

namespace ferry::session {

namespace {

// What may arrive unmeasured when no room is left for it: it may replace what is there. Small, as all of it may be
// stored.
constexpr std::int64_t slack = 256 * 1024;
constexpr std::chrono::milliseconds shortest_pause{50};
constexpr int looks_in_pause = 4;  // so that looking takes a fifth of the time at most

// The name of the file that rsync will replace by this one: "a" for ".a.Xy01Zz". Empty: it is none of rsync's.
std::string_view replaced_by(std::string_view name) {
  constexpr std::size_t random = 6;
  if (name.size() < random + 3 || name.front() != '.' || name[name.size() - random - 1] != '.') return {};
  const std::string_view tail = name.substr(name.size() - random);
  if (!std::ranges::all_of(tail, [](unsigned char c) { return std::isalnum(c) != 0; })) return {};
  return name.substr(1, name.size() - random - 2);
}

Error no_room() { return {ErrorCode::quota_exceeded, "quota exceeded"}; }

}  // namespace

TreeWatch::TreeWatch(std::shared_ptr<SessionState> state, quota::Owners owners, const asio::any_io_executor& executor)
    : state_(std::move(state)), owners_(std::move(owners)), timer_(executor), measured_(executor) {}

TreeWatch::~TreeWatch() { owners_.settle({}, reserved_); }

Task<Result<void>> TreeWatch::begin(std::vector<VirtualPath> trees) {
  // Each once: none that lies in another.
  std::ranges::sort(trees);
  for (VirtualPath& tree : trees) {
    const bool known = std::ranges::any_of(trees_, [&tree](const VirtualPath& one) { return tree.is_within(one); });
    if (!known) trees_.push_back(std::move(tree));
  }
  Result<Held> held = co_await look();
  if (!held) co_return fail(held.error());
  before_ = *held;
  co_return Result<void>();
}

std::optional<std::uint64_t> TreeWatch::largest_file() const {
  const std::int64_t room = owners_.room().size;
  if (room >= std::numeric_limits<std::int64_t>::max() - before_.largest - 2 * slack) return std::nullopt;
  // A little more, so that what arrives plainly is stopped by admit(), which tells the client why.
  return static_cast<std::uint64_t>(std::max<std::int64_t>(0, room) + before_.largest + 2 * slack);
}

Task<Result<TreeWatch::Held>> TreeWatch::look() const {
  const vfs::Mount& home = *state_->mounts.mounts().front();
  const std::shared_ptr<vfs::FileSystem> storage = state_->storage_of(home);
  Held held;
  std::int64_t unfinished = 0;
  std::optional<VirtualPath> replaced;
  const SeenFile seen = [&](const VirtualPath& directory, const vfs::DirectoryEntry& file) {
    const auto size = static_cast<std::int64_t>(file.info.size);
    held.largest = std::max(held.largest, size);
    const std::string_view name = replaced_by(file.name);
    if (name.empty() || size < unfinished) return;
    const Result<VirtualPath> other = directory.child(name);
    if (!other) return;
    unfinished = size;
    replaced = *other;
  };
  const std::function<bool()> given_up = [&gone = state_->who->connection.gone] { return gone && gone(); };
  for (const VirtualPath& tree : trees_) {
    const Result<Counted> counted = co_await count_files(storage, state_->ledger->uploads(), given_up, tree, seen);
    // A program may remove the whole tree.
    if (!counted && counted.error().code != ErrorCode::not_found) co_return fail(counted.error());
    if (!counted) continue;
    held.usage.files += counted->usage.files;
    held.usage.size += counted->usage.size;
  }
  if (replaced) {
    const Result<vfs::FileInfo> other = co_await storage->lstat(*replaced);
    if (other && other->type == vfs::FileType::regular) {
      held.replacing = {1, std::min(unfinished, static_cast<std::int64_t>(other->size))};
    }
  }
  co_return held;
}

// As far as there is room.
void TreeWatch::reserve(quota::Usage wanted) {
  wanted = {std::max<std::int64_t>(0, wanted.files), std::max<std::int64_t>(0, wanted.size)};
  const quota::Usage surplus{std::max<std::int64_t>(0, reserved_.files - wanted.files),
                             std::max<std::int64_t>(0, reserved_.size - wanted.size)};
  owners_.settle({}, surplus);
  reserved_ = {reserved_.files - surplus.files, reserved_.size - surplus.size};
  if (wanted.size > reserved_.size) reserved_.size += owners_.reserve_growth(wanted.size - reserved_.size, true);
  const quota::Usage files{wanted.files - reserved_.files, 0};
  if (files.files > 0 && owners_.reserve(files)) reserved_.files = wanted.files;
}

// Whether what was measured fits.
bool TreeWatch::covered() const { return growth_.files <= reserved_.files && growth_.size <= reserved_.size; }

Task<Result<void>> TreeWatch::measure() {
  if (measuring_) {
    while (measuring_) co_await measured_.wait();
    if (!covered()) co_return fail(no_room());
    co_return Result<void>();
  }
  measuring_ = true;
  arrived_ = 0;
  const auto start = std::chrono::steady_clock::now();
  const Result<Held> held = co_await look();
  last_look_ = std::chrono::steady_clock::now() - start;
  measuring_ = false;
  measured_.notify();
  if (!held) co_return fail(held.error());
  const quota::Usage now{held->usage.files - before_.usage.files - held->replacing.files,
                         held->usage.size - before_.usage.size - held->replacing.size};
  changing_ = now.size != growth_.size || now.files != growth_.files;
  growth_ = now;
  reserve({growth_.files, growth_.size + arrived_});
  if (!covered()) co_return fail(no_room());
  co_return Result<void>();
}

Task<Result<void>> TreeWatch::admit(std::uint64_t count) {
  const auto more = static_cast<std::int64_t>(count);
  const std::int64_t needed = std::max<std::int64_t>(0, growth_.size) + arrived_ + more;
  if (needed > reserved_.size) reserved_.size += owners_.reserve_growth(needed - reserved_.size);
  if (needed > reserved_.size && arrived_ + more > slack) {
    const Result<void> fits = co_await measure();
    if (!fits) co_return fits;
  }
  arrived_ += more;
  co_return Result<void>();
}

Task<void> TreeWatch::pause() {
  timer_.expires_after(std::max<std::chrono::steady_clock::duration>(shortest_pause, looks_in_pause * last_look_));
  boost::system::error_code stopped;
  co_await timer_.async_wait(asio::redirect_error(asio::use_awaitable, stopped));
}

Task<Result<void>> TreeWatch::run() {
  while (!stopped_) {
    co_await pause();
    // A program that is sent nothing and changes nothing costs nothing.
    if (stopped_ || (arrived_ == 0 && !changing_)) continue;
    const Result<void> fits = co_await measure();
    if (!fits) co_return fits;
  }
  while (measuring_) co_await measured_.wait();
  Result<void> fits = co_await measure();
  co_return fits;
}

void TreeWatch::stop() {
  stopped_ = true;
  timer_.cancel();
}

}  // namespace ferry::session
