#include "server/ssh_policy.h"

#include <optional>
#include <utility>

#include "base/log.h"
#include "server/ssh_commands.h"

namespace ferry::server {

namespace {

using ssh::AuthOutcome;

// What a logged-in connection's channels need; they may outlive the handler's own calls.
struct LoggedIn {
  std::shared_ptr<SshServices> services;
  model::UserPtr user;
  session::ConnectionInfo info;
  int channels = 0;  // opened so far: each has an id of its own
};

Task<void> serve_sftp(std::shared_ptr<LoggedIn> login, ssh::Channel& channel) {
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
  session::ConnectionInfo info = login->info;
  info.id += "_" + std::to_string(++login->channels);
  const SshServices& services = *login->services;
  co_await serve_command(channel, login->user, std::move(info), services.sessions, services.options.commands,
                         std::move(line));
}

class SshPolicy final : public ssh::ServerHandler {
 public:
  SshPolicy(std::shared_ptr<SshServices> services, const ssh::PeerInfo& peer, session::Admission admission,
            std::function<void(std::string)> disconnect)
      : services_(std::move(services)),
        peer_(peer),
        admission_(std::move(admission)),
        disconnect_(std::move(disconnect)) {}

  ~SshPolicy() override {
    if (tried_) return;
    auth::log_connection_failed("SSH", peer_.remote_ip, "", "no_auth_tried",
                                "the client left without trying to log in");
  }

  std::string banner() override { return *services_->banner.load(); }
  void client_version_known(const std::string& version) override { peer_.client_version = version; }

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
    auth::LoginRequest request = request_of(std::move(user), auth::Method::publickey);
    request.public_key = key.blob();
    request.probe = true;
    auto outcome = co_await services_->authenticator.login(std::move(request));
    AuthOutcome answer = refused();
    if (outcome) answer.verdict = AuthOutcome::Verdict::success;
    co_return answer;
  }

  Task<AuthOutcome> authenticate_public_key(std::string user, ssh::PublicKey key) override {
    auth::LoginRequest request = request_of(std::move(user), auth::Method::publickey);
    request.public_key = key.blob();
    tried_ = true;
    auto outcome = co_await services_->authenticator.login(std::move(request));
    co_return settle(auth::Method::publickey, std::move(outcome));
  }

  ssh::ChannelService subsystem(std::string_view name) override {
    if (!login_ || name != "sftp") return {};
    return [login = login_](ssh::Channel& channel) { return serve_sftp(login, channel); };
  }

  // Granted whatever it is: what cannot be run is answered as a shell would, which people understand.
  ssh::ChannelService command(std::string_view line) override {
    if (!login_) return {};
    return
        [login = login_, line = std::string(line)](ssh::Channel& channel) { return serve_line(login, line, channel); };
  }

 private:
  // Steps that succeeded count for one name only: whoever changes it begins again.
  void begin(const std::string& user) {
    if (user == username_) return;
    username_ = user;
    completed_.clear();
    remaining_.clear();
  }

  auth::LoginRequest request_of(std::string user, auth::Method method) {
    begin(user);
    auth::LoginRequest request;
    request.connection_id = peer_.connection_id;
    request.protocol = "SSH";
    request.client_ip = peer_.remote_ip;
    request.username = std::move(user);
    request.method = method;
    request.completed = completed_;
    return request;
  }

  bool offers(std::string_view method) const {
    return method == "publickey" || (method == "password" && services_->options.password_authentication);
  }
  std::string methods() const {
    if (!remaining_.empty()) return remaining_;
    return services_->options.password_authentication ? "publickey,password" : "publickey";
  }
  AuthOutcome refused() const { return {AuthOutcome::Verdict::failure, methods()}; }

  AuthOutcome settle(auth::Method method, Result<auth::LoginOutcome> outcome) {
    if (!outcome) return refused();
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
    log::info("sftpd", peer_.connection_id, "user {} logged in with {} from {}, client {}", outcome->user->username,
              outcome->method, peer_.remote_ip, peer_.client_version);
    login_ = std::make_shared<LoggedIn>(services_, outcome->user, std::move(info));
    return {AuthOutcome::Verdict::success, {}};
  }

  const std::shared_ptr<SshServices> services_;
  ssh::PeerInfo peer_;
  session::Admission admission_;
  std::function<void(std::string)> disconnect_;
  bool tried_ = false;
  std::string username_;
  std::vector<auth::Method> completed_;
  std::string remaining_;
  std::shared_ptr<LoggedIn> login_;
};

}  // namespace

ssh::HandlerFactory make_ssh_policy(std::shared_ptr<SshServices> services) {
  return [services](const ssh::PeerInfo& peer,
                    std::function<void(std::string)> disconnect) -> std::unique_ptr<ssh::ServerHandler> {
    auto admission = services->sessions.registry->admit(peer.remote_ip);
    if (!admission) {
      log::warn("sftpd", peer.connection_id, "client {} refused: {}", peer.remote_ip, admission.error().message);
      return nullptr;
    }
    return std::make_unique<SshPolicy>(services, peer, std::move(*admission), std::move(disconnect));
  };
}

}  // namespace ferry::server
