// A server on loopback with two io_contexts, each on a thread of its own, and a few routes.
#pragma once

#include <gtest/gtest.h>

#include <atomic>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/steady_timer.hpp>
#include <thread>

#include "http/server.h"
#include "tests/unit/http/raw_client.h"

namespace ferry::test {

class RunningServer {
 public:
  RunningServer(http::Router router, http::ServerOptions options, std::shared_ptr<http::TlsContext> tls = nullptr)
      : RunningServer(std::move(router), std::move(options), http::Binding{.tls = std::move(tls)}) {}
  RunningServer(http::Router router, http::ServerOptions options, http::Binding binding)
      // The first listens. It goes before the other, whose sockets its accepts hold.
      : server_({&contexts_[1], &contexts_[0]}, std::move(router), std::move(options)) {
    binding.address = "127.0.0.1";
    auto port = server_.listen(binding);
    if (!port) throw std::runtime_error(port.error().message);
    port_ = *port;
    for (std::size_t i = 0; i < 2; ++i) threads_[i] = std::thread([this, i] { contexts_[i].run(); });
  }
  ~RunningServer() {
    server_.close();
    for (auto& guard : guards_) guard.reset();
    const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(5);
    while (server_.connections() > 0 && std::chrono::steady_clock::now() < end) {
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
    for (auto& context : contexts_) context.stop();
    for (auto& thread : threads_) thread.join();
  }
  http::Server& server() { return server_; }
  std::uint16_t port() const { return port_; }

 private:
  asio::io_context contexts_[2];
  asio::executor_work_guard<asio::io_context::executor_type> guards_[2] = {asio::make_work_guard(contexts_[0]),
                                                                           asio::make_work_guard(contexts_[1])};
  http::Server server_;
  std::uint16_t port_ = 0;
  std::thread threads_[2];
};

inline Task<http::Response> say_hello(http::Request& request) {
  http::Response response = http::Response::text(200, "hello " + std::string(request.param("name")));
  response.headers.add("X-Path", request.path);
  co_return response;
}

inline Task<http::Response> echo_body(http::Request& request) {
  co_return http::Response::text(200, "got:" + request.body);
}

inline Task<http::Response> throw_up(http::Request&) {
  throw std::runtime_error("secret detail");
  co_return http::Response{};
}

inline Task<http::Response> take_your_time(http::Request&) {
  asio::steady_timer timer(co_await asio::this_coro::executor, std::chrono::milliseconds(400));
  co_await timer.async_wait(asio::use_awaitable);
  co_return http::Response::text(200, "at last");
}

inline Task<std::optional<http::Response>> refuse_all(http::Request&) {
  co_return http::Response::text(401, "gate says no");
}

inline http::Router test_router() {
  http::Router router;
  router.add({.method = "GET", .pattern = "/hello/{name}", .handler = say_hello});
  router.add({.method = "GET", .pattern = "/hello/world", .handler = say_hello});
  router.add({.method = "POST", .pattern = "/echo", .body_limit = 1000, .handler = echo_body});
  router.add({.method = "GET", .pattern = "/echo", .body_limit = 1000, .handler = echo_body});
  router.add({.method = "GET", .pattern = "/throw", .handler = throw_up});
  router.add({.method = "GET", .pattern = "/slow", .handler = take_your_time});
  router.add({.method = "POST", .pattern = "/gated", .body_limit = 1 << 20, .gate = refuse_all, .handler = echo_body});
  return router;
}

inline std::size_t count_of(const std::string& text, std::string_view what) {
  std::size_t count = 0;
  for (std::size_t at = text.find(what); at != std::string::npos; at = text.find(what, at + what.size())) ++count;
  return count;
}

}  // namespace ferry::test
