// The end of an upload or a download: the file is put in its place or removed, quotas are settled, the log line is
// written and hooks are told.
//
// One rule for all protocols. An upload that was refused by a quota or by max_upload_file_size leaves nothing that
// could be taken for a whole file: a staged one is discarded, and what it would have replaced stays; in place, a file
// that it made or emptied is removed, and one that it went on with is cut back to what was there. Another failure (the
// client left, the device is full) leaves what upload_mode says. Storage that publishes at close() gets discard() after
// any failure, and keeps what it had. An upload whose close() failed is told, logged and counted as failed.
#pragma once

#include "quota/upload_quota.h"
#include "session/file_events.h"
#include "session/placement.h"
#include "session/session_state.h"
#include "session/staged_upload.h"

namespace ferry::session {

// Everything that is needed to end a transfer. It owns what it needs, so that this can also be done after the session
// is gone.
struct Settlement {
  std::unique_ptr<vfs::File> file;
  std::shared_ptr<vfs::FileSystem> storage;
  VirtualPath target;       // in the storage
  VirtualPath mount_point;  // of the storage, as the client sees it
  bool upload = false;
  Placement placement = Placement::in_place;
  WriteOrder order;
  std::shared_ptr<StagedUpload> staged;  // of Placement::beside, else null
  HeldName name;                         // of an upload: where it is written in place, or what the storage will show
  // What an upload found when it was opened.
  std::uint64_t file_id = 0;                    // vfs::FileInfo::id; 0: unknown
  std::uint64_t began_with = 0;                 // size of the file then
  bool began_anew = false;                      // the file was created then, or truncated
  std::optional<vfs::FileInfo> published = {};  // what a hook may still refuse, as it was when it was complete
  std::optional<Error> unusable = {};           // it is open, and must be ended as failed at once
  std::shared_ptr<const Identity> who;
  std::shared_ptr<presence::TransferRow> row;
  std::string log_path;      // where it lies, for logs and locks
  std::string virtual_path;  // what the account calls it
  Clock::time_point start = Clock::now();
  std::shared_ptr<quota::Ledger> ledger;
  std::shared_ptr<FileEvents> events;  // null: no event is published
  EventPlace place = {};
  // Quotas that limit it; null: no limit.
  std::unique_ptr<quota::UploadQuota> room;
  std::shared_ptr<const void> writing;  // of quota::UploadTable
  presence::OpenBudget::Taken taken;
  std::unique_ptr<quota::DataAllowance> received, sent;
};

// `failure`: why the transfer failed, if it did. Answers that error, or the first one that occurred here.
Task<Result<void>> settle(Settlement end, std::optional<Error> failure);

}  // namespace ferry::session
