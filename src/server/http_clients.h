// The HTTP clients of all storages: one that checks certificates, and one that does not. Each is made when it is first
// asked for. Safe from any thread.
#pragma once

#include <chrono>
#include <memory>
#include <mutex>

#include "http/client.h"

namespace ferry::server {

class HttpClients {
 public:
  std::shared_ptr<http::Client> of(bool skip_tls_verify);
  // As http::Client::stop says. Clients that are asked for afterwards are stopped ones.
  void stop(std::chrono::milliseconds grace);

 private:
  std::mutex mutex_;
  bool stopped_ = false;
  std::shared_ptr<http::Client> clients_[2];
};

}  // namespace ferry::server
