// ssh::Server over real sockets: time limits, many clients, clients that vanish, do not read or send garbage.
#include <gtest/gtest.h>

#include <fstream>

#include "ssh/keys/private_key.h"
#include "tests/unit/ssh/link.h"
#include "tests/unit/ssh/loopback.h"
#include "tests/unit/ssh/packet_support.h"

namespace ferry::ssh::test {
namespace {

using namespace std::chrono_literals;

TEST(Server, LoginAndEcho) {
  Loopback loop;
  SocketClient client(loop.port);
  ASSERT_TRUE(client.log_in());
  ASSERT_TRUE(client.start(1, "echo"));
  EXPECT_TRUE(client.echo(pattern(300'000)));
  EXPECT_EQ(loop.server->connections(), 1U);
  const std::lock_guard lock(loop.shared.mutex);
  EXPECT_EQ(loop.shared.versions, std::vector<std::string>{"SSH-2.0-TestClient"});
  ASSERT_EQ(loop.shared.peers.size(), 1U);
  EXPECT_EQ(loop.shared.peers[0].remote_ip, "127.0.0.1");
  EXPECT_EQ(loop.shared.peers[0].local_address, "127.0.0.1:" + std::to_string(loop.port));
}

TEST(Server, EveryProtection) {
  Loopback loop;
  for (const Protection& protection : all_protections()) {
    SocketClient client(loop.port);
    client.protocol.kexinit.cipher_in = client.protocol.kexinit.cipher_out = protection.cipher->name;
    if (protection.mac != nullptr)
      client.protocol.kexinit.mac_in = client.protocol.kexinit.mac_out = protection.mac->name;
    ASSERT_TRUE(client.log_in()) << protection.name();
    ASSERT_TRUE(client.start(1, "echo"));
    EXPECT_TRUE(client.echo(pattern(200'000))) << protection.name();
  }
}

TEST(Server, SlowKeyAgreementsRunElsewhere) {
  Loopback loop;
  for (const char* name : {"diffie-hellman-group14-sha256", "diffie-hellman-group16-sha512"}) {
    SocketClient client(loop.port);
    client.protocol.kexinit.kex = name;
    ASSERT_TRUE(client.log_in()) << name;
    ASSERT_TRUE(client.start(1, "echo"));
    EXPECT_TRUE(client.echo(pattern(1000)));
  }
}

TEST(Server, RekeysInTheMiddleOfATransfer) {
  ServerOptions options;
  options.rekey_bytes = 1 << 20;
  Loopback loop(options);
  SocketClient client(loop.port);
  ASSERT_TRUE(client.log_in());
  ASSERT_TRUE(client.start(1, "echo"));
  for (unsigned i = 0; i < 40; ++i) ASSERT_TRUE(client.echo(pattern(250'000, i))) << client.protocol.violation;
  EXPECT_GE(client.protocol.exchanges(), 10);
}

TEST(Server, RekeyWhileItFloods) {
  ServerOptions options;
  options.rekey_bytes = 4 << 20;
  for (const char* service : {"flood", "compose"}) {
    Loopback loop(options);
    SocketClient client(loop.port);
    ASSERT_TRUE(client.log_in());
    ASSERT_TRUE(client.start(1, service));
    std::size_t seen = 0;
    const bool done = client.pump_until([&] {
      seen += client.protocol.received.size();
      client.protocol.received.clear();
      if (client.protocol.exchanges() % 2 == 0 && !client.protocol.exchanging() && seen % 7 == 0)
        client.protocol.send_kexinit();
      // Input makes the server look at its limits; a real client sends window adjusts and requests.
      if (seen % 5 == 0 && !client.protocol.exchanging()) client.protocol.send(ignore_message());
      return client.protocol.exchanges() >= 8;
    });
    EXPECT_TRUE(done) << service << ": " << client.protocol.violation;
    EXPECT_EQ(client.protocol.violation, "");
  }
}

// --- time ---

TEST(ServerTime, LoginGraceTime) {
  ServerOptions options;
  options.login_grace_time = 1s;
  Loopback loop(options);
  SocketClient silent(loop.port), half(loop.port), connected(loop.port), good(loop.port);
  half.send_to_socket("SSH-2.0-Half");
  ASSERT_TRUE(good.log_in());
  ASSERT_TRUE(good.start(1, "echo"));
  const auto start = std::chrono::steady_clock::now();
  const bool connected_in_time = connected.connect();
  EXPECT_TRUE(silent.pump_until_closed());
  EXPECT_TRUE(half.pump_until_closed());
  EXPECT_TRUE(connected.pump_until_closed());
  EXPECT_LT(std::chrono::steady_clock::now() - start, 30s);
  if (connected_in_time) {
    EXPECT_NE(connected.disconnect_text().find("grace"), std::string::npos);
  }
  EXPECT_TRUE(good.echo(pattern(100))) << "a client that has logged in stays";
  EXPECT_TRUE(eventually([&] { return loop.server->connections() == 1; }));
}

TEST(ServerTime, KeepalivesDropASilentClient) {
  ServerOptions options;
  options.login_grace_time = 2s;  // also the first look after a login
  options.keepalive_interval = 1s;
  Loopback loop(options);
  SocketClient silent(loop.port), talking(loop.port);
  ASSERT_TRUE(silent.log_in());
  ASSERT_TRUE(talking.log_in());
  ASSERT_TRUE(talking.start(1, "echo"));
  ASSERT_TRUE(silent.start(1, "stubborn"));
  int asked = 0;
  const auto end = std::chrono::steady_clock::now() + patience;
  while (!silent.closed() && std::chrono::steady_clock::now() < end) {
    talking.pump_until([] { return false; }, 50ms);
    if (!talking.protocol.take(msg::global_request).empty()) talking.protocol.send(message(msg::request_failure));
    silent.pump_until([] { return false; }, 50ms);
    while (!silent.protocol.take(msg::global_request).empty()) ++asked;
  }
  EXPECT_TRUE(silent.closed());
  EXPECT_EQ(asked, 3);
  EXPECT_NE(silent.disconnect_text().find("keepalive"), std::string::npos);
  EXPECT_TRUE(talking.echo(pattern(100)));
  loop.shared.release = true;
  EXPECT_TRUE(eventually([&] { return loop.shared.handlers == 1; }));
}

// --- ending on purpose ---

TEST(Server, DisconnectAll) {
  Loopback loop;
  std::vector<std::unique_ptr<SocketClient>> clients;
  for (int i = 0; i < 10; ++i) {
    clients.push_back(std::make_unique<SocketClient>(loop.port));
    ASSERT_TRUE(clients.back()->log_in());
    ASSERT_TRUE(clients.back()->start(1, i % 2 == 0 ? "echo" : "flood", 1000));
  }
  EXPECT_EQ(loop.server->connections(), 10U);
  loop.server->disconnect_all("maintenance");
  for (const auto& client : clients) {
    EXPECT_TRUE(client->pump_until_closed());
    EXPECT_EQ(client->disconnect_text(), "maintenance");
  }
  EXPECT_TRUE(eventually([&] { return loop.server->connections() == 0 && loop.shared.handlers == 0; }));
  SocketClient next(loop.port);
  EXPECT_TRUE(next.log_in()) << "the server still listens";
}

TEST(Server, HandlersDisconnectEndsOneConnection) {
  Loopback loop;
  SocketClient first(loop.port), second(loop.port);
  ASSERT_TRUE(first.log_in());
  ASSERT_TRUE(second.log_in());
  ASSERT_TRUE(second.start(1, "echo"));
  std::function<void(std::string)> disconnect;
  {
    const std::lock_guard lock(loop.shared.mutex);
    const bool first_is_first = loop.shared.peers.size() == 2;
    ASSERT_TRUE(first_is_first);
    disconnect = loop.shared.disconnects[0];
  }
  disconnect("closed by an administrator");
  disconnect("twice");
  // Both were accepted side by side; one of them is gone, the other is not.
  const bool one = eventually([&] {
    first.pump_until([] { return false; }, 10ms);
    second.pump_until([] { return false; }, 10ms);
    return first.closed() != second.closed();
  });
  EXPECT_TRUE(one);
  EXPECT_EQ((first.closed() ? first : second).disconnect_text(), "closed by an administrator");
  EXPECT_TRUE(eventually([&] { return loop.shared.handlers == 1; }));
  disconnect("long gone");  // safe at any time
}

TEST(Server, WhatWasSentBeforeTheEndIsServed) {
  constexpr unsigned rounds = 50, size = 1000;
  for (const bool says_goodbye : {false, true}) {
    Loopback loop;
    for (unsigned i = 0; i < rounds; ++i) {
      SocketClient client(loop.port);
      ASSERT_TRUE(client.log_in());
      ASSERT_TRUE(client.start(1, "count"));
      client.protocol.send(channel_data(0, pattern(size)));
      client.protocol.send(message(msg::channel_eof, 0));
      client.protocol.send(message(msg::channel_close, 0));
      if (says_goodbye) client.protocol.send(disconnect_message());
      const Bytes all = client.protocol.take_output();
      ASSERT_EQ(client.push(all), all.size());
      client.close();
    }
    EXPECT_TRUE(eventually([&] { return loop.shared.handlers == 0; }));
    EXPECT_EQ(loop.shared.counted, rounds * size) << says_goodbye;
  }
}

TEST(Server, WhatWasSentBeforeTheEndIsServedByOneThatWaits) {
  constexpr std::size_t size = 60'000;
  for (const bool says_goodbye : {false, true}) {
    Loopback loop;
    SocketClient client(loop.port);
    ASSERT_TRUE(client.log_in());
    ASSERT_TRUE(client.start(1, "slow"));
    client.protocol.send(channel_data(0, pattern(size / 2)));
    client.protocol.send(channel_data(0, pattern(size / 2)));
    if (says_goodbye) client.protocol.send(disconnect_message());
    const Bytes all = client.protocol.take_output();
    ASSERT_EQ(client.push(all), all.size());
    client.close();
    EXPECT_TRUE(eventually([&] { return loop.shared.handlers == 0; }));
    EXPECT_EQ(loop.shared.counted, size) << says_goodbye;
  }
}

// Answers find no client any more, while there is input still to be read.
TEST(Server, AnAnswerThatFindsNobodyLosesNoInput) {
  constexpr std::size_t piece = 30'000, pieces = 60;
  for (int round = 0; round < 20; ++round) {
    Loopback loop;
    SocketClient client(loop.port);
    ASSERT_TRUE(client.log_in());
    ASSERT_TRUE(client.start(1, "echo"));
    ASSERT_TRUE(client.start(2, "count"));
    for (std::size_t i = 0; i < pieces; ++i) {
      client.protocol.send(channel_data(0, pattern(10)));
      client.protocol.send(channel_data(1, pattern(piece)));
    }
    client.protocol.send(disconnect_message());
    const Bytes all = client.protocol.take_output();
    ASSERT_EQ(client.push(all), all.size());
    ASSERT_TRUE(eventually([&] { return client.all_delivered(); }));
    client.close();  // with answers unread: a reset
    EXPECT_TRUE(eventually([&] { return loop.shared.handlers == 0; }));
    EXPECT_EQ(loop.shared.counted, piece * pieces);
  }
}

TEST(Server, ADisconnectEndsWhatAClientThatLeftHadAskedFor) {
  Loopback loop;
  SocketClient client(loop.port);
  ASSERT_TRUE(client.log_in());
  ASSERT_TRUE(client.start(1, "slow"));
  for (int i = 0; i < 30; ++i) client.protocol.send(channel_data(0, pattern(60'000)));  // 9 seconds and more
  client.protocol.send(disconnect_message());
  const Bytes all = client.protocol.take_output();
  ASSERT_EQ(client.push(all), all.size());
  client.close();
  EXPECT_TRUE(eventually([&] { return loop.shared.counted > 0; }));
  loop.server->disconnect_all("maintenance");
  EXPECT_TRUE(eventually([&] { return loop.shared.handlers == 0; }));
  EXPECT_LT(loop.shared.counted, 30U * 60'000);
}

TEST(Server, StopListening) {
  Loopback loop;
  SocketClient before(loop.port);
  ASSERT_TRUE(before.log_in());
  ASSERT_TRUE(before.start(1, "echo"));
  loop.server->stop_listening();
  EXPECT_TRUE(eventually([&] { return SocketClient(loop.port).closed(); }));
  EXPECT_TRUE(before.echo(pattern(1000)));
}

TEST(Server, DestructionEndsConnections) {
  auto loop = std::make_unique<Loopback>();
  SocketClient client(loop->port), connecting(loop->port);
  ASSERT_TRUE(client.log_in());
  ASSERT_TRUE(client.start(1, "echo"));
  loop.reset();
  EXPECT_TRUE(client.pump_until_closed());
  EXPECT_NE(client.disconnect_text(), "");
  EXPECT_TRUE(connecting.pump_until_closed());
}

TEST(Server, RefusedByTheFactory) {
  Loopback loop;
  loop.shared.refuse = true;
  SocketClient refused(loop.port);
  EXPECT_TRUE(refused.pump_until_closed());
  EXPECT_EQ(refused.protocol.server_version(), "");
  loop.shared.refuse = false;
  SocketClient next(loop.port);
  EXPECT_TRUE(next.log_in());
}

// --- options ---

TEST(Server, ChecksItsOptions) {
  asio::io_context context;
  const auto check = [&](ServerOptions options) {
    const Server server(std::move(options), [](const PeerInfo&, auto) { return nullptr; }, {&context});
    return server.check();
  };
  ServerOptions no_keys;
  EXPECT_FALSE(check(no_keys));
  ServerOptions good;
  good.host_keys = {host_key(PrivateKey::Kind::ed25519)};
  EXPECT_TRUE(check(good));
  ServerOptions unknown = good;
  unknown.offer.ciphers = {"arcfour"};
  ASSERT_FALSE(check(unknown));
  EXPECT_EQ(check(unknown).error().code, ErrorCode::invalid_argument);
  ServerOptions unfitting = good;
  unfitting.offer.host_key_algorithms = {"rsa-sha2-512"};
  EXPECT_FALSE(check(unfitting));
}

TEST(Server, NewHostKeysForNewConnections) {
  Loopback loop;
  SocketClient old(loop.port);
  ASSERT_TRUE(old.log_in());
  ASSERT_TRUE(loop.server->set_host_keys({host_key(PrivateKey::Kind::rsa_3072)}));
  EXPECT_FALSE(loop.server->set_host_keys({})) << "and the old ones stay";
  SocketClient fresh(loop.port);
  fresh.protocol.kexinit.host_key = "rsa-sha2-256";
  EXPECT_TRUE(fresh.log_in());
  old.protocol.send_kexinit();
  EXPECT_TRUE(old.pump_until([&] { return old.protocol.exchanges() == 2; })) << "an old connection keeps its keys";
}

// --- many, and bad ones ---

TEST(ServerLoad, TwoHundredConnectionsAtOnce) {
  Loopback loop;
  std::vector<std::unique_ptr<SocketClient>> clients;
  for (int i = 0; i < 200; ++i) clients.push_back(std::make_unique<SocketClient>(loop.port));
  for (const auto& client : clients) {
    ASSERT_TRUE(client->log_in());
    ASSERT_TRUE(client->start(1, "echo"));
  }
  EXPECT_EQ(loop.server->connections(), 200U);
  for (unsigned round = 0; round < 3; ++round) {
    for (const auto& client : clients) ASSERT_TRUE(client->echo(pattern(2000, round)));
  }
  EXPECT_EQ(loop.shared.services, 200);
  clients.clear();
  EXPECT_TRUE(eventually(
      [&] { return loop.server->connections() == 0 && loop.shared.services == 0 && loop.shared.handlers == 0; }));
}

TEST(ServerLoad, GarbageAndHalfOpenConnectionsDisturbNobody) {
  Loopback loop;
  SocketClient good(loop.port);
  ASSERT_TRUE(good.log_in());
  ASSERT_TRUE(good.start(1, "echo"));
  std::vector<std::unique_ptr<SocketClient>> bad;
  for (unsigned i = 0; i < 120; ++i) {
    bad.push_back(std::make_unique<SocketClient>(loop.port));
    SocketClient& client = *bad.back();
    switch (i % 6) {
      case 0: break;  // says nothing
      case 1: client.protocol.send_raw(pattern(5000, i)); break;
      case 2:
        client.send_to_socket("SSH-2.0-x\r\n");
        client.protocol.send_raw(pattern(5000, i));
        break;
      case 3: client.send_to_socket("GET / HTTP/1.1\r\nHost: x\r\n\r\n"); break;
      case 4: client.send_to_socket("SSH-2.0-half"); break;
      case 5:
        client.connect();
        client.protocol.send_raw(pattern(50'000, i));
        break;
    }
    client.pump_until([] { return true; });
    ASSERT_TRUE(good.echo(pattern(500, i)));
  }
  SocketClient late(loop.port);
  EXPECT_TRUE(late.log_in());
  late.close();
  for (unsigned i = 0; i < bad.size(); ++i) {
    if (i % 6 == 1 || i % 6 == 2 || i % 6 == 3 || i % 6 == 5) {
      EXPECT_TRUE(bad[i]->pump_until_closed()) << i;
    }
  }
  bad.clear();
  EXPECT_TRUE(eventually([&] { return loop.server->connections() == 1; }));
  EXPECT_TRUE(good.echo(pattern(500)));
}

TEST(ServerLoad, ClientsThatVanish) {
  for (const char* service : {"echo", "flood", "compose", "stubborn"}) {
    for (const bool with_reset : {false, true}) {
      Loopback loop;
      SocketClient client(loop.port);
      ASSERT_TRUE(client.log_in());
      ASSERT_TRUE(client.start(1, service, 100'000));
      ASSERT_TRUE(eventually([&] { return loop.shared.services == 1; }));
      if (with_reset) {
        client.reset();
      } else {
        client.close();
      }
      if (std::string_view(service) == "stubborn") {
        std::this_thread::sleep_for(50ms);
        EXPECT_EQ(loop.shared.handlers, 1) << "a connection waits for its services";
        loop.shared.release = true;
      }
      EXPECT_TRUE(eventually([&] { return loop.shared.services == 0; })) << service << with_reset;
      EXPECT_TRUE(eventually([&] { return loop.server->connections() == 0 && loop.shared.handlers == 0; })) << service;
    }
  }
}

TEST(ServerLoad, ClientsThatVanishAtEveryStep) {
  Loopback loop;
  for (int step = 0; step < 6; ++step) {
    SocketClient client(loop.port);
    client.protocol.automatic = step > 2;
    if (step > 0) client.protocol.send_version();
    if (step == 2) {
      ASSERT_TRUE(client.pump_until([&] { return !client.protocol.numbers.empty(); }));
      client.protocol.send_kexinit();
    }
    if (step == 3) client.pump_until([&] { return client.protocol.exchanges() == 1; });
    if (step == 4) {
      client.pump_until([&] { return client.protocol.exchanges() == 1; });
      client.protocol.send(service_request());
      client.protocol.send(password_request("user", "wrong"));
    }
    if (step == 5) {
      client.pump_until([&] { return client.protocol.exchanges() == 1; });
      client.protocol.send_kexinit();
    }
    client.pump_until([] { return true; });
    client.reset();
    EXPECT_TRUE(eventually([&] { return loop.server->connections() == 0 && loop.shared.handlers == 0; })) << step;
  }
}

TEST(ServerLoad, SlowReaderIsNotBufferedFor) {
  for (const char* service : {"flood", "compose"}) {
    Loopback loop;
    SocketClient client(loop.port, 64 * 1024);
    ASSERT_TRUE(client.log_in());
    ASSERT_TRUE(client.start(1, service));
    std::uint64_t before = 1;
    while (before != loop.shared.written) {  // until it stands still
      before = loop.shared.written;
      std::this_thread::sleep_for(700ms);
    }
    EXPECT_LE(before, 16U << 20) << service;
    std::size_t seen = 0;
    EXPECT_TRUE(client.pump_until([&] {
      for (const Bytes& payload : client.protocol.received) seen += payload.size();
      client.protocol.received.clear();
      return seen > before + (1 << 20);
    })) << "and goes on once it is read";
    EXPECT_EQ(client.protocol.violation, "");
  }
}

// Requests that each make an answer, from a client that reads none: the server stops reading, too.
TEST(ServerLoad, FloodOfRequestsWithoutReading) {
  const auto bytes_of = [](SocketClient& client, const Bytes& payload, std::size_t total) {
    Bytes bytes;
    while (bytes.size() < total) {
      for (int i = 0; i < 100; ++i) client.protocol.send(payload);
      append(bytes, client.protocol.take_output());
    }
    return bytes;
  };
  for (const Bytes& request :
       {ping_message(std::string(30'000, 'p')), global_request("x", true), Bytes{std::byte{200}}}) {
    Loopback loop;
    SocketClient client(loop.port, 64 * 1024);
    ASSERT_TRUE(client.log_in());
    const std::size_t most = 20U << 20;
    const std::size_t pushed = client.push(bytes_of(client, request, most));
    EXPECT_LT(pushed, most - (4U << 20)) << "it went on reading";
    std::size_t answers = client.protocol.numbers.size();
    client.protocol.send(ping_message("the last"));
    EXPECT_TRUE(client.pump_until([&] {
      if (client.protocol.received.empty()) return false;
      const bool last =
          client.protocol.received.back() == ByteWriter().u8(msg::pong).string(std::string_view("the last")).take();
      answers += client.protocol.received.size();
      client.protocol.received.clear();
      return last;
    })) << client.protocol.violation;
    EXPECT_GT(answers, 500U);
  }
}

}  // namespace
}  // namespace ferry::ssh::test
