#include "server/ssh/policy.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <utility>

#include "auth/dialogue.h"
#include "base/expiry_clock.h"
#include "base/log.h"
#include "server/ssh/commands.h"

namespace ferry::server {

namespace {

using ssh::AuthOutcome;

// What a logged-in connection's channels need; they may outlive the handler's own calls.
struct LoggedIn {
  std::shared_ptr<SshServices> services;
  std::shared_ptr<Login> login;
  std::string forced_command = {};  // run whatever the client asks for
};

// What forces SFTP in certificates that were issued for OpenSSH's sshd.
bool means_sftp(std::string_view line) {
  const std::string_view program = line.substr(0, line.find(' '));
  return program == "internal-sftp" || program == "sftp-server" || program.ends_with("/sftp-server");
}

Task<void> serve_sftp(std::shared_ptr<LoggedIn> logged_in, ssh::Channel& channel) {
  SessionScope scope(logged_in->login);
  SessionScope::Request request{.protocol = "SFTP", .gone = [&channel] { return channel.closed(); }};
  auto opened = co_await scope.open(std::move(request));
  if (!opened) {
    channel.send_exit_status(1);
    co_return;
  }
  co_await sftp::serve(channel, **opened, logged_in->services->options.sftp);  // sends the exit status
}

Task<void> serve_line(std::shared_ptr<LoggedIn> logged_in, std::string line, ssh::Channel& channel) {
  SessionScope scope(logged_in->login);
  co_await serve_command(channel, scope, logged_in->services->options.commands, std::move(line));
}

presence::ConnectionInfo connection_of(const ssh::PeerInfo& peer, const std::function<void(std::string)>& disconnect) {
  presence::ConnectionInfo info;
  info.id = peer.connection_id;
  info.local_address = peer.local_address;
  info.remote_address = peer.remote_address;
  info.client_ip = peer.remote_ip;
  info.client_version = peer.client_version;
  info.disconnect = [disconnect] { disconnect("closed by the server"); };
  return info;
}

class SshPolicy final : public ssh::ServerHandler {
 public:
  SshPolicy(std::shared_ptr<SshServices> services, const ssh::PeerInfo& peer,
            const std::function<void(std::string)>& disconnect)
      : services_(std::move(services)),
        client_(services_->entrance, {.protocol = "SSH", .log_sender = "sftpd"}, connection_of(peer, disconnect)) {}

  std::string banner() override { return *services_->banner.load(); }
  void client_known(const std::string& version, const std::string& algorithms) override {
    client_.set_version(version);
    algorithms_ = algorithms;
  }
  void negotiation_failed(const std::string& why) override { client_.negotiation_failed(why); }

  // Never enough by itself: it only asks which methods there are (RFC 4252 section 5.2).
  Task<AuthOutcome> authenticate_none(std::string user) override {
    begin(user);
    co_return refused();
  }

  Task<AuthOutcome> authenticate_password(std::string user, crypto::Secret password) override {
    if (!services_->options.password_authentication) co_return refused();
    auth::LoginRequest request = request_of(std::move(user), auth::Method::password);
    request.password = std::move(password);
    auto outcome = co_await client_.log_in(std::move(request));
    co_return settle(auth::Method::password, std::move(outcome));
  }

  Task<AuthOutcome> query_public_key(std::string user, ssh::PublicKey key) override {
    auto request = request_of(std::move(user), key);
    AuthOutcome answer = co_await probe(std::move(request));
    co_return answer;
  }

  Task<AuthOutcome> authenticate_public_key(std::string user, ssh::PublicKey key, ssh::SignatureFlags flags) override {
    auto request = request_of(std::move(user), key);
    if (request) {
      request->user_present = flags.user_present;
      request->user_verified = flags.user_verified;
    }
    credential_.clear();
    key_ = key;
    AuthOutcome answer = co_await log_in_by_key(std::move(request));
    co_return answer;
  }

  Task<AuthOutcome> query_certificate(std::string user, ssh::Certificate certificate) override {
    auto request = request_of(std::move(user), certificate);
    AuthOutcome answer = co_await probe(std::move(request));
    co_return answer;
  }

