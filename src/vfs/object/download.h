// A file on an object store that is read. Its size and version are those of when it was opened: when somebody replaces
// the object meanwhile, reading ends with an error instead of mixing the two.
#pragma once

#include <memory>

#include "base/byte_budget.h"
#include "vfs/object/object_file_system.h"

namespace ferry::vfs::object {

class ObjectDownload final : public File {
 public:
  ObjectDownload(std::shared_ptr<ObjectStore> store, ObjectOptions options, ObjectInfo object);

  Task<Result<std::size_t>> read_at(std::uint64_t offset, MutableByteSpan into) override;
  Task<Result<void>> write_at(std::uint64_t offset, std::span<const iovec> pieces) override;
  Task<Result<FileInfo>> info() override;
  Task<Result<void>> set_attributes(AttributeChange change) override;
  Task<Result<void>> sync() override;
  Task<Result<void>> close() override;

 private:
  // Bytes of the object that were read ahead.
  struct Window {
    Tickets::Ticket ticket;
    Bytes bytes;
    std::uint64_t from = 0;
    bool holds(std::uint64_t offset) const { return offset >= from && offset < from + bytes.size(); }
  };
  struct Range {
    std::shared_ptr<ObjectStore> store;
    std::string key, version;
    std::uint64_t offset = 0;
  };

  std::uint64_t window_size(std::uint64_t offset, std::uint64_t wanted);
  Task<Result<void>> read_window(std::uint64_t offset, std::uint64_t size);
  static Task<Result<void>> read_range(Range range, MutableByteSpan into);
  static Task<void> read_one(Range range, std::shared_ptr<Window> window, MutableByteSpan into, Tickets::Ticket slot,
                             std::shared_ptr<std::vector<Result<void>>> results, std::size_t index);

  std::shared_ptr<ObjectStore> store_;
  ObjectOptions options_;
  ObjectInfo object_;
  std::shared_ptr<Window> window_;  // null: nothing was read ahead
  std::uint64_t next_ = 0;          // where a reader that goes on in order reads next
  std::uint64_t ahead_ = 0;         // size of the last window
  unsigned jumps_ = 0;              // reads elsewhere, one after another
};

}  // namespace ferry::vfs::object
