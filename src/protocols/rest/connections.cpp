// Who is connected now. An administrator with a role sees and closes the connections of that role's users only.
#include <algorithm>
#include <map>
#include <nlohmann/json.hpp>

#include "protocols/rest/operations.h"
#include "protocols/rest/role_limits.h"

namespace ferry::rest {

namespace {

using nlohmann::json;
using presence::ConnectionStatus;

std::vector<ConnectionStatus> visible_connections(const Call& call) {
  std::vector<ConnectionStatus> out = call.api.sessions.registry->list();
  std::map<std::string, bool> known;
  std::erase_if(out, [&](const ConnectionStatus& connection) {
    const auto found = known.find(connection.username);
    if (found != known.end()) return !found->second;
    return !(known[connection.username] = is_visible(call, connection.username));
  });
  return out;
}

// Bytes a second since it began.
std::uint64_t speed_of(const presence::TransferStatus& transfer) {
  const std::int64_t elapsed = std::max<std::int64_t>(1, presence::now_ms() - transfer.start_time);
  return static_cast<std::uint64_t>(static_cast<double>(transfer.size) * 1000 / static_cast<double>(elapsed));
}

json connection_json(const ConnectionStatus& connection) {
  json transfers = json::array();
  for (const presence::TransferStatus& transfer : connection.active_transfers) {
    transfers.push_back({{"operation_type", transfer.upload ? "upload" : "download"},
                         {"path", transfer.path},
                         {"start_time", transfer.start_time},
                         {"size", transfer.size},
                         {"speed", speed_of(transfer)}});
  }
  json out{{"username", connection.username},
           {"connection_id", connection.connection_id},
           {"client_version", connection.client_version},
           {"remote_address", connection.remote_address},
           {"connection_time", connection.connection_time},
           {"last_activity", connection.last_activity},
           {"current_time", presence::now_ms()},
           {"protocol", connection.protocol}};
  if (!connection.command.empty()) out["command"] = connection.command;
  if (!transfers.empty()) out["active_transfers"] = std::move(transfers);
  return out;
}

}  // namespace

http::Response list_connections(const Call& call) {
  json out = json::array();
  for (const ConnectionStatus& connection : visible_connections(call)) out.push_back(connection_json(connection));
  return json_response(200, out);
}

http::Response close_connection(const Call& call) {
  const std::string_view id = call.request.param("connectionID");
  if (limited_by_role(call.admin())) {
    const auto visible = visible_connections(call);
    const auto same_id = [&](const ConnectionStatus& connection) { return connection.connection_id == id; };
    if (std::ranges::none_of(visible, same_id)) return api_response(404, "");
  }
  if (!call.api.sessions.registry->close(id)) return api_response(404, "");
  return api_response(200, "Connection closed");
}

}  // namespace ferry::rest
