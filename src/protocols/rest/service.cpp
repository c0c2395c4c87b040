// The server about itself: health, version, status.
#include <nlohmann/json.hpp>

#include "protocols/rest/operations.h"

namespace ferry::rest {

namespace {

using nlohmann::json;

json ssh_json(const SshStatus& ssh) {
  json bindings = json::array();
  for (const SshBindingStatus& binding : ssh.bindings) {
    bindings.push_back(
        {{"address", binding.address}, {"port", binding.port}, {"apply_proxy_config", binding.apply_proxy_config}});
  }
  json keys = json::array();
  for (const SshHostKeyStatus& key : ssh.host_keys) {
    keys.push_back({{"path", key.path}, {"fingerprint", key.fingerprint}, {"algorithms", key.algorithms}});
  }
  return {{"is_active", ssh.is_active},
          {"bindings", std::move(bindings)},
          {"host_keys", std::move(keys)},
          {"ssh_commands", ssh.ssh_commands},
          {"authentications", ssh.authentications},
          {"public_key_algorithms", ssh.public_key_algorithms},
          {"macs", ssh.macs},
          {"kex_algorithms", ssh.kex_algorithms},
          {"ciphers", ssh.ciphers}};
}

json provider_json(store::Provider& provider) {
  const auto answers = provider.check();
  return {{"is_active", answers.has_value()},
          {"driver", provider.driver()},
          {"error", answers ? std::string() : "the data provider does not answer"}};
}

json mfa_json(const auth::SecondFactor& factor) {
  return {{"is_active", !factor.configurations().empty()}, {"totp_configs", totp_configs_json(factor)}};
}

}  // namespace

http::Response get_health(const Call&) { return http::Response::text(200, "ok"); }

http::Response get_version(const Call& call) {
  const VersionInfo& version = call.api.server.version;
  return json_response(200, {{"version", version.version},
                             {"build_date", version.build_date},
                             {"commit_hash", version.commit_hash},
                             {"features", version.features}});
}

http::Response get_status(const Call& call) {
  const ServicesStatus services = call.api.server.status();
  json rate_limiters{{"is_active", !services.rate_limited_protocols.empty()}, {"protocols", nullptr}};
  if (!services.rate_limited_protocols.empty()) rate_limiters["protocols"] = services.rate_limited_protocols;
  return json_response(
      200, {{"ssh", ssh_json(services.ssh)},
            {"ftp", {{"is_active", false}, {"bindings", nullptr}, {"passive_port_range", {{"start", 0}, {"end", 0}}}}},
            {"webdav", {{"is_active", false}, {"bindings", nullptr}}},
            {"data_provider", provider_json(call.api.accounts.provider())},
            {"defender", {{"is_active", services.defender_active}}},
            {"mfa", mfa_json(call.api.logins.authenticator.second_factor())},
            {"allow_list", {{"is_active", services.allow_list_active}}},
            {"rate_limiters", std::move(rate_limiters)}});
}

}  // namespace ferry::rest
