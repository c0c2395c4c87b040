// The HTTP client against a server that sends exactly what a test says: bodies in pieces, bodies into spans, answers
// that break off, kept connections that were closed.
#include <sys/un.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/thread_pool.hpp>
#include <boost/asio/use_future.hpp>
#include <thread>

#include "http/client.h"
#include "tests/support/lasting_context.h"
#include "tests/support/temp_directory.h"
#include "tests/unit/http/raw_client.h"

namespace ferry::test {
namespace {

using namespace std::chrono_literals;

// Answers each connection by the next of the scripts: reads a request (its header and Content-Length bytes), sends the
// text, closes unless the script says `keep`. Remembers what it read.
class ScriptedServer {
 public:
  struct Answer {
    std::string text;
    bool keep = false;  // read another request on this connection
    bool silent = false;
  };
  explicit ScriptedServer(std::vector<Answer> answers, std::string unix_path = {})
      : answers_(std::move(answers)), listener_(listen(unix_path)), thread_([this] { serve(); }) {}
  ~ScriptedServer() {
    ::shutdown(listener_, SHUT_RDWR);
    thread_.join();
    ::close(listener_);
  }
  std::string url(const std::string& path = "/") const { return "http://127.0.0.1:" + std::to_string(port_) + path; }
  // After the client has its answers.
  const std::vector<std::string>& requests() const { return requests_; }

