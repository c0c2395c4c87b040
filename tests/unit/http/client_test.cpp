#include "http/client.h"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/use_future.hpp>

#include "tests/support/lasting_context.h"
#include "tests/unit/http/certificate_files.h"
#include "tests/unit/http/server_fixture.h"

namespace ferry::test {
namespace {

using http::ClientRequest;

Task<http::Response> show_headers(http::Request& request) {
  co_return http::Response::text(
      200, std::string(request.headers.get("x-token")) + " " + std::string(request.headers.get("content-type")));
}
Task<http::Response> move_on(http::Request&) {
  http::Response response = http::Response::text(302, "elsewhere");
  response.headers.add("Location", "/hello/world");
  co_return response;
}
http::Router router() {
  http::Router router = test_router();
  router.add({.method = "POST", .pattern = "/headers", .body_limit = 1000, .handler = show_headers});
  router.add({.method = "GET", .pattern = "/moved", .handler = move_on});
  return router;
}

class ClientTest : public testing::Test {
 protected:
  std::string url(const std::string& path) const { return "http://127.0.0.1:" + std::to_string(server_.port()) + path; }

  static Result<http::ClientResponse> send(http::Client& client, ClientRequest request) {
    asio::io_context& context = lasting_context();
    auto answer = asio::co_spawn(context, client.send(std::move(request)), asio::use_future);
    context.run();
    return answer.get();
  }
  Result<http::ClientResponse> send(ClientRequest request, http::ClientOptions options = {}) {
    http::Client client(std::move(options));
    return send(client, std::move(request));
  }

  RunningServer server_{router(), {}};
};

TEST_F(ClientTest, GetAndPost) {
  http::Client client({});
  for (int i = 0; i < 3; ++i) {
    const auto got = send(client, {.url = url("/hello/maria")});
    ASSERT_TRUE(got) << got.error().message;
    EXPECT_EQ(got->status, 200);
    EXPECT_EQ(got->body, "hello maria");
    const auto posted = send(client, {.method = "POST", .url = url("/echo"), .body = "a body"});
    ASSERT_TRUE(posted) << posted.error().message;
    EXPECT_EQ(posted->body, "got:a body");
  }
  const auto missing = send(client, {.url = url("/nothing")});
  ASSERT_TRUE(missing);
  EXPECT_EQ(missing->status, 404);
}

TEST_F(ClientTest, HeadersForTheirUrls) {
  const auto token = [&](const std::string& prefix) {
    http::ClientOptions options;
    options.headers = {{"X-Token", "abc", prefix}};
    return send({.method = "POST", .url = url("/headers")}, options).value().body;
  };
  EXPECT_EQ(token(""), "abc application/json");
  EXPECT_EQ(token(url("/head")), "abc application/json");
  EXPECT_EQ(token("https://elsewhere/"), " application/json");
}

TEST_F(ClientTest, LongAnswersAreCutOff) {
  const std::string body(500, 'x');
  const auto exact = send({.method = "POST", .url = url("/echo"), .body = body, .max_response = 504});
  ASSERT_TRUE(exact) << exact.error().message;
  const auto cut =
      send({.method = "POST", .url = url("/echo"), .body = body, .max_response = 503, .cut_response = true});
  ASSERT_TRUE(cut);
  EXPECT_EQ(cut->body, exact->body.substr(0, 503));
  const auto longer = send({.method = "POST", .url = url("/echo"), .body = body, .max_response = 503});
  ASSERT_FALSE(longer);
  EXPECT_EQ(longer.error().code, ErrorCode::connection_lost);
}

TEST_F(ClientTest, RedirectsAreNotFollowed) {
  const auto answer = send({.url = url("/moved")});
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->status, 302);
}

TEST_F(ClientTest, OtherUrls) {
  for (const char* other : {"file:///etc/passwd", "ftp://127.0.0.1/", "gopher://127.0.0.1/", "", "no url", "http://"}) {
    EXPECT_FALSE(send({.url = other})) << other;
  }
  EXPECT_EQ(send({.url = "file:///etc/passwd"}).error().code, ErrorCode::invalid_argument);
  asio::io_context context;
  asio::ip::tcp::acceptor closed(context, {asio::ip::address_v4::loopback(), 0});
  const std::string nobody = "http://127.0.0.1:" + std::to_string(closed.local_endpoint().port());
  closed.close();
  EXPECT_EQ(send({.url = nobody}).error().code, ErrorCode::connection_lost);
}

// A server that takes the request and never answers.
class Silence {
 public:
  std::string url() const { return "http://127.0.0.1:" + std::to_string(acceptor_.local_endpoint().port()) + "/"; }

