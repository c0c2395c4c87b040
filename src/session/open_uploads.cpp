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

std::shared_ptr<const void> OpenUploads::note_writer(std::uint64_t id) {
  if (id == 0) return nullptr;
  const std::lock_guard lock(mutex_);
  ++writers_[id];
  return std::shared_ptr<const void>(this, [this, id](const void*) {
    const std::lock_guard last(mutex_);
    if (--writers_[id] == 0) writers_.erase(id);
  });
}

bool OpenUploads::is_written(std::uint64_t id) const {
  if (id == 0) return false;
  const std::lock_guard lock(mutex_);
  return writers_.contains(id);
}

std::size_t OpenUploads::count() const {
  const std::lock_guard lock(mutex_);
  return rows_.size() + unnamed_;
}

}  // namespace ferry::session
