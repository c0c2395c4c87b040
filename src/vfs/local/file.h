// An open regular file of a local storage.
//
// Reads run on the event loop when they need not wait: preadv on memory-backed storage, preadv2(RWF_NOWAIT) on a disk,
// which answers only what is cached; the rest is read on the blocking pool. No file system supports RWF_NOWAIT for
// buffered writes, so writes run on the event loop on memory-backed storage and on the pool elsewhere.
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
