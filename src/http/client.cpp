#include "http/client.h"

#include <algorithm>
#include <atomic>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <thread>

#include "http/client_engine.h"
#include "http/client_stream.h"

namespace ferry::http {

namespace {

// Whether it may be different the next time.
bool is_passing(const Result<ClientResponse>& answer) {
  if (!answer) return answer.error().code != ErrorCode::invalid_argument && answer.error().code != ErrorCode::aborted;
  return answer->status == 429 || (answer->status >= 500 && answer->status != 501);
}

// Submits the transfer and returns when it has ended. The caller may run on any executor, also on a pool of threads:
// what resumes it is posted there after this coroutine has been suspended, from the engine's thread.
Task<void> run(ClientEngine& engine, TransferPtr transfer, asio::any_io_executor home) {
  const auto begin = [&](auto handler) {
    const auto kept = std::make_shared<decltype(handler)>(std::move(handler));
    // An io_context goes on running while it is waited for.
    const asio::any_io_executor tracked = asio::prefer(home, asio::execution::outstanding_work.tracked);
    transfer->resume = [kept, tracked] { asio::post(tracked, [kept] { std::move (*kept)(); }); };
    engine.submit(transfer);
  };
  co_await asio::async_initiate<decltype(asio::use_awaitable), void()>(begin, asio::use_awaitable);
}

}  // namespace

std::string_view ClientResponse::header(std::string_view name) const {
  const auto found = std::ranges::find(headers, name, &ClientHeader::name);
  return found == headers.end() ? std::string_view() : std::string_view(found->value);
}

struct Client::State {
  explicit State(ClientOptions options) : settings(std::move(options)) {
    const std::size_t count = std::max<std::size_t>(settings.options.engines, 1);
    const std::size_t each = (settings.options.most_connections + count - 1) / count;
    for (std::size_t i = 0; i < count; ++i) engines.push_back(std::make_unique<ClientEngine>(settings, each));
  }

  // The one with the least to do; the first of several, so that requests one after another keep their connection.
  ClientEngine& engine() {
    return **std::ranges::min_element(engines, {}, [](const auto& one) { return one->load(); });
  }

  bool take_place();
  Task<Result<ClientResponse>> once(std::shared_ptr<const ClientRequest> request);
  std::chrono::milliseconds pause_after(int attempt) const;

  const TransferSettings settings;
  std::atomic<std::size_t> open = 0;
  std::vector<std::unique_ptr<ClientEngine>> engines;
};

Client::Client(ClientOptions options) : state_(std::make_unique<State>(std::move(options))) {}

Client::~Client() = default;

void Client::stop(std::chrono::milliseconds grace) {
  // Whoever ends in good order may send a few requests one after another: no transfer for so long means that he is
  // done.
  constexpr std::chrono::milliseconds step{10}, quiet_enough{50};
  const auto end = std::chrono::steady_clock::now() + grace;
  for (std::chrono::milliseconds quiet{0}; quiet < quiet_enough && std::chrono::steady_clock::now() < end;) {
    std::this_thread::sleep_for(step);
    quiet = state_->open == 0 ? quiet + step : std::chrono::milliseconds(0);
  }
  for (const auto& engine : state_->engines) engine->stop();
}

bool Client::State::take_place() {
  if (open.fetch_add(1) < settings.options.most_transfers) return true;
  --open;
  return false;
}

Task<Result<ClientResponse>> Client::State::once(std::shared_ptr<const ClientRequest> request) {
  if (!take_place()) co_return fail(ErrorCode::limit_exceeded, "too many HTTP requests at once");
  auto transfer = std::make_shared<Transfer>();
  transfer->request = std::move(request);
  const auto home = co_await asio::this_coro::executor;
  co_await run(engine(), transfer, home);
  --open;
  if (!transfer->outcome) co_return fail(transfer->outcome.error());
  co_return std::move(transfer->response);
}

std::chrono::milliseconds Client::State::pause_after(int attempt) const {
  auto pause = settings.options.retry_wait_min;
  for (int i = 0; i < attempt && pause < settings.options.retry_wait_max; ++i) pause *= 2;
  return std::min(pause, settings.options.retry_wait_max);
}

Task<Result<ClientResponse>> Client::send(ClientRequest request) {
  if (request.received != nullptr) *request.received = 0;
  const Result<void> sound = check_request(request);
  if (!sound) co_return fail(sound.error());
  const int retries = request.retried ? state_->settings.options.retry_max : 0;
  const auto shared = std::make_shared<const ClientRequest>(std::move(request));
  for (int attempt = 0;; ++attempt) {
    auto answer = co_await state_->once(shared);
    if (attempt >= retries || !is_passing(answer)) co_return answer;
    const auto executor = co_await asio::this_coro::executor;
    asio::steady_timer timer(executor, state_->pause_after(attempt));
    boost::system::error_code ignored;
    co_await timer.async_wait(asio::redirect_error(asio::use_awaitable, ignored));
  }
}

Result<std::unique_ptr<ClientStream>> Client::open(ClientRequest request, ClientStreamOptions options) {
  if (const Result<void> sound = check_request(request); !sound) return fail(sound.error());
  if (!state_->take_place()) return fail(ErrorCode::limit_exceeded, "too many HTTP requests at once");
  if (!request.timeout) request.timeout = std::chrono::milliseconds(0);
  request.into.reset();
  request.received = nullptr;
  auto transfer = std::make_shared<Transfer>();
  transfer->request = std::make_shared<const ClientRequest>(std::move(request));
  transfer->flow = std::make_shared<Flow>(options);
  transfer->resume = [state = state_.get()] { --state->open; };
  ClientEngine& engine = state_->engine();
  auto stream = std::make_unique<ClientStream>(engine, transfer);
  engine.submit(std::move(transfer));
  return stream;
}

Result<void> Client::check(const ClientOptions& options) {
  const auto all = ClientCertificates::parse(options.certificates);
  if (!all) return fail(all.error());
  return {};
}

}  // namespace ferry::http
