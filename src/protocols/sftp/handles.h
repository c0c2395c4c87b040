// The files and directories a client has open, by the handles it was given.
//
// A handle is 8 bytes: a slot and the slot's generation. One that was closed, or made up, is never mistaken
// for another file's. Handles belong to one channel, so they need not be secret, only checked.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "base/virtual_path.h"
#include "session/session.h"

namespace ferry::sftp {

struct Handle {
  VirtualPath path;
  // Exactly one of them.
  std::unique_ptr<session::OpenFile> file;
  std::unique_ptr<session::OpenDirectory> directory;
  // Of a file.
  bool readable = false;
  bool writable = false;
  // Of a directory: where its listing is.
  bool listing_began = false;
  bool listing_ended = false;
  std::optional<Error> listing_failed;  // found after entries that were already on their way
};

class Handles {
 public:
  static constexpr std::size_t handle_size = 8;

  // At most `limit` at once.
  explicit Handles(std::size_t limit) : limit_(limit) {}

  std::size_t size() const { return used_; }
  bool full() const { return used_ >= limit_; }
  // What the client is told. Needs !full().
  Bytes add(Handle handle);
  // Null: not (or no longer) open.
  Handle* find(ByteSpan handle);
  Handle* find_file(ByteSpan handle);
  // Takes it out of the table; empty when it is not open.
  std::optional<Handle> remove(ByteSpan handle);
  // Takes out any one; empty when none is left.
  std::optional<Handle> remove_any();

 private:
  struct Slot {
    std::uint32_t generation = 0;
    std::optional<Handle> handle;
  };
  Slot* slot_of(ByteSpan handle);
  std::optional<Handle> release(Slot& slot);

  std::size_t limit_;
  std::size_t used_ = 0;
  std::vector<Slot> slots_;
  std::vector<std::uint32_t> free_;
};

}  // namespace ferry::sftp
