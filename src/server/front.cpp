#include "server/front.h"

#include "base/log.h"

namespace ferry::server {

std::string shown(const std::string& address, int port) {
  if (address.starts_with('/')) return "unix:" + address;
  if (address.starts_with('[')) return address + ":" + std::to_string(port);
  const bool v6 = address.find(':') != std::string::npos;
  return (address.empty() ? "*" : v6 ? "[" + address + "]" : address) + ":" + std::to_string(port);
}

Result<void> check_listening(std::string_view log_sender, const std::string& key, const Endpoint& endpoint,
                             const Result<std::uint16_t>& port) {
  if (!port) {
    return fail(port.error().code,
                key + ": cannot listen on " + shown(endpoint.address, endpoint.port) + ": " + port.error().message);
  }
  log::info(log_sender, "", "listening on {}", shown(endpoint.address, *port));
  return {};
}

}  // namespace ferry::server
