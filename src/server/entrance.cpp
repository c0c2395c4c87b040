#include "server/entrance.h"

#include <utility>

#include "base/log.h"

namespace ferry::server {

namespace {

using Clock = std::chrono::steady_clock;

}  // namespace

Client::Client(std::shared_ptr<Entrance> entrance, Scope scope, presence::ConnectionInfo connection)
    : entrance_(std::move(entrance)), scope_(std::move(scope)), connection_(std::move(connection)) {
  connection_.protocol = scope_.protocol;
  connection_.counted = scope_.counted;
}

Client::~Client() {
  if (tried_) return;
  auth::LoginReport report = report_of("no_auth_tried", not_negotiated_);
  report.outcome = auth::LoginReport::Outcome::not_negotiated;
  if (not_negotiated_.empty()) {
    report.outcome = auth::LoginReport::Outcome::not_tried;
    report.why = "the client left without trying to log in";
  }
  report.username.clear();
  entrance_->authenticator.report(refused_key_->value_or(report));
}

auth::LoginRequest Client::request_of(std::string username, auth::Method method) {
  username_ = username;
  moment_ = entrance_->sessions.registry->moment();
  auth::LoginRequest request;
  request.connection_id = connection_.id;
  request.protocol = scope_.protocol;
  request.client_ip = connection_.client_ip;
  request.username = std::move(username);
  request.method = method;
  return request;
}

Task<Result<auth::LoginOutcome>> Client::log_in(auth::LoginRequest request) {
  const bool told_when_refused = request.refused_key == nullptr;
  const bool probe = request.probe;
  if (told_when_refused) tried_ = true;
  auto outcome = co_await entrance_->authenticator.login(std::move(request));
  if (outcome && !probe) tried_ = true;
  co_return outcome;
}

void Client::note_refused_key(std::string why) { *refused_key_ = report_of("publickey", std::move(why)); }

// A refusal that the login pipeline does not know of.
auth::LoginReport Client::report_of(std::string_view method, std::string why) const {
  auth::LoginReport report;
  report.connection_id = connection_.id;
  report.protocol = scope_.protocol;
  report.client_ip = connection_.client_ip;
  report.username = username_;
  report.method = method;
  report.why = std::move(why);
  return report;
}

std::shared_ptr<Login> Client::keep(const auth::LoginOutcome& outcome, LoginDetails details) {
  presence::ConnectionInfo info = connection_;
  kept_ = entrance_->sessions.registry->keep_login(outcome.user->username, moment_, info);
  if (!kept_) return nullptr;
  auth::log_login({.client_ip = connection_.client_ip,
                   .username = outcome.user->username,
                   .method = outcome.method + details.credential,
                   .protocol = scope_.protocol,
                   .connection_id = connection_.id,
                   .client = connection_.client_version,
                   .encrypted = details.encrypted,
                   .info = details.info});
  login_ = std::make_shared<Login>(Login{entrance_, scope_, outcome.user, std::move(info)});
  return login_;
}

SessionScope::SessionScope(std::shared_ptr<Login> login)
    : login_(std::move(login)), id_(login_->connection.id + "_" + std::to_string(++login_->scopes)) {}

SessionScope::~SessionScope() {
  if (protocol_.empty()) return;
  const auto duration = std::chrono::duration_cast<std::chrono::milliseconds>(Clock::now() - began_);
  login_->entrance->connect.tell_gone(login_->connection.client_ip, protocol_, login_->user->username, duration);
}

Task<Result<std::unique_ptr<session::Session>>> SessionScope::open(Request request) {
  presence::ConnectionInfo info = login_->connection;
  info.id = id_of(request.protocol);
  info.protocol = std::move(request.protocol);
  info.command = std::move(request.command);
  info.gone = std::move(request.gone);
  auto opened = co_await session::open_session(login_->user, info, login_->entrance->sessions);
  if (!opened) {
    log::warn(login_->scope.log_sender, info.id, "no session for {}: {}", login_->user->username,
              opened.error().message);
    co_return opened;
  }
  protocol_ = info.protocol;
  co_return opened;
}

}  // namespace ferry::server
