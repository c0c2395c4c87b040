#include "http/client.h"

#include <curl/curl.h>

#include <algorithm>
#include <atomic>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <fstream>
#include <iterator>
#include <map>
#include <mutex>
#include <thread>

#include "base/signal.h"
#include "http/client_certificates.h"

namespace ferry::http {

namespace {

using Easy = std::unique_ptr<CURL, decltype(&curl_easy_cleanup)>;
using Headers = std::unique_ptr<curl_slist, decltype(&curl_slist_free_all)>;

// What one send() and the thread share.
struct Transfer {
  std::shared_ptr<const ClientRequest> request;
  ClientResponse response;
  Result<void> outcome = fail(ErrorCode::aborted, "the HTTP client ends");
  asio::any_io_executor home;
  std::unique_ptr<Signal> ended;  // of `home`
  Easy easy{nullptr, &curl_easy_cleanup};
  Headers headers{nullptr, &curl_slist_free_all};
};
using TransferPtr = std::shared_ptr<Transfer>;

std::size_t take_body(char* data, std::size_t, std::size_t size, void* to) {
  auto& transfer = *static_cast<Transfer*>(to);
  const std::size_t room = transfer.request->max_response - transfer.response.body.size();
  if (size > room && !transfer.request->cut_response) return CURL_WRITEFUNC_ERROR;
  transfer.response.body.append(data, std::min(size, room));
  return size;
}

Result<void> outcome_of(CURLcode code) {
  switch (code) {
    case CURLE_OK: return {};
    case CURLE_OPERATION_TIMEDOUT: return fail(ErrorCode::timeout, "no answer in time");
    case CURLE_UNSUPPORTED_PROTOCOL:
    case CURLE_URL_MALFORMAT: return fail(ErrorCode::invalid_argument, "not a URL of http or https");
    case CURLE_WRITE_ERROR: return fail(ErrorCode::connection_lost, "the answer is too long");
    default: return fail(ErrorCode::connection_lost, curl_easy_strerror(code));
  }
}

void add_header(Headers& list, const std::string& line) {
  curl_slist* longer = curl_slist_append(list.get(), line.c_str());
  if (longer == nullptr) throw std::bad_alloc();
  (void)list.release();
  list.reset(longer);
}

// The system's certificates and ours: libcurl takes one set.
std::string all_certificates(const std::string& ours) {
  const char* system = curl_version_info(CURLVERSION_NOW)->cainfo;
  std::ifstream in(system != nullptr ? system : "", std::ios::binary);
  return std::string(std::istreambuf_iterator<char>(in), {}) + "\n" + ours;
}

CURLcode show_certificates(CURL*, void* context, void* certificates) {
  static_cast<const ClientCertificates*>(certificates)->install(static_cast<SSL_CTX*>(context));
  return CURLE_OK;
}

// Whether it may be different the next time.
bool is_passing(const Result<ClientResponse>& answer) {
  if (!answer) return answer.error().code != ErrorCode::invalid_argument;
  return answer->status == 429 || (answer->status >= 500 && answer->status != 501);
}

ClientCertificates parsed(const std::vector<ClientOptions::Certificate>& certificates) {
  auto all = ClientCertificates::parse(certificates);
  if (!all) throw std::invalid_argument(all.error().message);
  return std::move(*all);
}

}  // namespace

struct Client::State {
  explicit State(ClientOptions client_options)
      : options(std::move(client_options)), own_certificates(parsed(options.certificates)) {
    static const CURLcode ready = curl_global_init(CURL_GLOBAL_DEFAULT);
    multi = curl_multi_init();
    if (ready != CURLE_OK || multi == nullptr) throw std::runtime_error("libcurl does not start");
    curl_multi_setopt(multi, CURLMOPT_MAX_HOST_CONNECTIONS, static_cast<long>(options.most_connections));
    if (!options.ca_certificates.empty()) certificates = all_certificates(options.ca_certificates);
    thread = std::jthread([this](const std::stop_token& stop) { run(stop); });
  }

  void run(const std::stop_token& stop);
  void start(TransferPtr transfer);
  void prepare(Transfer& transfer) const;
  void finish_done();
  static void finish(TransferPtr transfer, Result<void> outcome);
  Task<Result<ClientResponse>> once(std::shared_ptr<const ClientRequest> request);
  std::chrono::milliseconds pause_after(int attempt) const;

