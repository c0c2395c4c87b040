// A directory of an object store, read page by page: as many requests as there are pages.
#pragma once

#include <memory>
#include <optional>
#include <vector>

#include "vfs/object/object_file_system.h"

namespace ferry::vfs::object {

FileInfo file_info(const ObjectInfo& object);
FileInfo directory_info();

// Finds a listing whose pages lead back to one that was read: of a circle of n pages after at most 3n further ones
// (Brent's algorithm), whatever the order of the keys.
class PageTokens {
 public:
  // Whether the listing that goes on with `token` goes in a circle.
  bool goes_back(const std::string& token) {
    if (token.empty()) return false;
    if (steps_ > 0 && token == kept_) return true;
    if (++steps_ != next_kept_) return false;
    kept_ = token;
    next_kept_ *= 2;
    return false;
  }

 private:
  std::string kept_;
  std::uint64_t steps_ = 0, next_kept_ = 1;
};

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
  // Files whose directory of the same name may come on a later page: "a" until the pages are past "a/", which comes
  // after "a-1". Their names all begin the last key that came, so they are never many.
  std::vector<DirectoryEntry> held_;
  PageTokens tokens_;
  bool begun_ = false, found_ = false;  // found_: something lies in it
};

}  // namespace ferry::vfs::object
