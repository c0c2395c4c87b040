#include "session/listing.h"

#include <algorithm>

#include "session/partial_name.h"

namespace ferry::session {

vfs::FileInfo pinned_directory() {
  vfs::FileInfo info;
  info.type = vfs::FileType::directory;
  info.mode = 0755;
  info.links = 2;
  return info;
}

namespace {

Task<std::vector<vfs::DirectoryEntry>> pinned_entries(SessionState& state, VirtualPath directory) {
  std::vector<vfs::DirectoryEntry> entries;
  for (const std::string& name : state.mounts.names_in(directory)) {
    const Result<VirtualPath> path = directory.child(name);
    if (!path) continue;
    const vfs::MountTable::Target target = state.mounts.resolve(*path);
    const Result<vfs::FileInfo> info = co_await target.mount->storage->lstat(target.path);
    const bool usable = info && info->type == vfs::FileType::directory;
    entries.push_back({name, usable ? *info : pinned_directory()});
  }
  co_return entries;
}

}  // namespace

Task<Result<std::unique_ptr<Listing>>> Listing::open(std::shared_ptr<SessionState> state, VirtualPath directory,
                                                     VirtualPath real) {
  // What is mounted covers what the storage has by that name, a link too.
  const VirtualPath shown = state->mounts.is_pinned(directory) ? directory : real;
  std::vector<vfs::DirectoryEntry> pinned = co_await pinned_entries(*state, shown);
  const vfs::MountTable::Target target = state->mounts.resolve(real);
  // For an account with rules the resolved path was checked: a link that a client puts on the way now must not be
  // followed.
  const std::shared_ptr<vfs::FileSystem> storage = state->storage_of(*target.mount);
  Result<presence::OpenBudget::Taken> taken = state->take_places();
  if (!taken) co_return fail(taken.error());
  Result<std::unique_ptr<vfs::Directory>> stored = co_await storage->open_directory(target.path);
  if (!stored && pinned.empty()) co_return fail(stored.error());
  if (!stored) stored = nullptr;
  auto listing = std::make_unique<Listing>(state, std::move(*stored), std::move(pinned));
  listing->taken_ = std::move(*taken);
  listing->hide(state->patterns.in(directory));
  listing->hide(state->patterns.in(real));
  co_return std::move(listing);
}

Listing::Listing(std::shared_ptr<SessionState> state, std::unique_ptr<vfs::Directory> stored,
                 std::vector<vfs::DirectoryEntry> pinned)
    : state_(std::move(state)), stored_(std::move(stored)), pinned_(std::move(pinned)) {
  for (const vfs::DirectoryEntry& entry : pinned_) names_.insert(entry.name);
}

void Listing::hide(const NameFilter* filter) {
  if (filter == nullptr || !filter->hides()) return;
  if (filters_.empty() || filters_[0] != filter) filters_.push_back(filter);
}

bool Listing::left_out(const std::string& name) const {
  if (names_.contains(name) || (hides_partial_ && is_partial_name(name))) return true;
  return std::ranges::any_of(filters_, [&name](const NameFilter* filter) { return filter->hides(name); });
}

Task<Result<std::vector<vfs::DirectoryEntry>>> Listing::next(std::size_t max) {
  state_->registration->touch();
  std::vector<vfs::DirectoryEntry> entries;
  while (!pinned_.empty() && entries.size() < max) {
    entries.push_back(std::move(pinned_.back()));
    pinned_.pop_back();
  }
  if (!entries.empty() || !stored_ || max == 0) co_return entries;
  while (entries.empty()) {
    Result<std::vector<vfs::DirectoryEntry>> batch = co_await stored_->next(max);
    if (!batch) co_return fail(batch.error());
    if (batch->empty()) break;
    entries = std::move(*batch);
    std::erase_if(entries, [this](const vfs::DirectoryEntry& entry) { return left_out(entry.name); });
  }
  co_return entries;
}

}  // namespace ferry::session