  const ClientOptions options;
  const ClientCertificates own_certificates;
  std::string certificates;
  CURLM* multi = nullptr;
  std::atomic<std::size_t> open = 0;
  std::mutex mutex;
  std::vector<TransferPtr> waiting;  // handed over, not yet started
  std::map<CURL*, TransferPtr> running;
  std::jthread thread;
};

void Client::State::run(const std::stop_token& stop) {
  while (!stop.stop_requested()) {
    std::vector<TransferPtr> fresh;
    {
      const std::scoped_lock lock(mutex);
      fresh.swap(waiting);
    }
    for (TransferPtr& transfer : fresh) start(std::move(transfer));
    int busy = 0;
    curl_multi_perform(multi, &busy);
    finish_done();
    curl_multi_poll(multi, nullptr, 0, 1000, nullptr);
  }
  for (const auto& [easy, transfer] : running) curl_multi_remove_handle(multi, easy);
  running.clear();
}

void Client::State::prepare(Transfer& transfer) const {
  transfer.easy.reset(curl_easy_init());
  CURL* easy = transfer.easy.get();
  if (easy == nullptr) throw std::bad_alloc();
  const ClientRequest& request = *transfer.request;
  curl_easy_setopt(easy, CURLOPT_URL, request.url.c_str());
  curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
  curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, static_cast<long>(options.timeout.count()));
  curl_easy_setopt(easy, CURLOPT_USERAGENT, "Ferry");
  curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, &take_body);
  curl_easy_setopt(easy, CURLOPT_WRITEDATA, &transfer);
  curl_easy_setopt(easy, CURLOPT_SSL_VERIFYPEER, options.skip_tls_verify ? 0L : 1L);
  curl_easy_setopt(easy, CURLOPT_SSL_VERIFYHOST, options.skip_tls_verify ? 0L : 2L);
  if (!certificates.empty()) {
    curl_blob blob{const_cast<char*>(certificates.data()), certificates.size(), CURL_BLOB_NOCOPY};
    curl_easy_setopt(easy, CURLOPT_CAINFO_BLOB, &blob);
  }
  if (!own_certificates.empty()) {
    curl_easy_setopt(easy, CURLOPT_SSL_CTX_FUNCTION, &show_certificates);
    curl_easy_setopt(easy, CURLOPT_SSL_CTX_DATA, &own_certificates);
  }
  if (request.method != "GET") {
    curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(request.body.size()));
    curl_easy_setopt(easy, CURLOPT_POSTFIELDS, request.body.c_str());
    curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST, request.method.c_str());
    add_header(transfer.headers, "Content-Type: " + request.content_type);
    add_header(transfer.headers, "Expect:");  // no waiting for leave to send a few bytes
  }
  for (const ClientOptions::Header& header : options.headers) {
    if (request.url.starts_with(header.url)) add_header(transfer.headers, header.name + ": " + header.value);
  }
  curl_easy_setopt(easy, CURLOPT_HTTPHEADER, transfer.headers.get());
}

void Client::State::start(TransferPtr transfer) {
  try {
    prepare(*transfer);
  } catch (const std::exception& error) {
    finish(std::move(transfer), fail(ErrorCode::internal, error.what()));
    return;
  }
  CURL* easy = transfer->easy.get();
  curl_multi_add_handle(multi, easy);
  running.emplace(easy, std::move(transfer));
}

void Client::State::finish_done() {
  int left = 0;
  while (const CURLMsg* message = curl_multi_info_read(multi, &left)) {
    if (message->msg != CURLMSG_DONE) continue;
    const CURLcode code = message->data.result;
    CURL* easy = message->easy_handle;
    auto node = running.extract(easy);
    long status = 0;
    curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &status);
    curl_multi_remove_handle(multi, easy);
    node.mapped()->response.status = static_cast<int>(status);
    finish(std::move(node.mapped()), outcome_of(code));
  }
}

void Client::State::finish(TransferPtr transfer, Result<void> outcome) {
  transfer->outcome = std::move(outcome);
  transfer->easy.reset();  // here, where curl runs; the rest goes where it came from, even the last of it
  const auto home = transfer->home;
  asio::post(home, [transfer = std::move(transfer)] { transfer->ended->notify(); });
}

Client::Client(ClientOptions options) : state_(std::make_unique<State>(std::move(options))) {}

Client::~Client() {
  state_->thread.request_stop();
  curl_multi_wakeup(state_->multi);
  state_->thread.join();
  curl_multi_cleanup(state_->multi);
}

Task<Result<ClientResponse>> Client::State::once(std::shared_ptr<const ClientRequest> request) {
  if (open.fetch_add(1) >= options.most_transfers) {
    --open;
    co_return fail(ErrorCode::limit_exceeded, "too many HTTP requests at once");
  }
  auto transfer = std::make_shared<Transfer>();
  transfer->request = std::move(request);
  transfer->home = co_await asio::this_coro::executor;
  transfer->ended = std::make_unique<Signal>(transfer->home);
  {
    const std::scoped_lock lock(mutex);
    waiting.push_back(transfer);
  }
  curl_multi_wakeup(multi);
  co_await transfer->ended->wait();
  --open;
  if (!transfer->outcome) co_return fail(transfer->outcome.error());
  co_return std::move(transfer->response);
}

std::chrono::milliseconds Client::State::pause_after(int attempt) const {
  auto pause = options.retry_wait_min;
  for (int i = 0; i < attempt && pause < options.retry_wait_max; ++i) pause *= 2;
  return std::min(pause, options.retry_wait_max);
}

Task<Result<ClientResponse>> Client::send(ClientRequest request) {
  const int retries = request.retried ? state_->options.retry_max : 0;
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

Result<void> Client::check(const ClientOptions& options) {
  const auto all = ClientCertificates::parse(options.certificates);
  if (!all) return fail(all.error());
  return {};
}

}  // namespace ferry::http
