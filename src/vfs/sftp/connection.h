// One connection to an SFTP server: a thread of its own logs in, sends requests and matches replies by their ids.
// Requests of any number of coroutines are in flight at once. Safe from any thread.
//
// When it breaks (the server left, nothing came for too long, a reply made no sense) every call fails with the error of
// that moment, and it stays broken: the pool opens another.
#pragma once

#include <array>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <deque>
#include <memory>
#include <mutex>
#include <optional>
#include <thread>
#include <unordered_map>

#include "base/descriptor.h"
#include "vfs/sftp/call.h"
#include "vfs/sftp/transport.h"

namespace ferry::vfs::sftp {

// What the server told at the beginning.
struct ServerFacts {
  Extensions extensions;
  Limits limits;
  bool symlink_as_openssh = true;
};

class Connection {
 public:
  // Logs in on its thread; calls may be submitted at once. `slot` is let go when the thread ends.
  explicit Connection(std::shared_ptr<const Login> login, std::shared_ptr<void> slot = {});
  // Ends it and waits for its thread.
  ~Connection();
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  // Sends it in the order of submission. On a broken connection it fails at once, and was not sent; limit_exceeded: the
  // server takes so little that most_queued bytes wait.
  void submit(CallPtr call);
  // Valid once a call was answered.
  const ServerFacts& facts() const { return facts_; }

  // Why it is broken; no value: it is not.
  std::optional<Error> broken() const;
  // Whether the login succeeded, at some time.
  bool was_ready() const { return ready_; }
  // Calls that wait for their replies.
  std::size_t in_flight() const { return in_flight_.load(std::memory_order_relaxed); }
  // Ends it: calls fail with connection_lost. Does not wait.
  void end();
  // If it has not logged in within `limit` it is broken now: who waits is told (timeout), and its thread ends soon.
  void expire(std::chrono::milliseconds limit);

  // Open files and directories, whose handles are this connection's alone.
  void hold() { ++held_; }
  void release() { --held_; }
  std::size_t held() const { return held_; }

 private:
  using Clock = std::chrono::steady_clock;

  void run();
  Result<void> log_in();
  Result<void> serve();
  Result<Reply> ask_now(Request request, bool with_id);
  void take_submitted();
  Result<void> send_some();
  Result<void> receive_some();
  Result<void> read_packet(std::optional<Reply>& packet, std::uint32_t& id);
  Result<void> deliver(Reply reply, std::uint32_t id);
  Result<void> watch(Clock::time_point now);
  void break_off(Error error);
  void wake();

  const std::shared_ptr<const Login> login_;
  const Clock::time_point begun_ = Clock::now();
  std::shared_ptr<void> slot_;  // of the thread alone
  ServerFacts facts_;
  Transport transport_;
  Descriptor wake_;

  mutable std::mutex mutex_;  // of these
  std::deque<CallPtr> submitted_;
  std::optional<Error> broken_;
  bool ending_ = false;

  // Of the thread alone.
  std::deque<CallPtr> to_send_;
  std::size_t sent_of_front_ = 0;  // bytes
  std::unordered_map<std::uint32_t, CallPtr> waiting_;
  std::size_t patient_ = 0;  // of those that wait
  std::uint32_t next_id_ = 1;
  std::array<std::byte, 4> length_{};
  std::size_t length_read_ = 0;
  std::unique_ptr<std::byte[]> packet_;
  std::size_t packet_size_ = 0, packet_read_ = 0;
  std::uint64_t received_ = 0;
  Clock::time_point heard_, answered_, asked_;

  std::atomic<std::size_t> in_flight_ = 0, held_ = 0, queued_ = 0;  // queued_: bytes that wait to be sent
  std::atomic<bool> ready_ = false;
  std::thread thread_;
};

using ConnectionPtr = std::shared_ptr<Connection>;

}  // namespace ferry::vfs::sftp
