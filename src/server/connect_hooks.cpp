#include "server/connect_hooks.h"

#include "base/log.h"
#include "events/hook.h"

namespace ferry::server {

Task<bool> ConnectHooks::lets_in(std::string client_ip, std::string protocol) const {
  if (connect_.empty()) co_return true;
  events::HookRequest request{.name = "post_connect", .where = connect_};
  request.environment = {{"SFTPGO_CONNECTION_IP", client_ip}, {"SFTPGO_CONNECTION_PROTOCOL", protocol}};
  request.method = "GET";
  request.query = {{"ip", client_ip}, {"protocol", protocol}};
  request.retried = true;
  const auto answer = co_await hooks_->run(std::move(request));
  if (answer && answer->ok) co_return true;
  log::warn("hooks", "", "client {} refused over {}: the post-connect hook: {}", client_ip, protocol,
            answer ? "status " + std::to_string(answer->status) : answer.error().message);
  co_return false;
}

void ConnectHooks::tell_gone(const std::string& client_ip, const std::string& protocol, const std::string& username,
                             std::chrono::milliseconds duration) const {
  if (disconnect_.empty()) return;
  const std::string milliseconds = std::to_string(duration.count());
  events::HookRequest request{.name = "post_disconnect", .where = disconnect_};
  request.environment = {{"SFTPGO_CONNECTION_IP", client_ip},
                         {"SFTPGO_CONNECTION_PROTOCOL", protocol},
                         {"SFTPGO_CONNECTION_USERNAME", username},
                         {"SFTPGO_CONNECTION_DURATION", milliseconds}};
  request.method = "GET";
  request.query = {
      {"ip", client_ip}, {"protocol", protocol}, {"username", username}, {"connection_duration", milliseconds}};
  request.retried = true;
  hooks_->start(std::move(request));
}

}  // namespace ferry::server
