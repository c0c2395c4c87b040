// An encrypted file that is being written, from its beginning to its end. Full packages go to the storage beneath when
// more content follows; the last one, which alone makes the file complete, when close() is called.
#pragma once

#include <array>
#include <memory>
#include <optional>

#include "crypto/dare.h"
#include "vfs/file_system.h"

namespace ferry::vfs::encrypted {

class Writer final : public File {
 public:
  // `stored` is open for writing, and empty.
  Writer(std::unique_ptr<File> stored, std::shared_ptr<const crypto::Secret> passphrase);
  ~Writer() override;

  Task<Result<std::size_t>> read_at(std::uint64_t offset, MutableByteSpan into) override;
  // unsupported, and nothing is written, unless `offset` is where the file ends.
  Task<Result<void>> write_at(std::uint64_t offset, std::span<const iovec> pieces) override;
  std::optional<Result<void>> try_write_at(std::uint64_t offset, std::span<const iovec> pieces) override;
  Task<Result<FileInfo>> info() override;
  // A size: 0 begins the file anew under a key of its own, and the size that it has changes nothing; else unsupported.
  Task<Result<void>> set_attributes(AttributeChange change) override;
  // What is not stored yet, up to a package, survives when close() has answered: it syncs once more.
  Task<Result<void>> sync() override;
  Task<Result<void>> close() override;
  // Leaves a file that no reader takes for complete; its size stays what info() said.
  Task<Result<void>> discard() override;

 private:
  static constexpr std::size_t capacity = 6;  // packages: the largest write of SFTP clients fills at most five
  void begin();
  std::byte* package(std::size_t index) { return packages_.get() + index * crypto::dare::package_size; }
  Result<void> check(std::uint64_t offset, std::uint64_t count) const;
  // How much can be taken before something has to be stored.
  std::uint64_t room() const;
  // Gives the most room, if all that is sealed is stored.
  void rewind();
  // Takes content as long as there is room, and seals what became full; answers how much it took.
  Result<std::size_t> take(ByteSpan content);
  Result<void> seal_current(bool last);
  // What is to be stored next: sealed packages, before the first one the header.
  std::span<const iovec> sealed();
  void note_stored();
  Task<Result<void>> store();
  Task<Result<void>> finish(bool last);

  std::unique_ptr<File> stored_;
  std::shared_ptr<const crypto::Secret> passphrase_;
  crypto::dare::FileHeader header_;
  std::optional<crypto::dare::Sealer> sealer_;
  std::unique_ptr<std::byte[]> packages_;
  std::size_t first_sealed_ = 0;                 // of those in packages_ that are not stored yet; current_ follows them
  std::size_t sealed_bytes_ = 0;                 // from there on, in a row
  std::size_t current_ = 0;                      // the package that is being filled; `capacity`: all are sealed
  std::size_t filled_ = 0;                       // bytes of content in it
  std::array<iovec, 2> next_pieces_;             // what sealed() answers
  std::uint64_t stored_size_ = 0;                // what the storage beneath has
  std::uint64_t size_ = 0;                       // all content taken
  bool failed_ = false;                          // something could not be stored
  bool durable_ = false;                         // sync() was asked for
  std::optional<AttributeChange::Times> times_;  // set after the last write: storing the rest must not change them
};

}  // namespace ferry::vfs::encrypted
