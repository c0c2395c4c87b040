// The way to the SFTP subsystem of an SSH server, over libssh: connects, checks the host key, logs in, opens the
// channel; then bytes in and out. For one thread, which it makes wait; only interrupt() may come from another.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "base/error.h"
#include "crypto/secret.h"

namespace ferry::vfs::sftp {

struct Endpoint {
  std::string host;
  std::uint16_t port = 22;
  bool operator==(const Endpoint&) const = default;
};
// "host", "host:port", "[::1]:22".
Result<Endpoint> parse_endpoint(std::string_view text);

struct Login {
  Endpoint endpoint;
  std::string username;
  crypto::Secret password;
  crypto::Secret private_key;     // PEM or OpenSSH's form; tried before the password
  crypto::Secret key_passphrase;  // of the private key
  // Of host keys, "SHA256:..." or "MD5:aa:bb:..."; empty: any host key is taken, with a warning.
  std::vector<std::string> fingerprints;
  // Whether a host key, "SHA256:...", is one of this server's own: a connection to it is refused. Safe from any thread;
  // empty: none is.
  std::function<bool(const std::string&)> is_own = {};
};

class Transport {
 public:
  Transport();
  ~Transport();
  Transport(const Transport&) = delete;
  Transport& operator=(const Transport&) = delete;

  // authentication_failed; permission_denied: the host key is not among the fingerprints, or is our own; timeout;
  // connection_lost.
  Result<void> open(const Login& login);
  // How the server calls itself: "SSH-2.0-OpenSSH_9.2p1"; once open.
  const std::string& server_banner() const;

  // Waits up to `limit` until something came or can be sent, or `wake` (an eventfd) is readable.
  Result<void> wait(std::chrono::milliseconds limit, int wake);
  // Whether write() would send anything.
  bool may_write() const;
  // Sends as much as the server's window allows; 0: nothing at the moment.
  Result<std::size_t> write(ByteSpan data);
  // Reads what has come, up to the size of `into`; 0: nothing at the moment.
  Result<std::size_t> read(MutableByteSpan into);
  // Asks the server for an answer of any kind, so that received() grows while it lives.
  void keep_alive();
  // Bytes that came from the server in all.
  std::uint64_t received() const;

  // open() and wait() end soon, with connection_lost. From any thread.
  void interrupt();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace ferry::vfs::sftp
