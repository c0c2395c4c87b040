// Where the bytes of an upload go until it is complete, and what the storage takes of a client's requests. Both are
// decided once, when the file is opened, from upload_mode and the storage's capabilities; no backend is known by name.
#pragma once

#include <cstdint>

#include "session/factory.h"
#include "vfs/file_system.h"

namespace ferry::session {

enum class Placement : std::uint8_t {
  // Into the target itself. Others see it grow, and a broken upload leaves what arrived: upload_mode 0, resuming and
  // appending, and storage without atomic_rename.
  in_place,
  // To a hidden name beside the target (or in temp_path), renamed when it is complete: upload_mode 1 and 2. On storage
  // without held_directories this goes by paths: if somebody renames the directory meanwhile the upload fails at its
  // end, and its hidden file stays in the renamed directory until a quota scan finds it (leftovers.h).
  beside,
  // The storage itself shows the new content, whole, when the file is closed (published_at_close). No hidden name is
  // needed, and a broken upload leaves nothing new, whatever upload_mode says.
  by_storage,
};

Placement choose_placement(UploadMode mode, const vfs::Capabilities& can, const vfs::OpenOptions& how);

// Where the next bytes of an upload may go. Clients send the pieces of a file in order, also those that have many
// requests on their way at once; storage without random_writes takes them only so.
class WriteOrder {
 public:
  WriteOrder() = default;
  // in_order: each byte once, from the beginning (of a resumed file: from its end) on. append: the client's offsets are
  // ignored, everything goes to the end.
  WriteOrder(bool in_order, bool append) : in_order_(in_order), append_(append) {}

  // `size`: of the file as it was opened.
  void begin(std::uint64_t size) { next_ = size; }
  // Where `count` bytes are to be written that the client sent for `offset`. unsupported: not there.
  Result<std::uint64_t> place(std::uint64_t offset, std::uint64_t count) const;
  void wrote(std::uint64_t count) { next_ += count; }

  bool in_order() const { return in_order_; }
  bool matters() const { return in_order_ || append_; }
  std::uint64_t next() const { return next_; }

 private:
  bool in_order_ = false, append_ = false;
  std::uint64_t next_ = 0;
};

struct FittedUpload {
  WriteOrder order;
  // The storage cannot change a file that is there, and the client did not ask for it to be replaced: the open is made
  // exclusive, and already_exists means that this was tried.
  bool new_only = false;
};

// Changes `options` to what the storage can do for them. unsupported: it cannot do it.
Result<FittedUpload> fit_upload(const vfs::Capabilities& can, vfs::OpenOptions& options);

// What a client is told that tried to change a file which such storage can only replace.
Error cannot_change();
// The same for one that sets a size.
Error cannot_cut();

}  // namespace ferry::session
