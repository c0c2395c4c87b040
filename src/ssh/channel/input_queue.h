// Channel data that has arrived and was not consumed: fragments that lie in the connection's receive blocks.
//
// A consumer that keeps up costs no copy. One that lags pins a few blocks; past those its data is copied
// together, so that memory stays bounded by the channel's window whatever sizes the peer sends.
#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include "base/bytes.h"
#include "ssh/transport/block.h"

namespace ferry::ssh {

class InputQueue {
 public:
  static constexpr std::size_t most_pinned_blocks = 8;

  // `data` lies in `block`.
  void push(ByteSpan data, const BlockRef& block);
  std::span<const ByteSpan> fragments() const { return std::span(fragments_).subspan(head_); }
  std::size_t size() const { return size_; }
  void consume(std::size_t count);

 private:
  void append(ByteSpan data, const BlockRef& block);
  void copy_in(ByteSpan data);

  std::vector<ByteSpan> fragments_;
  std::vector<BlockRef> blocks_;  // fragments_[i] lies in blocks_[i]
  std::size_t head_ = 0;          // first fragment not consumed
  std::size_t size_ = 0;
  std::size_t pinned_ = 0;  // blocks that the fragments lie in, counted at each change of block
  BlockRef spill_;          // takes the copies once most_pinned_blocks is reached
  std::size_t spill_used_ = 0;
};

}  // namespace ferry::ssh
