// What a tree of files holds, as a number: says whether it was changed, without keeping a list of it in memory. A move
// to another storage adds up what it copies, and compares that with what is there before it removes the source.
//
//   TreeManifest copied;
//   copied.add(path, info, TreeFacts::original);                                        // for each entry
//   auto now = co_await manifest_of(storage, top, TreeFacts::original, uploads, true);  // the same of what is there
//   now if (*now && **now == copied) ...                                                     // nothing was changed
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "base/task.h"
#include "quota/upload_table.h"
#include "vfs/file_system.h"

namespace ferry::session {

// Which facts of an entry count, beside its path and its type.
enum class TreeFacts : std::uint8_t {
  original,  // mode, and for files and links size, time of change and id
  copy,      // for files size, time of change and id: the modes of directories are set when they are complete
  content,   // for files the size: for storage that does not tell more before a file is closed
};

class TreeManifest {
 public:
  // `below`: the path below the top of the tree; "/" for the top itself. The order of the entries does not matter.
  void add(const VirtualPath& below, const vfs::FileInfo& info, TreeFacts facts);
  bool operator==(const TreeManifest&) const = default;

 private:
  std::uint64_t entries_ = 0;
  std::array<std::uint64_t, 4> sum_{};  // of the SHA-256 digests of the entries
};

// The entries themselves, for storage on which a tree is made and removed entry by entry while others see it: what they
// have put there meanwhile must not go with it. 8 bytes an entry.
class TreeEntries {
 public:
  explicit TreeEntries(TreeFacts facts) : facts_(facts) {}
  // limit_exceeded: more than 4 million.
  Result<void> add(const VirtualPath& below, const vfs::FileInfo& info);
  bool contains(const VirtualPath& below, const vfs::FileInfo& info) const;
  // Before the first contains(), and after the last add().
  void sort();

 private:
  TreeFacts facts_;
  std::vector<std::uint64_t> digests_;
};

// Of what is at `top` now; hidden files of uploads and copies are left out. No value: somebody has a file of it open
// for writing, or puts something into a directory of it (asked of `uploads`, unless null). `set_aside`: the tree has a
// hidden name, so that nobody begins anything new in it; operations that began before are waited for. The storage
// should not follow links, and must stay valid.
Task<Result<std::optional<TreeManifest>>> manifest_of(std::shared_ptr<vfs::FileSystem> storage, VirtualPath top,
                                                      TreeFacts facts, const quota::UploadTable* uploads,
                                                      bool set_aside);

}  // namespace ferry::session