  Task<AuthOutcome> authenticate_certificate(std::string user, ssh::Certificate certificate) override {
    auto request = request_of(std::move(user), certificate);
    key_.reset();
    credential_ = fmt::format("certificate {} with serial number {} of {} ({})", certificate.key_id(),
                              certificate.serial(), certificate.authority().fingerprint(), certificate.type());
    AuthOutcome answer = co_await log_in_by_key(std::move(request));
    if (answer.verdict == AuthOutcome::Verdict::failure) co_return answer;
    if (auto line = ssh::forced_command(certificate)) forced_command_ = std::move(*line);
    if (logged_in_) logged_in_->forced_command = forced_command_;
    co_return answer;
  }

  Task<ssh::DialogueStep> begin_dialogue(std::string user) override {
    dialogue_.reset();
    auth::LoginRequest request = request_of(std::move(user), auth::Method::keyboard_interactive);
    if (!services_->options.keyboard_interactive) co_return ssh::DialogueStep{.ask = {}, .outcome = refused()};
    client_.note_attempt();
    const auth::InteractiveHook& hook = services_->options.hook;
    auth::Authenticator& authenticator = services_->entrance->authenticator;
    dialogue_ = hook.where.empty() ? auth::make_password_dialogue(authenticator, std::move(request))
                                   : auth::make_hook_dialogue(authenticator, std::move(request), hook);
    ssh::DialogueStep step = co_await go_on({});
    co_return step;
  }

  Task<ssh::DialogueStep> answer_dialogue(std::vector<crypto::Secret> answers) override {
    if (!dialogue_) co_return ssh::DialogueStep{.ask = {}, .outcome = refused()};
    ssh::DialogueStep step = co_await go_on(std::move(answers));
    co_return step;
  }

  void abandon_dialogue() override { dialogue_.reset(); }

  ssh::ChannelService subsystem(std::string_view name) override {
    if (!logged_in_ || (name != "sftp" && logged_in_->forced_command.empty())) return {};
    return service({});
  }

  // Granted whatever it is: what cannot be run is answered as a shell would, which people understand.
  ssh::ChannelService command(std::string_view line) override {
    if (!logged_in_) return {};
    return service(std::string(line));
  }

  // There are none; but a forced command is run in its place, as anywhere.
  ssh::ChannelService shell() override {
    if (!logged_in_ || logged_in_->forced_command.empty()) return {};
    return service({});
  }

 private:
  // Steps that succeeded count for one name only: whoever changes it begins again.
  void begin(const std::string& user) {
    if (user == username_) return;
    username_ = user;
    credential_.clear();
    key_.reset();
    forced_command_.clear();
    completed_.clear();
    remaining_.clear();
  }

  auth::LoginRequest request_of(std::string user, auth::Method method) {
    begin(user);
    auth::LoginRequest request = client_.request_of(std::move(user), method);
    request.completed = completed_;
    return request;
  }

  auth::LoginRequest key_request_of(std::string user) {
    auth::LoginRequest request = request_of(std::move(user), auth::Method::publickey);
    request.refused_key = client_.refused_key();
    return request;
  }

  std::unexpected<Error> refuse_key(std::string why) {
    client_.note_refused_key(why);
    return fail(ErrorCode::authentication_failed, std::move(why));
  }

  Result<auth::LoginRequest> request_of(std::string user, const ssh::PublicKey& key) {
    auth::LoginRequest request = key_request_of(std::move(user));
    if (services_->trust.load()->revoked.revokes(key)) return refuse_key("the key is revoked");
    request.public_key = key.blob();
    return request;
  }

  Result<auth::LoginRequest> request_of(std::string user, const ssh::Certificate& certificate) {
    auth::LoginRequest request = key_request_of(std::move(user));
    const auto trust = services_->trust.load();
    const auto checked =
        ssh::check_user_certificate(certificate, *trust, client_.connection().client_ip, expiry_now_ms() / 1000);
    if (!checked) return refuse_key(checked.error().message);
    request.certified_names = certificate.principals();
    return request;
  }

  Task<AuthOutcome> probe(Result<auth::LoginRequest> request) {
    AuthOutcome answer = refused();
    if (!request) co_return answer;
    request->probe = true;
    auto outcome = co_await client_.log_in(std::move(*request));
    if (outcome) answer.verdict = AuthOutcome::Verdict::success;
    co_return answer;
  }

  Task<AuthOutcome> log_in_by_key(Result<auth::LoginRequest> request) {
    if (!request) co_return refused();
    auto outcome = co_await client_.log_in(std::move(*request));
    co_return settle(auth::Method::publickey, std::move(outcome));
  }

