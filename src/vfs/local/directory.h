// An open directory of a local storage. Names are read with getdents64 into one buffer of 32 KiB, attributes with one
// statx for each entry.
#pragma once

#include <array>

#include "vfs/file_system.h"
#include "vfs/local/descriptor.h"
#include "vfs/local/waiting.h"

namespace ferry::vfs::local {

class LocalDirectory final : public Directory {
 public:
  LocalDirectory(Descriptor descriptor, Storage storage) : descriptor_(std::move(descriptor)), storage_(storage) {}

  Task<Result<std::vector<DirectoryEntry>>> next(std::size_t max) override;

 private:
  Result<std::vector<DirectoryEntry>> read(std::size_t max);
  Result<bool> fill();

  Descriptor descriptor_;
  Storage storage_;
  std::size_t position_ = 0, end_ = 0;  // of what is left in buffer_
  alignas(8) std::array<char, 32 * 1024> buffer_;
};

}  // namespace ferry::vfs::local
