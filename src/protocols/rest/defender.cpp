// The hosts that the defender knows.
#include "auth/defender.h"

#include <ctime>
#include <nlohmann/json.hpp>

#include "base/ip_network.h"
#include "crypto/encoding.h"
#include "protocols/rest/operations.h"

namespace ferry::rest {

namespace {

using nlohmann::json;

// RFC 3339, in UTC.
std::string time_text(std::int64_t unix_ms) {
  const std::time_t seconds = unix_ms / 1000;
  std::tm parts{};
  ::gmtime_r(&seconds, &parts);
  char text[40];
  text[std::strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &parts)] = '\0';
  return text;
}

json host_json(const store::DefenderHost& host) {
  json out{{"id", crypto::hex_encode(as_bytes(host.ip))}, {"ip", host.ip}};
  if (host.banned_until != 0) {
    out["ban_time"] = time_text(host.banned_until);
  } else {
    out["score"] = host.score;
  }
  return out;
}

// The id is the address as text, in hexadecimal.
Result<std::string> ip_of(const Call& call) {
  const auto bytes = crypto::hex_decode(call.request.param("id"));
  const auto address = bytes ? IpAddress::parse(as_text(*bytes)) : Result<IpAddress>(fail(bytes.error()));
  if (!address) return fail(ErrorCode::invalid_argument, "id: a host's id expected");
  if (call.api.logins.defender == nullptr) return fail(ErrorCode::not_found, "the defender is off");
  return address->to_string();
}

}  // namespace

http::Response list_defender_hosts(const Call& call) {
  json out = json::array();
  if (call.api.logins.defender == nullptr) return json_response(200, out);
  const auto hosts = call.api.logins.defender->hosts();
  if (!hosts) return error_response(hosts.error());
  for (const store::DefenderHost& host : *hosts) out.push_back(host_json(host));
  return json_response(200, out);
}

http::Response get_defender_host(const Call& call) {
  const auto ip = ip_of(call);
  if (!ip) return error_response(ip.error());
  const auto host = call.api.logins.defender->host(*ip);
  return host ? json_response(200, host_json(*host)) : error_response(host.error());
}

http::Response delete_defender_host(const Call& call) {
  const auto ip = ip_of(call);
  const auto removed = ip ? call.api.logins.defender->remove(*ip) : Result<void>(fail(ip.error()));
  if (removed) return api_response(200, "OK");
  return removed.error().code == ErrorCode::not_found ? api_response(404, "") : error_response(removed.error());
}

}  // namespace ferry::rest
