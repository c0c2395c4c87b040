// An upload that is written under a hidden name until it is complete. Its Transfer writes it and puts it in its place.
// The session that opened it finds it here: when its client asks for the new name (STAT, SETSTAT, RENAME, REMOVE, a
// second OPEN), the request acts on the hidden file.
#pragma once

#include <atomic>
#include <memory>
#include <vector>

#include "presence/open_budget.h"
#include "quota/upload_quota.h"
#include "session/held_name.h"

namespace ferry::session {

struct StagedUpload {
  StagedUpload() = default;
  StagedUpload(const StagedUpload&) = delete;
  StagedUpload& operator=(const StagedUpload&) = delete;
  // Removes the hidden file of an upload that was never ended (the connection broke while it was being opened).
  ~StagedUpload();

  std::shared_ptr<quota::Ledger> ledger;   // outlives `arrival`
  std::shared_ptr<vfs::FileSystem> whole;  // the storage that `target` was held in
  presence::OpenBudget::Taken place;       // of the directory that `target` holds
  HeldName target;                         // where it will be
  HeldName partial;                        // the hidden file: beside the target, or in temp_path
  bool beside = true;
  VirtualPath began;                    // where the target was at the beginning, in `whole`
  bool overwrite = false;               // may replace a file that is at the target when it ends
  bool keep = false;                    // atomic with resume: put in place even if it is not complete
  std::shared_ptr<const void> arrival;  // of quota::UploadTable
  quota::UploadQuota* room = nullptr;   // until it ends; null: no quota counts it
  bool removed = false;                 // the session removed it: it will not be put in its place
  bool ending = false;                  // it is being put in its place: the session must not change it any more
  // The session is changing it, so its end (which may run on a thread of the pool) has to wait.
  std::atomic<bool> busy = false;
};

// Lets the session change a staged upload as long as it lives. False: the upload is ending or was removed, or another
// operation is changing it.
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
