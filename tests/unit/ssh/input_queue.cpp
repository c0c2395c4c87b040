#include "ssh/channel/input_queue.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <deque>
#include <random>

#include "tests/unit/ssh/packet_support.h"

namespace ferry::ssh::test {
namespace {

Bytes contents(const InputQueue& queue) {
  Bytes all;
  for (const ByteSpan fragment : queue.fragments()) append(all, fragment);
  return all;
}

// Fills receive blocks with data that lies apart, as packets' payloads do.
class Source {
 public:
  void push(InputQueue& queue, std::size_t size, std::size_t gap) {
    if (!block_ || used_ + size > block_->capacity()) {
      block_ = BlockRef::acquire(Block::large_size);
      used_ = 0;
    }
    for (std::size_t i = 0; i < size; ++i) block_->data()[used_ + i] = static_cast<std::byte>(next_++ * 37 >> 3);
    pushed.insert(pushed.end(), block_->data() + used_, block_->data() + used_ + size);
    queue.push({block_->data() + used_, size}, block_);
    used_ += size + gap;
  }
  std::deque<std::byte> pushed;  // and not consumed
  void consumed(std::size_t count) {
    pushed.erase(pushed.begin(), pushed.begin() + static_cast<std::ptrdiff_t>(count));
  }
  bool matches(const InputQueue& queue) const {
    return queue.size() == pushed.size() && std::ranges::equal(contents(queue), pushed);
  }
  void next_block() { block_.reset(); }

 private:
  BlockRef block_;
  std::size_t used_ = 0;
  std::uint64_t next_ = 0;
};

TEST(InputQueue, EmptyAtFirst) {
  InputQueue queue;
  EXPECT_EQ(queue.size(), 0U);
  EXPECT_TRUE(queue.fragments().empty());
  queue.consume(0);
  queue.push({}, {});
  EXPECT_TRUE(queue.fragments().empty());
}

TEST(InputQueue, HandsOnWithoutACopy) {
  InputQueue queue;
  const BlockRef block = BlockRef::acquire(Block::large_size);
  queue.push({block->data() + 100, 50}, block);
  ASSERT_EQ(queue.fragments().size(), 1U);
  EXPECT_EQ(queue.fragments()[0].data(), block->data() + 100);
}

TEST(InputQueue, MergesWhatAdjoins) {
  InputQueue queue;
  const BlockRef block = BlockRef::acquire(Block::large_size);
  queue.push({block->data(), 50}, block);
  queue.push({block->data() + 50, 20}, block);
  ASSERT_EQ(queue.fragments().size(), 1U);
  EXPECT_EQ(queue.fragments()[0].size(), 70U);
}

// Random pieces, pushed and consumed in turn, against a plain list of bytes.
TEST(InputQueue, KeepsTheBytesInOrder) {
  std::mt19937 random(99);
  for (int run = 0; run < 40; ++run) {
    InputQueue queue;
    Source source;
    for (int step = 0; step < 300; ++step) {
      const std::size_t size = random() % 3 == 0 ? random() % 40'000 : random() % 50;
      source.push(queue, size, random() % 3 == 0 ? 0 : random() % 40);
      if (random() % 5 == 0) source.next_block();
      if (random() % 2 == 0 || queue.size() > 2'000'000) {
        const std::size_t count = random() % 4 == 0 ? queue.size() : random() % (queue.size() + 1);
        queue.consume(count);
        source.consumed(count);
      }
      ASSERT_EQ(queue.size(), source.pushed.size());
      if (step % 25 == 0) {
        ASSERT_TRUE(source.matches(queue)) << "run " << run << " step " << step;
      }
    }
    ASSERT_TRUE(source.matches(queue));
  }
}

TEST(InputQueue, ConsumesAcrossFragmentsAtEveryPlace) {
  for (std::size_t count = 0; count <= 300; ++count) {
    InputQueue queue;
    Source source;
    for (int i = 0; i < 100; ++i) source.push(queue, 3, 5);
    queue.consume(count);
    source.consumed(count);
    ASSERT_TRUE(source.matches(queue)) << count;
    queue.consume(300 - count);
    EXPECT_EQ(queue.size(), 0U);
    EXPECT_TRUE(queue.fragments().empty());
  }
}

// A whole window of one-byte packets while nothing consumes: receive blocks come and go, and what stays is a
// few blocks and copies, not a block for every few bytes.
TEST(InputQueue, LaggingConsumerHoldsLittle) {
  constexpr std::size_t window = 2 * 1024 * 1024;
  constexpr std::size_t packet_size = 36;  // of one byte of data, as AES-GCM seals it
  InputQueue queue;
  Source source;
  for (std::size_t i = 0; i < window; ++i) source.push(queue, 1, packet_size - 1);
  ASSERT_TRUE(source.matches(queue));
  const std::size_t pinned_fragments = InputQueue::most_pinned_blocks * (Block::large_size / packet_size + 1);
  EXPECT_LE(queue.fragments().size(), pinned_fragments + window / Block::large_size + 2);
}

// A consumer that is always a part of a block behind, as an upload is, costs no copy however long it goes on.
TEST(InputQueue, SteadyConsumerIsNeverCopiedFor) {
  InputQueue queue;
  for (int i = 0; i < 100; ++i) {
    const BlockRef block = BlockRef::acquire(Block::large_size);
    queue.push({block->data(), 1000}, block);
    ASSERT_EQ(queue.fragments().back().data(), block->data()) << i;
    if (i > 0) queue.consume(1000);
  }
}

TEST(InputQueue, ManySmallBlocksAreCopiedTogether) {
  InputQueue queue;
  Source source;
  for (int i = 0; i < 2000; ++i) {
    source.push(queue, 100, 0);
    source.next_block();
  }
  ASSERT_TRUE(source.matches(queue));
  EXPECT_LE(queue.fragments().size(), InputQueue::most_pinned_blocks + 2);
}

// Consuming a little at a time while more arrives must not grow the list of fragments for ever.
TEST(InputQueue, FragmentListStaysShort) {
  InputQueue queue;
  Source source;
  for (int i = 0; i < 100; ++i) source.push(queue, 10, 6);
  for (int i = 0; i < 50'000; ++i) {
    source.push(queue, 10, 6);
    queue.consume(10);
    source.consumed(10);
    ASSERT_LE(queue.fragments().size(), 101U);
  }
  EXPECT_TRUE(source.matches(queue));
}

}  // namespace
}  // namespace ferry::ssh::test
