// Who is let in, and for whom a proxy speaks.
#include "tests/unit/http/server_fixture.h"

namespace ferry::test {
namespace {

using http::ClientAddressRules;

// Lets in `places` at a time; refuses 192.0.2.0/24, and limits requests of 198.51.100.0/24.
class TestKeeper final : public net::Gatekeeper {
 public:
  explicit TestKeeper(long places) : places_(places) {}

  Task<std::expected<net::Ticket, net::Refusal>> admit(net::Visitor visitor) override {
    EXPECT_EQ(visitor.protocol, Protocol::http);
    ++admitted;
    if (NetworkSet::of(std::vector<std::string>{"192.0.2.0/24"}).contains(visitor.ip)) {
      co_return std::unexpected(net::Refusal{"not you"});
    }
    if (ticket.use_count() > places_) co_return std::unexpected(net::Refusal{"full"});
    co_return ticket;
  }
  Task<std::expected<void, net::Refusal>> admit_request(net::Visitor visitor) override {
    ++requests;
    if (NetworkSet::of(std::vector<std::string>{"198.51.100.0/24"}).contains(visitor.ip)) {
      co_return std::unexpected(net::Refusal{"too many", std::chrono::milliseconds(1200)});
    }
    co_return std::expected<void, net::Refusal>();
  }

  std::shared_ptr<int> ticket = std::make_shared<int>(0);
  std::atomic<int> admitted{0}, requests{0};

 private:
  const long places_;
};

Task<http::Response> say_who(http::Request& request) {
  co_return http::Response::text(200, "you are " + request.remote_ip + ".");
}

http::Router who_router() {
  http::Router router = test_router();
  router.add({.method = "GET", .pattern = "/who", .handler = say_who});
  return router;
}

std::string ask(std::uint16_t port, const std::string& fields) {
  RawClient client(port);
  client.send("GET /who HTTP/1.1\r\nHost: x\r\nConnection: close\r\n" + fields + "\r\n");
  return client.read_all();
}

TEST(HttpDoor, ConnectionsTakeAPlaceAndGiveItBack) {
  const auto keeper = std::make_shared<TestKeeper>(1);
  RunningServer server(test_router(), {}, http::Binding{.gatekeeper = keeper});
  for (int i = 0; i < 3; ++i) {
    RawClient client(server.port());
    client.send("GET /hello/you HTTP/1.1\r\nHost: x\r\n\r\n");
    EXPECT_NE(client.read_until("hello you").find("hello you"), std::string::npos);
    RawClient second(server.port());
    EXPECT_EQ(second.read_all(), "");
    client.close();
    for (int wait = 0; wait < 2000 && keeper->ticket.use_count() > 1; ++wait) {
      std::this_thread::sleep_for(std::chrono::milliseconds(5));
    }
  }
  EXPECT_EQ(keeper->admitted, 6);
  EXPECT_EQ(keeper->requests, 3);
}

TEST(HttpDoor, AProxySpeaksForItsClients) {
  const auto keeper = std::make_shared<TestKeeper>(1);
  http::Binding binding{.gatekeeper = keeper};
  binding.client_address = {.field = "X-Forwarded-For",
                            .proxies = NetworkSet::of(std::vector<std::string>{"127.0.0.1"})};
  RunningServer server(who_router(), {}, binding);
  EXPECT_NE(ask(server.port(), "x-forwarded-for: 203.0.113.9\r\n").find("you are 203.0.113.9."), std::string::npos);
  EXPECT_NE(ask(server.port(), "X-Forwarded-For: 192.0.2.1, 203.0.113.9\r\n").find("you are 203.0.113.9."),
            std::string::npos);
  EXPECT_EQ(keeper->ticket.use_count(), 1) << "a request's place is given back with it";
  EXPECT_TRUE(ask(server.port(), "X-Forwarded-For: 192.0.2.1\r\n").starts_with("HTTP/1.1 403 "));
  const std::string limited = ask(server.port(), "X-Forwarded-For: 198.51.100.7\r\n");
  EXPECT_TRUE(limited.starts_with("HTTP/1.1 429 "));
  EXPECT_NE(limited.find("Retry-After: 2\r\n"), std::string::npos);
  // Without the field, or with one that makes no sense, the proxy speaks for itself.
  EXPECT_NE(ask(server.port(), "").find("you are 127.0.0.1."), std::string::npos);
  EXPECT_NE(ask(server.port(), "X-Forwarded-For: somebody\r\n").find("you are 127.0.0.1."), std::string::npos);
}

TEST(HttpDoor, NobodyElseSpeaksForOthers) {
  http::Binding binding{.gatekeeper = std::make_shared<TestKeeper>(9)};
  binding.client_address = {.field = "X-Forwarded-For",
                            .proxies = NetworkSet::of(std::vector<std::string>{"10.0.0.0/8"})};
  RunningServer server(who_router(), {}, binding);
  EXPECT_NE(ask(server.port(), "X-Forwarded-For: 203.0.113.9\r\n").find("you are 127.0.0.1."), std::string::npos);
  RunningServer plain(who_router(), {}, http::Binding{});
  EXPECT_NE(ask(plain.port(), "X-Forwarded-For: 203.0.113.9\r\n").find("you are 127.0.0.1."), std::string::npos);
}

TEST(HttpDoor, WhichAddressOfAListCounts) {
  const auto address = [](int depth, std::vector<std::string> values) -> std::string {
    http::Headers headers;
    headers.add("Other", "10.9.9.9");
    for (std::string& value : values) headers.add("X-Forwarded-For", std::move(value));
    const auto found = http::client_address(headers, {.field = "x-forwarded-for", .depth = depth});
    return found ? found->to_string() : "";
  };
  const std::string list = "10.0.0.1,11.0.0.1, 12.0.0.1 ,13.0.0.1";
  EXPECT_EQ(address(0, {list}), "13.0.0.1");
  EXPECT_EQ(address(1, {list}), "12.0.0.1");
  EXPECT_EQ(address(3, {list}), "10.0.0.1");
  EXPECT_EQ(address(4, {list}), "");
  EXPECT_EQ(address(-1, {list}), "10.0.0.1");
  // What a client sends itself comes before what the proxy adds, also in a field of its own.
  EXPECT_EQ(address(0, {"1.1.1.1", "2.2.2.2"}), "2.2.2.2");
  EXPECT_EQ(address(0, {"2001:db8::1"}), "2001:db8::1");
  EXPECT_EQ(address(0, {"1.1.1.1,"}), "");
  EXPECT_EQ(address(0, {""}), "");
  EXPECT_EQ(address(0, {}), "");
}

}  // namespace
}  // namespace ferry::test
