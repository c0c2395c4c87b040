// Walks over bytes that arrived in fragments, without copying them together.
#pragma once

#include <sys/uio.h>

#include <span>
#include <vector>

#include "base/bytes.h"

namespace ferry::sftp {

// A position in a list of fragments. Cheap to copy; the fragments must outlive it.
class FragmentCursor {
 public:
  explicit FragmentCursor(std::span<const ByteSpan> fragments) : fragments_(fragments) { settle(); }

  // Moves on by `count` bytes; false (and at the end) when there are fewer.
  bool skip(std::size_t count);
  // Copies the next into.size() bytes and moves on; false (and at the end) when there are fewer.
  bool read(MutableByteSpan into);
  // A view of the next `count` bytes if they lie in one fragment, else an empty one. Does not move.
  ByteSpan contiguous(std::size_t count) const;
  // Appends the next `count` bytes as they lie in memory and moves on; false when there are fewer.
  bool pieces(std::size_t count, std::vector<iovec>& out);

 private:
  // Calls `take(span)` for each run of the next `count` bytes.
  template <class Take>
  bool walk(std::size_t count, Take take);
  // Steps over fragments that hold nothing more.
  void settle();

  std::span<const ByteSpan> fragments_;
  std::size_t index_ = 0;
  std::size_t offset_ = 0;
};

}  // namespace ferry::sftp
