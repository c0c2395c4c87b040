// A directory of an object store, read page by page: as many requests as there are pages.
#pragma once

#include <memory>
#include <optional>
#include <vector>

#include "vfs/object/object_file_system.h"

namespace ferry::vfs::object {

FileInfo file_info(const ObjectInfo& object);
FileInfo directory_info();

class ObjectDirectory final : public Directory {
 public:
  // `directory`: what its keys begin with.
  ObjectDirectory(std::shared_ptr<ObjectStore> store, std::string directory)
      : store_(std::move(store)), directory_(std::move(directory)) {}

  // The first page; not_found: nothing lies in it, and it has no marker. Not for the root.
  Task<Result<void>> begin();
  Task<Result<std::vector<DirectoryEntry>>> next(std::size_t max) override;

 private:
  Task<Result<void>> read_page();
  void take(const Page& page);

  std::shared_ptr<ObjectStore> store_;
  std::string directory_, token_;
  std::vector<DirectoryEntry> entries_;  // of the page, from at_ on not yet given
  std::size_t at_ = 0;
  // The last file of a page: the directory of the same name ("a" and "a/") may come first on the next one.
  std::optional<DirectoryEntry> held_;
  bool begun_ = false, found_ = false;  // found_: something lies in it
};

}  // namespace ferry::vfs::object
