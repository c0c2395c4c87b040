// The connection protocol of a server (RFC 4254): opens, requests, and the table of channels.
#pragma once

#include <functional>
#include <map>
#include <memory>

#include "ssh/channel/session_channel.h"
#include "ssh/server_handler.h"

namespace ferry::ssh {

class Channels {
 public:
  // `start` runs a service on a channel in a coroutine of its own and calls finished(channel) at its end.
  using Start = std::function<void(std::shared_ptr<SessionChannel>, ChannelService)>;
  Channels(Transport& transport, OutputHost& host, ServerHandler& handler, std::size_t max_channels, Start start);

  // Takes one message of an authenticated client. An error ends the connection.
  Result<void> handle(ByteSpan payload, const BlockRef& block);
  // Services go on with what has come since the last call, data or its end, on this stack.
  void resume_readers();
  // The service of that channel ended.
  void finished(const std::shared_ptr<SessionChannel>& channel);

  void output_progress();
  // The client is gone: all of its channels are closed, and services go on with what came before.
  void client_left();
  // The connection is ended: every channel's waits end, and what came is not served either.
  void abort();

 private:
  Result<void> open(ByteReader in);
  Result<void> request(ByteReader in);
  Result<void> global_request(ByteReader in);
  Result<void> handle_channel_message(std::uint8_t number, ByteReader in, const BlockRef& block);
  std::shared_ptr<SessionChannel> find(std::uint32_t local_id) const;
  ChannelService service_for(std::string_view type, ByteReader& in);
  void refuse_open(std::uint32_t peer_id, OpenFailure reason, std::string_view text);
  void to_be_read(const std::shared_ptr<SessionChannel>& channel);
  void drop_if_over(std::uint32_t local_id);

  Transport& transport_;
  OutputHost& host_;
  ServerHandler& handler_;
  std::size_t max_channels_;
  Start start_;
  std::map<std::uint32_t, std::shared_ptr<SessionChannel>> channels_;  // by our id
  std::vector<std::shared_ptr<SessionChannel>> unread_;                // have what their services do not know of yet
  bool no_more_sessions_ = false;
};

}  // namespace ferry::ssh
