// ssh::Server on 127.0.0.1 with two threads, and TestClients on sockets.
#pragma once

#include <atomic>
#include <boost/asio/io_context.hpp>
#include <chrono>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "ssh/server.h"
#include "tests/unit/ssh/client_messages.h"
#include "tests/unit/ssh/test_client.h"

namespace ferry::ssh::test {

// Long, for machines that do much else; what is waited for comes at once on an idle one.
inline constexpr std::chrono::seconds patience{60};

// Polls until `done` or patience is over.
bool eventually(const std::function<bool()>& done, std::chrono::milliseconds limit = patience);

// What all handlers and services of a server share.
struct Shared {
  std::atomic<int> handlers{0};           // alive
  std::atomic<int> services{0};           // running
  std::atomic<std::uint64_t> written{0};  // by "flood" and "compose"
  std::atomic<std::uint64_t> counted{0};  // by "count" and "slow", of what came
  std::atomic<bool> release{false};       // ends "stubborn"
  std::atomic<bool> refuse{false};        // make_handler refuses
  std::mutex mutex;
  std::vector<std::function<void(std::string)>> disconnects;  // one a connection, in order
  std::vector<PeerInfo> peers;
  std::vector<std::string> versions;
};

class Loopback {
 public:
  // Host key ed25519 where the options have none. Options without a port: any free one.
  explicit Loopback(ServerOptions options = {});
  // Waits until every connection is gone.
  ~Loopback();

  Shared shared;
  std::unique_ptr<Server> server;
  std::uint16_t port = 0;

 private:
  std::vector<std::unique_ptr<asio::io_context>> contexts_;
  std::vector<std::thread> threads_;
};

// Password "right". Subsystems: "echo"; "flood" writes and "compose" reserves for ever; "count" reads; "slow" takes
// 1000 bytes each 5 ms, answering; "stubborn" waits for `release`.
class SocketClient {
 public:
  explicit SocketClient(std::uint16_t port, int receive_buffer = 0);
  ~SocketClient();
  SocketClient(const SocketClient&) = delete;
  SocketClient& operator=(const SocketClient&) = delete;

  TestClient protocol;

  // Sends and receives until `done`, the end of the connection or the limit. Answers done().
  bool pump_until(const std::function<bool()>& done, std::chrono::milliseconds limit = patience);
  bool pump_until_closed(std::chrono::milliseconds limit = patience);
  bool closed() const { return closed_; }
  // Sends without ever reading, until `most` bytes or the server takes no more for half a second. Answers how many.
  std::size_t push(ByteSpan bytes);

  bool connect();  // version and first keys
  bool log_in();
  bool start(std::uint32_t id, std::string_view subsystem, std::uint32_t window = 0xffffffff);
  // Sends `data` on the server's channel 0 and waits for it to come back.
  bool echo(const Bytes& data);
  // The text of the DISCONNECT that came.
  std::string disconnect_text();
  // Whether the server's kernel has all that was sent.
  bool all_delivered() const;
  // Ends the TCP connection with a reset.
  void reset();
  void close();
  void send_to_socket(std::string_view text) { protocol.send_raw(as_bytes(text)); }

 private:
  bool step(int timeout);

  int socket_ = -1;
  bool closed_ = false;
  Bytes unsent_;
  std::size_t sent_ = 0;  // of unsent_
};

}  // namespace ferry::ssh::test
