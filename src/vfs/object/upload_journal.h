// Where uploads in parts, and renames of directories, are written down while they run, so that a process that is killed
// leaves nothing behind: at its next start it reads the journal, aborts the uploads (services charge for their parts)
// or lets clients go on with them, and finishes the renames. The server keeps it in the data provider.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/error.h"
#include "base/task.h"

namespace ferry::vfs::object {

struct JournalEntry {
  enum class Kind : std::uint8_t { upload = 1, rename = 2 };
  Kind kind = Kind::upload;
  std::string storage;          // identity of the storage: provider, endpoint, bucket. Holds no secret
  std::string key;              // of the upload; of a rename: from
  std::string detail;           // of the upload: its id; of a rename: to
  std::int64_t begun_at = 0;    // Unix milliseconds
  std::int64_t touched_at = 0;  // when the client was seen last; equal to begun_at at first
};

class UploadJournal {
 public:
  virtual ~UploadJournal() = default;
  // Stored when it returns. Answers the entry's id.
  virtual Task<Result<std::string>> begin(JournalEntry entry) = 0;
  virtual Task<Result<void>> end(std::string id) = 0;
  struct Open {
    std::string id;
    JournalEntry entry;
  };
  // The entries of one storage, or of all when "" is given.
  virtual Task<Result<std::vector<Open>>> open(std::string storage) = 0;
};

}  // namespace ferry::vfs::object
