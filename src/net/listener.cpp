#include "net/listener.h"

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/v6_only.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>

#include "base/log.h"

namespace ferry::net {

namespace asio = boost::asio;
using asio::ip::tcp;

namespace {

std::string address_text(const asio::ip::address& address) {
  if (address.is_v6() && address.to_v6().is_v4_mapped()) {
    return asio::ip::make_address_v4(asio::ip::v4_mapped, address.to_v6()).to_string();
  }
  return address.to_string();
}

std::string endpoint_text(const tcp::endpoint& endpoint) {
  const std::string ip = address_text(endpoint.address());
  const std::string host = ip.find(':') == std::string::npos ? ip : "[" + ip + "]";
  return host + ":" + std::to_string(endpoint.port());
}

}  // namespace

struct Listener::Acceptor : std::enable_shared_from_this<Listener::Acceptor> {
  Acceptor(std::vector<asio::io_context*> all, Handler on_accept)
      : contexts(std::move(all)),
        handler(std::move(on_accept)),
        acceptor(*contexts.front()),
        pause(*contexts.front()) {}

  std::vector<asio::io_context*> contexts;
  Handler handler;
  tcp::acceptor acceptor;
  asio::steady_timer pause;
  std::size_t turn = 0;

  void bind(const tcp::endpoint& endpoint, bool both_families);
  void accept_next();
  void hand_on(tcp::socket socket, asio::io_context& home);
};

void Listener::Acceptor::bind(const tcp::endpoint& endpoint, bool both_families) {
  acceptor.open(endpoint.protocol());
  acceptor.set_option(tcp::acceptor::reuse_address(true));
  if (endpoint.protocol() == tcp::v6()) acceptor.set_option(boost::asio::ip::v6_only(!both_families));
  acceptor.bind(endpoint);
  acceptor.listen(asio::socket_base::max_listen_connections);
}

void Listener::Acceptor::accept_next() {
  asio::io_context& home = *contexts[turn++ % contexts.size()];
  acceptor.async_accept(home,
                        [self = shared_from_this(), &home](const boost::system::error_code& error, tcp::socket socket) {
                          if (error == asio::error::operation_aborted || !self->acceptor.is_open()) return;
                          if (!error) {
                            self->hand_on(std::move(socket), home);
                            self->accept_next();
                            return;
                          }
                          // Out of descriptors or memory: waiting a little beats spinning.
                          log::warn("net", {}, "accept failed: {}", error.message());
                          self->pause.expires_after(std::chrono::milliseconds(100));
                          self->pause.async_wait([self](const boost::system::error_code& cancelled) {
                            if (!cancelled && self->acceptor.is_open()) self->accept_next();
                          });
                        });
}

void Listener::Acceptor::hand_on(tcp::socket socket, asio::io_context& home) {
  boost::system::error_code gone;
  const tcp::endpoint local = socket.local_endpoint(gone);
  const tcp::endpoint remote = socket.remote_endpoint(gone);
  if (gone) return;
  Endpoints endpoints{endpoint_text(local), endpoint_text(remote), address_text(remote.address())};
  asio::post(home, [self = shared_from_this(), socket = std::move(socket), endpoints = std::move(endpoints)]() mutable {
    self->handler(std::move(socket), std::move(endpoints));
  });
}

Result<std::unique_ptr<Listener>> Listener::open(const std::string& address, std::uint16_t port,
                                                 std::vector<asio::io_context*> contexts, Handler handler) {
  boost::system::error_code bad;
  const asio::ip::address ip = address.empty() ? asio::ip::address_v6::any() : asio::ip::make_address(address, bad);
  if (bad) return fail(ErrorCode::invalid_argument, "\"" + address + "\" is not an IP address");
  auto acceptor = std::make_shared<Acceptor>(std::move(contexts), std::move(handler));
  try {
    try {
      acceptor->bind({ip, port}, address.empty());
    } catch (const boost::system::system_error& error) {
      if (!address.empty() || error.code() == asio::error::address_in_use) throw;
      acceptor->bind({asio::ip::address_v4::any(), port}, false);  // a machine without IPv6
    }
    const std::uint16_t bound = acceptor->acceptor.local_endpoint().port();
    acceptor->accept_next();
    return std::unique_ptr<Listener>(new Listener(std::move(acceptor), bound));
  } catch (const boost::system::system_error& error) {
    return fail(ErrorCode::io_error, "cannot listen on " + (address.empty() ? "*" : address) + ":" +
                                         std::to_string(port) + ": " + error.code().message());
  }
}

Listener::Listener(std::shared_ptr<Acceptor> acceptor, std::uint16_t port)
    : acceptor_(std::move(acceptor)), port_(port) {}

Listener::~Listener() {
  asio::post(*acceptor_->contexts.front(), [acceptor = acceptor_] {
    boost::system::error_code ignored;
    acceptor->acceptor.close(ignored);
    acceptor->pause.cancel();
  });
}

}  // namespace ferry::net
