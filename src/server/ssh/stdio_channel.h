// Standard input and output in place of an SSH channel: for a subsystem that somebody else's sshd starts. Both must be
// pipes or sockets.
#pragma once

#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/steady_timer.hpp>
#include <chrono>
#include <functional>
#include <string>
#include <vector>

#include "base/signal.h"
#include "ssh/channel/channel.h"

namespace ferry::server {

class StdioChannel final : public ssh::Channel {
 public:
  // Takes the descriptors over. `aftermath`: how long what the client had asked for goes on when nobody reads the
  // output any more. unsupported: they cannot be waited for.
  static Result<std::unique_ptr<StdioChannel>> open(const asio::any_io_executor& executor, int input, int output,
                                                    std::string id,
                                                    std::chrono::milliseconds aftermath = std::chrono::minutes(1));

  Task<bool> wait_input(std::size_t already) override;
  std::span<const ByteSpan> input() const override { return {&available_, available_.empty() ? 0U : 1U}; }
  std::size_t input_size() const override { return available_.size(); }
  void consume(std::size_t count) override { available_ = available_.subspan(count); }

  std::span<const iovec> reserve_output(std::size_t count) override;
  void commit_output(std::size_t used) override;
  Task<bool> wait_output(std::size_t count) override;
  Task<Result<void>> write(ByteSpan data) override;
  // Goes where standard error goes.
  Task<Result<void>> write_stderr(ByteSpan data) override;
  void flush() override;

  void send_exit_status(std::uint32_t status) override { exit_status_ = static_cast<int>(status); }
  void send_eof() override {}
  // Noticed as soon as the other end of the output is closed, also while nothing is written.
  bool closed() const override { return broken_; }
  bool aborted() const override { return aborted_; }
  void on_closed(std::function<void()> act) override { on_closed_ = std::move(act); }
  const std::string& connection_id() const override { return id_; }

  int exit_status() const { return exit_status_; }
  // Waits until all output has left.
  Task<void> drain();

 private:
  StdioChannel(const asio::any_io_executor& executor, std::string id, std::chrono::milliseconds aftermath)
      : input_(executor),
        output_(executor),
        watchdog_(executor),
        aftermath_(aftermath),
        progress_(executor),
        id_(std::move(id)) {}
  std::size_t pending() const { return unsent_.size() - sent_; }
  void wait_writable();
  void await_hang_up();
  void broken();
  MutableByteSpan room_for_input();

  asio::posix::stream_descriptor input_, output_;
  asio::steady_timer watchdog_;  // of the aftermath
  std::chrono::milliseconds aftermath_;
  Signal progress_;  // output moved
  std::string id_;
  Bytes buffer_;        // what came in
  ByteSpan available_;  // of it
  Bytes unsent_;        // what goes out, from sent_ on
  std::size_t sent_ = 0;
  std::size_t reserved_at_ = 0;
  iovec reserved_{};
  bool waiting_writable_ = false;
  bool ended_ = false;   // no more input
  bool broken_ = false;  // nobody reads the output
  bool aborted_ = false;
  std::function<void()> on_closed_;
  int exit_status_ = 1;
};

}  // namespace ferry::server
