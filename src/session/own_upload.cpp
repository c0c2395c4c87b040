// What a client asks, by its path, of a file that it is uploading and that is not there yet: with upload_mode 1 and 2
// it grows under a hidden name. Programs on sshfs rely on it: they make a file, and look at it, change its mode or
// rename it before it is closed.
#include "session/account_session.h"
#include "session/leftovers.h"
#include "session/partial_name.h"

namespace ferry::session {

namespace {

Error nothing_there() { return {ErrorCode::not_found, "neither a file nor an upload of this session"}; }

}  // namespace

Task<Result<vfs::FileInfo>> AccountSession::look_at_own(VirtualPath path, bool follow) {
  const std::shared_ptr<StagedUpload> own = co_await state_->own_upload(path, follow);
  const StagedClaim claim(own);
  if (!claim) co_return fail(nothing_there());
  Result<vfs::FileInfo> info = co_await own->partial.storage->lstat(own->partial.path);
  co_return info;
}

Task<Result<void>> AccountSession::change_own(VirtualPath path, vfs::AttributeChange change, bool follow) {
  const std::shared_ptr<StagedUpload> own = co_await state_->own_upload(path, follow);
  const StagedClaim claim(own);
  if (!claim) co_return fail(nothing_there());
  if (change.size && own->room != nullptr) {
    const Result<void> fits = own->room->grow_to(*change.size);
    if (!fits) co_return fits;
  }
  Result<void> changed = co_await own->partial.storage->set_attributes(own->partial.path, change, false);
  co_return changed;
}

// Its transfer goes on, and ends well; nothing is put in its place then.
Task<Result<void>> AccountSession::remove_own(VirtualPath path) {
  const std::shared_ptr<StagedUpload> own = co_await state_->own_upload(path, false);
  const StagedClaim claim(own);
  if (!claim) co_return fail(nothing_there());
  Result<void> removed = co_await own->partial.storage->remove_file(own->partial.path);
  if (!removed) co_return removed;
  own->removed = true;
  own->arrival.reset();
  co_return removed;
}

// What is at the new name by then is replaced when the upload is complete if `overwrite`: asked for, and allowed there.
Task<Result<void>> AccountSession::rename_own(std::shared_ptr<StagedUpload> own, VirtualPath to, bool overwrite) {
  const StagedClaim claim(own);
  if (!claim) co_return fail(nothing_there());
  const vfs::MountTable::Target target = state_->mounts.resolve(to);
  const std::shared_ptr<vfs::FileSystem> storage = state_->storage_of(*target.mount);
  if (storage != own->whole) co_return fail(ErrorCode::conflict, "it is being written");
  Result<HeldName> name = co_await hold_name(storage, target.path);
  if (!name) co_return fail(name.error());
  const Result<vfs::FileInfo> there = co_await name->storage->lstat(name->path);
  if (there && there->type == vfs::FileType::directory)
    co_return fail(ErrorCode::is_a_directory, "a directory is there");
  if (there && !overwrite) co_return fail(ErrorCode::already_exists, "the target exists");
  std::shared_ptr<const void> arrival;
  if (state_->ledger) {
    Result<std::shared_ptr<const void>> noted = note_arrival(state_->ledger->uploads(), *name, *storage);
    if (!noted) co_return fail(noted.error());
    arrival = std::move(*noted);
  }
  if (own->beside) {
    HeldName partial = *name;
    partial.path = partial_path(name->path);
    const Result<void> moved = co_await rename_held(own->partial, partial, false);
    if (!moved) co_return moved;
    own->partial = std::move(partial);
  }
  // Not what OPEN asked for at the old name: git makes `index.lock` with EXCL and renames it onto `index`.
  own->overwrite = overwrite;
  own->target = std::move(*name);
  own->arrival = std::move(arrival);
  co_return Result<void>();
}

// Left over by a server that was killed: nobody who could remove it by its name sees it.
Task<Result<void>> AccountSession::remove_empty(HeldName name) {
  std::shared_ptr<const void> claim;
  const Result<vfs::FileInfo> info = co_await name.storage->lstat(name.path);
  if (state_->ledger && info && info->type == vfs::FileType::directory) {
    Result<std::shared_ptr<const void>> claimed = state_->ledger->uploads().claim_removal(info->id);
    if (!claimed) co_return fail(claimed.error());
    claim = std::move(*claimed);
  }
  Result<void> removed = co_await name.storage->remove_directory(name.path);
  if (removed || removed.error().code != ErrorCode::directory_not_empty || !claim) co_return removed;
  const Result<std::size_t> left_over = co_await remove_leftovers(name.storage, name.path);
  if (!left_over) co_return fail(left_over.error());
  if (*left_over == 0) co_return removed;
  removed = co_await name.storage->remove_directory(name.path);
  co_return removed;
}

}  // namespace ferry::session
