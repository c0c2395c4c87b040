#include "server/http_clients.h"

#include <algorithm>
#include <thread>

namespace ferry::server {

namespace {

constexpr std::size_t most_connections = 256, most_transfers = 4096, most_engines = 4;

}  // namespace

std::shared_ptr<http::Client> HttpClients::of(bool skip_tls_verify) {
  const std::scoped_lock lock(mutex_);
  std::shared_ptr<http::Client>& one = clients_[skip_tls_verify ? 1 : 0];
  if (one) return one;
  http::ClientOptions options;
  options.skip_tls_verify = skip_tls_verify;
  options.most_connections = most_connections;
  options.most_transfers = most_transfers;
  options.engines = std::clamp<std::size_t>(std::thread::hardware_concurrency(), 1, most_engines);
  one = std::make_shared<http::Client>(std::move(options));
  if (stopped_) one->stop(std::chrono::milliseconds(0));
  return one;
}

void HttpClients::stop(std::chrono::milliseconds grace) {
  std::shared_ptr<http::Client> all[2];
  {
    const std::scoped_lock lock(mutex_);
    stopped_ = true;
    std::ranges::copy(clients_, all);
  }
  const auto end = std::chrono::steady_clock::now() + grace;
  for (const auto& one : all) {
    if (!one) continue;
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(end - std::chrono::steady_clock::now());
    one->stop(std::max(left, std::chrono::milliseconds(0)));
  }
}

}  // namespace ferry::server
