#include "quota/upload_quota.h"

#include <limits>

namespace ferry::quota {

namespace {

std::int64_t bytes(std::uint64_t count) { return static_cast<std::int64_t>(count); }

std::uint64_t size_of(const Existing& existing) { return existing ? existing->size : 0; }

// Whether others may have the file open: the table and the asking room hold the row too.
bool is_shared(const std::shared_ptr<SharedUpload>& row) { return row.use_count() > 2; }

}  // namespace

UploadQuota::UploadQuota(std::shared_ptr<Ledger> ledger, Owners owners, std::uint64_t max_file_size)
    : ledger_(std::move(ledger)),
      owners_(std::move(owners)),
      max_size_(max_file_size > 0 ? max_file_size : std::numeric_limits<std::uint64_t>::max()) {}

UploadQuota::~UploadQuota() {
  if (row_) end_in_place({});
  give_back();
}

void UploadQuota::give_back() {
  if (slots_ != 0 || bytes_ != 0) owners_.settle({}, {slots_, bytes_});
  slots_ = bytes_ = 0;
}

Result<void> UploadQuota::check_open(const Existing& existing, const vfs::OpenOptions& options) {
  if (owners_.empty() || (!existing && !options.create)) return {};
  change_.emplace(owners_);
  const Usage room = owners_.room();
  // What is there may be replaced by as much; a file that is only changed asks when it grows.
  const bool begins_anew = !existing || options.truncate;
  if (begins_anew && room.size <= 0 && room.size + bytes(size_of(existing)) <= 0) return fail(refusal());
  if (existing) return {};
  const Result<void> slot = owners_.reserve({.files = 1});
  if (slot) slots_ = 1;
  return slot;
}

void UploadQuota::begin(const Existing& existing, const vfs::FileInfo& opened, bool in_place,
                        const vfs::OpenOptions& options, std::uint64_t file) {
  append_ = options.append;
  end_ = opened.size;
  ceiling_ = max_size_;
  if (!ledger_) return;
  id_ = opened.id;
  key_ = id_ != 0 ? id_ : file;
  row_ = ledger_->uploads().join(key_);
  const std::lock_guard lock(row_->mutex);
  SharedUpload& row = *row_;
  const bool first = !std::exchange(row.begun, true);
  row.add_handle(owners_);
  if (first) {
    row.counted = in_place ? size_of(existing) : 0;
    row.names = in_place ? 1 : 0;
    row.base = row.covered = size_of(existing);
    if (in_place && !existing) owners_.settle({.files = 1}, {.files = std::exchange(slots_, 0)});
  }
  if (in_place && options.truncate && row.counted > 0) {
    // Others that write it may go on up to where it is covered.
    const std::uint64_t kept = first ? 0 : row.base;
    row.settle({.size = -bytes(row.counted)}, -bytes(kept));
    row.counted = row.base = 0;
    if (first) row.covered = 0;
  }
  row.end = std::max(opened.size, row.end);
  set_ceiling();
  change_.reset();
}

const Owners& UploadQuota::growing() {
  if (std::exchange(growing_as_of_, row_->changes) != row_->changes) growing_ = owners_.with(row_->owners);
  return growing_;
}

void UploadQuota::cover(std::uint64_t end) {
  if (!row_) return;
  const std::uint64_t wanted = std::min(end, max_size_);
  if (wanted > row_->covered) {
    // Nothing ahead of appends: what is covered is where the next one may land.
    row_->covered += static_cast<std::uint64_t>(growing().reserve_growth(bytes(wanted - row_->covered), append_));
  }
  set_ceiling();
}

void UploadQuota::set_ceiling() {
  ceiling_ = std::min(is_shared(row_) ? row_->reach(owners_) : row_->covered, max_size_);
}

std::uint64_t UploadQuota::admit(std::uint64_t offset, std::uint64_t count) {
  if (refused_) return 0;
  if (covers(offset, count)) return count;
  std::unique_lock<std::mutex> lock;
  if (row_) lock = std::unique_lock(row_->mutex);
  if (append_ && row_ && is_shared(row_)) {
    // Where the file ends now is known to nobody, but it does not end beyond what is covered.
    offset = row_->covered;
  } else if (append_) {
    offset = row_ ? row_->end : end_;
  }
  cover(offset + count);
  const std::uint64_t fits = offset >= ceiling_ ? 0 : std::min(count, ceiling_ - offset);
  end_ = std::max(end_, offset + fits);
  if (row_ && append_) row_->end = std::max(row_->end, offset + fits);
  refused_ = fits < count;
  too_large_ = refused_ && ceiling_ == max_size_;
  return fits;
}

Result<void> UploadQuota::grow_to(std::uint64_t size) {
  std::unique_lock<std::mutex> lock;
  if (row_) lock = std::unique_lock(row_->mutex);
  too_large_ = size > max_size_;
  if (too_large_) return fail(refusal());
  if (row_) {
    const Result<void> covered = row_->cover(size, owners_);
    if (!covered) return covered;
  }
  if (row_) set_ceiling();
  end_ = size;
  // Another's append may be on its way to where the file ended.
  if (row_ && (size > row_->end || !is_shared(row_))) row_->end = size;
  return {};
}

Error UploadQuota::refusal() const {
  if (too_large_) return {ErrorCode::quota_exceeded, "larger than max_upload_file_size"};
  return {ErrorCode::quota_exceeded, "quota exceeded"};
}

void UploadQuota::end_in_place(std::optional<std::uint64_t> size) {
  if (!row_) return;
  const std::uint64_t now = size.value_or(end_);
  const std::shared_ptr<SharedUpload> row = std::exchange(row_, nullptr);
  const std::lock_guard lock(row->mutex);
  const bool last = ledger_->uploads().leave(key_, row);
  row->drop_handle(owners_);
  growing_ = owners_.with(row->owners);
  const std::int64_t reserved = bytes(row->covered - row->base);
  row->end = std::max(row->end, now);
  if (row->gone || row->names == 0) {
    if (last) row->settle({}, reserved);
    if (!last) row->part();
    return;
  }
  const std::int64_t change = bytes(now) - bytes(row->counted);
  row->counted = row->base = now;
  row->covered = last ? now : std::max(row->covered, now);
  row->settle({.size = change}, reserved - bytes(row->covered - row->base));
  if (!last) row->part();
}

Result<void> UploadQuota::end_beside(std::uint64_t size, const Existing& replaced) {
  if (!row_) return {};
  change_.emplace(owners_);
  size_ = size;
  replaced_ = replaced;
  std::int64_t reserved = bytes_;
  {
    const std::lock_guard lock(row_->mutex);
    reserved += bytes(row_->covered - row_->base);
  }
  const Usage more{std::max<std::int64_t>(0, (replaced ? 0 : 1) - slots_),
                   std::max<std::int64_t>(0, bytes(size) - bytes(size_of(replaced)) - reserved)};
  const Result<void> granted = owners_.reserve(more);
  if (!granted) return granted;
  slots_ += more.files;
  bytes_ += more.size;
  return {};
}

// Another handle of the session may go on writing it: from now on it is a file like any other.
void UploadQuota::leave_placed() {
  const std::shared_ptr<SharedUpload> row = std::exchange(row_, nullptr);
  const std::lock_guard lock(row->mutex);
  const bool last = ledger_->uploads().leave(key_, row);
  row->drop_handle(owners_);
  bytes_ += bytes(row->covered - row->base);
  if (last) return;
  row->counted = row->base = row->covered = size_;
  row->names = 1;
  row->part();
}

void UploadQuota::placed() {
  if (row_) leave_placed();
  if (owners_.empty()) return;
  const Usage loss = replaced_ ? ledger_->uploads().take_away(*replaced_) : Usage{};
  owners_.settle({1 + loss.files, bytes(size_) + loss.size}, {std::exchange(slots_, 0), std::exchange(bytes_, 0)});
  change_.reset();
}

}  // namespace ferry::quota
