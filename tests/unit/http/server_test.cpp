// The server as clients meet it: good requests, and how it refuses the others.
#include "tests/unit/http/server_fixture.h"

namespace ferry::test {
namespace {

class HttpServer : public testing::Test {
 protected:
  // What the server answers to `bytes` when the client then only listens.
  std::string ask(std::string_view bytes) {
    RawClient client(server_.port());
    client.send(bytes);
    client.finish_sending();
    return client.read_all();
  }
  static std::string get(std::string_view target, std::string_view fields = "") {
    return "GET " + std::string(target) + " HTTP/1.1\r\nHost: x\r\n" + std::string(fields) + "\r\n";
  }

  RunningServer server_{test_router(), {}};
};

TEST_F(HttpServer, answers_and_keeps_the_connection) {
  RawClient client(server_.port());
  client.send(get("/hello/you"));
  const std::string first = client.read_until("hello you");
  EXPECT_TRUE(first.starts_with("HTTP/1.1 200 OK\r\n")) << first;
  EXPECT_NE(first.find("Content-Length: 9\r\n"), std::string::npos);
  EXPECT_EQ(first.find("Connection: close"), std::string::npos);
  client.send(get("/hello/again", "Connection: close\r\n"));
  const std::string second = client.read_all();
  EXPECT_NE(second.find("hello again"), std::string::npos);
  EXPECT_NE(second.find("Connection: close"), std::string::npos);
  EXPECT_TRUE(client.closed_by_server());
}

TEST_F(HttpServer, pipelined_requests_are_answered_in_order) {
  std::string requests;
  for (int i = 0; i < 50; ++i) {
    requests += i % 2 == 0 ? get("/hello/" + std::to_string(i))
                           : "POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\n" + std::to_string(100 + i);
  }
  const std::string answer = ask(requests);
  EXPECT_EQ(count_of(answer, "HTTP/1.1 200 OK"), 50U);
  std::size_t at = 0;
  for (int i = 0; i < 50; ++i) {
    at = answer.find(i % 2 == 0 ? "hello " + std::to_string(i) : "got:" + std::to_string(100 + i), at);
    ASSERT_NE(at, std::string::npos) << i;
  }
}

TEST_F(HttpServer, head_has_the_fields_of_get_without_its_body) {
  const std::string answer = ask("HEAD /hello/you HTTP/1.1\r\nHost: x\r\n\r\n");
  EXPECT_NE(answer.find("Content-Length: 9\r\n"), std::string::npos);
  EXPECT_TRUE(answer.ends_with("\r\n\r\n")) << answer;
}

TEST_F(HttpServer, unknown_paths_and_methods) {
  EXPECT_TRUE(ask(get("/nowhere")).starts_with("HTTP/1.1 404 "));
  EXPECT_TRUE(ask(get("/hello/")).starts_with("HTTP/1.1 404 "));
  EXPECT_TRUE(ask(get("/hello/a/b")).starts_with("HTTP/1.1 404 "));
  EXPECT_TRUE(ask(get("//hello/a")).starts_with("HTTP/1.1 404 "));
  EXPECT_TRUE(ask(get("/hello/../hello/a")).starts_with("HTTP/1.1 404 "));
  const std::string wrong = ask("DELETE /echo HTTP/1.1\r\nHost: x\r\n\r\n");
  EXPECT_TRUE(wrong.starts_with("HTTP/1.1 405 ")) << wrong;
  EXPECT_NE(wrong.find("Allow: POST, GET\r\n"), std::string::npos) << wrong;
  EXPECT_TRUE(ask("get /hello/a HTTP/1.1\r\nHost: x\r\n\r\n").starts_with("HTTP/1.1 405 "));
}

TEST_F(HttpServer, paths_are_decoded_once_and_after_splitting) {
  EXPECT_NE(ask(get("/hello/a%2Fb")).find("hello a/b"), std::string::npos);
  EXPECT_NE(ask(get("/hello/%252e%252e")).find("hello %2e%2e"), std::string::npos);
  EXPECT_NE(ask(get("/hello/%2e%2e")).find("hello .."), std::string::npos);
  EXPECT_NE(ask(get("/hello/a+b")).find("hello a+b"), std::string::npos);
  EXPECT_TRUE(ask(get("/hello/%00")).starts_with("HTTP/1.1 400 "));
  EXPECT_TRUE(ask(get("/hello/%4")).starts_with("HTTP/1.1 400 "));
  EXPECT_TRUE(ask(get("/hello/%zz")).starts_with("HTTP/1.1 400 "));
  EXPECT_TRUE(ask(get("/hello/a?x=%f")).starts_with("HTTP/1.1 400 "));
}

TEST_F(HttpServer, decoded_line_breaks_do_not_split_the_response) {
  const std::string answer = ask(get("/hello/a%0d%0aSet-Cookie:%20x=1"));
  const std::string head = answer.substr(0, answer.find("\r\n\r\n"));
  EXPECT_EQ(head.find("\nSet-Cookie"), std::string::npos) << answer;
  EXPECT_NE(head.find("X-Path: /hello/a  Set-Cookie"), std::string::npos) << answer;
}

TEST_F(HttpServer, absolute_form_is_the_same_resource) {
  EXPECT_NE(ask(get("http://x/hello/you")).find("hello you"), std::string::npos);
}

TEST_F(HttpServer, bodies_by_length_and_in_chunks) {
  EXPECT_TRUE(ask("POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nabcde").ends_with("got:abcde"));
  EXPECT_TRUE(
      ask("POST /echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2;x=y\r\nde\r\n0\r\n\r\n")
          .ends_with("got:abcde"));
  EXPECT_TRUE(ask("POST /echo HTTP/1.1\r\nHost: x\r\n\r\n").ends_with("got:"));
}

TEST_F(HttpServer, too_large_bodies_are_refused) {
  const std::string declared = ask("POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 1001\r\n\r\nabc");
  EXPECT_TRUE(declared.starts_with("HTTP/1.1 413 ")) << declared;
  EXPECT_NE(declared.find("Connection: close"), std::string::npos);
  std::string chunked = "POST /echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n";
  for (int i = 0; i < 11; ++i) chunked += "64\r\n" + std::string(100, 'a') + "\r\n";
  EXPECT_TRUE(ask(chunked + "0\r\n\r\n").starts_with("HTTP/1.1 413 "));
  EXPECT_TRUE(ask("POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 18446744073709551615\r\n\r\n")
                  .starts_with("HTTP/1.1 413 "));
  EXPECT_TRUE(ask("GET /hello/a HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\n\r\na").starts_with("HTTP/1.1 413 "));
}

TEST_F(HttpServer, the_gate_answers_before_the_body_is_read) {
  RawClient client(server_.port());
  client.send("POST /gated HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000\r\n\r\n");
  const std::string answer = client.read_all();
  EXPECT_TRUE(answer.starts_with("HTTP/1.1 401 ")) << answer;
  EXPECT_TRUE(answer.ends_with("gate says no"));
}

TEST_F(HttpServer, a_client_that_keeps_sending_still_gets_the_refusal) {
  RawClient client(server_.port());
  client.send("POST /gated HTTP/1.1\r\nHost: x\r\nContent-Length: 900000\r\n\r\n" + std::string(900000, 'x'));
  EXPECT_TRUE(client.read_all().ends_with("gate says no"));
}

TEST_F(HttpServer, expect_continue) {
  RawClient client(server_.port());
  client.send(
      "POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nExpect: 100-continue\r\nConnection: close\r\n\r\n");
  EXPECT_EQ(client.read_until("\r\n\r\n"), "HTTP/1.1 100 Continue\r\n\r\n");
  client.send("abcde");
  EXPECT_TRUE(client.read_all().ends_with("got:abcde"));
  const std::string refused =
      ask("POST /gated HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n");
  EXPECT_TRUE(refused.starts_with("HTTP/1.1 401 ")) << refused;
}

TEST_F(HttpServer, a_handlers_exception_is_a_500_without_details) {
  RawClient client(server_.port());
  client.send(get("/throw"));
  const std::string answer = client.read_until("Error\n");
  EXPECT_TRUE(answer.starts_with("HTTP/1.1 500 ")) << answer;
  EXPECT_EQ(answer.find("secret"), std::string::npos);
  client.send(get("/hello/after"));
  EXPECT_NE(client.read_until("hello after").find("hello after"), std::string::npos);
}

// Two parsers that disagree about where a request ends: the second request must never be seen.
TEST_F(HttpServer, ambiguous_framing_is_refused_and_ends_the_connection) {
  const std::string smuggled = get("/hello/smuggled");
  const std::string start = "POST /echo HTTP/1.1\r\nHost: x\r\n";
  const std::vector<std::string> fields = {
      "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n",
      "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n",
      "Content-Length: 5\r\nContent-Length: 6\r\n",
      "Content-Length: 5\r\nContent-Length: 5\r\n",
      "Content-Length: 5, 5\r\n",
      "Content-Length: +5\r\n",
      "Content-Length: -5\r\n",
      "Content-Length: 0x5\r\n",
      "Content-Length: 5 5\r\n",
      "Content-Length: \r\n",
      "Content-Length : 5\r\n",
      "Content-Length: 99999999999999999999999\r\n",
      "Transfer-Encoding: chunked, identity\r\n",
      "Transfer-Encoding: gzip, chunked\r\n",
      "Transfer-Encoding: xchunked\r\n",
      "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n",
      "Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n",
      "Transfer-Encoding : chunked\r\n",
      "Host: y\r\nContent-Length: 5\r\n",
  };
  for (const std::string& field : fields) {
    const std::string answer = ask(start + field + "\r\n0\r\n\r\n" + smuggled);
    EXPECT_TRUE(answer.starts_with("HTTP/1.1 400 ") || answer.starts_with("HTTP/1.1 501 ")) << field << answer;
    EXPECT_EQ(count_of(answer, "HTTP/1.1 "), 1U) << field << answer;
    EXPECT_EQ(answer.find("smuggled"), std::string::npos) << field << answer;
  }
}

TEST_F(HttpServer, bad_chunks_are_refused) {
  const std::string start = "POST /echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n";
  for (const std::string_view body :
       {"zz\r\nabc\r\n0\r\n\r\n", "-1\r\n\r\n", "ffffffffffffffffff\r\n", "3\r\nabcd\r\n0\r\n\r\n", "3\nabc\n0\n\n",
        "3;a\x01=b\r\nabc\r\n0\r\n\r\n", "0\r\nno field\r\n\r\n"}) {
    const std::string answer = ask(start + std::string(body) + get("/hello/smuggled"));
    EXPECT_TRUE(answer.starts_with("HTTP/1.1 400 ")) << body << answer;
    EXPECT_EQ(count_of(answer, "HTTP/1.1 "), 1U) << body << answer;
  }
}

TEST_F(HttpServer, versions_and_host) {
  EXPECT_TRUE(ask("GET /hello/a HTTP/1.1\r\n\r\n").starts_with("HTTP/1.1 400 "));
  const std::string old = ask("GET /hello/a HTTP/1.0\r\n\r\n");
  EXPECT_TRUE(old.starts_with("HTTP/1.1 200 ")) << old;
  EXPECT_NE(old.find("Connection: close"), std::string::npos);
  EXPECT_TRUE(ask("POST /echo HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n").starts_with("HTTP/1.1 400 "));
  for (const std::string_view version : {"HTTP/2.0", "HTTP/0.9", "HTTP/1.2", "http/1.1", "HTTP/11"}) {
    const std::string answer = ask("GET /hello/a " + std::string(version) + "\r\nHost: x\r\n\r\n");
    EXPECT_TRUE(answer.starts_with("HTTP/1.1 505 ") || answer.starts_with("HTTP/1.1 400 ")) << version << answer;
  }
}

TEST_F(HttpServer, garbage_is_refused) {
  std::string bytes;
  for (int i = 0; i < 2000; ++i) bytes.push_back(static_cast<char>((i * 7919 + i / 3) & 0xff));
  for (const std::string& garbage : {bytes, std::string("\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"),
                                     std::string("SSH-2.0-x\r\n"), std::string(100, '\0'), std::string("\r\n\r\n\r\n"),
                                     std::string("GET / HTTP/1.1\r\nHost: x\r\nA\x01: b\r\n\r\n")}) {
    const std::string answer = ask(garbage);
    EXPECT_TRUE(answer.empty() || answer.starts_with("HTTP/1.1 400 ")) << answer;
  }
  EXPECT_NE(ask(get("/hello/still-there")).find("hello still-there"), std::string::npos);
}

TEST_F(HttpServer, oversized_headers_are_refused) {
  EXPECT_TRUE(ask(get("/hello/a", "X: " + std::string(20000, 'a') + "\r\n")).starts_with("HTTP/1.1 431 "));
  EXPECT_TRUE(ask(get("/hello/" + std::string(20000, 'a'))).starts_with("HTTP/1.1 431 "));
  std::string many;
  for (int i = 0; i < 3000; ++i) many += "A: b\r\n";
  const std::string too_many = ask(get("/hello/a", many));
  EXPECT_TRUE(too_many.starts_with("HTTP/1.1 431 ")) << too_many;
  EXPECT_TRUE(ask(get("/hello/a?" + std::string(300, '&') + "b")).starts_with("HTTP/1.1 200 "));
  std::string pairs = "/hello/a?";
  for (int i = 0; i < 200; ++i) pairs += "a=b&";
  EXPECT_TRUE(ask(get(pairs)).starts_with("HTTP/1.1 400 "));
}

TEST_F(HttpServer, a_client_that_leaves_in_its_body_is_forgotten) {
  for (int i = 0; i < 20; ++i) {
    RawClient client(server_.port());
    client.send("POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 500\r\n\r\nabc");
    client.close();
  }
  const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(5);
  while (server_.server().connections() > 0 && std::chrono::steady_clock::now() < end) {
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
  EXPECT_EQ(server_.server().connections(), 0U);
}

}  // namespace
}  // namespace ferry::test
