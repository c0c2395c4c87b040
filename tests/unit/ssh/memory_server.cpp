#include "tests/unit/ssh/memory_server.h"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/redirect_error.hpp>
#include <stdexcept>

#include "tests/unit/ssh/packet_support.h"

namespace ferry::ssh::test {
namespace {

AuthOutcome outcome(AuthOutcome::Verdict verdict, std::string methods) { return {verdict, std::move(methods)}; }

Task<void> echo(Channel& channel) {
  while (true) {
    const bool more = co_await channel.wait_input(0);
    if (!more) break;
    Bytes data;
    for (const ByteSpan fragment : channel.input()) append(data, fragment);
    channel.consume(data.size());
    const Result<void> written = co_await channel.write(data);
    if (!written) break;
  }
}

Task<void> hold(Channel& channel, TestHandler& handler) {
  while (true) {
    const bool more = co_await channel.wait_input(handler.release ? 0 : channel.input_size());
    handler.held_input = channel.input_size();
    if (handler.release) channel.consume(channel.input_size());
    if (!more) break;
  }
}

Task<void> source(Channel& channel, std::size_t size) {
  const Bytes data = pattern(size);
  const Result<void> written = co_await channel.write(data);
  if (written) channel.send_exit_status(7);
}

Task<void> wait_for_ever(TestHandler& handler) {
  const auto executor = co_await asio::this_coro::executor;
  handler.stubborn_timer = std::make_unique<asio::steady_timer>(executor, asio::steady_timer::time_point::max());
  boost::system::error_code stopped;
  co_await handler.stubborn_timer->async_wait(asio::redirect_error(asio::use_awaitable, stopped));
}

Task<void> serve(Channel& channel, TestHandler& handler, std::string what) {
  handler.last_channel = &channel;
  handler.services_started.push_back(what);
  const std::string name = what.substr(what.find(' ') + 1);
  if (name == "fail") throw std::runtime_error("service failed");
  if (name == "echo") {
    co_await echo(channel);
  } else if (name == "hold") {
    co_await hold(channel, handler);
  } else if (name == "stubborn") {
    co_await wait_for_ever(handler);
  } else if (name.starts_with("source ")) {
    co_await source(channel, std::stoul(name.substr(7)));
  }
  handler.services_ended.push_back(what);
}

}  // namespace

// --- TestHandler ---

std::string TestHandler::banner() {
  calls.push_back("banner");
  return greeting;
}

Task<AuthOutcome> TestHandler::authenticate_none(std::string user) {
  calls.push_back("none " + user);
  co_return outcome(none_is_enough ? AuthOutcome::Verdict::success : AuthOutcome::Verdict::failure, methods);
}

Task<AuthOutcome> TestHandler::authenticate_password(std::string user, crypto::Secret secret) {
  calls.push_back("password " + user);
  const bool right = secret.text() == password && (!key_then_password || key_done_);
  co_return outcome(right ? AuthOutcome::Verdict::success : AuthOutcome::Verdict::failure, methods);
}

Task<AuthOutcome> TestHandler::query_public_key(std::string user, PublicKey key) {
  calls.push_back("query " + user);
  const bool known = std::ranges::find(keys, key) != keys.end();
  co_return outcome(known ? AuthOutcome::Verdict::success : AuthOutcome::Verdict::failure, methods);
}

Task<AuthOutcome> TestHandler::authenticate_public_key(std::string user, PublicKey key, SignatureFlags flags) {
  calls.push_back("key " + user);
  if (std::ranges::find(keys, key) == keys.end() || !flags.user_present)
    co_return outcome(AuthOutcome::Verdict::failure, methods);
  if (!key_then_password) co_return outcome(AuthOutcome::Verdict::success, methods);
  key_done_ = true;
  co_return outcome(AuthOutcome::Verdict::partial, "password");
}

Task<AuthOutcome> TestHandler::query_certificate(std::string user, Certificate certificate) {
  AuthOutcome known = co_await query_public_key(std::move(user), certificate.key());
  co_return known;
}

Task<AuthOutcome> TestHandler::authenticate_certificate(std::string user, Certificate certificate) {
  calls.push_back("certificate " + user);
  const bool known = std::ranges::find(keys, certificate.key()) != keys.end();
  co_return outcome(known ? AuthOutcome::Verdict::success : AuthOutcome::Verdict::failure, methods);
}

DialogueStep TestHandler::next_step(bool right) {
  DialogueStep step;
  if (round_ < dialogue.size()) step.ask = dialogue[round_++];
  step.outcome = outcome(right && !step.ask ? AuthOutcome::Verdict::success : AuthOutcome::Verdict::failure, methods);
  return step;
}

Task<DialogueStep> TestHandler::begin_dialogue(std::string user) {
  calls.push_back("dialogue " + user);
  round_ = 0;
  co_return next_step(false);
}

Task<DialogueStep> TestHandler::answer_dialogue(std::vector<crypto::Secret> answers) {
  std::string call = "answers";
  for (const auto& answer : answers) call += " " + std::string(answer.text());
  calls.push_back(call);
  co_return next_step(!answers.empty() && answers.back().text() == password);
}

ChannelService TestHandler::service(std::string what) {
  calls.push_back(what);
  if (what.ends_with("refused") || what == "shell") return {};
  return [this, what](Channel& channel) { return serve(channel, *this, what); };
}

// --- MemoryServer ---

MemoryServer::MemoryServer(TransportOptions options, Limits limits)
    : Link(std::move(options)), auth(transport, handler, limits.max_auth_tries) {
  channels = std::make_unique<Channels>(
      transport, *this, handler, limits.max_channels,
      [this](std::shared_ptr<SessionChannel> channel, ChannelService service) {
        ++services_running;
        asio::co_spawn(context_, run_service(this, std::move(channel), std::move(service)), asio::detached);
      });
}

MemoryServer::~MemoryServer() {
  channels->abort();
  handler.stop_stubborn();
  run();
}

void MemoryServer::run() {
  channels->resume_readers();
  context_.restart();
  context_.poll();
}

Task<void> MemoryServer::run_service(MemoryServer* self, std::shared_ptr<SessionChannel> channel,
                                     ChannelService service) {
  try {
    co_await service(*channel);
    channel->send_exit_status(0);
  } catch (const std::exception&) {
    channel->send_exit_status(255);
  }
  self->channels->finished(channel);
  --self->services_running;
}

Result<void> MemoryServer::deliver(MutableByteSpan payload) {
  if (authenticated) return channels->handle(payload, transport.input().block());
  const Result<void> handled = authenticate(payload);
  authenticated = auth.authenticated();
  return handled;
}

Result<void> MemoryServer::authenticate(ByteSpan payload) {
  Result<void> handled = fail(ErrorCode::internal, "authentication did not end");
  asio::co_spawn(context_, auth.handle(payload), [&handled](const std::exception_ptr& failure, Result<void> result) {
    handled = failure ? Result<void>(fail(ErrorCode::internal, "exception")) : std::move(result);
  });
  run();
  return handled;
}

void MemoryServer::idle() {
  channels->output_progress();  // the client takes everything that is sent
  run();
}

void MemoryServer::log_in() {
  connect();
  client.take(msg::ext_info);
  say(service_request());
  say(password_request("user", handler.password));
  client.take(msg::service_accept);
  if (client.take(msg::userauth_success).empty()) throw std::runtime_error("no login");
}

std::uint32_t MemoryServer::open_channel(std::uint32_t id, std::uint32_t window, std::uint32_t max_packet) {
  say(ssh::test::channel_open(id, window, max_packet));
  const Bytes confirmation = client.take(msg::channel_open_confirmation);
  if (confirmation.empty()) throw std::runtime_error("channel not opened");
  ByteReader in(confirmation);
  in.u8();
  if (in.u32() != id) throw std::runtime_error("confirmation of another channel");
  return in.u32();
}

std::uint32_t MemoryServer::open_service(std::uint32_t id, std::string_view name, std::uint32_t window,
                                         std::uint32_t max_packet) {
  const std::uint32_t server_id = open_channel(id, window, max_packet);
  say(subsystem_request(server_id, name));
  if (client.take(msg::channel_success).empty()) throw std::runtime_error("subsystem refused");
  return server_id;
}

Bytes MemoryServer::take_data(std::uint32_t id) {
  Bytes all;
  std::deque<Bytes> others;
  for (Bytes& payload : client.received) {
    ByteReader in(payload);
    if (in.u8() == msg::channel_data && in.u32() == id) {
      append(all, in.blob());
    } else {
      others.push_back(std::move(payload));
    }
  }
  client.received = std::move(others);
  return all;
}

}  // namespace ferry::ssh::test
