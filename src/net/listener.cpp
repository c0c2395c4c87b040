#include "net/listener.h"

#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <atomic>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/v6_only.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>

#include "base/descriptor.h"
#include "base/log.h"

namespace ferry::net {

namespace asio = boost::asio;
using asio::ip::tcp;

namespace {

// Connections that were accepted and not yet admitted: they wait for their PROXY header, a database, a rate limit.
constexpr int max_at_door = 4096;

bool is_path(const std::string& address) { return address.starts_with('/'); }

IpAddress loopback() { return *IpAddress::parse("127.0.0.1"); }

IpAddress ip_of(const asio::ip::address& address) {
  if (address.is_v6()) return IpAddress(address.to_v6().to_bytes());
  return IpAddress(asio::ip::make_address_v6(asio::ip::v4_mapped, address.to_v4()).to_bytes());
}

std::string end_text(const IpAddress& address, std::uint16_t port) {
  const std::string ip = address.to_string();
  return (address.is_v4() ? ip : "[" + ip + "]") + ":" + std::to_string(port);
}

Endpoints endpoints_of(const ProxyHeader::End& source, const ProxyHeader::End& destination) {
  return {end_text(destination.address, destination.port), end_text(source.address, source.port),
          source.address.to_string(), source.address};
}

// IPv4 first where a name has both, as Go does.
Result<asio::ip::address> address_of(asio::io_context& context, std::string text) {
  if (text.empty()) return asio::ip::address_v6::any();
  if (text.starts_with('[') && text.ends_with(']')) text = text.substr(1, text.size() - 2);
  boost::system::error_code error;
  const asio::ip::address given = asio::ip::make_address(text, error);
  if (!error) return given;
  tcp::resolver resolver(context);
  const auto found = resolver.resolve(text, "", tcp::resolver::passive, error);
  if (error || found.empty()) {
    return fail(ErrorCode::invalid_argument, "\"" + text + "\" is no IP address and no name of one");
  }
  for (const auto& entry : found) {
    if (entry.endpoint().address().is_v4()) return entry.endpoint().address();
  }
  return found.begin()->endpoint().address();
}

// A socket on which nobody listens any more is removed. address_in_use: somebody does, or it is something else.
boost::system::error_code make_way(const sockaddr_un& address) {
  struct stat info {};
  if (::lstat(address.sun_path, &info) != 0) return {};
  if (!S_ISSOCK(info.st_mode)) return asio::error::address_in_use;
  const Descriptor probe(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  const bool taken = !probe || ::connect(probe.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0;
  if (taken) return asio::error::address_in_use;
  ::unlink(address.sun_path);
  return {};
}

// Listens at a path; the socket's owner and group may connect.
Result<Descriptor> listen_at(const std::string& path) {
  constexpr mode_t owner_and_group = 0660;
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof address.sun_path)
    return fail(ErrorCode::invalid_argument, path + ": too long for a socket");
  path.copy(address.sun_path, path.size());
  if (const auto error = make_way(address)) return fail(ErrorCode::io_error, path + ": " + error.message());
  Descriptor socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!socket || ::bind(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0 ||
      ::chmod(path.c_str(), owner_and_group) != 0 || ::listen(socket.get(), SOMAXCONN) != 0) {
    return fail_errno(errno, path);
  }
  return socket;
}

}  // namespace

struct Listener::Acceptor : std::enable_shared_from_this<Listener::Acceptor> {
  Acceptor(ListenerOptions listener_options, std::vector<asio::io_context*> all, Handler on_accept)
      : options(std::move(listener_options)),
        contexts(std::move(all)),
        handler(std::move(on_accept)),
        acceptor(*contexts.front()),
        pause(*contexts.front()) {}

  const ListenerOptions options;
  const std::vector<asio::io_context*> contexts;
  const Handler handler;
  tcp::acceptor acceptor;
  asio::steady_timer pause;
  std::size_t turn = 0;
  std::atomic<int> at_door{0};
  std::atomic<bool> closed{false};

