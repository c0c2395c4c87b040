// Transfers whose bodies flow (http::ClientStream), servers that are too slow, and the end of a client while transfers
// run. The server of each test is a function that gets the connection.
#include <gtest/gtest.h>

#include <atomic>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/thread_pool.hpp>
#include <boost/asio/use_future.hpp>
#include <functional>
#include <future>
#include <thread>

#include "http/client_stream.h"
#include "tests/support/lasting_context.h"
#include "tests/unit/http/raw_client.h"

namespace ferry::test {
namespace {

using namespace std::chrono_literals;

// One connection's other end.
class Peer {
 public:
  explicit Peer(int socket) : socket_(socket) {}
  // Up to the end of the head of a request.
  std::string read_head() { return read_until("\r\n\r\n"); }
  // All up to `marker`, or what came before the client closed.
  std::string read_until(std::string_view marker) {
    std::string text;
    char byte;
    while (!text.ends_with(marker) && ::recv(socket_, &byte, 1, 0) == 1) text += byte;
    return text;
  }
  // Up to `most` bytes of what comes next; "": the client has closed.
  std::string read_some(std::size_t most) {
    std::string text(most, '-');
    const ssize_t count = ::recv(socket_, text.data(), text.size(), 0);
    text.resize(count > 0 ? static_cast<std::size_t>(count) : 0);
    return text;
  }
  // False: the client has closed.
  bool send(std::string_view text) {
    while (!text.empty()) {
      const ssize_t count = ::send(socket_, text.data(), text.size(), MSG_NOSIGNAL);
      if (count <= 0) return false;
      text.remove_prefix(static_cast<std::size_t>(count));
    }
    return true;
  }
  // As much as fits into the sockets' buffers; how many bytes that was.
  std::size_t send_while_taken(std::size_t most, std::chrono::milliseconds patience) {
    const std::string text(65536, 'x');
    std::size_t sent = 0;
    pollfd waiting{socket_, POLLOUT, 0};
    while (sent < most && ::poll(&waiting, 1, static_cast<int>(patience.count())) == 1) {
      const ssize_t count =
          ::send(socket_, text.data(), std::min(text.size(), most - sent), MSG_NOSIGNAL | MSG_DONTWAIT);
      if (count <= 0) break;
      sent += static_cast<std::size_t>(count);
    }
    return sent;
  }

 private:
  int socket_;
};

class PeerServer {
 public:
  explicit PeerServer(std::function<void(Peer&)> talk) : talk_(std::move(talk)), listener_(listen()) {
    thread_ = std::thread([this] {
      const int socket = ::accept(listener_, nullptr, nullptr);
      if (socket < 0) return;
      Peer peer(socket);
      talk_(peer);
      ::close(socket);
    });
  }
  ~PeerServer() {
    ::shutdown(listener_, SHUT_RDWR);
    join();
    ::close(listener_);
  }
  void join() {
    if (thread_.joinable()) thread_.join();
  }
  std::string url() const { return "http://127.0.0.1:" + std::to_string(port_) + "/"; }

