#include "net/listener.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <boost/asio/connect.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/write.hpp>
#include <fstream>
#include <map>
#include <mutex>
#include <thread>

#include "tests/support/temp_directory.h"

namespace ferry::net {
namespace {

namespace asio = boost::asio;
using asio::ip::tcp;
using namespace std::chrono_literals;

// Two io_contexts with a thread each; what was accepted is kept.
struct Contexts {
  Contexts() {
    for (auto& context : contexts) {
      threads.emplace_back([&context] {
        const auto guard = asio::make_work_guard(context);
        context.run();
      });
    }
  }
  ~Contexts() {
    for (auto& context : contexts) context.stop();
    for (std::thread& thread : threads) thread.join();
  }
  Listener::Handler keep() {
    return [this](tcp::socket socket, Endpoints endpoints, Ticket ticket) {
      const std::lock_guard lock(mutex);
      const bool at_home = &socket.get_executor().context() == &contexts[0]
                               ? std::this_thread::get_id() == threads[0].get_id()
                               : std::this_thread::get_id() == threads[1].get_id();
      all_at_home = all_at_home && at_home;
      ++taken[&socket.get_executor().context() == &contexts[0] ? 0 : 1];
      accepted.push_back(std::move(endpoints));
      sockets.push_back(std::move(socket));
      tickets.push_back(std::move(ticket));
    };
  }
  std::size_t count() {
    const std::lock_guard lock(mutex);
    return accepted.size();
  }
  bool wait_for(std::size_t wanted) {
    for (int i = 0; i < 2000 && count() < wanted; ++i) std::this_thread::sleep_for(5ms);
    return count() >= wanted;
  }