  // What the client asked for, or what its certificate forces.
  ssh::ChannelService service(std::string asked) {
    std::string line = logged_in_->forced_command.empty() ? std::move(asked) : logged_in_->forced_command;
    if (line.empty() || means_sftp(line)) {
      return [logged_in = logged_in_](ssh::Channel& channel) { return serve_sftp(logged_in, channel); };
    }
    return [logged_in = logged_in_, line = std::move(line)](ssh::Channel& channel) {
      return serve_line(logged_in, line, channel);
    };
  }

  Task<ssh::DialogueStep> go_on(std::vector<crypto::Secret> answers) {
    auth::DialogueTurn turn = co_await dialogue_->next(std::move(answers));
    ssh::DialogueStep step{.ask = {}, .outcome = refused()};
    if (turn.questions) {
      step.ask.emplace().instruction = std::move(turn.instruction);
      for (auth::Question& question : *turn.questions) {
        step.ask->prompts.push_back({std::move(question.text), question.echo});
      }
      co_return step;
    }
    dialogue_.reset();
    step.outcome = settle(auth::Method::keyboard_interactive, std::move(turn.outcome));
    co_return step;
  }

  bool offers(std::string_view method) const {
    if (method == "password") return services_->options.password_authentication;
    if (method == "keyboard-interactive") return services_->options.keyboard_interactive;
    return method == "publickey";
  }
  // Before a step has succeeded everybody is told the same, so that the list tells nothing about an account.
  std::string methods() const {
    if (!remaining_.empty()) return remaining_;
    std::string list;
    for (const char* method : {"publickey", "password", "keyboard-interactive"}) {
      if (offers(method)) list += (list.empty() ? "" : ",") + std::string(method);
    }
    return list;
  }
  // How the log names the key that was a step of this login, with its comment in the account.
  std::string signed_with(std::string_view method, const model::User& user) const {
    if (!method.starts_with("publickey")) return {};
    if (!credential_.empty()) return ": " + credential_;
    if (!key_) return {};
    const std::string words = key_->to_line();
    std::string comment;
    for (const std::string& line : user.public_keys) {
      const std::size_t at = line.find(words);
      if (at == std::string::npos) continue;
      comment = line.substr(std::min(at + words.size() + 1, line.size()));
      break;
    }
    return ": " + key_->fingerprint() + (comment.empty() ? "" : ":" + comment) + " (" + key_->type() + ")";
  }
  AuthOutcome refused() const { return {AuthOutcome::Verdict::failure, methods()}; }

  AuthOutcome settle(auth::Method method, Result<auth::LoginOutcome> outcome) {
    if (!outcome || outcome->code_due) return refused();
    if (outcome->partial) {
      std::erase_if(outcome->remaining, [this](const std::string& name) { return !offers(name); });
      if (outcome->remaining.empty()) return refused();  // what is missing cannot be asked for here
      completed_.push_back(method);
      remaining_ = ssh::join_name_list(outcome->remaining);
      return {AuthOutcome::Verdict::partial, methods()};
    }
    std::shared_ptr<Login> login = client_.keep(*outcome, {.credential = signed_with(outcome->method, *outcome->user),
                                                           .info = "negotiated algorithms: " + algorithms_});
    if (!login) return refused();  // what was decided holds no more
    logged_in_ = std::make_shared<LoggedIn>(services_, std::move(login), forced_command_);
    return {AuthOutcome::Verdict::success, {}};
  }

  const std::shared_ptr<SshServices> services_;
  Client client_;
  std::string algorithms_;  // of the first key exchange, as logged
  std::string username_;
  std::vector<auth::Method> completed_;
  std::string remaining_;
  // What the client has signed with, for the log.
  std::optional<ssh::PublicKey> key_;
  std::string credential_;  // a certificate
  std::string forced_command_;
  std::unique_ptr<auth::Dialogue> dialogue_;
  std::shared_ptr<LoggedIn> logged_in_;
};

}  // namespace

ssh::HandlerFactory make_ssh_policy(std::shared_ptr<SshServices> services) {
  return [services](const ssh::PeerInfo& peer,
                    const std::function<void(std::string)>& disconnect) -> std::unique_ptr<ssh::ServerHandler> {
    return std::make_unique<SshPolicy>(services, peer, disconnect);
  };
}

}  // namespace ferry::server
