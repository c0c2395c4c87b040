// The whole SSH server without sockets: Transport, UserAuth and Channels as the driver connects them, with a
// TestClient at the other end. Services run on an io_context that pump() polls.
#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <memory>
#include <string>
#include <vector>

#include "ssh/auth/user_auth.h"
#include "ssh/channel/channels.h"
#include "tests/unit/ssh/link.h"

namespace ferry::ssh::test {

// Accepts what it is told to, and writes down every call.
class TestHandler : public ServerHandler {
 public:
  std::string greeting;  // banner
  std::string methods = "publickey,password";
  std::string password = "right";
  std::vector<PublicKey> keys;     // accepted, certified or not
  bool key_then_password = false;  // a key alone is partial success
  bool none_is_enough = false;
  std::vector<std::string> calls;
  // keyboard-interactive: asked one after another; the last of all answers must be the password.
  std::vector<Questions> dialogue;

  // Services: "echo"; "hold" lets input lie until `release`; "fail" throws; "quiet" returns at once;
  // "stubborn" ends only when stop_stubborn() is called; "source N" writes N bytes of pattern(N).
  std::vector<std::string> services_started, services_ended;
  std::size_t held_input = 0;  // what "hold" sees lying there
  bool release = false;
  void stop_stubborn() {
    if (stubborn_timer) stubborn_timer->cancel();
  }
  std::unique_ptr<asio::steady_timer> stubborn_timer;
  Channel* last_channel = nullptr;

  std::string banner() override;
  Task<AuthOutcome> authenticate_none(std::string user) override;
  Task<AuthOutcome> authenticate_password(std::string user, crypto::Secret secret) override;
  Task<AuthOutcome> query_public_key(std::string user, PublicKey key) override;
  Task<AuthOutcome> authenticate_public_key(std::string user, PublicKey key, SignatureFlags flags) override;
  Task<AuthOutcome> query_certificate(std::string user, Certificate certificate) override;
  Task<AuthOutcome> authenticate_certificate(std::string user, Certificate certificate) override;
  Task<DialogueStep> begin_dialogue(std::string user) override;
  Task<DialogueStep> answer_dialogue(std::vector<crypto::Secret> answers) override;
  void abandon_dialogue() override { calls.push_back("abandon"); }
  ChannelService subsystem(std::string_view name) override { return service("subsystem " + std::string(name)); }
  ChannelService command(std::string_view line) override { return service("exec " + std::string(line)); }
  ChannelService shell() override { return service("shell"); }

 private:
  ChannelService service(std::string what);
  DialogueStep next_step(bool right);
  bool key_done_ = false;
  std::size_t round_ = 0;
};

class MemoryServer : public Link, public OutputHost {
 private:
  asio::io_context context_;  // first: what has timers on it must go before it does

 public:
  struct Limits {
    int max_auth_tries = 6;
    std::size_t max_channels = 4;
  };
  MemoryServer() : MemoryServer(transport_options(), Limits{}) {}
  explicit MemoryServer(Limits limits) : MemoryServer(transport_options(), limits) {}
  MemoryServer(TransportOptions options, Limits limits);
  ~MemoryServer() override;

  TestHandler handler;
  UserAuth auth;
  std::unique_ptr<Channels> channels;
  bool authenticated = false;
  int services_running = 0;

  // connect() and a login with the right password.
  void log_in();
  // Opens a channel with the client's id; answers the server's id.
  std::uint32_t open_channel(std::uint32_t id, std::uint32_t window = 1 << 20, std::uint32_t max_packet = 32768);
  // open_channel and a subsystem on it; both answers are taken.
  std::uint32_t open_service(std::uint32_t id, std::string_view name, std::uint32_t window = 1 << 20,
                             std::uint32_t max_packet = 32768);
  // Lets coroutines run.
  void run();
  // All CHANNEL_DATA for the client's channel `id` received so far, taken and put together.
  Bytes take_data(std::uint32_t id);

  // --- OutputHost ---
  void flush() override { ++flushes; }
  asio::any_io_executor executor() override { return context_.get_executor(); }
  const std::string& connection_id() const override { return id_; }
  std::chrono::microseconds round_trip() const override { return link; }
  int flushes = 0;
  std::chrono::microseconds link{0};

 protected:
  Result<void> deliver(MutableByteSpan payload) override;
  void idle() override;

 private:
  static Task<void> run_service(MemoryServer* self, std::shared_ptr<SessionChannel> channel, ChannelService service);
  Result<void> authenticate(ByteSpan payload);

  std::string id_ = "SSH_test";
};

}  // namespace ferry::ssh::test
