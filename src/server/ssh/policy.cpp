#include "server/ssh/policy.h"

#include <chrono>
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
  model::UserPtr user;
  session::ConnectionInfo info;
  std::string forced_command = {};  // run whatever the client asks for
  int channels = 0;                 // opened so far: each has an id of its own
};

// What forces SFTP in certificates that were issued for OpenSSH's sshd.
bool means_sftp(std::string_view line) {
  const std::string_view program = line.substr(0, line.find(' '));
  return program == "internal-sftp" || program == "sftp-server" || program.ends_with("/sftp-server");
}

using Clock = std::chrono::steady_clock;

void tell_gone(const SshServices& services, const std::string& client_ip, const std::string& username,
               Clock::time_point began) {
  const auto duration = std::chrono::duration_cast<std::chrono::milliseconds>(Clock::now() - began);
  services.options.connect.tell_gone(client_ip, "SSH", username, duration);
}

// Tells of the end of a channel.
class Leaving {
 public:
  explicit Leaving(const LoggedIn& login)
      : services_(login.services), client_ip_(login.info.client_ip), username_(login.user->username) {}
  Leaving(const Leaving&) = delete;
  Leaving& operator=(const Leaving&) = delete;
  ~Leaving() { tell_gone(*services_, client_ip_, username_, began_); }

 private:
  const std::shared_ptr<SshServices> services_;
  const std::string client_ip_, username_;
  const Clock::time_point began_ = Clock::now();
};

Task<void> serve_sftp(std::shared_ptr<LoggedIn> login, ssh::Channel& channel) {
  const Leaving leaving(*login);
  session::ConnectionInfo info = login->info;
  info.protocol = "SFTP";
  info.id = "SFTP_" + info.id + "_" + std::to_string(++login->channels);
  info.gone = [&channel] { return channel.closed(); };
  auto opened = co_await session::open_session(login->user, info, login->services->sessions);
  if (!opened) {
    log::warn("sftpd", info.id, "no session for {}: {}", login->user->username, opened.error().message);
    channel.send_exit_status(1);
    co_return;
  }
  co_await sftp::serve(channel, **opened, login->services->options.sftp);  // sends the exit status
}

Task<void> serve_line(std::shared_ptr<LoggedIn> login, std::string line, ssh::Channel& channel) {
  const Leaving leaving(*login);
  session::ConnectionInfo info = login->info;
  info.id += "_" + std::to_string(++login->channels);
  const SshServices& services = *login->services;
  co_await serve_command(channel, login->user, std::move(info), services.sessions, services.options.commands,
                         std::move(line));
}

class SshPolicy final : public ssh::ServerHandler {
 public:
  SshPolicy(std::shared_ptr<SshServices> services, const ssh::PeerInfo& peer,
            std::function<void(std::string)> disconnect)
      : services_(std::move(services)), peer_(peer), disconnect_(std::move(disconnect)) {}

  ~SshPolicy() override {
    // Else its channels have told.
    if (!login_ || login_->channels == 0) {
      tell_gone(*services_, peer_.remote_ip, login_ ? login_->user->username : "", began_);
    }
    if (tried_) return;
    auth::LoginReport report = report_of("no_auth_tried", not_negotiated_);
    report.outcome = auth::LoginReport::Outcome::not_negotiated;
    if (not_negotiated_.empty()) {
      report.outcome = auth::LoginReport::Outcome::not_tried;
      report.why = "the client left without trying to log in";
    }
    report.username.clear();
    services_->authenticator.report(refused_key_->value_or(report));
  }

  std::string banner() override { return *services_->banner.load(); }
  void client_version_known(const std::string& version) override { peer_.client_version = version; }

  void negotiation_failed(const std::string& why) override { not_negotiated_ = why; }

  // Never enough by itself: it only asks which methods there are (RFC 4252 section 5.2).
  Task<AuthOutcome> authenticate_none(std::string user) override {
    begin(user);
    co_return refused();
  }

  Task<AuthOutcome> authenticate_password(std::string user, crypto::Secret password) override {
    if (!services_->options.password_authentication) co_return refused();
    auth::LoginRequest request = request_of(std::move(user), auth::Method::password);
    request.password = std::move(password);
    tried_ = true;
    auto outcome = co_await services_->authenticator.login(std::move(request));
    co_return settle(auth::Method::password, std::move(outcome));
  }

  Task<AuthOutcome> query_public_key(std::string user, ssh::PublicKey key) override {
    auto request = request_of(std::move(user), key);
    AuthOutcome answer = co_await probe(std::move(request));
    co_return answer;
  }

  Task<AuthOutcome> authenticate_public_key(std::string user, ssh::PublicKey key) override {
    auto request = request_of(std::move(user), key);
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
    AuthOutcome answer = co_await log_in_by_key(std::move(request));
    if (answer.verdict == AuthOutcome::Verdict::failure) co_return answer;
    log::info("sftpd", peer_.connection_id, "certificate {} with serial number {} of {}", certificate.key_id(),
              certificate.serial(), certificate.authority().fingerprint());
    if (auto line = ssh::forced_command(certificate)) forced_command_ = std::move(*line);
    if (login_) login_->forced_command = forced_command_;
    co_return answer;
  }

  Task<ssh::DialogueStep> begin_dialogue(std::string user) override {
    dialogue_.reset();
    auth::LoginRequest request = request_of(std::move(user), auth::Method::keyboard_interactive);
    if (!services_->options.keyboard_interactive) co_return ssh::DialogueStep{.ask = {}, .outcome = refused()};
    tried_ = true;
    const auth::InteractiveHook& hook = services_->options.hook;
    dialogue_ = hook.where.empty() ? auth::make_password_dialogue(services_->authenticator, std::move(request))
                                   : auth::make_hook_dialogue(services_->authenticator, std::move(request), hook);
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
    if (!login_ || (name != "sftp" && login_->forced_command.empty())) return {};
    return service({});
  }

