#include "session/open_uploads.h"

namespace ferry::session {

void UploadRow::join(const Payers& more) {
  const Payers joining = more.without(payers);
  if (joining.empty()) return;
  joining.settle({}, {.size = static_cast<std::int64_t>(base) - static_cast<std::int64_t>(covered)});
  payers = payers.with(joining);
}

Result<void> UploadRow::cover(std::uint64_t size, const Payers& asking) {
  if (size <= covered) return {};
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
