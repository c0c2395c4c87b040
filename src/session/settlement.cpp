#include "session/settlement.h"

#include <algorithm>
#include <boost/asio/steady_timer.hpp>

#include "base/storage_metrics.h"
#include "session/quota_step.h"
#include "session/shown.h"
#include "session/staging.h"

namespace ferry::session {

namespace {

using model::FileAction;

constexpr std::string_view removed_text = "; what was stored of the file was removed";

bool is_refused(const std::optional<Error>& failure) { return failure && failure->code == ErrorCode::quota_exceeded; }

// What the session does to the upload at this moment (renaming it, say) is done first.
Task<void> wait_for_session(const StagedUpload& staged) {
  while (staged.busy) {
    asio::steady_timer timer(co_await asio::this_coro::executor, std::chrono::milliseconds(1));
    co_await timer.async_wait(asio::use_awaitable);
  }
}

// Puts the finished upload at its target, or takes it away; says what went wrong with it.
Task<std::optional<Error>> place_partial(const StagedUpload& staged, bool place) {
  std::optional<Error> failure;
  if (place) {
    const Result<void> placed = co_await put_in_place(staged.partial, staged.target, staged.overwrite);
    if (placed) co_return failure;
    failure = placed.error();
  }
  const Result<void> removed = co_await staged.partial.storage->remove_file(staged.partial.path);
  if (!removed && !failure) failure = removed.error();
  co_return failure;
}

// What was written under a hidden name goes to its target, if it may and there is room for it.
Task<std::optional<Error>> end_partial(Settlement& end, std::uint64_t size, bool place) {
  const StagedUpload& staged = *end.staged;
  std::optional<Error> failure;
  quota::PathLocks::Held replaced;
  const bool followed = end.room && end.ledger;
  if (place && followed) {
    const Result<quota::Existing> there =
        co_await hold_file(*end.ledger, *staged.target.storage, staged.target.path, false, replaced);
    Result<void> fits;
    if (!there) fits = fail(there.error());
    if (fits) fits = end.room->end_beside(size, *there);
    if (!fits) failure = fits.error();
  }
  place = place && !failure;
  if (!place && end.room) end.room->drop();
  if (staged.removed) co_return failure;
  const std::optional<Error> misplaced = co_await place_partial(staged, place);
  if (misplaced && !failure) failure = misplaced;
  if (place && !failure && followed) end.room->placed();
  if (place && !failure && !staged.beside) {
    // It may have been copied there.
    const Result<vfs::FileInfo> info = co_await staged.target.storage->lstat(staged.target.path);
    end.file_id = info ? info->id : 0;
  }
  co_return failure;
}

// Where it was put, if that is not where it was to go at the beginning: its directory was renamed, or itself.
void tell_where(Settlement& end) {
  const StagedUpload& staged = *end.staged;
  const Result<VirtualPath> now = where_is(staged.target, *staged.whole);
  if (!now || *now == staged.began) return;
  end.log_path = staged.whole->location(*now);
  if (!end.events) return;
  end.place.path = end.mount_point.join(*now);
  end.place.location = end.log_path;
}

// Takes the file away that this upload wrote, if it is still where it was put. Somebody who overwrites it in place
// meanwhile writes into the same file and must not lose it: one that is being written stays (that upload is judged by
// itself when it ends), and so does one with content where `only_empty`.
Task<Result<void>> take_away(Settlement& end, quota::Owners owners, bool only_empty) {
  Result<HeldName> name = fail(ErrorCode::internal);
  if (end.staged) {
    name = end.staged->target;
  } else if (end.placement == Placement::by_storage) {
    name = end.name;
  } else {
    name = co_await hold_followed(end.storage, end.target);
  }
  if (!name) co_return fail(name.error());
  std::shared_ptr<const void> use;
  if (end.ledger) {
    const vfs::FileSystem& whole = end.staged ? *end.staged->whole : *end.storage;
    Result<std::shared_ptr<const void>> noted = note_use(end.ledger->uploads(), *name, whole);
    if (!noted) co_return fail(noted.error());
    use = std::move(*noted);
  }
  Result<QuotaStep> quota = co_await QuotaStep::removing(end.ledger, std::move(owners), *name);
  if (!quota) co_return fail(quota.error());
  const Result<vfs::FileInfo> there = co_await name->storage->lstat(name->path);
  if (!there) co_return fail(there.error());
  const bool other_id = end.file_id != 0 && there->id != end.file_id;
  const bool other =
      end.published && (there->size != end.published->size || there->modified != end.published->modified);
  if (other_id || other) co_return fail(ErrorCode::not_found, "another file is there");
  const bool written = end.ledger && end.ledger->uploads().is_written(writer_id(*there, *name->storage, name->path));
  if (written || (only_empty && there->size > 0)) co_return fail(ErrorCode::not_found, "somebody wrote it meanwhile");
  Result<void> removed = co_await name->storage->remove_file(name->path);
  if (removed) co_await quota->done();
  co_return removed;
}

// In place, refused by a quota: nothing of the upload stays in the file. `size` is that of the file. What somebody else
// has written meanwhile, perhaps to its good end, is not taken away: then it stays. False: it stays as it is.
Task<bool> cut_back(Settlement& end, std::optional<std::uint64_t>& size) {
  if (end.ledger && end.ledger->uploads().is_shared(end.file_id)) co_return false;
  // What cannot be cut is removed as a whole, if all of it is the upload's.
  if (!end.storage->capabilities().truncate) co_return end.began_anew;
  if (!size || *size <= end.began_with) co_return true;
  const vfs::AttributeChange before{.size = end.began_with};
  const Result<void> cut = co_await end.file->set_attributes(before);
  if (cut) size = end.began_with;
  co_return cut.has_value();
}

Task<void> remove_torn(Settlement& end, quota::Owners owners, std::optional<Error>& failure) {
  const bool only_empty = end.storage->capabilities().truncate;
  const Result<void> removed = co_await take_away(end, std::move(owners), only_empty);
  if (removed) failure->message += removed_text;
  if (removed || removed.error().code == ErrorCode::not_found) co_return;
  log_failure(*end.who, "removing what an upload over its quota left", end.target, removed.error());
}

// What the hook refused goes, if it is there.
Task<void> take_back(Settlement& end, quota::Owners owners) {
  const Result<void> removed = co_await take_away(end, std::move(owners), false);
  if (removed || removed.error().code == ErrorCode::not_found) co_return;
  log_failure(*end.who, "removing what the upload hook refused", end.place.path, removed.error());
}

struct FileOutcome {
  std::uint64_t size = 0;
  std::optional<Error> failure;
};

Task<Result<void>> tell(Settlement& end, FileOutcome outcome, quota::Owners owners) {
  FileEvents& events = *end.events;
  const FileAction action = end.upload ? FileAction::upload : FileAction::download;
  model::FileEvent event = events.event(action, end.place);
  event.file_size = static_cast<std::int64_t>(outcome.size);
  event.elapsed = elapsed_since(end.start);
  if (outcome.failure) {
    event.status = is_refused(outcome.failure) ? model::FileEvent::over_quota : model::FileEvent::failed;
  }
  Result<void> told = co_await events.tell(event);
  if (!told && events.may_be_refused(action)) {
    const bool there = !outcome.failure || outcome.size > 0;
    if (end.upload && there) co_await take_back(end, std::move(owners));
    co_return told;
  }
  if (outcome.failure) co_return told;
  const Result<void> told_first = co_await events.tell_if_first(std::move(event));
  if (told && !told_first) told = told_first;
  co_return told;
}

Task<void> settle_transfers(Settlement& end) {
  for (std::unique_ptr<quota::DataAllowance>* allowance : {&end.received, &end.sent}) {
    if (!*allowance) continue;
    const std::shared_ptr<quota::Balance> balance = (*allowance)->balance();
    allowance->reset();
    co_await end.ledger->store(balance);
  }
}

// Ends the file itself: as complete only if nothing has failed. Says so in `failure` if this fails.
Task<void> end_handle(Settlement& end, std::optional<Error>& failure) {
  Result<void> ended;
  if (failure && end.upload) {
    ended = co_await end.file->discard();
    if (!ended) log_failure(*end.who, "discarding a failed upload", end.target, ended.error());
  } else {
    ended = co_await end.file->close();
  }
  if (!ended && !failure) failure = ended.error();
}

// What the upload has stored, as far as the open file tells.
Task<std::optional<std::uint64_t>> stored_size(Settlement& end) {
  std::optional<std::uint64_t> size;
  if (end.order.in_order() && end.placement == Placement::by_storage) {
    size = end.order.next();
  } else {
    const Result<vfs::FileInfo> info = co_await end.file->info();
    if (info) size = info->size;
    // Its end is that of the farthest byte that was written.
    if (!info && end.room) size = end.room->written_to();
  }
  co_return size;
}

// What is there after a failure. Storage that takes a file in order may hold back what is not a whole block yet, so the
// open file did not tell what a reader finds.
Task<void> look_again(Settlement& end, std::optional<std::uint64_t>& size) {
  const Result<vfs::FileInfo> there = co_await end.storage->stat(end.target);
  if (there && (end.file_id == 0 || there->id == end.file_id)) size = there->size;
}

// Answers whether the quota refused it, and nothing of it may stay.
Task<bool> end_in_place(Settlement& end, std::optional<std::uint64_t>& size, std::optional<Error>& failure) {
  const bool followed = end.room && end.ledger, in_order = end.order.in_order();
  bool torn = false;
  if (end.upload && is_refused(failure)) torn = co_await cut_back(end, size);
  if (followed && !in_order) end.room->end_in_place(size);
  co_await end_handle(end, failure);
  if (failure && in_order && followed) co_await look_again(end, size);
  if (followed && in_order) end.room->end_in_place(size);
  co_return torn;
}

Task<void> end_beside(Settlement& end, std::optional<std::uint64_t>& size, std::optional<Error>& failure) {
  const bool refused = is_refused(failure);
  co_await end_handle(end, failure);
  const bool place = !end.staged->removed && (!failure || (end.staged->keep && !refused));
  if (refused) failure->message += removed_text;
  const std::optional<Error> misplaced = co_await end_partial(end, size.value_or(0), place);
  if (misplaced && !failure) failure = misplaced;
  if (!place || misplaced) size = 0;
  tell_where(end);
  end.staged->arrival.reset();
}

// Until close() has succeeded the old file is there and counted, then the new one in its stead. The lock of the name is
// held, so that nobody in this process replaces or removes the old one after its size was read.
Task<void> end_by_storage(Settlement& end, std::optional<std::uint64_t>& size, std::optional<Error>& failure) {
  const bool followed = end.room && end.ledger;
  quota::Existing before;
  const bool whole = !failure;
  if (!failure && followed) {
    const Result<vfs::FileInfo> there = co_await end.name.storage->lstat(end.name.path);
    Result<void> fits;
    if (!there && there.error().code != ErrorCode::not_found) fits = fail(there.error());
    before = countable(there);
    if (fits) fits = end.room->end_beside(size.value_or(0), before);
    if (!fits) failure = fits.error();
  }
  co_await end_handle(end, failure);
  if (whole && failure && followed && size && vfs::leaves_open(*failure)) {
    const bool shown = co_await is_shown(*end.name.storage, end.name.path, *size, before);
    if (shown) failure.reset();
  }
  if (failure) size = 0;
  if (followed && failure) end.room->drop();
  if (followed && !failure) end.room->placed();
}

// What has become of the file: its size, if that is known.
Task<std::optional<std::uint64_t>> end_file(Settlement& end, std::optional<Error>& failure) {
  const bool followed = end.room && end.ledger;
  quota::PathLocks::Held held, file;
  if (followed && end.staged) held = co_await end.ledger->locks().take(end.staged->target.key());
  if (followed && end.placement == Placement::by_storage) held = co_await end.ledger->locks().take(end.name.key());
  if (followed && end.placement == Placement::in_place) {
    const std::uint64_t id = end.room->file_id();
    if (id != 0) file = co_await end.ledger->files().take(std::to_string(id));
    if (id == 0) held = co_await end.ledger->locks().take(end.name.key());
  }
  std::optional<std::uint64_t> size;
  const bool wanted = followed || (end.upload && (end.events || is_refused(failure)));
  if (wanted) size = co_await stored_size(end);
  bool torn = false;
  switch (end.placement) {
    case Placement::in_place: torn = co_await end_in_place(end, size, failure); break;
    case Placement::beside: co_await end_beside(end, size, failure); break;
    case Placement::by_storage: co_await end_by_storage(end, size, failure); break;
  }
  if (end.upload && !failure && end.events && end.events->may_be_refused(FileAction::upload)) {
    // A hook that refuses it takes away this one, not what somebody put there after it.
    const HeldName& name = end.staged ? end.staged->target : end.name;
    const Result<vfs::FileInfo> there = co_await name.storage->lstat(name.path);
    if (there) end.published = *there;
  }
  end.writing.reset();  // a hook that is told next may move it
  const quota::Owners owners = followed ? end.room->owners() : quota::Owners();
  if (followed) {
    const quota::Owners settled = end.room->settled();
    end.room.reset();
    file.release();
    held.release();
    co_await end.ledger->store(settled);
  }
  if (torn && end.began_anew) {
    co_await remove_torn(end, owners, failure);
    size = 0;
  }
  co_return size;
}

Task<Result<void>> settle_all(Settlement& end, std::optional<Error> failure) {
  if (end.staged) co_await wait_for_session(*end.staged);
  const bool removed = end.staged && end.staged->removed;
  const quota::Owners owners = end.room && end.ledger ? end.room->owners() : quota::Owners();
  const std::optional<std::uint64_t> size = co_await end_file(end, failure);
  co_await settle_transfers(end);
  const std::uint64_t bytes = end.row->bytes.load(std::memory_order_relaxed);
  log_transfer(*end.who, end.upload, {end.log_path, end.virtual_path}, bytes, end.start, failure);
  const auto kind = end.upload ? metrics::Transfer::upload : metrics::Transfer::download;
  metrics::count_transfer(end.storage->name(), kind, bytes, !failure);
  FileOutcome outcome{end.upload ? size.value_or(bytes) : bytes, failure};
  Result<void> told;
  // Of what its own session removed before it was complete, nobody has to know.
  if (end.events && !(removed && !failure)) told = co_await tell(end, std::move(outcome), owners);
  if (failure) co_return fail(*failure);
  co_return told;
}

}  // namespace

Task<Result<void>> settle(Settlement end, std::optional<Error> failure) {
  // A connection that is cut off meanwhile must not leave it half done.
  const bool throwing = co_await asio::this_coro::throw_if_cancelled();
  co_await asio::this_coro::throw_if_cancelled(false);
  Result<void> settled = co_await settle_all(end, std::move(failure));
  co_await asio::this_coro::throw_if_cancelled(throwing);
  co_return settled;
}

}  // namespace ferry::session
