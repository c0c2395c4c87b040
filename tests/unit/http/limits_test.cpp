// Time, numbers and the end: slow clients, too many of them, drain and close.
#include "tests/unit/http/server_fixture.h"

namespace ferry::test {
namespace {

using std::chrono::seconds;
using std::chrono::steady_clock;

http::ServerOptions impatient() {
  http::ServerOptions options;
  options.header_timeout = options.body_timeout = options.idle_timeout = seconds(1);
  return options;
}

bool wait_until_empty(http::Server& server) {
  const auto end = steady_clock::now() + seconds(5);
  while (server.connections() > 0 && steady_clock::now() < end)
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  return server.connections() == 0;
}

// Sends `text` a byte every 100 ms; answers how long the server let it.
steady_clock::duration drip(RawClient& client, std::string_view text) {
  const auto start = steady_clock::now();
  for (const char c : text) {
    if (!client.send({&c, 1})) break;
    std::this_thread::sleep_for(std::chrono::milliseconds(100));
  }
  return steady_clock::now() - start;
}

TEST(HttpLimits, a_header_that_drips_is_cut) {
  RunningServer server(test_router(), impatient());
  RawClient client(server.port());
  EXPECT_LT(drip(client, "GET /hello/you HTTP/1.1\r\nHost: x\r\nX-Slow: aaaaaaaaaaaaaaaaaaaaaaaaaa"), seconds(3));
  EXPECT_TRUE(wait_until_empty(server.server()));
}

TEST(HttpLimits, a_body_that_drips_is_cut) {
  RunningServer server(test_router(), impatient());
  RawClient client(server.port());
  client.send("POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 500\r\n\r\n");
  EXPECT_LT(drip(client, std::string(60, 'a')), seconds(3));
  EXPECT_TRUE(wait_until_empty(server.server()));
}

TEST(HttpLimits, idle_connections_end) {
  RunningServer server(test_router(), impatient());
  RawClient silent(server.port());
  RawClient kept(server.port());
  kept.send("GET /hello/you HTTP/1.1\r\nHost: x\r\n\r\n");
  EXPECT_NE(kept.read_all(seconds(5)).find("hello you"), std::string::npos);
  EXPECT_TRUE(kept.closed_by_server());
  EXPECT_EQ(silent.read_all(seconds(5)), "");
  EXPECT_TRUE(silent.closed_by_server());
}

TEST(HttpLimits, connections_above_the_limit_are_closed) {
  http::ServerOptions options;
  options.max_connections = 3;
  RunningServer server(test_router(), options);
  std::vector<std::unique_ptr<RawClient>> clients;
  for (int i = 0; i < 3; ++i) {
    clients.push_back(std::make_unique<RawClient>(server.port()));
    clients.back()->send("GET /hello/you HTTP/1.1\r\nHost: x\r\n\r\n");
    clients.back()->read_until("hello you");
  }
  RawClient extra(server.port());
  EXPECT_EQ(extra.read_all(), "");
  EXPECT_TRUE(extra.closed_by_server());
  clients.clear();
  ASSERT_TRUE(wait_until_empty(server.server()));
  RawClient later(server.port());
  later.send("GET /hello/later HTTP/1.1\r\nHost: x\r\n\r\n");
  EXPECT_NE(later.read_until("hello later").find("hello later"), std::string::npos);
}

TEST(HttpLimits, bodies_share_a_bounded_memory) {
  http::ServerOptions options;
  options.max_body_memory = 1500;
  RunningServer server(test_router(), options);
  RawClient first(server.port());
  first.send("POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\nExpect: 100-continue\r\n\r\n");
  first.read_until("100 Continue\r\n\r\n");  // its memory is taken now
  RawClient second(server.port());
  second.send("POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\n");
  EXPECT_TRUE(second.read_all().starts_with("HTTP/1.1 503 "));
  first.send(std::string(1000, 'a'));
  EXPECT_NE(first.read_until("aaaa").find("200 OK"), std::string::npos);
  RawClient third(server.port());
  third.send("POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\nConnection: close\r\n\r\n" +
             std::string(1000, 'b'));
  EXPECT_TRUE(third.read_all().starts_with("HTTP/1.1 200 "));
}

TEST(HttpLimits, drain_finishes_what_runs_and_ends_the_rest) {
  RunningServer server(test_router(), {});
  RawClient idle(server.port());
  idle.send("GET /hello/you HTTP/1.1\r\nHost: x\r\n\r\n");
  idle.read_until("hello you");
  RawClient busy(server.port());
  busy.send("GET /slow HTTP/1.1\r\nHost: x\r\n\r\nGET /hello/never HTTP/1.1\r\nHost: x\r\n\r\n");
  std::this_thread::sleep_for(std::chrono::milliseconds(100));
  server.server().drain();
  EXPECT_EQ(idle.read_all(), "");
  const std::string answer = busy.read_all();
  EXPECT_NE(answer.find("at last"), std::string::npos) << answer;
  EXPECT_NE(answer.find("Connection: close"), std::string::npos);
  EXPECT_EQ(answer.find("never"), std::string::npos);
  busy.close();
  EXPECT_TRUE(wait_until_empty(server.server()));
  EXPECT_THROW(RawClient late(server.port()), std::runtime_error);
}

TEST(HttpLimits, close_ends_everything) {
  RunningServer server(test_router(), {});
  RawClient reading(server.port());
  reading.send("POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 500\r\n\r\nabc");
  std::this_thread::sleep_for(std::chrono::milliseconds(50));
  server.server().close();
  EXPECT_EQ(reading.read_all(), "");
  EXPECT_TRUE(wait_until_empty(server.server()));
}

TEST(HttpLimits, bad_addresses_and_ports_in_use) {
  RunningServer server(test_router(), {});
  const auto bad = server.server().listen({.address = "localhost:80", .port = 0});
  ASSERT_FALSE(bad);
  EXPECT_EQ(bad.error().code, ErrorCode::invalid_argument);
  const auto taken = server.server().listen({.address = "127.0.0.1", .port = server.port()});
  EXPECT_FALSE(taken);
}

TEST(HttpLimits, many_clients_at_once) {
  RunningServer server(test_router(), {});
  std::atomic<int> good{0};
  std::vector<std::thread> threads;
  for (int t = 0; t < 8; ++t) {
    threads.emplace_back([&, t] {
      for (int i = 0; i < 40; ++i) {
        RawClient client(server.port());
        const std::string name = std::to_string(t) + "-" + std::to_string(i);
        client.send("GET /hello/" + name + " HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
        if (client.read_all().ends_with("hello " + name)) ++good;
      }
    });
  }
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(good, 320);
}

}  // namespace
}  // namespace ferry::test