  std::array<asio::io_context, 2> contexts;
  std::vector<std::thread> threads;
  std::mutex mutex;
  std::vector<Endpoints> accepted;
  std::vector<tcp::socket> sockets;
  std::vector<Ticket> tickets;
  std::array<int, 2> taken{};
  bool all_at_home = true;
};

bool connect(asio::io_context& context, tcp::socket& socket, const char* address, std::uint16_t port) {
  boost::system::error_code error;
  socket = tcp::socket(context);
  socket.connect({asio::ip::make_address(address), port}, error);
  return !error;
}

TEST(Listener, SpreadsConnectionsOverTheContexts) {
  Contexts them;
  const auto listener =
      Listener::open({.address = "127.0.0.1", .port = 0}, {&them.contexts[0], &them.contexts[1]}, them.keep());
  ASSERT_TRUE(listener);
  asio::io_context context;
  std::vector<tcp::socket> clients;
  for (int i = 0; i < 10; ++i) {
    tcp::socket client(context);
    ASSERT_TRUE(connect(context, client, "127.0.0.1", (*listener)->port()));
    clients.push_back(std::move(client));
  }
  ASSERT_TRUE(them.wait_for(10));
  const std::lock_guard lock(them.mutex);
  EXPECT_EQ(them.taken[0], 5);
  EXPECT_EQ(them.taken[1], 5);
  EXPECT_TRUE(them.all_at_home) << "a handler ran on another thread than its socket's";
}

TEST(Listener, NamesBothEnds) {
  Contexts them;
  const auto listener = Listener::open({.address = "127.0.0.1", .port = 0}, {&them.contexts[0]}, them.keep());
  ASSERT_TRUE(listener);
  asio::io_context context;
  tcp::socket client(context);
  ASSERT_TRUE(connect(context, client, "127.0.0.1", (*listener)->port()));
  ASSERT_TRUE(them.wait_for(1));
  const std::lock_guard lock(them.mutex);
  EXPECT_EQ(them.accepted[0].local, "127.0.0.1:" + std::to_string((*listener)->port()));
  EXPECT_EQ(them.accepted[0].remote, "127.0.0.1:" + std::to_string(client.local_endpoint().port()));
  EXPECT_EQ(them.accepted[0].remote_ip, "127.0.0.1");
}

TEST(Listener, EveryAddressShowsIpv4AsIpv4) {
  Contexts them;
  const auto listener = Listener::open({.address = "", .port = 0}, {&them.contexts[0]}, them.keep());
  ASSERT_TRUE(listener);
  asio::io_context context;
  tcp::socket four(context), six(context);
  ASSERT_TRUE(connect(context, four, "127.0.0.1", (*listener)->port()));
  ASSERT_TRUE(them.wait_for(1));
  EXPECT_EQ(them.accepted[0].remote_ip, "127.0.0.1");
  if (!connect(context, six, "::1", (*listener)->port())) return;  // a machine without IPv6
  ASSERT_TRUE(them.wait_for(2));
  const std::lock_guard lock(them.mutex);
  EXPECT_EQ(them.accepted[1].remote_ip, "::1");
  EXPECT_EQ(them.accepted[1].local, "[::1]:" + std::to_string((*listener)->port()));
}

TEST(Listener, TakesNamesAndBrackets) {
  Contexts them;
  asio::io_context context;
  tcp::socket client(context);
  const auto named = Listener::open({.address = "localhost", .port = 0}, {&them.contexts[0]}, them.keep());
  ASSERT_TRUE(named) << named.error().message;
  EXPECT_TRUE(connect(context, client, "127.0.0.1", (*named)->port()));
  const auto bracketed = Listener::open({.address = "[::1]", .port = 0}, {&them.contexts[0]}, them.keep());
  if (!bracketed) return;  // a machine without IPv6
  EXPECT_TRUE(connect(context, client, "::1", (*bracketed)->port()));
}

TEST(Listener, TakesThePathOfASocket) {
  test::TempDirectory directory;
  const std::string path = directory / "ferry.sock";
  asio::io_context context;
  Contexts them;
  const auto connects = [&] {
    asio::local::stream_protocol::socket client(context);
    boost::system::error_code error;
    client.connect(asio::local::stream_protocol::endpoint(path), error);
    return !error;
  };
  for (std::size_t turn = 1; turn <= 2; ++turn) {
    auto listener = Listener::open({.address = path, .port = 0}, {&them.contexts[0]}, them.keep());
    ASSERT_TRUE(listener) << listener.error().message;
    EXPECT_FALSE(Listener::open({.address = path, .port = 0}, {&them.contexts[0]}, them.keep())) << "it is in use";
    struct stat info {};
    ASSERT_EQ(::stat(path.c_str(), &info), 0);
    EXPECT_EQ(info.st_mode & 0777U, 0660U);
    ASSERT_TRUE(connects());
    ASSERT_TRUE(them.wait_for(turn));
    {
      const std::lock_guard lock(them.mutex);
      EXPECT_EQ(them.accepted.back().remote_ip, "127.0.0.1");
      EXPECT_EQ(them.accepted.back().local, path);
    }
    listener->reset();
    EXPECT_FALSE(std::filesystem::exists(path));
  }
  // What a server that was killed has left there.
  { asio::local::stream_protocol::acceptor left(context, asio::local::stream_protocol::endpoint(path + "2")); }
  EXPECT_TRUE(Listener::open({.address = path + "2", .port = 0}, {&them.contexts[0]}, them.keep()));
  std::ofstream(path + "3") << "a file";
  EXPECT_FALSE(Listener::open({.address = path + "3", .port = 0}, {&them.contexts[0]}, them.keep()));
}

TEST(Listener, RefusesWhatIsNoAddress) {
  asio::io_context context;
  for (const char* bad : {"127.0.0.1:80", "300.1.1.1", "[127.0.0.1", "*", "no.such.name.invalid"}) {
    const auto listener =
        Listener::open({.address = bad, .port = 0}, {&context}, [](tcp::socket, Endpoints, Ticket) {});
    ASSERT_FALSE(listener) << bad;
    EXPECT_EQ(listener.error().code, ErrorCode::invalid_argument) << bad;
  }
}

TEST(Listener, SaysWhichPortIsTaken) {
  asio::io_context context;
  const auto first =
      Listener::open({.address = "127.0.0.1", .port = 0}, {&context}, [](tcp::socket, Endpoints, Ticket) {});
  ASSERT_TRUE(first);
  const auto second = Listener::open({.address = "127.0.0.1", .port = (*first)->port()}, {&context},
                                     [](tcp::socket, Endpoints, Ticket) {});
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code, ErrorCode::io_error);
  EXPECT_NE(second.error().message.find("127.0.0.1:" + std::to_string((*first)->port())), std::string::npos);
}

TEST(Listener, StopsAndLeavesConnectionsAlone) {
  Contexts them;
  auto listener =
      Listener::open({.address = "127.0.0.1", .port = 0}, {&them.contexts[0], &them.contexts[1]}, them.keep());
  ASSERT_TRUE(listener);
  const std::uint16_t port = (*listener)->port();
  asio::io_context context;
  tcp::socket client(context);
  ASSERT_TRUE(connect(context, client, "127.0.0.1", port));
  ASSERT_TRUE(them.wait_for(1));
  listener->reset();
  tcp::socket late(context);
  bool refused = false;
  for (int i = 0; i < 2000 && !refused; ++i) {
    refused = !connect(context, late, "127.0.0.1", port);
    std::this_thread::sleep_for(5ms);
  }
  EXPECT_TRUE(refused);
  asio::write(them.sockets[0], asio::buffer("still here", 10));
  std::array<char, 10> text{};
  EXPECT_EQ(asio::read(client, asio::buffer(text)), 10U);
}

TEST(Listener, ClientsThatVanishBeforeTheyAreSeen) {
  Contexts them;
  const auto listener = Listener::open({.address = "127.0.0.1", .port = 0}, {&them.contexts[0]}, them.keep());
  ASSERT_TRUE(listener);
  asio::io_context context;
  for (int i = 0; i < 100; ++i) {
    tcp::socket client(context);
    ASSERT_TRUE(connect(context, client, "127.0.0.1", (*listener)->port()));
    client.set_option(asio::socket_base::linger(true, 0));
    client.close();
  }
  const std::size_t before = them.count();
  tcp::socket client(context);
  ASSERT_TRUE(connect(context, client, "127.0.0.1", (*listener)->port()));
  EXPECT_TRUE(them.wait_for(before + 1)) << "it still accepts";
}

// Counts places of hosts, two each.
class TwoEach final : public Gatekeeper {
 public:
  Task<std::expected<Ticket, Refusal>> admit(Visitor visitor) override {
    const std::string host = visitor.ip.to_string();
    const std::lock_guard lock(mutex_);
    ++asked;
    if (places_[host] >= 2) co_return std::unexpected(Refusal{"too many"});
    ++places_[host];
    co_return Ticket(this, [this, host](void*) { leave(host); });
  }
  Task<std::expected<void, Refusal>> admit_request(Visitor) override { co_return std::expected<void, Refusal>(); }
  std::atomic<int> asked = 0;

