#include "ssh/transport/block.h"

#include <new>
#include <vector>

namespace ferry::ssh {

// Free blocks of this thread. Few are kept: what many connections needed at once goes back to the system.
struct BlockPool {
  static constexpr std::size_t most_kept = 16;
  std::vector<Block*> large, small;

  std::vector<Block*>& list(std::size_t capacity) { return capacity == Block::large_size ? large : small; }

  Block* take(std::size_t capacity) {
    std::vector<Block*>& free = list(capacity);
    if (!free.empty()) {
      Block* block = free.back();
      free.pop_back();
      return block;
    }
    return new (::operator new(sizeof(Block) + capacity)) Block(capacity);
  }

  void give(Block* block) {
    std::vector<Block*>& free = list(block->capacity());
    if (free.size() < most_kept) {
      free.push_back(block);
    } else {
      ::operator delete(block);
    }
  }

  ~BlockPool() {
    for (Block* block : large) ::operator delete(block);
    for (Block* block : small) ::operator delete(block);
  }
};

namespace {
BlockPool& pool() {
  thread_local BlockPool blocks;
  return blocks;
}
}  // namespace

BlockRef BlockRef::acquire(std::size_t capacity) { return BlockRef(pool().take(capacity)); }

void BlockRef::reset() {
  if (block_ == nullptr) return;
  if (--block_->references_ == 0) pool().give(block_);
  block_ = nullptr;
}

}  // namespace ferry::ssh
