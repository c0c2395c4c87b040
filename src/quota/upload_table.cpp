#include "quota/upload_table.h"

#include <algorithm>

namespace ferry::quota {

void SharedUpload::join(const Owners& more) {
  const Owners joining = more.without(owners);
  if (joining.empty()) return;
  joining.settle({}, {.size = static_cast<std::int64_t>(base) - static_cast<std::int64_t>(covered)});
  owners = owners.with(joining);
  ++changes;
}

void SharedUpload::add_handle(const Owners& those) {
  open.push_back(those);
  join(those);
}

void SharedUpload::drop_handle(const Owners& those) {
  const auto same = std::ranges::find_if(
      open, [&those](const Owners& one) { return one.without(those).empty() && those.without(one).empty(); });
  if (same != open.end()) open.erase(same);
}

void SharedUpload::part() {
  Owners staying;
  for (const Owners& those : open) staying = staying.with(those);
  leave(owners.without(staying));
}

void SharedUpload::leave(const Owners& those) {
  if (those.empty()) return;
  those.settle({}, {.size = static_cast<std::int64_t>(covered) - static_cast<std::int64_t>(base)});
  owners = owners.without(those);
  ++changes;
}

std::uint64_t SharedUpload::reach(const Owners& asking) const {
  const std::int64_t lacking = -asking.room().size;
  if (lacking <= 0) return covered;
  return std::max(base, covered - std::min(covered, static_cast<std::uint64_t>(lacking)));
}

Result<void> SharedUpload::cover(std::uint64_t size, const Owners& asking) {
  if (size <= reach(asking)) return {};
  if (size <= covered) return fail(ErrorCode::quota_exceeded, "quota exceeded");
  const Result<void> reserved = asking.with(owners).reserve({.size = static_cast<std::int64_t>(size - covered)});
  if (reserved) covered = size;
  return reserved;
}

std::shared_ptr<SharedUpload> UploadTable::join(std::uint64_t id) {
  const std::lock_guard lock(mutex_);
  if (id == 0) {
    ++unnamed_;
    auto row = std::make_shared<SharedUpload>();
    row->handles = 1;
    return row;
  }
  std::shared_ptr<SharedUpload>& row = rows_[id];
  if (!row) row = std::make_shared<SharedUpload>();
  ++row->handles;
  return row;
}

bool UploadTable::leave(std::uint64_t id, const std::shared_ptr<SharedUpload>& row) {
  const std::lock_guard lock(mutex_);
  const bool last = --row->handles == 0;
  if (id == 0) {
    --unnamed_;
  } else if (last) {
    rows_.erase(id);
  }
  return last;
}

std::shared_ptr<SharedUpload> UploadTable::find(std::uint64_t id) const {
  if (id == 0) return nullptr;
  const std::lock_guard lock(mutex_);
  const auto found = rows_.find(id);
  return found == rows_.end() ? nullptr : found->second;
}

Usage UploadTable::take_away(const vfs::FileInfo& file, std::uint64_t key) {
  const auto size = static_cast<std::int64_t>(file.size);
  const std::shared_ptr<SharedUpload> row = find(key != 0 ? key : file.id);
  if (!row || file.links > 1) return {-1, -size};
  const std::lock_guard lock(row->mutex);
  if (!row->begun) return {-1, -size};
  const Usage loss{-static_cast<std::int64_t>(row->names), -static_cast<std::int64_t>(row->counted)};
  row->settle({}, -static_cast<std::int64_t>(row->base));
  row->counted = row->names = row->base = 0;
  row->gone = true;
  return loss;
}

std::shared_ptr<const void> UploadTable::note(Counts& counts, std::uint64_t id) {
  if (++counts[id] > 1 && &counts == &writers_) shared_.insert(id);
  return std::shared_ptr<const void>(this, [this, &counts, id](const void*) {
    const std::lock_guard last(mutex_);
    if (&counts == &writers_) ++ended_writes_;
    if (--counts[id] > 0) return;
    counts.erase(id);
    if (&counts == &writers_) shared_.erase(id);
  });
}

std::shared_ptr<const void> UploadTable::note_writer(std::uint64_t id) {
  if (id == 0) return nullptr;
  const std::lock_guard lock(mutex_);
  return note(writers_, id);
}

bool UploadTable::is_written(std::uint64_t id) const {
  if (id == 0) return false;
  const std::lock_guard lock(mutex_);
  return writers_.contains(id);
}

std::uint64_t UploadTable::ended_writes() const {
  const std::lock_guard lock(mutex_);
  return ended_writes_;
}

bool UploadTable::is_shared(std::uint64_t id) const {
  const std::lock_guard lock(mutex_);
  return shared_.contains(id);
}

Result<std::shared_ptr<const void>> UploadTable::note_arrival(std::uint64_t directory) {
  if (directory == 0) return nullptr;
  const std::lock_guard lock(mutex_);
  if (removals_.contains(directory)) return fail(ErrorCode::not_found, "the directory is being removed");
  return note(arrivals_, directory);
}

bool UploadTable::awaits_arrival(std::uint64_t directory) const {
  const std::lock_guard lock(mutex_);
  return arrivals_.contains(directory);
}

std::shared_ptr<const void> UploadTable::note_use(std::uint64_t directory) {
  if (directory == 0) return nullptr;
  const std::lock_guard lock(mutex_);
  return note(uses_, directory);
}

bool UploadTable::is_used(std::uint64_t directory) const {
  const std::lock_guard lock(mutex_);
  return uses_.contains(directory);
}

Result<std::shared_ptr<const void>> UploadTable::claim_removal(std::uint64_t directory) {
  if (directory == 0) return nullptr;
  const std::lock_guard lock(mutex_);
  if (arrivals_.contains(directory)) return fail(ErrorCode::conflict, "an upload or a copy into it is running");
  return note(removals_, directory);
}

std::size_t UploadTable::count() const {
  const std::lock_guard lock(mutex_);
  return rows_.size() + unnamed_;
}

}  // namespace ferry::quota
