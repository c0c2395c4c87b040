#include "ssh/channel/session_channel.h"

#include <algorithm>
#include <limits>
#include <utility>

namespace ferry::ssh {

namespace {

constexpr std::size_t data_header = 9;            // message number, recipient, length
constexpr std::size_t extended_header = 13;       // and the data type code
constexpr std::uint32_t stderr_code = 1;          // RFC 4254 section 5.2
constexpr std::size_t largest_chunk = 32 * 1024;  // stays in the processor's cache from read to encryption
constexpr std::size_t most_slots = 64;            // packets of one reservation
// Output that waits for the socket: enough for one send while the next is composed.
constexpr std::size_t output_high_water = 512 * 1024;
// A window that is open in part stays unused while a whole reply waits for the rest. On a link this long that would
// show: the window holds no more than 2 MiB of OpenSSH's clients, their READs are of 255 KiB.
constexpr std::chrono::milliseconds long_link{2};
// One channel lets the others of its thread run after this much.
constexpr std::size_t bytes_before_yield = 4 * 1024 * 1024;

}  // namespace

SessionChannel::SessionChannel(Transport& transport, OutputHost& host, std::uint32_t local_id, std::uint32_t peer_id,
                               std::uint32_t peer_window, std::uint32_t peer_max_packet)
    : transport_(transport),
      host_(host),
      local_id_(local_id),
      peer_id_(peer_id),
      peer_window_(peer_window),
      largest_peer_window_(peer_window),
      peer_max_packet_(std::min<std::uint32_t>(peer_max_packet, largest_chunk)),
      input_signal_(host.executor()),
      output_signal_(host.executor()) {}

// --- input ---

Task<bool> SessionChannel::wait_input(std::size_t already) {
  while (input_.size() <= already) {
    if (eof_received_ || close_received_ || aborted_) co_return false;
    host_.flush();
    co_await input_signal_.wait();
  }
  co_return !aborted_;
}

Result<void> SessionChannel::receive_data(ByteSpan data, const BlockRef& block) {
  if (eof_received_) return fail(ErrorCode::protocol_error, "data after the end of a channel");
  const Result<void> fits = take_from_window(data.size());
  if (!fits) return fits;
  if (!serving_) {  // nothing reads it: refused service, or none asked for yet
    give_back(data.size());
    return {};
  }
  input_.push(data, block);
  return {};
}

Result<void> SessionChannel::receive_extended_data(ByteSpan data) {
  if (eof_received_) return fail(ErrorCode::protocol_error, "data after the end of a channel");
  const Result<void> fits = take_from_window(data.size());
  if (!fits) return fits;
  give_back(data.size());
  return {};
}

void SessionChannel::consume(std::size_t count) {
  input_.consume(count);
  give_back(count);
}

Result<void> SessionChannel::take_from_window(std::size_t count) {
  if (count > window_.open() || count > max_packet) return fail(ErrorCode::protocol_error, "channel window exceeded");
  window_.received(count);
  return {};
}

void SessionChannel::give_back(std::size_t count) {
  window_.consumed(count);
  if (!window_.worth_granting() || close_sent_ || close_received_ || aborted_) return;
  ByteWriter out(9);
  out.u8(msg::channel_window_adjust).u32(peer_id_);
  out.u32(window_.grant(std::chrono::steady_clock::now(), host_.round_trip()));
  transport_.send(out.data());
}

// --- output ---

bool SessionChannel::room_for(std::size_t count) const {
  return can_send() && transport_.can_send_data() && peer_window_ >= count &&
         transport_.output().pending() < output_high_water && sent_since_yield_ < bytes_before_yield;
}

std::span<const iovec> SessionChannel::reserve_output(std::size_t count) {
  if (transport_.output().pending() >= output_high_water) host_.flush();
  if (count == 0 || !room_for(count) || count > most_slots * peer_max_packet_) return {};
  slots_.clear();
  reserved_.clear();
  while (count > 0) {
    const std::size_t chunk = std::min<std::size_t>(count, peer_max_packet_);
    const PacketOutput::Slot slot = transport_.lay_out(data_header + chunk);
    slots_.push_back(slot);
    reserved_.push_back({slot.payload + data_header, chunk});
    count -= chunk;
  }
  return reserved_;
}

void SessionChannel::commit_output(std::size_t used) {
  peer_window_ -= used;
  sent_since_yield_ += used;
  for (std::size_t i = 0; i < slots_.size(); ++i) {
    if (used == 0) {
      transport_.give_back(slots_[i]);
      break;
    }
    const std::size_t chunk = std::min(used, reserved_[i].iov_len);
    std::byte* const header = slots_[i].payload;
    header[0] = std::byte{msg::channel_data};
    store_u32(header + 1, peer_id_);
    store_u32(header + 5, static_cast<std::uint32_t>(chunk));
    transport_.seal(slots_[i], data_header + chunk);
    used -= chunk;
    if (chunk < reserved_[i].iov_len) break;  // seal gave back what lies behind
  }
  slots_.clear();
  transport_.end_reservation();
  if (transport_.output().pending() >= output_high_water) host_.flush();
}

Task<bool> SessionChannel::wait_output(std::size_t count) {
  while (true) {
    if (!can_send() || count > largest_peer_window_ || count > most_slots * peer_max_packet_) co_return false;
    if (sent_since_yield_ >= bytes_before_yield) {
      sent_since_yield_ = 0;
      host_.flush();
      co_await asio::post(host_.executor(), asio::use_awaitable);
      continue;
    }
    host_.flush();
    if (room_for(count)) co_return true;
    if (peer_window_ > 0 && peer_window_ < count && host_.round_trip() >= long_link) co_return false;
    co_await output_signal_.wait();
  }
}

Task<Result<void>> SessionChannel::write(ByteSpan data) {
  Result<void> written = co_await write_packets(data, false);
  co_return written;
}

Task<Result<void>> SessionChannel::write_stderr(ByteSpan data) {
  Result<void> written = co_await write_packets(data, true);
  co_return written;
}

Task<Result<void>> SessionChannel::write_packets(ByteSpan data, bool to_stderr) {
  const std::size_t header_size = to_stderr ? extended_header : data_header;
  while (!data.empty()) {
    if (!room_for(1)) {
      const bool room = co_await wait_output(1);
      if (!room && !can_send()) co_return fail(ErrorCode::connection_lost, "the channel is closed");
      if (!room) co_await output_signal_.wait();  // the peer has not granted a window yet
      continue;
    }
    const std::size_t chunk =
        std::min({data.size(), static_cast<std::size_t>(peer_max_packet_), static_cast<std::size_t>(peer_window_)});
    const PacketOutput::Slot slot = transport_.lay_out(header_size + chunk);
    slot.payload[0] = std::byte{to_stderr ? msg::channel_extended_data : msg::channel_data};
    store_u32(slot.payload + 1, peer_id_);
    if (to_stderr) store_u32(slot.payload + 5, stderr_code);
    store_u32(slot.payload + header_size - 4, static_cast<std::uint32_t>(chunk));
    std::copy_n(data.begin(), chunk, slot.payload + header_size);
    transport_.seal(slot, header_size + chunk);
    transport_.end_reservation();
    peer_window_ -= chunk;
    sent_since_yield_ += chunk;
    data = data.subspan(chunk);
  }
  co_return Result<void>{};
}

void SessionChannel::flush() { host_.flush(); }

Result<void> SessionChannel::add_peer_window(std::uint32_t count) {
  constexpr std::uint64_t most = std::numeric_limits<std::uint32_t>::max();  // RFC 4254 section 5.2
  if (peer_window_ + count > most) return fail(ErrorCode::protocol_error, "channel window overflows");
  peer_window_ += count;
  largest_peer_window_ = std::max(largest_peer_window_, peer_window_);
  output_signal_.notify();
  return {};
}

// --- the end ---

void SessionChannel::send_exit_status(std::uint32_t status) {
  if (exit_status_sent_ || close_sent_ || aborted_) return;
  exit_status_sent_ = true;
  ByteWriter out(32);
  out.u8(msg::channel_request).u32(peer_id_).string(std::string_view("exit-status")).boolean(false).u32(status);
  transport_.send(out.data());
}

void SessionChannel::send_eof() {
  if (eof_sent_ || close_sent_ || aborted_) return;
  eof_sent_ = true;
  ByteWriter out(5);
  out.u8(msg::channel_eof).u32(peer_id_);
  transport_.send(out.data());
}

void SessionChannel::finish() {
  serving_ = false;
  if (close_sent_ || aborted_) return;
  send_eof();
  close_sent_ = true;
  ByteWriter out(5);
  out.u8(msg::channel_close).u32(peer_id_);
  transport_.send(out.data());
  host_.flush();
}

void SessionChannel::receive_close() {
  close_received_ = true;
  output_signal_.notify();
  tell_closed();
  if (!serving_) finish();
}

void SessionChannel::abort() {
  aborted_ = true;
  input_signal_.notify();
  output_signal_.notify();
  tell_closed();
}

void SessionChannel::tell_closed() {
  if (const auto act = std::exchange(on_closed_, nullptr)) act();
}

}  // namespace ferry::ssh
