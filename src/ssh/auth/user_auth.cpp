#include "ssh/auth/user_auth.h"

#include <algorithm>
#include <optional>

#include "ssh/keys/user_certificate.h"

namespace ferry::ssh {

namespace {

constexpr std::string_view connection_service = "ssh-connection";
constexpr std::string_view auth_service = "ssh-userauth";
constexpr std::size_t longest_user = 255;
constexpr std::size_t longest_banner = 32'000;  // below the payload that every client must take (RFC 4253 section 6.1)
// Requests that count as no failure (key queries) still end somewhere.
constexpr int most_requests = 200;
constexpr int most_rounds = 20;  // of one keyboard-interactive dialogue
constexpr std::size_t longest_answer = 4096;
constexpr std::size_t longest_question = 16'000;  // all texts of one INFO_REQUEST together

// What a client offers: a key, or a certificate for one.
struct Offer {
  std::optional<PublicKey> key;
  std::optional<Certificate> certificate;
  std::string_view signature_algorithm;
  const PublicKey& signer() const { return certificate ? certificate->key() : *key; }
};

Result<Offer> read_offer(std::string_view algorithm, ByteSpan blob) {
  Offer offer;
  const std::string_view of_certificate = signature_algorithm_of_certificate(algorithm);
  if (of_certificate.empty()) {
    auto key = PublicKey::parse(blob);
    if (!key) return fail(key.error());
    offer.key = std::move(*key);
    offer.signature_algorithm = algorithm;
  } else {
    auto certificate = Certificate::parse(blob);
    if (!certificate) return fail(certificate.error());
    offer.certificate = std::move(*certificate);
    offer.signature_algorithm = of_certificate;
  }
  if (!offer.signer().fits_algorithm(offer.signature_algorithm)) return fail(ErrorCode::unsupported);
  return offer;
}

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
    case msg::userauth_info_response: {
      Result<void> handled = co_await handle_answers(payload);
      co_return handled;
    }
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
  leave_dialogue();  // RFC 4256 section 3.1: a new request ends it
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
  } else if (request.method == "keyboard-interactive") {
    outcome = co_await begin_dialogue(request, answered, malformed);
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

  const Result<Offer> offer = read_offer(algorithm, blob);
  if (!offer || !transport_.accepts_signatures(offer->signature_algorithm)) {
    AuthOutcome outcome = co_await refused(request.user);
    co_return outcome;
  }
  if (!has_signature) {
    AuthOutcome outcome;
    if (offer->certificate) {
      outcome = co_await handler_.query_certificate(request.user, *offer->certificate);
    } else {
      outcome = co_await handler_.query_public_key(request.user, *offer->key);
    }
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
  const auto flags = offer->signer().check(offer->signature_algorithm, signature, covered.data());
  const bool verified = offer->certificate && requires_user_verification(*offer->certificate);
  const bool touched = flags && (flags->user_present || !offer->certificate);
  if (!touched || (verified && !flags->user_verified)) {
    AuthOutcome outcome = co_await refused(request.user);
    co_return outcome;
  }
  AuthOutcome outcome;
  if (offer->certificate) {
    outcome = co_await handler_.authenticate_certificate(request.user, *offer->certificate);
  } else {
    outcome = co_await handler_.authenticate_public_key(request.user, *offer->key, *flags);
  }
  co_return outcome;
}

// --- keyboard-interactive (RFC 4256) ---

Task<AuthOutcome> UserAuth::begin_dialogue(const Request& request, bool& answered, bool& malformed) {
  ByteReader in = request.rest;
  in.string();  // language: deprecated
  in.string();  // submethods: hints that nothing here can follow
  malformed = !in.done();
  if (malformed) co_return AuthOutcome{};
  rounds_ = 0;
  DialogueStep step = co_await handler_.begin_dialogue(request.user);
  const std::optional<AuthOutcome> outcome = take_step(std::move(step));
  answered = !outcome;
  co_return outcome.value_or(AuthOutcome{});
}

Task<Result<void>> UserAuth::handle_answers(ByteSpan payload) {
  if (!prompts_open_) co_return fail(ErrorCode::protocol_error, "answers that nobody asked for");
  ByteReader in(payload.subspan(1));
  const std::uint32_t count = in.u32();
  if (!in.ok()) co_return fail(ErrorCode::protocol_error, "malformed answers");
  std::vector<crypto::Secret> answers;
  bool usable = count == *prompts_open_;  // section 3.4: any other number is a failure
  for (std::size_t i = 0; usable && i < count; ++i) {
    const std::string_view answer = in.string();
    usable = answer.size() <= longest_answer;
    answers.emplace_back(answer);
  }
  if (usable && !in.done()) co_return fail(ErrorCode::protocol_error, "malformed answers");
  if (!usable) {
    leave_dialogue();
    const AuthOutcome outcome = co_await refused(user_);
    co_return conclude(outcome, true);
  }
  prompts_open_.reset();
  DialogueStep step = co_await handler_.answer_dialogue(std::move(answers));
  const std::optional<AuthOutcome> outcome = take_step(std::move(step));
  if (!outcome) co_return Result<void>{};
  co_return conclude(*outcome, true);
}

// Asks what the step asks; the outcome when it asks nothing more, or what must not be sent.
std::optional<AuthOutcome> UserAuth::take_step(DialogueStep step) {
  if (!step.ask) return std::move(step.outcome);
  const Questions& questions = *step.ask;
  std::size_t size = questions.instruction.size();
  for (const auto& prompt : questions.prompts) size += prompt.text.size();
  if (++rounds_ > most_rounds || questions.prompts.size() > max_prompts || size > longest_question) {
    handler_.abandon_dialogue();
    step.outcome.verdict = AuthOutcome::Verdict::failure;
    return std::move(step.outcome);
  }
  ByteWriter out(size + 256);
  out.u8(msg::userauth_info_request).string(std::string_view()).string(questions.instruction);
  out.string(std::string_view()).u32(static_cast<std::uint32_t>(questions.prompts.size()));
  for (const auto& prompt : questions.prompts) out.string(prompt.text).boolean(prompt.echo);
  transport_.send(out.data());
  prompts_open_ = questions.prompts.size();
  return std::nullopt;
}

void UserAuth::leave_dialogue() {
  if (!prompts_open_) return;
  prompts_open_.reset();
  handler_.abandon_dialogue();
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