 private:
  void leave(const std::string& host) {
    const std::lock_guard lock(mutex_);
    --places_[host];
  }
  std::mutex mutex_;
  std::map<std::string, int> places_;
};

// Who may not send a header and sends nothing takes a place all the same, while the server waits for one.
TEST(Listener, SilentConnectionsCountBeforeTheirHeader) {
  const auto keeper = std::make_shared<TwoEach>();  // tickets outlive the test's other parts
  Contexts them;
  auto policy = std::make_shared<ProxyPolicy>();
  policy->time = 60s;
  policy->allowed = NetworkSet::of(std::vector<std::string>{"127.0.0.2"});
  const auto listener = Listener::open({.address = "127.0.0.1", .port = 0, .gatekeeper = keeper, .proxy = policy},
                                       {&them.contexts[0]}, them.keep());
  ASSERT_TRUE(listener);
  asio::io_context context;
  std::vector<tcp::socket> silent;
  for (int i = 0; i < 3; ++i) {
    silent.emplace_back(context);
    ASSERT_TRUE(connect(context, silent.back(), "127.0.0.1", (*listener)->port()));
  }
  boost::system::error_code error;
  char byte = 0;
  asio::read(silent[2], asio::buffer(&byte, 1), error);
  EXPECT_TRUE(error) << "the third is closed, without waiting for its header";
  EXPECT_EQ(keeper->asked, 3);
  EXPECT_EQ(them.count(), 0U);
  asio::write(silent[0], asio::buffer("SSH-2.0-x\r\n", 11));
  EXPECT_TRUE(them.wait_for(1));
  EXPECT_EQ(keeper->asked, 3) << "its place is the one it took";
  const std::lock_guard lock(them.mutex);
  EXPECT_NE(them.tickets[0], nullptr);
}

}  // namespace
}  // namespace ferry::net