 private:
  asio::io_context context_;
  asio::ip::tcp::acceptor acceptor_{context_, {asio::ip::address_v4::loopback(), 0}};
};

TEST_F(ClientTest, SilenceEndsWithTheTimeLimit) {
  const Silence silence;
  http::ClientOptions options;
  options.timeout = std::chrono::milliseconds(100);
  const auto answer = send({.url = silence.url()}, options);
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().code, ErrorCode::timeout);
}

TEST_F(ClientTest, SilenceHoldsNobodyUpAndThereIsALimit) {
  const Silence silence;
  http::ClientOptions options;
  options.timeout = std::chrono::milliseconds(5000);
  options.most_transfers = 20;
  asio::io_context context;  // outlives the client, as the client demands
  http::Client client(options);
  std::vector<std::future<Result<http::ClientResponse>>> hanging;
  for (int i = 0; i < 19; ++i) {
    hanging.push_back(asio::co_spawn(context, client.send({.url = silence.url()}), asio::use_future));
  }
  auto quick = asio::co_spawn(context, client.send({.url = url("/hello/you")}), asio::use_future);
  auto refused = asio::co_spawn(context, client.send({.url = url("/hello/you")}), asio::use_future);
  while (quick.wait_for(std::chrono::seconds(0)) != std::future_status::ready) context.run_one();
  EXPECT_TRUE(quick.get());
  for (auto& each : hanging) EXPECT_NE(each.wait_for(std::chrono::seconds(0)), std::future_status::ready);
  EXPECT_EQ(refused.get().error().code, ErrorCode::limit_exceeded);
}  // and the client ends although nobody has answered

TEST_F(ClientTest, CertificatesAreChecked) {
  const TemporaryDirectory directory;
  write_certificate(directory.file("cert"), directory.file("key"), "127.0.0.1");
  http::TlsOptions tls;
  tls.certificate_file = directory.file("cert");
  tls.key_file = directory.file("key");
  RunningServer server(router(), {}, http::TlsContext::create(tls).value());
  const std::string secure = "https://127.0.0.1:" + std::to_string(server.port()) + "/hello/you";
  EXPECT_EQ(send({.url = secure}).error().code, ErrorCode::connection_lost);
  http::ClientOptions trusting;
  std::ifstream in(directory.file("cert"));
  trusting.ca_certificates = std::string(std::istreambuf_iterator<char>(in), {});
  const auto answer = send({.url = secure}, trusting);
  ASSERT_TRUE(answer) << answer.error().message;
  EXPECT_EQ(answer->body, "hello you");
  http::ClientOptions careless;
  careless.skip_tls_verify = true;
  EXPECT_TRUE(send({.url = secure}, careless));
}

TEST_F(ClientTest, ACertificateOfOursForServersThatAsk) {
  const TemporaryDirectory directory;
  const auto read = [&](const char* name) {
    std::ifstream in(directory.file(name));
    return std::string(std::istreambuf_iterator<char>(in), {});
  };
  write_certificate(directory.file("cert"), directory.file("key"), "127.0.0.1");
  write_certificate(directory.file("ours"), directory.file("our-key"), "ferry");
  write_certificate(directory.file("other"), directory.file("other-key"), "other");
  http::TlsOptions tls;
  tls.certificate_file = directory.file("cert");
  tls.key_file = directory.file("key");
  tls.ca_certificates = {directory.file("ours")};
  tls.require_client_certificate = true;
  RunningServer server(router(), {}, http::TlsContext::create(tls).value());
  const std::string secure = "https://127.0.0.1:" + std::to_string(server.port()) + "/hello/you";
  http::ClientOptions options;
  options.ca_certificates = read("cert");
  const http::ClientOptions::Certificate ours{read("ours"), read("our-key")}, other{read("other"), read("other-key")};
  EXPECT_FALSE(send({.url = secure}, options));
  options.certificates = {other};
  EXPECT_FALSE(send({.url = secure}, options));
  options.certificates = {other, ours};
  const auto answer = send({.url = secure}, options);
  ASSERT_TRUE(answer) << answer.error().message;
  EXPECT_EQ(answer->body, "hello you");
  EXPECT_TRUE(http::Client::check(options));
  options.certificates = {{read("ours"), read("other-key")}};
  EXPECT_EQ(http::Client::check(options).error().code, ErrorCode::invalid_argument);
  options.certificates = {{"", ""}};
  EXPECT_FALSE(http::Client::check(options));
}

}  // namespace
}  // namespace ferry::test