 private:
  int listen(const std::string& unix_path) {
    if (!unix_path.empty()) {
      sockaddr_un address{.sun_family = AF_UNIX, .sun_path = {}};
      unix_path.copy(address.sun_path, sizeof address.sun_path - 1);
      const int socket = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
      EXPECT_EQ(::bind(socket, reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
      EXPECT_EQ(::listen(socket, 10), 0);
      return socket;
    }
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

  // One whole request; "" at the end of the connection.
  static std::string read_request(int socket) {
    std::string text;
    char buffer[65536];
    for (;;) {
      const std::size_t end = text.find("\r\n\r\n");
      if (end != std::string::npos) {
        const std::size_t at = text.find("Content-Length: ");
        const std::size_t size = at < end ? std::stoul(text.substr(at + 16, 20)) : 0;
        if (text.size() >= end + 4 + size) return text;
      }
      const ssize_t count = ::recv(socket, buffer, sizeof buffer, 0);
      if (count <= 0) return {};
      text.append(buffer, static_cast<std::size_t>(count));
    }
  }

  void serve() {
    std::size_t next = 0;
    while (next < answers_.size()) {
      const int socket = ::accept(listener_, nullptr, nullptr);
      if (socket < 0) return;
      bool more = true;
      while (more && next < answers_.size()) {
        std::string request = read_request(socket);
        if (request.empty()) break;
        requests_.push_back(std::move(request));
        const Answer& answer = answers_[next++];
        (void)::send(socket, answer.text.data(), answer.text.size(), MSG_NOSIGNAL);
        char byte;
        if (answer.silent) (void)::recv(socket, &byte, 1, 0);  // until the client leaves
        more = answer.keep;
      }
      ::close(socket);
    }
  }

  std::vector<Answer> answers_;
  std::vector<std::string> requests_;
  std::uint16_t port_ = 0;
  int listener_;
  std::thread thread_;
};

Result<http::ClientResponse> ask(http::Client& client, http::ClientRequest request) {
  asio::io_context& context = lasting_context();
  auto answer = asio::co_spawn(context, client.send(std::move(request)), asio::use_future);
  context.run();
  return answer.get();
}

std::string body_of(const std::string& request) { return request.substr(request.find("\r\n\r\n") + 4); }

TEST(ClientStreams, SendsPiecesFromWhereTheyLie) {
  ScriptedServer server({{"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nETag: \"a b\"\r\nX-Twice: 1\r\nX-Twice: 2\r\n\r\n"},
                         {"HTTP/1.1 201 Created\r\nContent-Length: 0\r\n\r\n"}});
  http::Client client({});
  std::string large(64 << 20, 'x');
  for (std::size_t i = 0; i < large.size(); i += 1000) large[i] = static_cast<char>('a' + i / 1000 % 26);
  const ByteSpan bytes = as_bytes(large);
  const auto answer = ask(client, {.method = "PUT",
                                   .url = server.url("/a/../b//c"),
                                   .content_type = "",
                                   .headers = {{"x-amz-date", "now"}, {"x-empty", ""}},
                                   .pieces = {bytes.first(10), bytes.subspan(10, 0), bytes.subspan(10)}});
  ASSERT_TRUE(answer) << answer.error().message;
  EXPECT_EQ(answer->status, 200);
  EXPECT_EQ(answer->header("etag"), "\"a b\"");
  EXPECT_EQ(answer->header("x-twice"), "1");
  EXPECT_EQ(answer->header("x-none"), "");
  const auto empty = ask(client, {.method = "PUT", .url = server.url(), .content_type = "text/plain"});
  ASSERT_TRUE(empty) << empty.error().message;
  ASSERT_EQ(server.requests().size(), 2U);
  EXPECT_TRUE(body_of(server.requests()[0]) == large);
  EXPECT_TRUE(server.requests()[0].starts_with("PUT /a/../b//c HTTP/1.1\r\n"));
  EXPECT_NE(server.requests()[0].find("\r\nx-amz-date: now\r\n"), std::string::npos);
  EXPECT_NE(server.requests()[0].find("\r\nx-empty:\r\n"), std::string::npos);
  EXPECT_EQ(server.requests()[0].find("Content-Type"), std::string::npos);
  EXPECT_EQ(server.requests()[0].find("Expect"), std::string::npos);
  EXPECT_NE(server.requests()[1].find("\r\nContent-Length: 0\r\n"), std::string::npos);
  EXPECT_NE(server.requests()[1].find("\r\nContent-Type: text/plain\r\n"), std::string::npos);
}

TEST(ClientStreams, ReadsIntoASpan) {
  ScriptedServer server({{"HTTP/1.1 206 Partial\r\nContent-Length: 5\r\n\r\nhello"},
                         {"HTTP/1.1 404 No\r\nContent-Length: 4\r\n\r\ngone"},
                         {"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\ntoo large"},
                         {"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n"}});
  http::Client client({});
  std::string window(5, '-');
  const MutableByteSpan into = std::as_writable_bytes(std::span(window.data(), window.size()));
  std::uint64_t received = 99;
  const auto whole = ask(client, {.url = server.url(), .into = into, .received = &received});
  ASSERT_TRUE(whole) << whole.error().message;
  EXPECT_EQ(window, "hello");
  EXPECT_EQ(whole->received, 5U);
  EXPECT_EQ(received, 5U);
  EXPECT_EQ(whole->body, "");
  const auto missing = ask(client, {.url = server.url(), .into = into, .received = &received});
  ASSERT_TRUE(missing);
  EXPECT_EQ(missing->body, "gone");  // the text of an error is not data
  EXPECT_EQ(received, 0U);
  EXPECT_EQ(ask(client, {.url = server.url(), .into = into}).error().code, ErrorCode::connection_lost);
  const auto head = ask(client, {.method = "HEAD", .url = server.url()});
  ASSERT_TRUE(head) << head.error().message;
  EXPECT_EQ(head->header("content-length"), "100");
}

TEST(ClientStreams, AnAnswerThatBreaksOffIsNone) {
  ScriptedServer server({{"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf"},
                         {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n"},
                         {"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf"},
                         {"HTTP/1.1 200 OK\r\nX-Long: " + std::string(70'000, 'x') + "\r\nContent-Length: 0\r\n\r\n"}});
  http::Client client({});
  std::string window(10, '-');
  std::uint64_t received = 0;
  const auto part = ask(client, {.url = server.url(),
                                 .into = std::as_writable_bytes(std::span(window.data(), window.size())),
                                 .received = &received});
  ASSERT_FALSE(part);
  EXPECT_EQ(part.error().code, ErrorCode::connection_lost);
  EXPECT_EQ(received, 4U);
  EXPECT_EQ(window.substr(0, 4), "half");
  for (int i = 0; i < 3; ++i) EXPECT_EQ(ask(client, {.url = server.url()}).error().code, ErrorCode::connection_lost);
}

TEST(ClientStreams, AClosedConnectionIsReplaced) {
  // The server says nothing of closing the first connection, and closes it.
  ScriptedServer server(
      {{"HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n1"}, {"HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n2"}});
  http::Client client({});
  const std::string data = "some data";
  for (const char* expected : {"1", "2"}) {
    const auto answer = ask(client, {.method = "PUT", .url = server.url(), .pieces = {as_bytes(data)}});
    ASSERT_TRUE(answer) << answer.error().message;
    EXPECT_EQ(answer->body, expected);
  }
  EXPECT_EQ(body_of(server.requests().at(1)), data);
}

TEST(ClientStreams, StallsAndLimitsOfOneRequest) {
  ScriptedServer server({{"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf", false, true},
                         {"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf", false, true}});
  http::Client client({.timeout = 30s});
  EXPECT_EQ(ask(client, {.url = server.url(), .stalled_after = 1s}).error().code, ErrorCode::timeout);
  EXPECT_EQ(ask(client, {.url = server.url(), .timeout = 50ms}).error().code, ErrorCode::timeout);
}

TEST(ClientStreams, ReachesUnixSockets) {
  const TempDirectory directory;
  const std::string path = directory.path() + "/socket";
  ScriptedServer server({{"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nunix"}}, path);
  http::Client client({});
  const auto answer = ask(client, {.url = "http://storage/x", .unix_socket = path});
  ASSERT_TRUE(answer) << answer.error().message;
  EXPECT_EQ(answer->body, "unix");
  EXPECT_NE(server.requests().at(0).find("\r\nHost: storage\r\n"), std::string::npos);
}

TEST(ClientStreams, RefusesWhatWouldChangeTheRequest) {
  http::Client client({});
  const std::vector<http::ClientRequest> wrong = {
      {.method = "GET / HTTP/1.1\r\nX: y\r\n", .url = "http://127.0.0.1/"},
      {.method = "", .url = "http://127.0.0.1/"},
      {.url = "http://127.0.0.1/", .headers = {{"x", "y\r\nz: 1"}}},
      {.url = "http://127.0.0.1/", .headers = {{"x: 1\r\ny", "z"}}},
      {.url = "http://127.0.0.1/", .headers = {{"", "z"}}},
      {.method = "PUT", .url = "http://127.0.0.1/", .content_type = "a\nb"},
  };
  for (http::ClientRequest request : wrong) {
    std::uint64_t received = 99;
    request.received = &received;
    EXPECT_EQ(ask(client, request).error().code, ErrorCode::invalid_argument);
    EXPECT_EQ(received, 0U);
  }
}

TEST(ClientStreams, OneTooManyHasReceivedNothing) {
  http::Client client({.most_transfers = 0});
  std::uint64_t received = 99;
  EXPECT_EQ(ask(client, {.url = "http://127.0.0.1/", .received = &received}).error().code, ErrorCode::limit_exceeded);
  EXPECT_EQ(received, 0U);
}

// From a pool of threads, where a coroutine may be resumed while its thread still leaves it; over two engines.
TEST(ClientStreams, ManyAtOnceFromAPool) {
  std::vector<ScriptedServer::Answer> answers(200, {"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"});
  ScriptedServer server(std::move(answers));
  http::Client client({.timeout = 30s, .most_connections = 8, .engines = 2});
  asio::thread_pool pool(4);
  std::vector<std::future<Result<http::ClientResponse>>> all;
  for (int i = 0; i < 200; ++i) {
    all.push_back(asio::co_spawn(pool, client.send({.url = server.url()}), asio::use_future));
  }
  for (auto& each : all) {
    const auto answer = each.get();
    ASSERT_TRUE(answer) << answer.error().message;
    EXPECT_EQ(answer->body, "ok");
  }
  pool.join();
}

}  // namespace
}  // namespace ferry::test
