#include "ssh/channel/input_queue.h"

#include <algorithm>
#include <cstring>

namespace ferry::ssh {

void InputQueue::push(ByteSpan data, const BlockRef& block) {
  if (data.empty()) return;
  size_ += data.size();
  const bool same_block = !blocks_.empty() && blocks_.back().operator->() == block.operator->();
  if (!same_block && pinned_ >= most_pinned_blocks) {
    copy_in(data);
  } else {
    append(data, block);
  }
}

void InputQueue::append(ByteSpan data, const BlockRef& block) {
  const bool same_block = fragments_.size() > head_ && blocks_.back().operator->() == block.operator->();
  if (!same_block) ++pinned_;
  if (same_block && fragments_.back().data() + fragments_.back().size() == data.data()) {
    fragments_.back() = ByteSpan(fragments_.back().data(), fragments_.back().size() + data.size());
    return;
  }
  fragments_.push_back(data);
  blocks_.push_back(block);
}

void InputQueue::copy_in(ByteSpan data) {
  while (!data.empty()) {
    if (!spill_ || spill_used_ == spill_->capacity()) {
      spill_ = BlockRef::acquire(Block::large_size);
      spill_used_ = 0;
    }
    const std::size_t count = std::min(data.size(), spill_->capacity() - spill_used_);
    std::byte* const to = spill_->data() + spill_used_;
    std::memcpy(to, data.data(), count);
    spill_used_ += count;
    append({to, count}, spill_);
    data = data.subspan(count);
  }
}

void InputQueue::consume(std::size_t count) {
  size_ -= count;
  while (count > 0) {
    ByteSpan& first = fragments_[head_];
    const std::size_t taken = std::min(count, first.size());
    first = first.subspan(taken);
    count -= taken;
    if (!first.empty()) break;
    const BlockRef left = std::move(blocks_[head_]);
    ++head_;
    if (head_ == blocks_.size() || blocks_[head_].operator->() != left.operator->()) --pinned_;
  }
  if (head_ == fragments_.size()) {
    fragments_.clear();
    blocks_.clear();
    spill_.reset();
    head_ = 0;
  } else if (head_ > 64 && head_ > fragments_.size() / 2) {
    const auto consumed = static_cast<std::ptrdiff_t>(head_);
    fragments_.erase(fragments_.begin(), fragments_.begin() + consumed);
    blocks_.erase(blocks_.begin(), blocks_.begin() + consumed);
    head_ = 0;
  }
}

}  // namespace ferry::ssh
