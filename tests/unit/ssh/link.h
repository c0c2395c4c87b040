// A Transport and a TestClient, connected in memory. What the transport hands to the layers above is kept in
// `packets`, or goes to whoever overrides deliver().
#pragma once

#include <deque>
#include <memory>
#include <optional>
#include <vector>

#include "ssh/transport/transport.h"
#include "tests/unit/ssh/client_messages.h"
#include "tests/unit/ssh/test_client.h"

namespace ferry::ssh::test {

// Host keys made once for all tests: ed25519, ecdsa nistp256, rsa.
std::shared_ptr<const PrivateKey> host_key(PrivateKey::Kind kind);
// With all three host keys and every algorithm, ed25519 first.
// Every key agreement, cipher and MAC there is.
void offer_everything(AlgorithmOffer& offer);
TransportOptions transport_options();

class Link {
 public:
  explicit Link(TransportOptions options = transport_options());
  virtual ~Link() = default;

  Transport transport;
  TestClient client;

  // Moves bytes both ways until neither side has more to say or the server gave up.
  void pump();
  // One direction, once.
  void to_server();
  void to_client() { client.receive(drain_output()); }
  // What the server gave up with, after telling its client.
  std::optional<Error> error;
  std::vector<Bytes> packets;
  // How many bytes of the client reach the server at a time; 0: all.
  std::size_t piece = 0;
  // Key agreements wait in `pending_exchange` instead of being computed at once.
  bool hold_exchange = false;
  std::optional<ExchangeInput> pending_exchange;
  void finish_exchange();

  // Version and first key exchange; packets and errors as usual.
  void connect();
  // Sends one payload and pumps.
  void say(ByteSpan payload);

  SteadyTime time{std::chrono::hours(1000)};

 protected:
  virtual Result<void> deliver(MutableByteSpan payload);
  virtual void idle() {}  // everything was delivered
  void fail_with(Error why);

 private:
  Bytes drain_output();
  void serve();
  bool started_ = false;
};

}  // namespace ferry::ssh::test
