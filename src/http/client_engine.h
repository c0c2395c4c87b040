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
  // Transfers end at once; nobody hears of it.
  ~ClientEngine();

  // Calls transfer->resume at its end, on the engine's thread.
  void submit(TransferPtr transfer);
  // Submitted and not ended.
  std::size_t load() const { return load_; }

 private:
  void run(const std::stop_token& stop);
  void start(TransferPtr transfer);
  void finish_done();
  void finish(TransferPtr transfer, Result<void> outcome);

  const TransferSettings& settings_;
  CURLM* multi_ = nullptr;
  std::atomic<std::size_t> load_ = 0;
  std::mutex mutex_;
  std::vector<TransferPtr> waiting_;  // handed over, not yet started
  std::map<CURL*, TransferPtr> running_;
  std::jthread thread_;
};

}  // namespace ferry::http
