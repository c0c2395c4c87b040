// A TCP client that sends exactly the bytes it is told to.
#pragma once

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <chrono>
#include <cstdint>
#include <stdexcept>
#include <string>
#include <string_view>

namespace ferry::test {

class RawClient {
 public:
  explicit RawClient(std::uint16_t port) : socket_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (::connect(socket_, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0) {
      ::close(socket_);
      throw std::runtime_error("connect failed");
    }
  }
  ~RawClient() { close(); }
  RawClient(const RawClient&) = delete;
  RawClient& operator=(const RawClient&) = delete;

  // False when the server is gone.
  bool send(std::string_view text) {
    while (!text.empty()) {
      const ssize_t count = ::send(socket_, text.data(), text.size(), MSG_NOSIGNAL);
      if (count <= 0) return false;
      text.remove_prefix(static_cast<std::size_t>(count));
    }
    return true;
  }
  void finish_sending() { ::shutdown(socket_, SHUT_WR); }
  void close() {
    if (socket_ >= 0) ::close(std::exchange(socket_, -1));
  }

  // All until the server closes or `timeout` passes without a byte.
  std::string read_all(std::chrono::milliseconds timeout = std::chrono::seconds(10)) {
    std::string out;
    while (read_some(out, timeout)) {
    }
    return out;
  }
  // Until `marker` was seen.
  std::string read_until(std::string_view marker, std::chrono::milliseconds timeout = std::chrono::seconds(10)) {
    std::string out;
    while (out.find(marker) == std::string::npos && read_some(out, timeout)) {
    }
    return out;
  }
  bool closed_by_server() const { return closed_; }

 private:
  bool read_some(std::string& out, std::chrono::milliseconds timeout) {
    pollfd waiting{socket_, POLLIN, 0};
    if (::poll(&waiting, 1, static_cast<int>(timeout.count())) != 1) return false;
    char piece[4096];
    const ssize_t count = ::recv(socket_, piece, sizeof piece, 0);
    closed_ = count <= 0;
    if (count > 0) out.append(piece, static_cast<std::size_t>(count));
    return count > 0;
  }

  int socket_;
  bool closed_ = false;
};

}  // namespace ferry::test
