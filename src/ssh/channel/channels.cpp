#include "ssh/channel/channels.h"

#include <algorithm>

namespace ferry::ssh {

namespace {

std::unexpected<Error> malformed_message(std::uint8_t number) {
  return fail(ErrorCode::protocol_error, "malformed message " + std::to_string(number));
}

}  // namespace

Channels::Channels(Transport& transport, OutputHost& host, ServerHandler& handler, std::size_t max_channels,
                   Start start)
    : transport_(transport), host_(host), handler_(handler), max_channels_(max_channels), start_(std::move(start)) {}

Result<void> Channels::handle(ByteSpan payload, const BlockRef& block) {
  const auto number = std::to_integer<std::uint8_t>(payload[0]);
  const ByteReader in(payload.subspan(1));
  switch (number) {
    case msg::global_request: return global_request(in);
    case msg::request_success:
    case msg::request_failure: return {};  // to a keepalive: that something came is the answer
    case msg::channel_open: return open(in);
    case msg::userauth_request: return {};  // RFC 4252 section 5.1: ignored after success
    case msg::channel_open_confirmation:
    case msg::channel_open_failure: return fail(ErrorCode::protocol_error, "answer to a channel never opened");
    default: break;
  }
  if (number >= msg::channel_window_adjust && number <= msg::channel_failure) {
    return handle_channel_message(number, in, block);
  }
  transport_.send_unimplemented();
  return {};
}

Result<void> Channels::global_request(ByteReader in) {
  const std::string_view name = in.string();
  const bool want_reply = in.boolean();
  if (!in.ok()) return malformed_message(msg::global_request);
  if (name == "no-more-sessions@openssh.com") no_more_sessions_ = true;
  if (want_reply) {
    const std::byte failure{msg::request_failure};
    transport_.send(ByteSpan(&failure, 1));
  }
  return {};
}

void Channels::refuse_open(std::uint32_t peer_id, OpenFailure reason, std::string_view text) {
  ByteWriter out(64);
  out.u8(msg::channel_open_failure).u32(peer_id).u32(static_cast<std::uint32_t>(reason));
  out.string(text).string(std::string_view());
  transport_.send(out.data());
}

Result<void> Channels::open(ByteReader in) {
  const std::string_view type = in.string();
  const std::uint32_t peer_id = in.u32();
  const std::uint32_t window = in.u32();
  const std::uint32_t max_packet = in.u32();
  if (!in.ok()) return malformed_message(msg::channel_open);
  if (type != "session") {
    const bool forwarding = type == "direct-tcpip" || type == "direct-streamlocal@openssh.com";
    refuse_open(peer_id, forwarding ? OpenFailure::administratively_prohibited : OpenFailure::unknown_channel_type,
                forwarding ? "forwarding is not allowed" : "unknown channel type");
    return {};
  }
  if (no_more_sessions_) return fail(ErrorCode::protocol_error, "session opened after no-more-sessions");
  if (channels_.size() >= max_channels_ || max_packet < SessionChannel::least_peer_packet) {
    refuse_open(peer_id, OpenFailure::resource_shortage, "no more channels");
    return {};
  }
  std::uint32_t local_id = 0;
  while (channels_.contains(local_id)) ++local_id;
  channels_[local_id] = std::make_shared<SessionChannel>(transport_, host_, local_id, peer_id, window, max_packet);
  ByteWriter out(17);
  out.u8(msg::channel_open_confirmation).u32(peer_id).u32(local_id);
  out.u32(SessionChannel::initial_window).u32(SessionChannel::max_packet);
  transport_.send(out.data());
  return {};
}

// Null: no such channel, or the peer has closed it and may not speak of it again (RFC 4254 section 5.3).
std::shared_ptr<SessionChannel> Channels::find(std::uint32_t local_id) const {
  const auto found = channels_.find(local_id);
  return found == channels_.end() || found->second->close_received() ? nullptr : found->second;
}

Result<void> Channels::handle_channel_message(std::uint8_t number, ByteReader in, const BlockRef& block) {
  if (number == msg::channel_request) return request(in);
  const std::uint32_t local_id = in.u32();
  const std::shared_ptr<SessionChannel> found = find(local_id);
  if (!in.ok() || !found) return fail(ErrorCode::protocol_error, "message for no channel");
  SessionChannel& channel = *found;
  switch (number) {
    case msg::channel_data: {
      const ByteSpan data = in.blob();
      if (!in.done()) return malformed_message(number);
      to_be_read(found);
      return channel.receive_data(data, block);
    }
    case msg::channel_extended_data: {
      in.u32();
      const ByteSpan data = in.blob();
      if (!in.done()) return malformed_message(number);
      return channel.receive_extended_data(data);
    }
    case msg::channel_window_adjust: {
      const std::uint32_t count = in.u32();
      if (!in.done()) return malformed_message(number);
      return channel.add_peer_window(count);
    }
    case msg::channel_eof:
      if (!in.done()) return malformed_message(number);
      to_be_read(found);
      channel.receive_eof();
      return {};
    case msg::channel_close:
      if (!in.done()) return malformed_message(number);
      to_be_read(found);
      channel.receive_close();
      drop_if_over(local_id);
      return {};
    default:  // answers to requests; ours ask for none
      if (!in.done()) return malformed_message(number);
      return {};
  }
}

ChannelService Channels::service_for(std::string_view type, ByteReader& in) {
  if (type == "subsystem") {
    const std::string_view name = in.string();
    return in.done() ? handler_.subsystem(name) : ChannelService();
  }
  if (type == "exec") {
    const std::string_view line = in.string();
    return in.done() ? handler_.command(line) : ChannelService();
  }
  if (type == "shell") return in.done() ? handler_.shell() : ChannelService();
  return {};
}

Result<void> Channels::request(ByteReader in) {
  const std::uint32_t local_id = in.u32();
  const std::string_view type = in.string();
  const bool want_reply = in.boolean();
  const std::shared_ptr<SessionChannel> channel = find(local_id);
  if (!in.ok() || !channel) return fail(ErrorCode::protocol_error, "request for no channel");
  if (channel->close_sent()) return {};  // it crossed our CLOSE, after which nothing may be sent
  ChannelService service;
  if (!channel->serving()) service = service_for(type, in);
  if (want_reply) {
    ByteWriter out(5);
    out.u8(service ? msg::channel_success : msg::channel_failure).u32(channel->peer_id());
    transport_.send(out.data());
  }
  if (service) {
    channel->set_serving();
    start_(channel, std::move(service));
  }
  return {};
}

void Channels::to_be_read(const std::shared_ptr<SessionChannel>& channel) {
  if (std::ranges::find(unread_, channel) == unread_.end()) unread_.push_back(channel);
}

void Channels::resume_readers() {
  for (const auto& channel : unread_) channel->resume_reader();
  unread_.clear();
}

void Channels::finished(const std::shared_ptr<SessionChannel>& channel) {
  channel->finish();
  std::erase_if(channels_, [](const auto& entry) { return entry.second->over(); });
}

void Channels::drop_if_over(std::uint32_t local_id) {
  const auto found = channels_.find(local_id);
  if (found != channels_.end() && found->second->over()) channels_.erase(found);
}

void Channels::output_progress() {
  for (const auto& [id, channel] : channels_) channel->output_progress();
}

void Channels::client_left() {
  for (const auto& [id, channel] : channels_) {
    if (channel->close_received()) continue;
    to_be_read(channel);
    channel->receive_close();
  }
  resume_readers();
}

void Channels::abort() {
  for (const auto& [id, channel] : channels_) channel->abort();
}

}  // namespace ferry::ssh
