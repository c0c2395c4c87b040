#include "session/open_uploads.h"

#include <algorithm>

namespace ferry::session {

void UploadRow::join(const Payers& more) {
  const Payers joining = more.without(payers);
  if (joining.empty()) return;
  joining.settle({}, {.size = static_cast<std::int64_t>(base) - static_cast<std::int64_t>(covered)});
  payers = payers.with(joining);
  ++changes;
}

void UploadRow::add_handle(const Payers& owners) {
  open.push_back(owners);
  join(owners);
}

void UploadRow::drop_handle(const Payers& owners) {
  const auto same = std::ranges::find_if(
      open, [&owners](const Payers& one) { return one.without(owners).empty() && owners.without(one).empty(); });
  if (same != open.end()) open.erase(same);
}

void UploadRow::part() {
  Payers staying;
  for (const Payers& owners : open) staying = staying.with(owners);
  leave(payers.without(staying));
}

void UploadRow::leave(const Payers& those) {
  if (those.empty()) return;
  those.settle({}, {.size = static_cast<std::int64_t>(covered) - static_cast<std::int64_t>(base)});
  payers = payers.without(those);
  ++changes;
}

std::uint64_t UploadRow::reach(const Payers& asking) const {
  const std::int64_t lacking = -asking.room().size;
  if (lacking <= 0) return covered;
  return std::max(base, covered - std::min(covered, static_cast<std::uint64_t>(lacking)));
}

Result<void> UploadRow::cover(std::uint64_t size, const Payers& asking) {
  if (size <= reach(asking)) return {};
  if (size <= covered) return fail(ErrorCode::quota_exceeded, "quota exceeded");
  const Result<void> reserved = asking.with(payers).reserve({.size = static_cast<std::int64_t>(size - covered)});
  if (reserved) covered = size;
  return reserved;
}

std::shared_ptr<UploadRow> OpenUploads::join(std::uint64_t id) {
  const std::lock_guard lock(mutex_);
  if (id == 0) {
    ++unnamed_;
    auto row = std::make_shared<UploadRow>();
    row->handles = 1;
    return row;
  }
  std::shared_ptr<UploadRow>& row = rows_[id];
  if (!row) row = std::make_shared<UploadRow>();
  ++row->handles;
  return row;
}

bool OpenUploads::leave(std::uint64_t id, const std::shared_ptr<UploadRow>& row) {
  const std::lock_guard lock(mutex_);
  const bool last = --row->handles == 0;
  if (id == 0) {
    --unnamed_;
  } else if (last) {
    rows_.erase(id);
  }
  return last;
}

std::shared_ptr<UploadRow> OpenUploads::find(std::uint64_t id) const {
  if (id == 0) return nullptr;
  const std::lock_guard lock(mutex_);
  const auto found = rows_.find(id);
  return found == rows_.end() ? nullptr : found->second;
}

QuotaUsage OpenUploads::take_away(const vfs::FileInfo& file) {
  const auto size = static_cast<std::int64_t>(file.size);
  const std::shared_ptr<UploadRow> row = find(file.id);
  if (!row || file.links > 1) return {-1, -size};
  const std::lock_guard lock(row->mutex);
  if (!row->begun) return {-1, -size};
  const QuotaUsage loss{-static_cast<std::int64_t>(row->names), -static_cast<std::int64_t>(row->counted)};
  row->settle({}, -static_cast<std::int64_t>(row->base));
  row->counted = row->names = row->base = 0;
  row->gone = true;
  return loss;
}

std::shared_ptr<const void> OpenUploads::note(Counts& counts, std::uint64_t id) {
  if (++counts[id] > 1 && &counts == &writers_) shared_.insert(id);
  return std::shared_ptr<const void>(this, [this, &counts, id](const void*) {
    const std::lock_guard last(mutex_);
    if (--counts[id] > 0) return;
    counts.erase(id);
    if (&counts == &writers_) shared_.erase(id);
  });
}

std::shared_ptr<const void> OpenUploads::note_writer(std::uint64_t id) {
  if (id == 0) return nullptr;
  const std::lock_guard lock(mutex_);
  return note(writers_, id);
}

bool OpenUploads::is_written(std::uint64_t id) const {
  if (id == 0) return false;
  const std::lock_guard lock(mutex_);
  return writers_.contains(id);
}

bool OpenUploads::is_shared(std::uint64_t id) const {
  const std::lock_guard lock(mutex_);
  return shared_.contains(id);
}

Result<std::shared_ptr<const void>> OpenUploads::note_arrival(std::uint64_t directory) {
  if (directory == 0) return nullptr;
  const std::lock_guard lock(mutex_);
  if (removals_.contains(directory)) return fail(ErrorCode::not_found, "the directory is being removed");
  return note(arrivals_, directory);
}

bool OpenUploads::awaits_arrival(std::uint64_t directory) const {
  const std::lock_guard lock(mutex_);
  return arrivals_.contains(directory);
}

Result<std::shared_ptr<const void>> OpenUploads::claim_removal(std::uint64_t directory) {
  if (directory == 0) return nullptr;
  const std::lock_guard lock(mutex_);
  if (arrivals_.contains(directory)) return fail(ErrorCode::conflict, "an upload or a copy into it is running");
  return note(removals_, directory);
}

std::size_t OpenUploads::count() const {
  const std::lock_guard lock(mutex_);
  return rows_.size() + unnamed_;
}

}  // namespace ferry::session
