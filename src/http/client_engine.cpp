#include "http/client_engine.h"

#include <stdexcept>

namespace ferry::http {

ClientEngine::ClientEngine(const TransferSettings& settings, std::size_t most_connections) : settings_(settings) {
  static const CURLcode ready = curl_global_init(CURL_GLOBAL_DEFAULT);
  multi_ = curl_multi_init();
  if (ready != CURLE_OK || multi_ == nullptr) throw std::runtime_error("libcurl does not start");
  curl_multi_setopt(multi_, CURLMOPT_MAX_HOST_CONNECTIONS, static_cast<long>(most_connections));
  curl_multi_setopt(multi_, CURLMOPT_PIPELINING, static_cast<long>(CURLPIPE_NOTHING));
  thread_ = std::jthread([this](const std::stop_token& stop) { run(stop); });
}

ClientEngine::~ClientEngine() {
  thread_.request_stop();
  curl_multi_wakeup(multi_);
  thread_.join();
  curl_multi_cleanup(multi_);
}

void ClientEngine::submit(TransferPtr transfer) {
  ++load_;
  {
    const std::scoped_lock lock(mutex_);
    waiting_.push_back(std::move(transfer));
  }
  curl_multi_wakeup(multi_);
}

void ClientEngine::run(const std::stop_token& stop) {
  while (!stop.stop_requested()) {
    std::vector<TransferPtr> fresh;
    {
      const std::scoped_lock lock(mutex_);
      fresh.swap(waiting_);
    }
    for (TransferPtr& transfer : fresh) start(std::move(transfer));
    int busy = 0;
    curl_multi_perform(multi_, &busy);
    finish_done();
    curl_multi_poll(multi_, nullptr, 0, 1000, nullptr);
  }
  for (const auto& [easy, transfer] : running_) curl_multi_remove_handle(multi_, easy);
  running_.clear();
}

void ClientEngine::start(TransferPtr transfer) {
  try {
    transfer->prepare(settings_);
  } catch (const std::exception& error) {
    finish(std::move(transfer), fail(ErrorCode::internal, error.what()));
    return;
  }
  CURL* easy = transfer->easy.get();
  if (curl_multi_add_handle(multi_, easy) != CURLM_OK) {
    finish(std::move(transfer), fail(ErrorCode::internal, "libcurl takes no request"));
    return;
  }
  running_.emplace(easy, std::move(transfer));
}

void ClientEngine::finish_done() {
  int left = 0;
  while (const CURLMsg* message = curl_multi_info_read(multi_, &left)) {
    if (message->msg != CURLMSG_DONE) continue;
    const CURLcode code = message->data.result;
    CURL* easy = message->easy_handle;
    auto node = running_.extract(easy);
    long status = 0;
    curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &status);
    curl_multi_remove_handle(multi_, easy);
    node.mapped()->response.status = static_cast<int>(status);
    const Result<void> outcome = node.mapped()->outcome_of(code);
    finish(std::move(node.mapped()), outcome);
  }
}

void ClientEngine::finish(TransferPtr transfer, Result<void> outcome) {
  transfer->outcome = std::move(outcome);
  transfer->note_received();
  transfer->easy.reset();  // here, where curl runs
  --load_;
  const std::function<void()> resume = std::move(transfer->resume);
  transfer.reset();
  resume();
}

}  // namespace ferry::http