  // Granted whatever it is: what cannot be run is answered as a shell would, which people understand.
  ssh::ChannelService command(std::string_view line) override {
    if (!login_) return {};
    return service(std::string(line));
  }

  // There are none; but a forced command is run in its place, as anywhere.
  ssh::ChannelService shell() override {
    if (!login_ || login_->forced_command.empty()) return {};
    return service({});
  }

 private:
  // Steps that succeeded count for one name only: whoever changes it begins again.
  void begin(const std::string& user) {
    if (user == username_) return;
    username_ = user;
    forced_command_.clear();
    completed_.clear();
    remaining_.clear();
  }

  auth::LoginRequest request_of(std::string user, auth::Method method) {
    begin(user);
    moment_ = services_->sessions.registry->moment();
    auth::LoginRequest request;
    request.connection_id = peer_.connection_id;
    request.protocol = "SSH";
    request.client_ip = peer_.remote_ip;
    request.username = std::move(user);
    request.method = method;
    request.completed = completed_;
    return request;
  }

  // A refusal that the login pipeline does not know of.
  auth::LoginReport report_of(std::string_view method, std::string why) const {
    auth::LoginReport report;
    report.connection_id = peer_.connection_id;
    report.protocol = "SSH";
    report.client_ip = peer_.remote_ip;
    report.username = username_;
    report.method = method;
    report.why = std::move(why);
    return report;
  }

  auth::LoginRequest key_request_of(std::string user) {
    auth::LoginRequest request = request_of(std::move(user), auth::Method::publickey);
    request.refused_key = refused_key_;
    return request;
  }

  std::unexpected<Error> refuse_key(std::string why) {
    *refused_key_ = report_of("publickey", why);
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
    const auto checked = ssh::check_user_certificate(certificate, *trust, peer_.remote_ip, expiry_now_ms() / 1000);
    if (!checked) return refuse_key(checked.error().message);
    request.certified_names = certificate.principals();
    return request;
  }

  Task<AuthOutcome> probe(Result<auth::LoginRequest> request) {
    AuthOutcome answer = refused();
    if (!request) co_return answer;
    request->probe = true;
    auto outcome = co_await services_->authenticator.login(std::move(*request));
    if (outcome) answer.verdict = AuthOutcome::Verdict::success;
    co_return answer;
  }

  Task<AuthOutcome> log_in_by_key(Result<auth::LoginRequest> request) {
    if (!request) co_return refused();
    auto outcome = co_await services_->authenticator.login(std::move(*request));
    if (outcome) tried_ = true;
    co_return settle(auth::Method::publickey, std::move(outcome));
  }

  // What the client asked for, or what its certificate forces.
  ssh::ChannelService service(std::string asked) {
    std::string line = login_->forced_command.empty() ? std::move(asked) : login_->forced_command;
    if (line.empty() || means_sftp(line)) {
      return [login = login_](ssh::Channel& channel) { return serve_sftp(login, channel); };
    }
    return [login = login_, line = std::move(line)](ssh::Channel& channel) { return serve_line(login, line, channel); };
  }

  Task<ssh::DialogueStep> go_on(std::vector<crypto::Secret> answers) {
    auth::Turn turn = co_await dialogue_->next(std::move(answers));
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
    session::ConnectionInfo info;
    info.id = peer_.connection_id;
    info.protocol = "SSH";
    info.local_address = peer_.local_address;
    info.remote_address = peer_.remote_address;
    info.client_ip = peer_.remote_ip;
    info.client_version = peer_.client_version;
    info.disconnect = [end = disconnect_] { end("closed by the server"); };
    kept_ = services_->sessions.registry->keep_login(outcome->user->username, moment_, info);
    if (!kept_) return refused();  // what was decided holds no more
    log::info("sftpd", peer_.connection_id, "user {} logged in with {} from {}, client {}", outcome->user->username,
              outcome->method, peer_.remote_ip, peer_.client_version);
    login_ = std::make_shared<LoggedIn>(services_, outcome->user, std::move(info), forced_command_);
    return {AuthOutcome::Verdict::success, {}};
  }

  const std::shared_ptr<SshServices> services_;
  ssh::PeerInfo peer_;
  std::function<void(std::string)> disconnect_;
  const Clock::time_point began_ = Clock::now();
  std::string not_negotiated_;  // why not
  bool tried_ = false;          // what was tried is told; keys that were refused are not
  std::shared_ptr<std::optional<auth::LoginReport>> refused_key_ = std::make_shared<std::optional<auth::LoginReport>>();
  std::string username_;
  std::vector<auth::Method> completed_;
  std::string remaining_;
  std::string forced_command_;
  std::unique_ptr<auth::Dialogue> dialogue_;
  std::uint64_t moment_ = 0;  // before the account was read
  std::shared_ptr<const void> kept_;
  std::shared_ptr<LoggedIn> login_;
};

}  // namespace

ssh::HandlerFactory make_ssh_policy(std::shared_ptr<SshServices> services) {
  return [services](const ssh::PeerInfo& peer,
                    std::function<void(std::string)> disconnect) -> std::unique_ptr<ssh::ServerHandler> {
    return std::make_unique<SshPolicy>(services, peer, std::move(disconnect));
  };
}

}  // namespace ferry::server
