#include "session/listing.h"

#include <algorithm>

namespace ferry::session {

Listing::Listing(std::shared_ptr<Account> account, std::unique_ptr<vfs::Directory> stored,
                 std::vector<vfs::DirectoryEntry> pinned)
    : account_(std::move(account)), stored_(std::move(stored)), pinned_(std::move(pinned)) {
  for (const vfs::DirectoryEntry& entry : pinned_) names_.insert(entry.name);
}

void Listing::hide(const NameFilter* filter) {
  if (filter == nullptr || !filter->hides()) return;
  if (filters_.empty() || filters_[0] != filter) filters_.push_back(filter);
}

bool Listing::left_out(const std::string& name) const {
  if (names_.contains(name)) return true;
  return std::ranges::any_of(filters_, [&name](const NameFilter* filter) { return filter->hides(name); });
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
    std::erase_if(entries, [this](const vfs::DirectoryEntry& entry) { return left_out(entry.name); });
  }
  co_return entries;
}

}  // namespace ferry::session