 private:
  int listen() {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    const int socket = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    EXPECT_EQ(::bind(socket, reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
    EXPECT_EQ(::listen(socket, 10), 0);
    socklen_t size = sizeof address;
    EXPECT_EQ(::getsockname(socket, reinterpret_cast<sockaddr*>(&address), &size), 0);
    port_ = ntohs(address.sin_port);
    return socket;
  }

  std::function<void(Peer&)> talk_;
  std::uint16_t port_ = 0;
  int listener_;
  std::thread thread_;
};

template <class T>
T run(Task<T> task) {
  asio::io_context& context = lasting_context();
  auto answer = asio::co_spawn(context, std::move(task), asio::use_future);
  context.run();
  return answer.get();
}
void run(Task<void> task) {
  asio::io_context& context = lasting_context();
  auto answer = asio::co_spawn(context, std::move(task), asio::use_future);
  context.run();
  answer.get();
}

std::unique_ptr<http::ClientStream> upload(http::Client& client, const std::string& url,
                                           std::optional<std::uint64_t> size = {}) {
  http::ClientRequest request;
  request.method = "POST";
  request.url = url;
  request.content_type = "application/octet-stream";
  request.stalled_after = 20s;
  http::ClientStreamOptions how;
  how.sends = true;
  how.size = size;
  auto stream = client.open(std::move(request), how);
  EXPECT_TRUE(stream) << stream.error().message;
  return std::move(*stream);
}

std::unique_ptr<http::ClientStream> download(http::Client& client, const std::string& url) {
  http::ClientRequest request;
  request.url = url;
  request.stalled_after = 1s;
  http::ClientStreamOptions how;
  how.receives = true;
  auto stream = client.open(std::move(request), how);
  EXPECT_TRUE(stream) << stream.error().message;
  return std::move(*stream);
}

constexpr std::string_view stored = "HTTP/1.1 201 Created\r\nContent-Length: 2\r\n\r\nok";

TEST(ClientFlow, SendsInChunksAndByLength) {
  std::string chunked, sized;
  PeerServer first([&](Peer& peer) {
    chunked = peer.read_until("\r\n0\r\n\r\n");
    peer.send(stored);
  });
  PeerServer second([&](Peer& peer) {
    sized = peer.read_until("two");
    peer.send(stored);
  });
  http::Client client({});
  for (const bool known : {false, true}) {
    auto stream =
        upload(client, (known ? second : first).url(), known ? std::optional<std::uint64_t>(6) : std::nullopt);
    ASSERT_TRUE(run(stream->write(as_bytes("one"))));
    std::this_thread::sleep_for(50ms);  // so that the transfer waits for its writer
    ASSERT_TRUE(run(stream->write(as_bytes("two"))));
    const auto answer = run(stream->finish());
    ASSERT_TRUE(answer) << answer.error().message;
    EXPECT_EQ(answer->status, 201);
    EXPECT_EQ(answer->body, "ok");
  }
  first.join();
  second.join();
  EXPECT_NE(chunked.find("\r\nTransfer-Encoding: chunked\r\n"), std::string::npos);
  EXPECT_NE(chunked.find("3\r\none\r\n"), std::string::npos);
  EXPECT_NE(sized.find("\r\nContent-Length: 6\r\n"), std::string::npos);
}

TEST(ClientFlow, AWriterWaitsForTheServer) {
  std::promise<void> go;
  std::size_t received = 0;
  PeerServer server([&](Peer& peer) {
    peer.read_head();
    go.get_future().wait();
    while (received < std::size_t{32} << 20) received += peer.read_some(1 << 20).size();
    peer.send(stored);
  });
  http::Client client({});
  auto stream = upload(client, server.url(), std::uint64_t{32} << 20);
  asio::thread_pool pool(1);
  const std::string data(std::size_t{32} << 20, 'x');
  auto written = asio::co_spawn(pool, stream->write(as_bytes(data)), asio::use_future);
  EXPECT_EQ(written.wait_for(300ms), std::future_status::timeout);  // 32 MiB fit into no buffer on the way
  go.set_value();
  ASSERT_TRUE(written.get());
  const auto answer = run(stream->finish());
  ASSERT_TRUE(answer) << answer.error().message;
  server.join();
  EXPECT_EQ(received, data.size());
  pool.join();
}

TEST(ClientFlow, ABrokenOffUploadHasNoEnd) {
  for (const bool waits : {true, false}) {
    std::string body;
    PeerServer server([&](Peer& peer) {
      peer.read_head();
      body = peer.read_until("0\r\n\r\n");  // else until the client closes
    });
    http::Client client({});
    auto stream = upload(client, server.url());
    ASSERT_TRUE(run(stream->write(as_bytes("a part"))));
    std::this_thread::sleep_for(50ms);
    if (waits) run(stream->cancel());
    stream.reset();
    server.join();
    EXPECT_EQ(body, "6\r\na part\r\n");
  }
}

TEST(ClientFlow, ARefusedUploadTellsWhy) {
  PeerServer server([&](Peer& peer) {
    peer.read_head();
    peer.send("HTTP/1.1 403 Forbidden\r\nContent-Length: 2\r\nConnection: close\r\n\r\nno");
    while (!peer.read_some(65536).empty()) {
    }
  });
  http::Client client({});
  auto stream = upload(client, server.url());
  const std::string data(65536, 'x');
  Result<void> written;
  for (int i = 0; i < 1000 && written; ++i) {
    written = run(stream->write(as_bytes(data)));
    std::this_thread::sleep_for(1ms);
  }
  ASSERT_FALSE(written);
  EXPECT_EQ(written.error().code, ErrorCode::conflict);
  const auto answer = run(stream->finish());
  ASSERT_TRUE(answer) << answer.error().message;
  EXPECT_EQ(answer->status, 403);
  EXPECT_EQ(answer->body, "no");
}

TEST(ClientFlow, SuccessBeforeTheEndOfTheBodyIsNone) {
  PeerServer server([&](Peer& peer) {
    peer.read_head();
    peer.send("HTTP/1.1 201 Created\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
  });
  http::Client client({});
  auto stream = upload(client, server.url());
  ASSERT_TRUE(run(stream->write(as_bytes("a part"))));
  server.join();
  std::this_thread::sleep_for(100ms);
  const std::string data(65536, 'x');
  Result<void> written;
  for (int i = 0; i < 100 && written; ++i) written = run(stream->write(as_bytes(data)));
  EXPECT_FALSE(run(stream->finish()));
}

TEST(ClientFlow, AStatedSizeHolds) {
  PeerServer server([&](Peer& peer) {
    while (!peer.read_some(100).empty()) {
    }
  });
  http::Client client({});
  auto stream = upload(client, server.url(), 10);
  ASSERT_TRUE(run(stream->write(as_bytes("12345"))));
  EXPECT_EQ(run(stream->write(as_bytes("123456"))).error().code, ErrorCode::invalid_argument);
  EXPECT_EQ(run(stream->finish()).error().code, ErrorCode::invalid_argument);
}

TEST(ClientFlow, AReaderThatPausesIsNotFlooded) {
  constexpr std::size_t all = std::size_t{64} << 20;
  std::size_t taken_at_first = 0;
  PeerServer server([&](Peer& peer) {
    peer.read_head();
    peer.send("HTTP/1.1 200 OK\r\nX-Kind: test\r\nContent-Length: " + std::to_string(all) + "\r\n\r\n");
    taken_at_first = peer.send_while_taken(all, 300ms);
    peer.send(std::string(all - taken_at_first, 'x'));
  });
  http::Client client({});
  auto stream = download(client, server.url());
  const auto head = run(stream->head());
  ASSERT_TRUE(head) << head.error().message;
  EXPECT_EQ(head->header("x-kind"), "test");
  std::this_thread::sleep_for(1500ms);  // longer than a server may stall
  std::size_t received = 0;
  Bytes window(100'000);
  for (;;) {
    const auto count = run(stream->read(window));
    ASSERT_TRUE(count) << count.error().message;
    if (*count == 0) break;
    received += *count;
  }
  server.join();
  EXPECT_EQ(received, all);
  EXPECT_LT(taken_at_first, std::size_t{32} << 20);  // the rest had to wait
}

TEST(ClientFlow, ABodyThatBreaksOffHasNoEnd) {
  PeerServer server([&](Peer& peer) {
    peer.read_head();
    peer.send("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf");
  });
  http::Client client({});
  auto stream = download(client, server.url());
  Bytes window(100);
  const auto half = run(stream->read(window));
  ASSERT_TRUE(half);
  EXPECT_EQ(*half, 4U);
  EXPECT_EQ(run(stream->read(window)).error().code, ErrorCode::connection_lost);
}

TEST(ClientFlow, AnErrorIsNoBody) {
  PeerServer server([&](Peer& peer) {
    peer.read_head();
    peer.send("HTTP/1.1 404 Not Found\r\nContent-Length: 4\r\n\r\ngone");
  });
  http::Client client({});
  auto stream = download(client, server.url());
  const auto head = run(stream->head());
  ASSERT_TRUE(head);
  EXPECT_EQ(head->status, 404);
  EXPECT_EQ(head->body, "gone");
  Bytes window(100);
  EXPECT_EQ(run(stream->read(window)).error().code, ErrorCode::conflict);
}

// A byte now and then is no stall, but no transfer either.
TEST(ClientFlow, ATransferThatDripsEnds) {
  PeerServer server([&](Peer& peer) {
    peer.read_head();
    peer.send("HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n");
    for (int i = 0; i < 1000 && peer.send("x"); ++i) std::this_thread::sleep_for(50ms);
  });
  http::Client client({});
  http::ClientRequest request;
  request.url = server.url();
  request.timeout = 0ms;
  request.stalled_after = 30s;
  request.least_rate = 1000;
  request.rate_after = 200ms;
  const auto begin = std::chrono::steady_clock::now();
  EXPECT_EQ(run(client.send(std::move(request))).error().code, ErrorCode::timeout);
  EXPECT_LT(std::chrono::steady_clock::now() - begin, 10s);
}

// A loop that runs, and what a coroutine on it answered.
class RunningLoop {
 public:
  ~RunningLoop() {
    work_.reset();
    thread_.join();
  }
  template <class T>
  std::future<T> start(Task<T> task) {
    return asio::co_spawn(context_, std::move(task), asio::use_future);
  }

 private:
  asio::io_context context_;
  asio::executor_work_guard<asio::io_context::executor_type> work_{context_.get_executor()};
  std::thread thread_{[this] { context_.run(); }};
};

Task<ErrorCode> code_of(Task<Result<http::ClientResponse>> task) {
  auto answer = co_await std::move(task);
  co_return answer ? ErrorCode::internal : answer.error().code;
}
Task<ErrorCode> read_all(http::ClientStream& stream) {
  Bytes window(100);
  for (;;) {
    auto count = co_await stream.read(window);
    if (!count) co_return count.error().code;
  }
}
Task<ErrorCode> write_all(http::ClientStream& stream) {
  const Bytes data(100'000);
  for (;;) {
    auto written = co_await stream.write(data);
    if (!written) co_return written.error().code;
  }
}

TEST(ClientStop, EndsWhatRunsWhileTheLoopsLive) {
  const auto silent = [](Peer& peer) {
    peer.read_head();
    peer.send("HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\npart");
    peer.read_until("never");  // until the client closes
  };
  const auto deaf = [](Peer& peer) {
    peer.read_head();
    std::this_thread::sleep_for(500ms);
  };
  PeerServer first(silent), second(silent), third(deaf);
  RunningLoop loop;
  http::Client client({.timeout = 0ms});
  http::ClientRequest request;
  request.url = first.url();
  request.retried = true;
  auto whole = loop.start(code_of(client.send(std::move(request))));
  auto stream = download(client, second.url());
  auto reader = loop.start(read_all(*stream));
  auto upstream = upload(client, third.url());
  auto writer = loop.start(write_all(*upstream));
  EXPECT_EQ(whole.wait_for(200ms), std::future_status::timeout);
  const auto begin = std::chrono::steady_clock::now();
  client.stop(100ms);
  EXPECT_EQ(whole.get(), ErrorCode::aborted);
  EXPECT_EQ(reader.get(), ErrorCode::aborted);
  EXPECT_EQ(writer.get(), ErrorCode::aborted);
  EXPECT_LT(std::chrono::steady_clock::now() - begin, 2s);
  http::ClientRequest late;
  late.url = first.url();
  EXPECT_EQ(loop.start(code_of(client.send(std::move(late)))).get(), ErrorCode::aborted);
}

TEST(ClientStop, GivesTimeToEndInGoodOrder) {
  PeerServer server([](Peer& peer) {
    peer.read_head();
    std::this_thread::sleep_for(200ms);
    peer.send(stored);
  });
  RunningLoop loop;
  http::Client client({.timeout = 0ms});
  http::ClientRequest request;
  request.url = server.url();
  auto answer = loop.start(client.send(std::move(request)));
  std::this_thread::sleep_for(20ms);
  const auto begin = std::chrono::steady_clock::now();
  client.stop(10s);
  EXPECT_LT(std::chrono::steady_clock::now() - begin, 5s);
  const auto came = answer.get();
  ASSERT_TRUE(came) << came.error().message;
  EXPECT_EQ(came->status, 201);
}

// What a coroutine holds while it waits for a transfer.
struct Held {
  explicit Held(std::atomic<int>& counted) : count(counted) { ++count; }
  ~Held() { --count; }
  Held(const Held&) = delete;
  Held& operator=(const Held&) = delete;
  std::atomic<int>& count;
};

Task<void> hold_and_send(http::Client& client, std::string url, std::atomic<int>& count) {
  const Held held(count);
  http::ClientRequest request;
  request.url = url;
  auto answer = co_await client.send(std::move(request));
  (void)answer;
}
Task<void> hold_and_read(http::Client& client, std::string url, std::atomic<int>& count) {
  const Held held(count);
  const auto stream = download(client, url);
  auto code = co_await read_all(*stream);
  (void)code;
}

// Who waits and the transfer hold each other: both must go.
TEST(ClientStop, DestructionWhileTransfersRunLeavesNothing) {
  const auto silent = [](Peer& peer) { peer.read_until("never"); };
  PeerServer first(silent), second(silent);
  std::atomic<int> held = 0;
  asio::io_context context;
  {
    http::Client client({.timeout = 0ms});
    auto one = asio::co_spawn(context, hold_and_send(client, first.url(), held), asio::use_future);
    auto other = asio::co_spawn(context, hold_and_read(client, second.url(), held), asio::use_future);
    context.run_for(100ms);
    EXPECT_EQ(held, 2);
  }
  context.restart();
  context.poll();  // Asio destroys coroutines on their executor
  EXPECT_EQ(held, 0);
}

}  // namespace
}  // namespace ferry::test
