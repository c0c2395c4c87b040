// What an SSH server asks of the program around it: who may log in, and what a channel serves. One handler a
// connection; everything it does not override is refused. Called on the connection's own io_context.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/task.h"
#include "crypto/secret.h"
#include "ssh/channel/channel.h"
#include "ssh/keys/certificate.h"
#include "ssh/keys/public_key.h"

namespace ferry::ssh {

// Who is there. The client's version and the algorithms are known from its first authentication request on.
struct PeerInfo {
  std::string connection_id;
  std::string local_address, remote_address;  // ip:port
  std::string remote_ip;
  std::string client_version;
  std::string algorithms;  // of the first key exchange, as logged
};

struct AuthOutcome {
  enum class Verdict : std::uint8_t {
    failure,  // not logged in; `methods` may be tried
    partial,  // this step succeeded, one of `methods` must follow (RFC 4252 section 5.1)
    success,
  };
  Verdict verdict = Verdict::failure;
  std::string methods;  // name-list of methods that can continue
};

// What a client is asked, all at once (RFC 4256 section 3.2).
struct Questions {
  struct Prompt {
    std::string text;
    bool echo = false;
  };
  std::string instruction;
  std::vector<Prompt> prompts;  // at most max_prompts, but none is allowed
};
inline constexpr std::size_t max_prompts = 16;

// Where a dialogue of keyboard-interactive stands: more questions, or else its outcome.
struct DialogueStep {
  std::optional<Questions> ask;
  AuthOutcome outcome;
};

// Serves one channel from its request to its end. Ends early when the channel's calls say that it is gone.
using ChannelService = std::function<Task<void>(Channel&)>;

class ServerHandler {
 public:
  virtual ~ServerHandler() = default;

  // Shown before authentication; empty: none.
  virtual std::string banner() { return {}; }
  // After the first key exchange; `algorithms`: what was agreed on, for the log.
  virtual void client_known(const std::string& /*version*/, const std::string& /*algorithms*/) {}
  // The client and this server have no algorithm in common (RFC 4253 section 7.1): the connection ends.
  virtual void negotiation_failed(const std::string& /*why*/) {}

  virtual Task<AuthOutcome> authenticate_none(std::string user);
  virtual Task<AuthOutcome> authenticate_password(std::string user, crypto::Secret password);
  // Whether a signature by this key would be looked at (RFC 4252 section 7); logs nothing, decides nothing.
  virtual Task<AuthOutcome> query_public_key(std::string user, PublicKey key);
  // The signature was verified; `flags` are what it says. Without `user_present` it is to be refused, unless the
  // account wants that key so.
  virtual Task<AuthOutcome> authenticate_public_key(std::string user, PublicKey key, SignatureFlags flags = {});
  // The same for certificates. The signature of the certified key was verified (and its owner, where the certificate
  // requires that), but nothing of what the certificate says.
  virtual Task<AuthOutcome> query_certificate(std::string user, Certificate certificate);
  virtual Task<AuthOutcome> authenticate_certificate(std::string user, Certificate certificate);

  // A keyboard-interactive dialogue (RFC 4256): begins, goes on with as many answers as there were prompts, and is
  // told when the client has left it. Beginning ends one that is still open.
  virtual Task<DialogueStep> begin_dialogue(std::string user);
  virtual Task<DialogueStep> answer_dialogue(std::vector<crypto::Secret> answers);
  virtual void abandon_dialogue() {}

  // After authentication. An empty service refuses the request.
  virtual ChannelService subsystem(std::string_view /*name*/) { return {}; }
  virtual ChannelService command(std::string_view /*line*/) { return {}; }
  virtual ChannelService shell() { return {}; }
};

}  // namespace ferry::ssh
