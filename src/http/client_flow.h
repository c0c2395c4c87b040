// What a ClientStream and the engine's thread share: the bytes of both bodies that have not been passed on yet, and how
// the transfer stands. Private to src/http.
#pragma once

#include <cstdint>
#include <functional>
#include <mutex>
#include <optional>
#include <vector>

#include "base/bytes.h"
#include "base/task.h"
#include "http/client.h"
#include "http/client_stream.h"

namespace ferry::http {

// A queue of bytes of fixed size.
class ByteRing {
 public:
  explicit ByteRing(std::size_t capacity) : room_(capacity) {}
  std::size_t size() const { return size_; }
  std::size_t free() const { return room_.size() - size_; }
  // As many as fit, or as there are.
  std::size_t put(ByteSpan bytes);
  std::size_t take(MutableByteSpan into);

 private:
  Bytes room_;
  std::size_t begin_ = 0, size_ = 0;
};

// All calls are safe from any thread.
class Flow {
 public:
  explicit Flow(ClientStreamOptions how);

  // For the engine's thread. No value: nothing to send yet; 0: the body is complete.
  std::optional<std::size_t> take_to_send(MutableByteSpan into);
  std::uint64_t sent() const;
  // False: no room for all of it yet.
  bool put_received(ByteSpan bytes);
  void set_head(int status, const std::vector<ClientHeader>& headers);
  void end(const Result<void>& outcome, const ClientResponse& response);
  // What would resume who waits, who is then not told of anything more.
  std::function<void()> drop();
  // Whether the transfer waits for the reader or writer.
  bool waits() const;

  // For the ClientStream. `wakes` is set when the transfer waited for this: the engine must go on.
  struct Step {
    std::size_t count = 0;
    bool wakes = false;
  };
  // count: how many bytes were taken; 0: wait. An error: no more will be.
  Result<Step> give(ByteSpan bytes);
  // count: 0 and no value: wait; 0: the end.
  Result<std::optional<Step>> read(MutableByteSpan into);
  // invalid_argument: less than the stated size was given. True: the engine must go on.
  Result<bool> complete();
  // No value: not there yet.
  std::optional<Result<ClientResponse>> head() const;
  std::optional<Result<ClientResponse>> answer() const;
  bool ended() const;

  // A count of changes; wait_for_change returns when it is not `seen` any more. One waits at a time.
  std::uint64_t changes() const;
  static Task<void> wait_for_change(std::shared_ptr<Flow> flow, std::uint64_t seen);

  const ClientStreamOptions options;

 private:
  void wait(std::uint64_t seen, std::function<void()> resume);
  std::function<void()> changed();  // needs the mutex; the result is to be called without it

  mutable std::mutex mutex_;
  ByteRing out_, in_;
  std::uint64_t given_ = 0, sent_ = 0;
  bool complete_ = false;
  bool waits_for_bytes_ = false, waits_for_room_ = false;  // the transfer
  std::optional<ClientResponse> head_;
  std::optional<Result<ClientResponse>> answer_;  // at the end
  std::uint64_t changes_ = 0;
  std::function<void()> resume_;
};

}  // namespace ferry::http
