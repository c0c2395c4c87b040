#include "session/transfer.h"

#include <algorithm>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>

namespace ferry::session {

namespace {

Error closed_error() { return {ErrorCode::invalid_argument, "the file is closed"}; }

std::uint64_t total(std::span<const iovec> pieces) {
  std::uint64_t bytes = 0;
  for (const iovec& piece : pieces) bytes += piece.iov_len;
  return bytes;
}

// The first `count` bytes of the pieces.
std::vector<iovec> first_of(std::span<const iovec> pieces, std::uint64_t count) {
  std::vector<iovec> first;
  for (const iovec& piece : pieces) {
    if (count == 0) break;
    first.push_back({piece.iov_base, static_cast<std::size_t>(std::min<std::uint64_t>(piece.iov_len, count))});
    count -= first.back().iov_len;
  }
  return first;
}

}  // namespace

Transfer::Transfer(std::shared_ptr<SessionState> state, VirtualPath path, Settlement settlement)
    : state_(std::move(state)), path_(std::move(path)), settlement_(std::move(settlement)) {
  settlement_.who = state_->who;
  settlement_.row = state_->registration->add_transfer(settlement_.upload, path_.text());
  settlement_.log_path = settlement_.storage->location(settlement_.target);
  settlement_.virtual_path = path_.text();
  settlement_.ledger = state_->ledger;
  if (settlement_.staged) state_->note_staged(settlement_.staged);
  if (state_->events->follows(settlement_.upload)) {
    settlement_.events = state_->events;
    settlement_.place = state_->events->place(state_->mounts, path_);
  }
  limits_reads_ = settlement_.sent || state_->paces.download;
  limits_writes_ = settlement_.received || state_->paces.upload;
}

void Transfer::let_go() {
  if (settlement_.staged) settlement_.staged->ending = true;
}

Transfer::~Transfer() {
  if (!settlement_.file) return;
  let_go();
  const Error vanished{ErrorCode::connection_lost, "the client went away"};
  // Nobody waits for it any more, and the connection's io_context may stop: the pool outlives it,
  // unless the storage does not answer even at the end of the server.
  asio::co_spawn(pool_strand(Lane::disk), settle(std::move(settlement_), failure_.value_or(vanished)), asio::detached);
}

Result<std::size_t> Transfer::count_read(Result<std::size_t> count) {
  state_->registration->touch();
  if (!count && !failure_) failure_ = count.error();
  if (count && !settlement_.upload) settlement_.row->add(*count);
  return count;
}

Result<void> Transfer::count_written(Result<void> written, std::span<const iovec> pieces) {
  state_->registration->touch();
  if (!written && !failure_) failure_ = written.error();
  if (written) settlement_.row->add(total(pieces));
  if (written) settlement_.order.wrote(total(pieces));
  return written;
}

Task<Result<void>> Transfer::keep_pace(std::shared_ptr<presence::Pace> pace, std::uint64_t count) {
  const bool first = !std::exchange(paced_, true);
  const bool there = co_await presence::Pace::wait(std::move(pace), count, first, settlement_.who->connection.gone);
  state_->registration->touch();
  if (!there) co_return fail(ErrorCode::connection_lost, "the client left");
  co_return Result<void>();
}

Task<Result<std::size_t>> Transfer::read_at(std::uint64_t offset, MutableByteSpan into) {
  if (!settlement_.file) co_return fail(closed_error());
  std::uint64_t admitted = into.size();
  if (settlement_.sent) {
    admitted = settlement_.sent->admit(into.size());
    if (admitted == 0 && !into.empty()) {
      // That the file ends here may still be said.
      const Result<vfs::FileInfo> info = co_await settlement_.file->info();
      if (info && offset >= info->size) co_return count_read(0);
      co_return count_read(fail(quota::DataAllowance::refusal()));
    }
  }
  Result<std::size_t> count = co_await settlement_.file->read_at(offset, into.first(admitted));
  if (settlement_.sent) settlement_.sent->give_back(admitted - count.value_or(0));
  if (count && *count > 0 && state_->paces.download) {
    const Result<void> paid = co_await keep_pace(state_->paces.download, *count);
    if (!paid) count = fail(paid.error());
  }
  co_return count_read(std::move(count));
}

std::optional<Result<std::size_t>> Transfer::try_read_at(std::uint64_t offset, std::span<const iovec> into) {
  if (!settlement_.file) return Result<std::size_t>(fail(closed_error()));
  if (limits_reads_) return std::nullopt;
  std::optional<Result<std::size_t>> count = settlement_.file->try_read_at(offset, into);
  if (!count) return std::nullopt;
  return count_read(std::move(*count));
}

std::uint64_t Transfer::admit_write(std::uint64_t offset, std::uint64_t count) {
  std::uint64_t fits = count;
  std::optional<Error> refused;
  if (settlement_.received) fits = settlement_.received->admit(count);
  if (fits < count) refused = quota::DataAllowance::refusal();
  if (settlement_.room && fits > 0) {
    const std::uint64_t stored = settlement_.room->admit(offset, fits);
    if (stored < fits) refused = settlement_.room->refusal();
    if (settlement_.received) settlement_.received->give_back(fits - stored);
    fits = stored;
  }
  if (refused && !failure_) failure_ = std::move(refused);
  return fits;
}

Result<std::uint64_t> Transfer::next_offset(std::uint64_t offset, std::uint64_t count) {
  if (!settlement_.order.matters()) return offset;
  if (failure_) return fail(*failure_);
  Result<std::uint64_t> at = settlement_.order.place(offset, count);
  if (!at) failure_ = at.error();
  return at;
}

Task<Result<void>> Transfer::write_at(std::uint64_t offset, std::span<const iovec> pieces) {
  if (!settlement_.file) co_return fail(closed_error());
  const std::uint64_t count = total(pieces);
  const Result<std::uint64_t> at = next_offset(offset, count);
  if (!at) co_return count_written(fail(at.error()), {});
  offset = *at;
  if (state_->paces.upload) {
    const Result<void> paid = co_await keep_pace(state_->paces.upload, count);
    if (!paid) co_return count_written(paid, {});
  }
  const std::uint64_t fits = admit_write(offset, count);
  std::vector<iovec> cut;
  if (fits < count) {
    cut = first_of(pieces, fits);
    pieces = cut;
  }
  Result<void> written;
  if (!pieces.empty()) written = co_await settlement_.file->write_at(offset, pieces);
  written = count_written(std::move(written), pieces);
  if (written && fits < count) written = fail(*failure_);
  co_return written;
}

std::optional<Result<void>> Transfer::try_write_at(std::uint64_t offset, std::span<const iovec> pieces) {
  if (!settlement_.file) return Result<void>(fail(closed_error()));
  if (limits_writes_) return std::nullopt;
  const Result<std::uint64_t> at = next_offset(offset, total(pieces));
  if (!at) return count_written(fail(at.error()), {});
  offset = *at;
  if (settlement_.room && !settlement_.room->covers(offset, total(pieces))) return std::nullopt;
  std::optional<Result<void>> written = settlement_.file->try_write_at(offset, pieces);
  if (!written) return std::nullopt;
  return count_written(std::move(*written), pieces);
}

Task<Result<vfs::FileInfo>> Transfer::info() {
  if (!settlement_.file) co_return fail(closed_error());
  state_->registration->touch();
  Result<vfs::FileInfo> info = co_await settlement_.file->info();
  co_return info;
}

// Some clients set the size that the file has; that needs nothing of a storage that cannot cut files.
Task<Result<void>> Transfer::keep_size(vfs::AttributeChange& change) {
  std::uint64_t now = settlement_.order.next();
  if (!settlement_.order.in_order()) {
    const Result<vfs::FileInfo> info = co_await settlement_.file->info();
    if (!info) co_return fail(info.error());
    now = info->size;
  }
  if (*change.size != now) co_return fail(cannot_cut());
  change.size.reset();
  co_return Result<void>();
}

Task<Result<void>> Transfer::set_attributes(vfs::AttributeChange change) {
  if (!settlement_.file) co_return fail(closed_error());
  const Clock::time_point start = Clock::now();
  state_->registration->touch();
  // Who may write this file may also cut it: the right was checked when it was opened.
  VirtualPath path = path_;
  Result<vfs::AttributeChange> allowed =
      co_await state_->permitted_changes(path, std::move(change), true, settlement_.upload);
  if (!allowed) co_return fail(allowed.error());
  if (allowed->size && !settlement_.storage->capabilities().truncate) {
    const Result<void> dropped = co_await keep_size(*allowed);
    if (!dropped) co_return dropped;
  }
  const bool any = allowed->size || allowed->mode || allowed->owner || allowed->times;
  if (!any) co_return Result<void>();
  if (allowed->size && settlement_.room) {
    const Result<void> fits = settlement_.room->grow_to(*allowed->size);
    if (!fits) co_return fail(fits.error());
  }
  const Result<void> changed = co_await settlement_.file->set_attributes(*allowed);
  if (!changed && state_->ignores(changed.error(), *allowed)) co_return Result<void>();
  if (!changed) co_return fail(changed.error());
  log_changes(*settlement_.who, {settlement_.log_path, settlement_.virtual_path}, *allowed, start);
  co_return Result<void>();
}

Task<Result<void>> Transfer::sync() {
  if (!settlement_.file) co_return fail(closed_error());
  state_->registration->touch();
  const Result<void> synced = co_await settlement_.file->sync();
  if (!synced && settlement_.upload && !failure_) failure_ = synced.error();
  co_return synced;
}

Task<Result<vfs::SpaceInfo>> Transfer::space() {
  if (!settlement_.file) co_return fail(closed_error());
  state_->registration->touch();
  vfs::FileSystem& storage = settlement_.staged ? *settlement_.staged->target.storage : *settlement_.storage;
  const VirtualPath directory =
      settlement_.staged ? settlement_.staged->target.path.parent() : settlement_.target.parent();
  Result<vfs::SpaceInfo> space = co_await storage.space(directory);
  if (space) space = state_->space_in(*state_->mounts.resolve(path_).mount, *space);
  co_return space;
}

Task<Result<void>> Transfer::close() {
  if (!settlement_.file) co_return fail(closed_error());
  state_->registration->touch();
  let_go();
  const Result<void> settled = co_await settle(std::move(settlement_), std::move(failure_));
  co_return settled;
}

Task<void> Transfer::abandon(Error why) {
  if (!settlement_.file) co_return;
  std::optional<Error> failure = failure_ ? std::move(failure_) : std::move(why);
  let_go();
  const Result<void> settled = co_await settle(std::move(settlement_), std::move(failure));
  if (!settled) co_return;  // logged
}

}  // namespace ferry::session
