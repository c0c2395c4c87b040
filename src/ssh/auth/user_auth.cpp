#include "ssh/auth/user_auth.h"

#include <algorithm>
#include <optional>

namespace ferry::ssh {

namespace {

constexpr std::string_view connection_service = "ssh-connection";
constexpr std::string_view auth_service = "ssh-userauth";
constexpr std::size_t longest_user = 255;
constexpr std::size_t longest_banner = 32'000;  // below the payload that every client must take (RFC 4253 section 6.1)
// Requests that count as no failure (key queries) still end somewhere.
constexpr int most_requests = 200;

}  // namespace

struct UserAuth::Request {
  std::string user;
  std::string_view service, method;
  ByteReader rest;
};

UserAuth::UserAuth(Transport& transport, ServerHandler& handler, int max_tries)
    : transport_(transport), handler_(handler), max_tries_(max_tries) {}

Task<Result<void>> UserAuth::handle(ByteSpan payload) {
  switch (std::to_integer<std::uint8_t>(payload[0])) {
    case msg::service_request: co_return accept_service(payload);
    case msg::userauth_request: break;
    case msg::ext_info: co_return Result<void>{};  // RFC 8308: nothing of it concerns a server
    default: co_return fail(ErrorCode::protocol_error, "message before authentication");
  }
  Result<void> handled = co_await handle_request(payload);
  co_return handled;
}

Result<void> UserAuth::accept_service(ByteSpan payload) {
  ByteReader in(payload.subspan(1));
  const std::string_view name = in.string();
  if (!in.done() || name != auth_service) return fail(ErrorCode::protocol_error, "service not available");
  service_accepted_ = true;
  ByteWriter out(32);
  out.u8(msg::service_accept).string(name);
  transport_.send(out.data());
  return {};
}

Task<Result<void>> UserAuth::handle_request(ByteSpan payload) {
  if (!service_accepted_) co_return fail(ErrorCode::protocol_error, "authentication without its service");
  if (++requests_ > most_requests) co_return fail(ErrorCode::limit_exceeded, "too many authentication requests");
  Request request;
  request.rest = ByteReader(payload.subspan(1));
  request.user = request.rest.string();
  request.service = request.rest.string();
  request.method = request.rest.string();
  if (!request.rest.ok() || request.user.size() > longest_user) {
    co_return fail(ErrorCode::protocol_error, "malformed authentication request");
  }
  if (request.service != connection_service) co_return fail(ErrorCode::protocol_error, "service not available");
  // RFC 4252 section 5 lets a server refuse a change of the user; state of one must never serve another.
  if (requests_ > 1 && request.user != user_) co_return fail(ErrorCode::protocol_error, "user name changed");
  user_ = request.user;
  send_banner();

  AuthOutcome outcome;
  bool answered = false;
  bool malformed = false;
  bool counts = true;
  if (request.method == "none") {
    counts = false;
    outcome = co_await handler_.authenticate_none(request.user);
  } else if (request.method == "password") {
    const bool change = request.rest.boolean();
    crypto::Secret password(request.rest.string());
    malformed = change ? !request.rest.ok() : !request.rest.done();
    if (!malformed && change) {
      outcome = co_await refused(request.user);
    } else if (!malformed) {
      outcome = co_await handler_.authenticate_password(request.user, std::move(password));
    }
  } else if (request.method == "publickey") {
    outcome = co_await public_key(request, answered, malformed);
  } else {
    outcome = co_await refused(request.user);
  }
  if (malformed) co_return fail(ErrorCode::protocol_error, "malformed authentication request");
  if (answered) co_return Result<void>{};
  co_return conclude(outcome, counts);
}

// A failure with the handler's list of methods; never more, whatever it says to "none".
Task<AuthOutcome> UserAuth::refused(const std::string& user) {
  AuthOutcome outcome = co_await handler_.authenticate_none(user);
  outcome.verdict = AuthOutcome::Verdict::failure;
  co_return outcome;
}

Task<AuthOutcome> UserAuth::public_key(const Request& request, bool& answered, bool& malformed) {
  ByteReader in = request.rest;
  const bool has_signature = in.boolean();
  const std::string_view algorithm = in.string();
  const ByteSpan blob = in.blob();
  const ByteSpan signature = has_signature ? in.blob() : ByteSpan();
  malformed = !in.done();
  if (malformed) co_return AuthOutcome{};

  const Result<PublicKey> key = PublicKey::parse(blob);
  const bool usable = key && transport_.accepts_signatures(algorithm) && key->fits_algorithm(algorithm);
  if (!usable) {
    AuthOutcome outcome = co_await refused(request.user);
    co_return outcome;
  }
  if (!has_signature) {
    AuthOutcome outcome = co_await handler_.query_public_key(request.user, *key);
    if (outcome.verdict == AuthOutcome::Verdict::failure) co_return outcome;
    ByteWriter ok(blob.size() + 64);
    ok.u8(msg::userauth_pk_ok).string(algorithm).string(blob);
    transport_.send(ok.data());
    answered = true;
    co_return AuthOutcome{};
  }
  ByteWriter covered(512);  // RFC 4252 section 7
  covered.string(transport_.session_id()).u8(msg::userauth_request).string(request.user).string(request.service);
  covered.string(request.method).boolean(true).string(algorithm).string(blob);
  if (!key->verify(algorithm, signature, covered.data())) {
    AuthOutcome outcome = co_await refused(request.user);
    co_return outcome;
  }
  AuthOutcome outcome = co_await handler_.authenticate_public_key(request.user, *key);
  co_return outcome;
}

void UserAuth::send_banner() {
  if (std::exchange(banner_sent_, true)) return;
  std::string text = handler_.banner();
  text.resize(std::min(text.size(), longest_banner));
  if (text.empty()) return;
  ByteWriter out(text.size() + 16);
  out.u8(msg::userauth_banner).string(text).string(std::string_view());
  transport_.send(out.data());
}

Result<void> UserAuth::conclude(const AuthOutcome& outcome, bool counts) {
  if (outcome.verdict == AuthOutcome::Verdict::success) {
    const std::byte success{msg::userauth_success};
    transport_.send(ByteSpan(&success, 1));
    transport_.set_authenticated();
    authenticated_ = true;
    return {};
  }
  const bool partial = outcome.verdict == AuthOutcome::Verdict::partial;
  if (counts && !partial) ++failures_;
  if (failures_ >= max_tries_) return fail(ErrorCode::authentication_failed, "too many authentication failures");
  ByteWriter out(64);
  out.u8(msg::userauth_failure).string(outcome.methods).boolean(partial);
  transport_.send(out.data());
  return {};
}

}  // namespace ferry::ssh
