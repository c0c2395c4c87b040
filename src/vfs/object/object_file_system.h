// A tree of files and directories on an object store: what S3, Google Cloud Storage and Azure Blob have in common.
//
//   auto storage = make_object_file_system(store, {.key_prefix = "users/maria/", .budget = budget});
//
// Uploads are sent in parts while they come, and show when they are closed; downloads read ahead. Directories are there
// when something lies in them, or when they were made (a marker, keys.h).
#pragma once

#include <memory>
#include <string>

#include "base/byte_budget.h"
#include "vfs/object/keys.h"
#include "vfs/object/object_store.h"
#include "vfs/object/upload_journal.h"

namespace ferry::vfs::object {

struct ObjectOptions {
  std::string key_prefix = {};
  std::uint64_t upload_part_size = 0;    // bytes; 0: 5 MiB, growing with the file
  unsigned upload_concurrency = 0;       // parts of one file on their way at once; 0: 5
  std::uint64_t download_part_size = 0;  // bytes of one request; 0: 5 MiB
  unsigned download_concurrency = 0;     // requests of one file at once; 0: 5
  std::shared_ptr<ByteBudget> budget = {};
  std::string account = {};                     // whose transfers they are: the owner of their memory
  std::shared_ptr<UploadJournal> journal = {};  // null: none is kept
};

// `options.budget` must be there.
std::shared_ptr<FileSystem> make_object_file_system(std::shared_ptr<ObjectStore> store, ObjectOptions options);

// Removes the parts of an upload that a process has left, from the storage that it was begun on. not_found: `storage`
// is another by now: what `location` names is not there.
Task<Result<void>> remove_left_parts(std::shared_ptr<FileSystem> storage, std::string location, Upload upload);

}  // namespace ferry::vfs::object
