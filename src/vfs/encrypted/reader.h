// An encrypted file that is being read. Packages are read and opened as they are needed; those of the last read are
// kept, so that a client's small reads in a row open each package once.
#pragma once

#include <memory>

#include "crypto/dare.h"
#include "vfs/file_system.h"

namespace ferry::vfs::encrypted {

class Reader final : public File {
 public:
  // io_error: no encrypted file has that size, or it begins otherwise.
  static Task<Result<std::unique_ptr<Reader>>> open(std::unique_ptr<File> stored,
                                                    std::shared_ptr<const crypto::Secret> passphrase);

  Task<Result<std::size_t>> read_at(std::uint64_t offset, MutableByteSpan into) override;
  std::optional<Result<std::size_t>> try_read_at(std::uint64_t offset, std::span<const iovec> into) override;
  Task<Result<void>> write_at(std::uint64_t offset, std::span<const iovec> pieces) override;
  Task<Result<FileInfo>> info() override;
  Task<Result<void>> set_attributes(AttributeChange change) override;
  Task<Result<void>> sync() override { return stored_->sync(); }
  Task<Result<void>> close() override { return stored_->close(); }
  Task<Result<void>> discard() override { return stored_->discard(); }

 private:
  // Some packages in a row.
  struct Window {
    std::uint64_t first = 0;
    std::size_t count = 0;
    std::uint64_t end() const { return first + count; }
  };
  Reader(std::unique_ptr<File> stored, std::uint64_t size, crypto::Secret key);

  std::uint64_t package_count() const;
  std::size_t content_of(std::uint64_t package) const;
  // The packages that a read of `count` bytes, all within the file, needs at once: some of them if they are many.
  Window window_for(std::uint64_t offset, std::uint64_t count) const;
  std::size_t bytes_of(Window window) const;
  // Where the packages of `window` are to be read to: one byte more than there should be at the end of the file.
  MutableByteSpan room_for(Window window);
  // The bytes that were read there become content.
  Result<void> accept(Window window, std::size_t count);
  // What is in memory from `offset` on; empty: nothing.
  ByteSpan kept(std::uint64_t offset) const;

  std::unique_ptr<File> stored_;
  const std::uint64_t size_;  // of the content
  crypto::dare::Opener opener_;
  std::unique_ptr<std::byte[]> buffer_;
  std::size_t capacity_ = 0;
  Window kept_;  // opened in buffer_, each package at its place
};

}  // namespace ferry::vfs::encrypted