  void bind(const tcp::endpoint& endpoint, bool both_families);
  void accept_next();
  void hand_on(tcp::socket socket, asio::io_context& home);
  static Task<void> receive(std::shared_ptr<Acceptor> self, tcp::socket socket);
  Task<Result<Endpoints>> whose(tcp::socket& socket, Ticket& ticket);
  Task<Result<void>> admit(const Endpoints& ends, Ticket& ticket);
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
  if (at_door.load(std::memory_order_relaxed) >= max_at_door) return;
  ++at_door;
  asio::co_spawn(home, receive(shared_from_this(), std::move(socket)),
                 [self = shared_from_this()](std::exception_ptr e) {
                   --self->at_door;
                   if (e) log::error("net", {}, "a connection was dropped at the door");
                 });
}

// Asks the gatekeeper; whoever is let in has a ticket.
Task<Result<void>> Listener::Acceptor::admit(const Endpoints& ends, Ticket& ticket) {
  if (!options.gatekeeper || (options.speaks_for_others && options.speaks_for_others(ends.client))) {
    co_return Result<void>();
  }
  auto admitted = co_await options.gatekeeper->admit({options.protocol, ends.client});
  if (!admitted) {
    log::debug("net", {}, "{} connection from {} refused: {}", to_string(options.protocol), ends.remote,
               admitted.error().why);
    co_return fail(ErrorCode::permission_denied, "refused");
  }
  ticket = std::move(*admitted);
  co_return Result<void>();
}

// Who is at the other end, as far as it may be believed. Whose own address holds, whatever header comes, is asked for
// before it is read: else a host could keep as many silent connections waiting for one as it likes.
Task<Result<Endpoints>> Listener::Acceptor::whose(tcp::socket& socket, Ticket& ticket) {
  boost::system::error_code gone;
  const bool by_path = is_path(options.address);
  const tcp::endpoint local = by_path ? tcp::endpoint() : socket.local_endpoint(gone);
  const tcp::endpoint remote = by_path ? tcp::endpoint() : socket.remote_endpoint(gone);
  if (gone) co_return fail(ErrorCode::connection_lost, gone.message());
  const ProxyHeader::End peer{by_path ? loopback() : ip_of(remote.address()), remote.port()};
  Endpoints own = endpoints_of(peer, {ip_of(local.address()), local.port()});
  if (by_path) own.local = options.address;
  if (!options.proxy) co_return own;
  const ProxyPolicy::Use use = options.proxy->use_for(peer.address);
  if (use == ProxyPolicy::Use::skip) co_return own;
  if (use == ProxyPolicy::Use::refuse) co_return fail(ErrorCode::permission_denied, "not one of the proxies");
  if (use == ProxyPolicy::Use::ignore) {
    auto admitted = co_await admit(own, ticket);
    if (!admitted) co_return fail(admitted.error());
  }
  const auto header = co_await read_proxy_header(socket, options.proxy->time);
  if (!header) co_return fail(header.error());
  if (!*header && options.proxy->required) co_return fail(ErrorCode::protocol_error, "no PROXY header came");
  if (*header && use == ProxyPolicy::Use::ignore) {
    log::debug("net", {}, "the PROXY header from {} means nothing: common.proxy_allowed does not list it",
               own.remote_ip);
  }
  if (!*header || !(*header)->known || use == ProxyPolicy::Use::ignore) co_return own;
  co_return endpoints_of((*header)->source, (*header)->destination);
}

Task<void> Listener::Acceptor::receive(std::shared_ptr<Acceptor> self, tcp::socket socket) {
  Ticket ticket;
  Result<Endpoints> ends = co_await self->whose(socket, ticket);
  if (!ends) {
    boost::system::error_code ignored;
    const std::string peer = is_path(self->options.address)
                                 ? self->options.address
                                 : ip_of(socket.remote_endpoint(ignored).address()).to_string();
    // Of a proxy that is believed it is the operator's business; what strangers do must not fill the log.
    if (ends.error().code == ErrorCode::protocol_error) {
      log::warn("net", {}, "connection from {} closed: {}", peer, ends.error().message);
    } else {
      log::debug("net", {}, "connection from {} closed: {}", peer, ends.error().message);
    }
    co_return;
  }
  if (!ticket) {
    auto admitted = co_await self->admit(*ends, ticket);
    if (!admitted) co_return;
  }
  if (!self->closed) self->handler(std::move(socket), std::move(*ends), std::move(ticket));
}

Result<std::unique_ptr<Listener>> Listener::open(ListenerOptions options, std::vector<asio::io_context*> contexts,
                                                 Handler handler) {
  const std::string address = options.address;
  const std::uint16_t port = options.port;
  auto acceptor = std::make_shared<Acceptor>(std::move(options), std::move(contexts), std::move(handler));
  if (is_path(address)) {
    auto socket = listen_at(address);
    if (!socket) return fail(socket.error());
    boost::system::error_code error;
    // Asio's own class for such sockets would make another type of every connection; nothing but the address differs.
    acceptor->acceptor.assign(tcp::v4(), socket->get(), error);
    if (error) return fail(ErrorCode::io_error, address + ": " + error.message());
    (void)socket->release();
    acceptor->accept_next();
    return std::unique_ptr<Listener>(new Listener(std::move(acceptor), 0));
  }
  const auto found = address_of(*acceptor->contexts.front(), address);
  if (!found) return fail(found.error());
  const asio::ip::address& ip = *found;
  try {
    try {
      acceptor->bind({ip, port}, ip.is_unspecified());
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
  acceptor_->closed = true;
  // At once: at the end of a server its io_contexts do not run any more.
  if (is_path(acceptor_->options.address)) ::unlink(acceptor_->options.address.c_str());
  asio::post(*acceptor_->contexts.front(), [acceptor = acceptor_] {
    boost::system::error_code ignored;
    acceptor->acceptor.close(ignored);
    acceptor->pause.cancel();
  });
}

}  // namespace ferry::net
