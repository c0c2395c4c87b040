// How a client gets in and out, the same for every protocol: credential, login, sessions, goodbye.
//
//   Client client(entrance, {.protocol = "SSH", .log_sender = "sftpd"}, connection);  // one for each connection
//   auth::LoginRequest request = client.request_of("maria", auth::Method::password);
//   request.password = std::move(password);
//   auto outcome = co_await client.log_in(std::move(request));   // a failure: refuse, and let the client try again
//   std::shared_ptr<Login> login = client.keep(*outcome);        // null: refuse, the account was changed meanwhile
//   ...
//   SessionScope scope(login);                                   // one for each SSH channel, FTP control connection,
//   ... auto session = co_await scope.open({.protocol = "SFTP"});
//
// What only one protocol has (which methods it offers, certificates, forced commands) stays with that protocol.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "auth/login.h"
#include "server/connect_hooks.h"
#include "session/factory.h"

namespace ferry::server {

// What all clients of all protocols share. `authenticator` outlives every client.
struct Entrance {
  auth::Authenticator& authenticator;
  session::Services sessions;
  ConnectHooks connect = {};
};

// What the clients of one protocol have in common.
struct Scope {
  std::string protocol;    // of logins and hooks: SSH, FTP, DAV, HTTP
  std::string log_sender;  // of its lines in the log: sftpd, ftpd, ...
  bool counted = true;     // its sessions count against the account's max_sessions
};

// A user who is logged in on a connection. Shared by what the client runs, which may outlive the Client.
struct Login {
  std::shared_ptr<Entrance> entrance;
  Scope scope;
  model::UserPtr user;
  presence::ConnectionInfo connection;
  int scopes = 0;  // sessions begun so far: each has an id of its own
};

// What the log line of a login tells that the pipeline does not know.
struct LoginDetails {
  std::string credential = {};  // ": " and the key or certificate that was a step of it; empty: there was none
  bool encrypted = true;
  std::string info = {};
};

// One client, from its first byte to its last. Used on the connection's thread alone. A client that left without a
// credential is reported to the observers of logins (defender, audit log).
class Client {
 public:
  // `connection`: what is known of it now; id, addresses, disconnect.
  Client(std::shared_ptr<Entrance> entrance, Scope scope, presence::ConnectionInfo connection);
  ~Client();
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;

  const presence::ConnectionInfo& connection() const { return connection_; }
  void set_version(const std::string& version) { connection_.client_version = version; }

  // A request with all that the connection knows. The account must be read after this call: keep() refuses a login
  // whose account was disconnected since the last one.
  auth::LoginRequest request_of(std::string username, auth::Method method);
  // Asks the login pipeline. A key's refusal is not told (clients offer all their keys): note_refused_key() keeps one,
  // and request.refused_key = refused_key() lets the pipeline do so.
  Task<Result<auth::LoginOutcome>> log_in(auth::LoginRequest request);
  const std::shared_ptr<std::optional<auth::LoginReport>>& refused_key() const { return refused_key_; }
  void note_refused_key(std::string why);
  // A credential is being checked otherwise, by a dialogue: how that ends is told by whoever checks it.
  void note_attempt() { tried_ = true; }
  // Client and server have no algorithm in common, or the like.
  void negotiation_failed(const std::string& why) { not_negotiated_ = why; }

  // Makes a login of a complete outcome, logs it, and lists it so that Registry::close_user() ends the connection.
  // Null when the account was closed since request_of(): what was decided then holds no more.
  std::shared_ptr<Login> keep(const auth::LoginOutcome& outcome, LoginDetails details = {});

 private:
  auth::LoginReport report_of(std::string_view method, std::string why) const;

  const std::shared_ptr<Entrance> entrance_;
  const Scope scope_;
  presence::ConnectionInfo connection_;
  bool tried_ = false;          // a credential was checked, and the observers heard how that ended
  std::string not_negotiated_;  // why
  std::string username_;        // of the last request
  std::shared_ptr<std::optional<auth::LoginReport>> refused_key_ = std::make_shared<std::optional<auth::LoginReport>>();
  std::uint64_t moment_ = 0;  // Registry::moment() before the account was read
  std::shared_ptr<Login> login_;
  std::shared_ptr<const void> kept_;  // the registry's row of the login
};

// What a client does with one Session, from the request for it to its end, which the post-disconnect hook is told when
// a session was open.
class SessionScope {
 public:
  explicit SessionScope(std::shared_ptr<Login> login);
  ~SessionScope();
  SessionScope(const SessionScope&) = delete;
  SessionScope& operator=(const SessionScope&) = delete;

  // What differs between the sessions of one login.
  struct Request {
    std::string protocol;             // as logs and REST name it: SFTP, SCP, SSH, FTP, ...
    std::string command = {};         // an SSH command line
    std::function<bool()> gone = {};  // whether the client has left; see presence::ConnectionInfo
  };
  // Errors are logged, and those of session::open_session.
  Task<Result<std::unique_ptr<session::Session>>> open(Request request);

  const model::User& user() const { return *login_->user; }
  // In log lines before there is a session: <connection>_<number>.
  const std::string& id() const { return id_; }
  // In those of a session: <protocol>_<connection>_<number>.
  std::string id_of(const std::string& protocol) const { return protocol + "_" + id_; }

 private:
  const std::shared_ptr<Login> login_;
  const std::string id_;
  std::string protocol_;  // of the session; empty: none was opened
  const std::chrono::steady_clock::time_point began_ = std::chrono::steady_clock::now();
};

}  // namespace ferry::server
