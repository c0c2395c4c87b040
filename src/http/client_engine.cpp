#include "http/client_engine.h"

#include <stdexcept>
#include <utility>

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
  join();
  for (const auto& [easy, transfer] : running_) transfer->drop();
  for (const TransferPtr& transfer : orders_.started) transfer->drop();
  running_.clear();
  curl_multi_cleanup(multi_);
}

void ClientEngine::join() {
  if (!thread_.joinable()) return;
  thread_.request_stop();
  curl_multi_wakeup(multi_);
  thread_.join();
}

void ClientEngine::stop() {
  join();
  const Error why{ErrorCode::aborted, "the HTTP client ends"};
  const auto running = std::exchange(running_, {});
  const Orders orders = std::exchange(orders_, {});
  for (const auto& [easy, transfer] : running) finish(transfer, fail(why));
  for (const TransferPtr& transfer : orders.started) finish(transfer, fail(why));
}

void ClientEngine::hand_over(std::vector<TransferPtr> Orders::*list, TransferPtr transfer) {
  {
    const std::scoped_lock lock(mutex_);
    if (ended_) return;
    (orders_.*list).push_back(std::move(transfer));
  }
  curl_multi_wakeup(multi_);
}

void ClientEngine::submit(TransferPtr transfer) {
  {
    const std::scoped_lock lock(mutex_);
    if (!ended_) {
      ++load_;
      orders_.started.push_back(std::move(transfer));
    }
  }
  if (transfer) {
    transfer->end(fail(ErrorCode::aborted, "the HTTP client has ended"));
    return;
  }
  curl_multi_wakeup(multi_);
}

void ClientEngine::go_on(TransferPtr transfer) { hand_over(&Orders::resumed, std::move(transfer)); }

void ClientEngine::cancel(TransferPtr transfer) { hand_over(&Orders::cancelled, std::move(transfer)); }

void ClientEngine::run(const std::stop_token& stop) {
  while (!stop.stop_requested()) {
    Orders orders;
    {
      const std::scoped_lock lock(mutex_);
      std::swap(orders, orders_);
    }
    carry_out(std::move(orders));
    int busy = 0;
    curl_multi_perform(multi_, &busy);
    finish_done();
    curl_multi_poll(multi_, nullptr, 0, 1000, nullptr);
  }
  {
    const std::scoped_lock lock(mutex_);
    ended_ = true;
  }
  for (const auto& [easy, transfer] : running_) break_off(easy);
}

void ClientEngine::carry_out(Orders orders) {
  for (TransferPtr& transfer : orders.started) start(std::move(transfer));
  for (const TransferPtr& transfer : orders.resumed) {
    if (transfer->easy) curl_easy_pause(transfer->easy.get(), CURLPAUSE_CONT);
  }
  for (const TransferPtr& transfer : orders.cancelled) {
    const auto node = running_.extract(transfer->easy.get());
    if (node.empty()) continue;
    break_off(node.key());
    finish(transfer, fail(ErrorCode::aborted, "broken off"));
  }
}

void ClientEngine::break_off(CURL* easy) {
  // Else libcurl would wait for the thread that looks a name up.
  curl_easy_setopt(easy, CURLOPT_QUICK_EXIT, 1L);
  curl_multi_remove_handle(multi_, easy);
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
  --load_;
  transfer->end(std::move(outcome));
}

}  // namespace ferry::http
