// One SSH connection on a socket: drives the transport, authentication and channels.
#pragma once

#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/steady_timer.hpp>
#include <memory>
#include <string>

#include "ssh/auth/user_auth.h"
#include "ssh/channel/channels.h"
#include "ssh/server.h"
#include "ssh/transport/transport.h"

namespace ferry::ssh {

class Connection final : public OutputHost, public std::enable_shared_from_this<Connection> {
 public:
  Connection(asio::ip::tcp::socket socket, PeerInfo peer, std::shared_ptr<const TransportOptions> transport_options,
             const ServerOptions& options);

  // Runs until the connection is over and every channel's service has ended. `handler` as made for this peer.
  // The connection stays alive by the shared pointer that the caller keeps meanwhile.
  Task<void> run(std::unique_ptr<ServerHandler> handler);
  // Ends the connection, telling the client why. Safe from any thread.
  void request_disconnect(std::string reason);

  // --- OutputHost ---
  void flush() override;
  asio::any_io_executor executor() override { return socket_.get_executor(); }
  const std::string& connection_id() const override { return peer_.connection_id; }
  std::chrono::microseconds round_trip() const override;

 private:
  Task<Result<void>> serve();
  Task<Result<void>> receive();
  Task<Result<void>> authenticate(ByteSpan payload);
  Task<Result<void>> run_exchange_step(ExchangeInput input);
  Task<void> watch();
  Task<void> finish(Error why);
  Task<void> linger();
  void start_service(std::shared_ptr<SessionChannel> channel, ChannelService service);
  static Task<void> run_service(std::shared_ptr<Connection> self, std::shared_ptr<SessionChannel> channel,
                                ChannelService service);
  void wait_writable();
  void close_socket();
  // Nothing more is taken from the client.
  bool over() const { return closed_ || leaving_; }
  bool check_peer_is_alive(SteadyTime now);

  asio::ip::tcp::socket socket_;
  PeerInfo peer_;
  std::chrono::seconds login_grace_time_, keepalive_interval_;
  int max_auth_tries_;
  std::size_t max_channels_;
  std::unique_ptr<ServerHandler> handler_;
  Transport transport_;
  std::unique_ptr<UserAuth> auth_;
  std::unique_ptr<Channels> channels_;
  asio::steady_timer watchdog_;
  Signal service_ended_;
  std::size_t services_ = 0;
  SteadyTime started_, last_received_, last_exchange_;
  int unanswered_keepalives_ = 0;
  unsigned receives_ = 0;  // since others of this thread had their turn
  bool drained_ = false;   // the last recv took all there was: the next one waits first
  bool authenticated_ = false;
  bool waiting_writable_ = false;
  bool output_lost_ = false;  // nothing that is sent arrives any more
  bool leaving_ = false;      // the client was told to go, or is about to be
  bool closed_ = false;
  std::string disconnect_reason_;  // set by request_disconnect, which told the client
};

}  // namespace ferry::ssh
