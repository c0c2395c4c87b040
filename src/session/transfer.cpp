#include "session/transfer.h"

#include <algorithm>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>

#include "session/quota_step.h"
#include "session/staging.h"

namespace ferry::session {

namespace {

using model::FileAction;

Error closed_error() { return {ErrorCode::invalid_argument, "the file is closed"}; }

std::uint64_t total(std::span<const iovec> pieces) {
  std::uint64_t bytes = 0;
  for (const iovec& piece : pieces) bytes += piece.iov_len;
  return bytes;
}

// Puts the finished upload at its target, or takes it away; says what went wrong with it.
Task<std::optional<Error>> place_partial(const Settlement& end, bool place) {
  std::optional<Error> failure;
  if (place) {
    const Result<void> placed =
        co_await put_in_place(end.partial_storage, *end.partial, end.storage, end.target, end.overwrite);
    if (placed) co_return failure;
    failure = placed.error();
  }
  const Result<void> removed = co_await end.partial_storage->remove_file(*end.partial);
  if (!removed && !failure) failure = removed.error();
  co_return failure;
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

// What was written beside its target goes there, if it may and there is room for it.
Task<std::optional<Error>> end_partial(Settlement& end, std::uint64_t size, bool place) {
  std::optional<Error> failure;
  PathLocks::Held replaced;
  const bool followed = end.room && end.ledger;
  if (place && followed) {
    const Existing there = co_await hold_file(*end.ledger, *end.storage, end.target, false, replaced);
    const Result<void> fits = end.room->end_beside(size, there);
    if (!fits) failure = fits.error();
  }
  place = place && !failure;
  if (!place && end.room) end.room->drop();
  const std::optional<Error> misplaced = co_await place_partial(end, place);
  if (misplaced && !failure) failure = misplaced;
  if (place && !failure && followed) end.room->placed();
  co_return failure;
}

// What the hook refused goes, if it is there.
Task<void> take_back(Settlement& end, Payers payers) {
  QuotaStep quota = co_await QuotaStep::losing(end.ledger, std::move(payers), *end.storage, end.target);
  const Result<void> removed = co_await end.storage->remove_file(end.target);
  if (removed) co_await quota.done();
  if (removed || removed.error().code == ErrorCode::not_found) co_return;
  log_failure(*end.who, "removing what the upload hook refused", end.place.path, removed.error());
}

struct FileOutcome {
  std::uint64_t size = 0;
  std::optional<Error> failure;
};

Task<Result<void>> tell(Settlement& end, FileOutcome outcome, Payers payers) {
  FileEvents& events = *end.events;
  const FileAction action = end.upload ? FileAction::upload : FileAction::download;
  model::FileEvent event = events.event(action, end.place);
  event.file_size = static_cast<std::int64_t>(outcome.size);
  event.elapsed = elapsed_since(end.start);
  if (outcome.failure) {
    const bool quota = outcome.failure->code == ErrorCode::quota_exceeded;
    event.status = quota ? model::FileEvent::over_quota : model::FileEvent::failed;
  }
  Result<void> told = co_await events.tell(event);
  if (!told && events.may_be_refused(action)) {
    const bool there = !outcome.failure || outcome.size > 0;
    if (end.upload && there) co_await take_back(end, std::move(payers));
    co_return told;
  }
  if (outcome.failure) co_return told;
  const Result<void> told_first = co_await events.tell_if_first(std::move(event));
  if (told && !told_first) told = told_first;
  co_return told;
}

Task<Result<void>> settle(Settlement end, std::optional<Error> failure) {
  const bool followed = end.room && end.ledger;
  PathLocks::Held held, file;
  std::optional<std::uint64_t> size;
  if (!followed && end.upload && end.events) {
    const Result<vfs::FileInfo> info = co_await end.file->info();
    if (info) size = info->size;
  }
  if (followed) {
    held = co_await end.ledger->locks().take(end.log_path);
    if (!end.partial) file = co_await end.ledger->files().take(std::to_string(end.room->file_id()));
    const Result<vfs::FileInfo> info = co_await end.file->info();
    if (info) size = info->size;
    if (!end.partial) end.room->end_in_place(size);
  }
  const Result<void> closed = co_await end.file->close();
  if (!closed && !failure) failure = closed.error();
  end.writing.reset();  // a hook that is told below may move it
  if (end.partial) {
    const bool place = !failure || end.keep_partial;
    const std::optional<Error> misplaced = co_await end_partial(end, size.value_or(0), place);
    if (misplaced && !failure) failure = misplaced;
    if (!place || misplaced) size = 0;
  }
  const Payers payers = followed ? end.room->payers() : Payers();
  if (followed) {
    const Payers settled = end.room->settled();
    end.room.reset();
    file.release();
    held.release();
    co_await end.ledger->store(settled);
  }
  for (std::unique_ptr<DataAllowance>* allowance : {&end.received, &end.sent}) {
    if (!*allowance) continue;
    const std::shared_ptr<Balance> balance = (*allowance)->balance();
    allowance->reset();
    co_await end.ledger->store(balance);
  }
  const std::uint64_t bytes = end.row->bytes.load(std::memory_order_relaxed);
  log_transfer(*end.who, end.upload, end.log_path, bytes, end.start, failure);
  FileOutcome outcome{end.upload ? size.value_or(bytes) : bytes, failure};
  Result<void> told;
  if (end.events) told = co_await tell(end, std::move(outcome), payers);
  if (failure) co_return fail(*failure);
  co_return told;
}

}  // namespace

Transfer::Transfer(std::shared_ptr<Account> account, VirtualPath path, Settlement settlement)
    : account_(std::move(account)), path_(std::move(path)), settlement_(std::move(settlement)) {
  settlement_.who = account_->who;
  settlement_.row = account_->registration->add_transfer(settlement_.upload, path_.text());
  settlement_.log_path = settlement_.storage->location(settlement_.target);
  settlement_.ledger = account_->ledger;
  if (account_->events->follows(settlement_.upload)) {
    settlement_.events = account_->events;
    settlement_.place = account_->events->place(account_->mounts, path_);
  }
  limits_reads_ = settlement_.sent || account_->paces.download;
  limits_writes_ = settlement_.received || account_->paces.upload;
}

Transfer::~Transfer() {
  if (!settlement_.file) return;
  const Error vanished{ErrorCode::connection_lost, "the client went away"};
  // Nobody waits for it any more, and the connection's io_context may stop: the pool outlives it,
  // unless the storage does not answer even at the end of the server.
  asio::co_spawn(pool_strand(), settle(std::move(settlement_), failure_.value_or(vanished)), asio::detached);
}

Result<std::size_t> Transfer::count_read(Result<std::size_t> count) {
  account_->registration->touch();
  if (!count && !failure_) failure_ = count.error();
  if (count && !settlement_.upload) settlement_.row->add(*count);
  return count;
}

Result<void> Transfer::count_written(Result<void> written, std::span<const iovec> pieces) {
  account_->registration->touch();
  if (!written && !failure_) failure_ = written.error();
  if (written) settlement_.row->add(total(pieces));
  return written;
}

Task<Result<void>> Transfer::keep_pace(std::shared_ptr<Pace> pace, std::uint64_t count) {
  const bool first = !std::exchange(paced_, true);
  const bool there = co_await Pace::wait(std::move(pace), count, first, settlement_.who->connection.gone);
  account_->registration->touch();
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
      co_return count_read(fail(DataAllowance::refusal()));
    }
  }
  Result<std::size_t> count = co_await settlement_.file->read_at(offset, into.first(admitted));
  if (settlement_.sent) settlement_.sent->give_back(admitted - count.value_or(0));
  if (count && *count > 0 && account_->paces.download) {
    const Result<void> paid = co_await keep_pace(account_->paces.download, *count);
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
  if (fits < count) refused = DataAllowance::refusal();
  if (settlement_.room && fits > 0) {
    const std::uint64_t stored = settlement_.room->admit(offset, fits);
    if (stored < fits) refused = settlement_.room->refusal();
    if (settlement_.received) settlement_.received->give_back(fits - stored);
    fits = stored;
  }
  if (refused && !failure_) failure_ = std::move(refused);
  return fits;
}

Task<Result<void>> Transfer::write_at(std::uint64_t offset, std::span<const iovec> pieces) {
  if (!settlement_.file) co_return fail(closed_error());
  const std::uint64_t count = total(pieces);
  if (account_->paces.upload) {
    const Result<void> paid = co_await keep_pace(account_->paces.upload, count);
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
  if (settlement_.room && !settlement_.room->covers(offset, total(pieces))) return std::nullopt;
  std::optional<Result<void>> written = settlement_.file->try_write_at(offset, pieces);
  if (!written) return std::nullopt;
  return count_written(std::move(*written), pieces);
}

Task<Result<vfs::FileInfo>> Transfer::info() {
  if (!settlement_.file) co_return fail(closed_error());
  account_->registration->touch();
  Result<vfs::FileInfo> info = co_await settlement_.file->info();
  co_return info;
}

Task<Result<void>> Transfer::set_attributes(vfs::AttributeChange change) {
  if (!settlement_.file) co_return fail(closed_error());
  const Clock::time_point start = Clock::now();
  account_->registration->touch();
  // Who may write this file may also cut it: the right was checked when it was opened.
  VirtualPath path = path_;
  const Result<vfs::AttributeChange> allowed =
      co_await account_->permitted(path, std::move(change), true, settlement_.upload);
  if (!allowed) co_return fail(allowed.error());
  if (allowed->size && settlement_.room) {
    const Result<void> fits = settlement_.room->grow_to(*allowed->size);
    if (!fits) co_return fail(fits.error());
  }
  const Result<void> changed = co_await settlement_.file->set_attributes(*allowed);
  if (!changed) co_return fail(changed.error());
  log_changes(*settlement_.who, settlement_.log_path, *allowed, start);
  co_return Result<void>();
}

Task<Result<void>> Transfer::sync() {
  if (!settlement_.file) co_return fail(closed_error());
  account_->registration->touch();
  const Result<void> synced = co_await settlement_.file->sync();
  if (!synced && settlement_.upload && !failure_) failure_ = synced.error();
  co_return synced;
}

Task<Result<vfs::SpaceInfo>> Transfer::space() {
  if (!settlement_.file) co_return fail(closed_error());
  account_->registration->touch();
  Result<vfs::SpaceInfo> space = co_await settlement_.storage->space(settlement_.target.parent());
  if (space) space = account_->space_in(*account_->mounts.resolve(path_).mount, *space);
  co_return space;
}

Task<Result<void>> Transfer::close() {
  if (!settlement_.file) co_return fail(closed_error());
  account_->registration->touch();
  const Result<void> settled = co_await settle(std::move(settlement_), std::move(failure_));
  co_return settled;
}

Task<void> Transfer::abandon(Error why) {
  if (!settlement_.file) co_return;
  std::optional<Error> failure = failure_ ? std::move(failure_) : std::move(why);
  const Result<void> settled = co_await settle(std::move(settlement_), std::move(failure));
  if (!settled) co_return;  // logged
}

}  // namespace ferry::session
