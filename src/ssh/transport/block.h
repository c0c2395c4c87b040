// Buffers of a connection: blocks from a pool that belongs to the thread, so an idle connection holds none.
//
// A block is shared by counted references: a channel that has not yet consumed a WRITE's payload keeps the
// receive block that the payload lies in. References are taken and dropped on the connection's own thread alone.
#pragma once

#include <cstddef>
#include <utility>

#include "base/bytes.h"

namespace ferry::ssh {

class Block {
 public:
  // One recv or send moves many packets: eight of 32 KiB of data (or four of 64 KiB, or one of 256 KiB) with what
  // surrounds them, and no more, so that a peer that sends full packets leaves next to nothing of the following
  // one to be moved to the next block.
  static constexpr std::size_t large_size = 8 * (32 * 1024 + 128);
  static constexpr std::size_t small_size = 4 * 1024;

  std::byte* data() { return reinterpret_cast<std::byte*>(this + 1); }
  std::size_t capacity() const { return capacity_; }

 private:
  friend class BlockRef;
  friend struct BlockPool;
  explicit Block(std::size_t capacity) : capacity_(capacity) {}
  std::size_t capacity_;
  std::size_t references_ = 0;
};

class BlockRef {
 public:
  BlockRef() = default;
  static BlockRef acquire(std::size_t capacity);  // large_size or small_size
  BlockRef(const BlockRef& other) : block_(other.block_) {
    if (block_ != nullptr) ++block_->references_;
  }
  BlockRef(BlockRef&& other) noexcept : block_(std::exchange(other.block_, nullptr)) {}
  BlockRef& operator=(BlockRef other) noexcept {
    std::swap(block_, other.block_);
    return *this;
  }
  ~BlockRef() { reset(); }

  explicit operator bool() const { return block_ != nullptr; }
  Block* operator->() const { return block_; }
  bool unique() const { return block_ != nullptr && block_->references_ == 1; }
  void reset();

 private:
  explicit BlockRef(Block* block) : block_(block) { ++block->references_; }
  Block* block_ = nullptr;
};

}  // namespace ferry::ssh
