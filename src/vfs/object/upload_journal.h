// Uploads in parts whose parts are never left behind: each is written down before its first part is sent, and struck
// out when it is completed or its parts are gone. After a process was killed another one reads what is left and removes
// it.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "vfs/object/object_store.h"

namespace ferry::vfs::object {

// Where they are written down; of one storage. Safe from any thread.
class UploadJournal {
 public:
  virtual ~UploadJournal() = default;
  // Answers the number of the entry, more than 0. `location`: ObjectStore::location() of the key.
  virtual Task<Result<std::int64_t>> note(std::string location, Upload upload) = 0;
  virtual Task<void> strike_out(std::int64_t entry) = 0;
  // Its parts could not be removed; somebody has to later.
  virtual Task<void> leave_behind(std::int64_t entry) = 0;
};

struct NotedUpload {
  Upload upload = {};      // id "": none has begun
  std::int64_t entry = 0;  // 0: not written down
};

// Begins one. Without a journal, and on services that drop such parts themselves (Traits::parts_expire), nothing is
// written down.
Task<Result<NotedUpload>> begin_noted_upload(std::shared_ptr<ObjectStore> store, std::shared_ptr<UploadJournal> journal,
                                             std::string key, ObjectProperties properties, Condition condition);
// Completed.
Task<void> end_noted_upload(std::shared_ptr<UploadJournal> journal, NotedUpload upload);
// Removes its parts. An error is in the log, too.
Task<Result<void>> abort_noted_upload(std::shared_ptr<ObjectStore> store, std::shared_ptr<UploadJournal> journal,
                                      NotedUpload upload);

// Removes the parts and looks whether they are gone: one that was on its way when the upload was aborted may be stored
// after it.
Task<Result<void>> remove_parts(std::shared_ptr<ObjectStore> store, Upload upload);

}  // namespace ferry::vfs::object
