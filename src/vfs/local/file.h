// An open regular file of a local storage.
//
// Reads never hop threads when the data is at hand: from memory-backed storage they are plain preadv, from
// a disk preadv2(RWF_NOWAIT), and only what that leaves goes to the blocking pool. No file system answers
// RWF_NOWAIT for buffered writes, so these run inline on memory-backed storage and on the pool elsewhere.
#pragma once

#include "vfs/file_system.h"
#include "vfs/local/descriptor.h"
#include "vfs/local/waiting.h"

namespace ferry::vfs::local {

class LocalFile final : public File {
 public:
  LocalFile(Descriptor descriptor, Storage storage, bool writable)
      : descriptor_(std::move(descriptor)), storage_(storage), nowait_(storage == Storage::disk), writable_(writable) {}

  Task<Result<std::size_t>> read_at(std::uint64_t offset, MutableByteSpan into) override;
  std::optional<Result<std::size_t>> try_read_at(std::uint64_t offset, std::span<const iovec> into) override;
  Task<Result<void>> write_at(std::uint64_t offset, std::span<const iovec> pieces) override;
  std::optional<Result<void>> try_write_at(std::uint64_t offset, std::span<const iovec> pieces) override;
  Task<Result<FileInfo>> info() override;
  Task<Result<void>> set_attributes(AttributeChange change) override;
  Task<Result<void>> sync() override;
  Task<Result<void>> close() override;

 private:
  Descriptor descriptor_;
  Storage storage_;
  bool nowait_;  // preadv2(RWF_NOWAIT) is worth trying
  bool writable_;
};

}  // namespace ferry::vfs::local
