// An upload to an object store. What comes is copied once, into the buffer of a part; a full part is sent while the
// next one fills. A file that is smaller than a part is sent when it is closed, by one request.
//
// Memory: before the first byte of a part there is a ticket for 256 KiB, and before the byte after these one for the
// whole part, which replaces it. While none is free write_at() waits, and with it the client. An upload that waits
// holds 256 KiB at most, of another purse (byte_budget.h), so that those which have a part's ticket always come to an
// end.
#pragma once

#include <memory>
#include <mutex>
#include <optional>
#include <vector>

#include "base/byte_budget.h"
#include "vfs/object/object_file_system.h"
#include "vfs/object/upload_journal.h"

namespace ferry::vfs::object {

// How large part `number` (from 1) is, of a file of `expected` bytes, or of one whose size nobody knows: then parts
// grow from 5 MiB to 128 MiB, so that 10,000 parts hold 708 GiB, and many small files need little memory. Where parts
// must have one size (Traits::equal_parts) they have 16 MiB, or what was wished for, and hold 156 GiB.
std::uint64_t part_size(const Traits& traits, std::uint64_t wanted, std::optional<std::uint64_t> expected,
                        std::uint32_t number);

class ObjectUpload final : public File {
 public:
  ObjectUpload(std::shared_ptr<ObjectStore> store, ObjectOptions options, std::string key, const OpenOptions& how);
  ~ObjectUpload() override;

  Task<Result<std::size_t>> read_at(std::uint64_t offset, MutableByteSpan into) override;
  Task<Result<void>> write_at(std::uint64_t offset, std::span<const iovec> pieces) override;
  Task<Result<FileInfo>> info() override;
  Task<Result<void>> set_attributes(AttributeChange change) override;
  Task<Result<void>> sync() override;
  Task<Result<void>> close() override;
  Task<Result<void>> discard() override;

 private:
  struct Buffer {
    Tickets::Ticket ticket;
    Bytes bytes;
    std::uint64_t granted = 0;  // how many bytes it may hold by its ticket
    std::uint64_t size = 0;     // when it is full
  };
  // What the parts that are on their way share with the file; they may end after it.
  struct Shared {
    std::shared_ptr<ObjectStore> store;
    std::shared_ptr<UploadJournal> journal;
    NotedUpload noted;
    std::mutex mutex;
    std::vector<Part> done;
    std::optional<Error> failure;
  };

  Task<Result<void>> begin_buffer();
  Task<Result<void>> grow_buffer();
  std::optional<std::uint64_t> expected() const;
  Task<Result<void>> send_buffer();
  static Task<void> send_part(std::shared_ptr<Shared> shared, std::uint32_t number, std::uint64_t offset,
                              std::shared_ptr<Buffer> buffer, Tickets::Ticket slot);
  static Task<Result<void>> abandon(std::shared_ptr<Shared> shared, std::shared_ptr<Tickets> slots);
  static Task<void> abandon_alone(std::shared_ptr<Shared> shared, std::shared_ptr<Tickets> slots);
  Task<Result<void>> settle(Result<ObjectInfo> published);
  Task<Result<void>> publish_small();
  Task<Result<void>> publish_parts();
  Task<Result<void>> set_time_late();

  std::shared_ptr<Shared> shared_ = std::make_shared<Shared>();
  ObjectOptions options_;
  std::string key_;
  OpenOptions how_;
  ObjectProperties properties_;
  bool time_changed_late_ = false;  // after the upload had begun with other properties
  std::string version_;             // of the object that was published
  std::shared_ptr<Tickets> slots_;  // parts on their way, as a budget of that many bytes
  std::shared_ptr<Buffer> buffer_;  // of the part that is being filled; null: none
  std::uint32_t parts_ = 0;         // that were sent, or are on their way
  std::uint64_t written_ = 0, sent_ = 0;
  bool ended_ = false;
};

}  // namespace ferry::vfs::object
