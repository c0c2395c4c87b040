#include "session/listing.h"

namespace ferry::session {

Listing::Listing(std::shared_ptr<Account> account, std::unique_ptr<vfs::Directory> stored,
                 std::vector<vfs::DirectoryEntry> pinned)
    : account_(std::move(account)), stored_(std::move(stored)), pinned_(std::move(pinned)) {
  for (const vfs::DirectoryEntry& entry : pinned_) names_.insert(entry.name);
}

Task<Result<std::vector<vfs::DirectoryEntry>>> Listing::next(std::size_t max) {
  account_->registration->touch();
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
    std::erase_if(entries, [this](const vfs::DirectoryEntry& entry) { return names_.contains(entry.name); });
  }
  co_return entries;
}

}  // namespace ferry::session
