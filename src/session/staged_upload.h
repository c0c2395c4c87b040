// An upload that grows under a hidden name until it is complete. Its Transfer writes it and puts it in its place; the
// session that opened it finds it here, so that what the client asks of the new name (STAT, SETSTAT, RENAME, REMOVE, a
// second OPEN) is done to the file that is growing.
#pragma once

#include <atomic>
#include <memory>
#include <vector>

#include "session/held_name.h"
#include "session/open_budget.h"
#include "session/upload_room.h"

namespace ferry::session {

struct StagedUpload {
  StagedUpload() = default;
  StagedUpload(const StagedUpload&) = delete;
  StagedUpload& operator=(const StagedUpload&) = delete;
  // One that never came to its end (the connection broke while it was opened) removes its file.
  ~StagedUpload();

  std::shared_ptr<Ledger> ledger;          // outlives `arrival`
  std::shared_ptr<vfs::FileSystem> whole;  // the storage that `target` was held in
  OpenBudget::Taken place;                 // of the directory that `target` holds
  HeldName target;                         // where it will be
  HeldName partial;                        // where it grows: beside the target, or in temp_path
  bool beside = true;
  VirtualPath began;                    // where the target was at the beginning, in `whole`
  bool overwrite = false;               // whether it may replace what is at the target by then
  bool keep = false;                    // atomic with resume: also when it was broken off
  std::shared_ptr<const void> arrival;  // of OpenUploads
  UploadRoom* room = nullptr;           // until it ends; none: nothing is counted
  bool removed = false;                 // by its session: nothing will be put in its place
  bool ending = false;                  // it is being put in its place: it is not the session's any more
  // The session is changing it: it does not end meanwhile. Its end may be on a thread of the pool.
  std::atomic<bool> busy = false;
};

// While it lives the upload is the session's. False: it is ending, or another operation has it.
class StagedClaim {
 public:
  explicit StagedClaim(std::shared_ptr<StagedUpload> upload) : upload_(std::move(upload)) {
    if (upload_ && (upload_->ending || upload_->removed || upload_->busy.exchange(true))) upload_.reset();
  }
  StagedClaim(const StagedClaim&) = delete;
  StagedClaim& operator=(const StagedClaim&) = delete;
  ~StagedClaim() {
    if (upload_) upload_->busy = false;
  }
  explicit operator bool() const { return upload_ != nullptr; }

 private:
  std::shared_ptr<StagedUpload> upload_;
};

// The uploads of one session.
using StagedUploads = std::vector<std::weak_ptr<StagedUpload>>;

}  // namespace ferry::session
