// One thread with one libcurl "multi": runs any number of transfers at once and keeps their connections.
#pragma once

#include <curl/curl.h>

#include <atomic>
#include <map>
#include <mutex>
#include <thread>
#include <vector>

#include "http/client_transfer.h"

namespace ferry::http {

class ClientEngine {
 public:
  // `most_connections`: to one server. The settings must outlive the engine.
  ClientEngine(const TransferSettings& settings, std::size_t most_connections);
  ClientEngine(const ClientEngine&) = delete;
  ClientEngine& operator=(const ClientEngine&) = delete;
  // Transfers end at once; nobody hears of it, unless stop() was called.
  ~ClientEngine();

  // Ends all transfers with aborted, also those that are submitted later; who waits for them is told. By one
  // thread.
  void stop();

  // Calls transfer->resume at its end, on the engine's thread; on the caller's after stop().
  void submit(TransferPtr transfer);
  // Of one that was submitted: its Flow has bytes or room again.
  void go_on(TransferPtr transfer);
  // Closes its connection and ends it with aborted, unless it has ended.
  void cancel(TransferPtr transfer);
  // Submitted and not ended.
  std::size_t load() const { return load_; }

 private:
  struct Orders {
    std::vector<TransferPtr> started, resumed, cancelled;
  };

  void join();
  void run(const std::stop_token& stop);
  void hand_over(std::vector<TransferPtr> Orders::*list, TransferPtr transfer);
  void carry_out(Orders orders);
  void break_off(CURL* easy);
  void start(TransferPtr transfer);
  void finish_done();
  void finish(TransferPtr transfer, Result<void> outcome);

  const TransferSettings& settings_;
  CURLM* multi_ = nullptr;
  std::atomic<std::size_t> load_ = 0;
  std::mutex mutex_;
  Orders orders_;                         // handed over
  bool ended_ = false;                    // the thread takes no more orders
  std::map<CURL*, TransferPtr> running_;  // of the thread; when it has ended, of who ends the engine
  std::jthread thread_;
};

}  // namespace ferry::http
