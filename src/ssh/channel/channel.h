// A session channel (RFC 4254), as the code that serves it sees it: a byte stream each way.
//
// Everything runs on the connection's own io_context thread; nothing here locks. Input arrives as
// fragments that lie, already decrypted, in the connection's receive buffer: a large WRITE is handed on
// without a copy. Output is composed straight inside outgoing packets and encrypted there.
#pragma once

#include <sys/uio.h>

#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "base/error.h"
#include "base/task.h"

namespace ferry::ssh {

class Channel {
 public:
  virtual ~Channel() = default;

  // --- input ---
  // Waits until input() holds more than `already` bytes or no more will come. false: the peer sent EOF
  // or closed, or the connection is gone, and input() has not grown.
  virtual Task<bool> wait_input(std::size_t already) = 0;
  // All that has arrived and was not consumed, oldest first. The spans stay valid until consume().
  virtual std::span<const ByteSpan> input() const = 0;
  virtual std::size_t input_size() const = 0;
  // Drops the first `count` bytes and gives the peer that much window back.
  virtual void consume(std::size_t count) = 0;

  // --- output ---
  // Room for exactly `count` bytes of channel data inside packets not yet encrypted, if the peer's window
  // and the connection's output buffer have it now. The spans cover the bytes in order. No co_await may
  // stand between reserve and commit, and commit must follow. Empty: wait_output, then try again.
  virtual std::span<const iovec> reserve_output(std::size_t count) = 0;
  // Sends the first `used` bytes of the reservation (0 gives all of it back).
  virtual void commit_output(std::size_t used) = 0;
  // Waits until reserve_output(count) would succeed. false: it never will (the channel is closing, or the
  // peer's window never grows that large), or on a long link part of it could go now: use write, or give up.
  virtual Task<bool> wait_output(std::size_t count) = 0;

  // Sends any amount, waiting for window as needed. connection_lost: the channel is gone.
  virtual Task<Result<void>> write(ByteSpan data) = 0;
  virtual Task<Result<void>> write_stderr(ByteSpan data) = 0;
  // Hands what was committed to the socket now. Cheap when there is nothing. Without it, output leaves
  // when its buffer is full and whenever the connection runs out of input.
  virtual void flush() = 0;

  // RFC 4254 section 6.10 exit-status.
  virtual void send_exit_status(std::uint32_t status) = 0;
  // No more output will come (CHANNEL_EOF). CHANNEL_CLOSE follows by itself when the serving coroutine ends.
  virtual void send_eof() = 0;

  // Whether the peer has closed the channel, or the connection is gone: nothing that is sent arrives any more.
  virtual bool closed() const = 0;
  // Whether the server has ended the connection: what has arrived is not to be served either.
  virtual bool aborted() const = 0;
  // Calls `act` once when that happens; an empty one takes it back. Whoever gives one outlives it or takes it back.
  virtual void on_closed(std::function<void()> act) = 0;

  // The connection's id, for logs.
  virtual const std::string& connection_id() const = 0;
};

}  // namespace ferry::ssh
