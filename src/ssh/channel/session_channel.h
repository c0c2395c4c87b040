// One channel of type "session": windows, fragments in, packets out (RFC 4254 section 5).
#pragma once

#include <vector>

#include "base/signal.h"
#include "ssh/channel/channel.h"
#include "ssh/channel/input_queue.h"
#include "ssh/channel/output_host.h"
#include "ssh/channel/receive_window.h"
#include "ssh/transport/transport.h"

namespace ferry::ssh {

class SessionChannel final : public Channel {
 public:
  // What we grant at first: bytes in flight to us; and the largest data of one packet.
  static constexpr std::uint32_t initial_window = ReceiveWindow::initial;
  static constexpr std::uint32_t max_packet = 64 * 1024;
  // Below this a peer's limit would cost more than it carries.
  static constexpr std::uint32_t least_peer_packet = 512;

  SessionChannel(Transport& transport, OutputHost& host, std::uint32_t local_id, std::uint32_t peer_id,
                 std::uint32_t peer_window, std::uint32_t peer_max_packet);

  // --- Channel ---
  Task<bool> wait_input(std::size_t already) override;
  std::span<const ByteSpan> input() const override { return input_.fragments(); }
  std::size_t input_size() const override { return input_.size(); }
  void consume(std::size_t count) override;
  std::span<const iovec> reserve_output(std::size_t count) override;
  void commit_output(std::size_t used) override;
  Task<bool> wait_output(std::size_t count) override;
  Task<Result<void>> write(ByteSpan data) override;
  Task<Result<void>> write_stderr(ByteSpan data) override;
  void flush() override;
  void send_exit_status(std::uint32_t status) override;
  void send_eof() override;
  bool closed() const override { return close_received_ || aborted_; }
  bool aborted() const override { return aborted_; }
  void on_closed(std::function<void()> act) override { on_closed_ = std::move(act); }
  const std::string& connection_id() const override { return host_.connection_id(); }

  // --- for the connection ---
  // Of data, EOF and CLOSE the service hears by resume_reader. protocol_error: more than the window, or after EOF.
  Result<void> receive_data(ByteSpan data, const BlockRef& block);
  Result<void> receive_extended_data(ByteSpan data);
  void receive_eof() { eof_received_ = true; }
  void receive_close();
  // The service goes on with what was received, on this stack.
  void resume_reader() { input_signal_.resume(); }
  Result<void> add_peer_window(std::uint32_t count);
  // The connection is ended: every wait ends.
  void abort();
  // Output may move again: the socket took some, or a key exchange ended.
  void output_progress() { output_signal_.notify(); }
  // The serving coroutine has ended, or none will come.
  void finish();

  std::uint32_t peer_id() const { return peer_id_; }
  bool serving() const { return serving_; }
  void set_serving() { serving_ = true; }
  bool close_sent() const { return close_sent_; }
  bool close_received() const { return close_received_; }
  // Both sides have closed and nothing serves it any more.
  bool over() const { return close_sent_ && close_received_ && !serving_; }

 private:
  bool can_send() const { return !close_sent_ && !eof_sent_ && !aborted_ && !close_received_; }
  bool room_for(std::size_t count) const;
  Result<void> take_from_window(std::size_t count);
  void give_back(std::size_t count);
  void tell_closed();
  Task<Result<void>> write_packets(ByteSpan data, bool to_stderr);

  Transport& transport_;
  OutputHost& host_;
  std::uint32_t local_id_, peer_id_;
  std::uint64_t peer_window_;
  std::uint64_t largest_peer_window_;
  std::uint32_t peer_max_packet_;
  ReceiveWindow window_;
  InputQueue input_;
  Signal input_signal_, output_signal_;
  std::function<void()> on_closed_;
  std::vector<PacketOutput::Slot> slots_;  // of the reservation
  std::vector<iovec> reserved_;
  std::size_t sent_since_yield_ = 0;
  bool serving_ = false;
  bool exit_status_sent_ = false;
  bool eof_sent_ = false, eof_received_ = false;
  bool close_sent_ = false, close_received_ = false;
  bool aborted_ = false;
};

}  // namespace ferry::ssh
