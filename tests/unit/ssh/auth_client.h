// A client of MemoryServer at the point where it may ask for authentication, and what it expects.
#pragma once

#include <gtest/gtest.h>

#include "tests/unit/ssh/memory_server.h"

namespace ferry::ssh::test {

struct Auth {
  explicit Auth(MemoryServer::Limits limits = {}) : server(limits) {}

  MemoryServer server;
  TestHandler& handler = server.handler;
  TestClient& client = server.client;

  void start() {
    server.connect();
    client.take(msg::ext_info);
    server.say(service_request());
    ASSERT_EQ(client.take(msg::service_accept), ByteWriter().u8(6).string(std::string_view("ssh-userauth")).take());
  }
  void expect_failure(std::string_view methods, bool partial = false) {
    ASSERT_FALSE(server.error) << server.error->message;
    EXPECT_EQ(client.take(msg::userauth_failure), ByteWriter().u8(51).string(methods).boolean(partial).take());
    EXPECT_FALSE(server.authenticated);
  }
  void expect_success() {
    ASSERT_FALSE(server.error) << server.error->message;
    EXPECT_EQ(client.take(msg::userauth_success), message(msg::userauth_success));
    EXPECT_TRUE(server.authenticated);
  }
  void expect_refused(ErrorCode code = ErrorCode::protocol_error) {
    ASSERT_TRUE(server.error);
    EXPECT_EQ(server.error->code, code) << server.error->message;
    EXPECT_FALSE(server.authenticated);
    EXPECT_FALSE(client.got(msg::userauth_success));
  }
};

}  // namespace ferry::ssh::test
