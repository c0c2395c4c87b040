// The end of an upload or a download: the file goes where it belongs or away, quotas are settled, the log and the hooks
// are told.
//
// One rule for all protocols. An upload that was refused by a quota or by max_upload_file_size leaves nothing that
// could be taken for a whole file: a staged one is discarded, and what it would have replaced stays; in place, a file
// that it made or emptied is removed, and one that it went on with is cut back to what was there. Another failure (the
// client left, the device is full) leaves what upload_mode says.
#pragma once

#include "session/account.h"
#include "session/file_events.h"
#include "session/staged_upload.h"
#include "session/upload_room.h"

namespace ferry::session {

// What has to be done when a transfer ends. It owns all it needs, so that it can be done after the session
// is gone.
struct Settlement {
  std::unique_ptr<vfs::File> file;
  std::shared_ptr<vfs::FileSystem> storage;
  VirtualPath target;       // in the storage
  VirtualPath mount_point;  // of the storage, in the account's terms
  bool upload = false;
  std::shared_ptr<StagedUpload> staged;  // an atomic upload; none: it is written in place
  // Of an upload, when it was opened.
  std::uint64_t file_id = 0;     // vfs::FileInfo::id; 0: unknown
  std::uint64_t began_with = 0;  // bytes that were there
  bool began_anew = false;       // it was made then, or emptied
  std::shared_ptr<const Identity> who;
  std::shared_ptr<TransferRow> row;
  std::string log_path;
  Clock::time_point start = Clock::now();
  std::shared_ptr<Ledger> ledger;
  std::shared_ptr<FileEvents> events;  // none: nobody follows
  EventPlace place = {};
  // What it has to watch; none of them: nothing.
  std::unique_ptr<UploadRoom> room;
  std::shared_ptr<const void> writing;  // of OpenUploads
  OpenBudget::Taken taken;
  std::unique_ptr<DataAllowance> received, sent;
};

// `failure`: why the transfer went wrong, if it did. Answers that, or what went wrong at its end.
Task<Result<void>> settle(Settlement end, std::optional<Error> failure);

}  // namespace ferry::session
