// Second factors of the account that asks, and switching off those of others.
#include <algorithm>
#include <cctype>
#include <nlohmann/json.hpp>

#include "crypto/encoding.h"
#include "http/message.h"
#include "protocols/rest/operations.h"
#include "protocols/rest/qr_code.h"
#include "protocols/rest/role_limits.h"

namespace ferry::rest {

namespace {

using nlohmann::json;

constexpr std::string_view not_enabled = "two-factor authentication is not enabled";

std::int64_t now_seconds() { return store::now_ms() / 1000; }

// The address that authenticator apps read from the picture. What they show tells users and administrators apart.
std::string otpauth_url(const auth::TotpConfiguration& configuration, const Caller& caller,
                        const crypto::Secret& secret) {
  const std::string kind = caller.whose() == store::Whose::user ? "User" : "Admin";
  const std::string label = http::percent_encode(kind + " \"" + caller.name() + "\"");
  std::string algorithm(auth::name_of(configuration.algorithm));
  for (char& c : algorithm) c = static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
  const std::string issuer = http::percent_encode(configuration.issuer);
  return "otpauth://totp/" + issuer + ":" + label + "?algorithm=" + algorithm + "&digits=6&issuer=" + issuer +
         "&period=30&secret=" + std::string(secret.text());
}

// A body's text field; "" when it is not there.
std::string text_of(const json& body, const char* name) {
  const auto found = body.find(name);
  return found != body.end() && found->is_string() ? found->get<std::string>() : std::string();
}

// Why this configuration cannot be the account's; empty: it can.
std::string objection(const Call& call, const model::TotpConfig& totp, const model::TotpConfig& stored) {
  const bool of_user = call.caller->whose() == store::Whose::user;
  if (!totp.enabled) {
    const bool required =
        of_user ? !call.user().filters.two_factor_protocols.empty() : call.admin().filters.require_two_factor;
    return required ? "two-factor authentication is required for this account" : "";
  }
  if (of_user && totp.protocols.empty()) return "protocols: at least one is required";
  if (of_user) {
    for (const std::string& protocol : call.user().filters.two_factor_protocols) {
      if (!auth::SecondFactor::applies(totp, protocol)) return "protocols: " + protocol + " is required";
    }
  }
  const auth::SecondFactor& factor = call.api.logins.authenticator.second_factor();
  if (factor.configuration(totp.config_name) == nullptr) return "config_name: unknown configuration";
  if (!totp.secret.is_plain()) {
    // The stored secret fits the stored configuration's algorithm alone.
    const bool same = stored.enabled && stored.config_name == totp.config_name;
    return same ? "" : "secret: a new one is required";
  }
  const auto usable = factor.fits(totp.config_name, crypto::Secret(totp.secret.payload), "      ", now_seconds());
  return usable ? "" : usable.error().message;
}

}  // namespace

json totp_configs_json(const auth::SecondFactor& factor) {
  json list = json::array();
  for (const auth::TotpConfiguration& one : factor.configurations()) {
    list.push_back({{"name", one.name}, {"issuer", one.issuer}, {"algo", auth::name_of(one.algorithm)}});
  }
  return list;
}

http::Response list_totp_configs(const Call& call) {
  return json_response(200, totp_configs_json(call.api.logins.authenticator.second_factor()));
}

http::Response generate_totp(const Call& call) {
  const auto body = parse_object(call.request.body);
  if (!body) return error_response(body.error());
  const auto* configuration =
      call.api.logins.authenticator.second_factor().configuration(text_of(*body, "config_name"));
  if (configuration == nullptr) return api_response(400, "", "config_name: unknown configuration");
  const crypto::Secret secret = crypto::new_totp_secret(configuration->algorithm);
  const std::string url = otpauth_url(*configuration, *call.caller, secret);
  const auto picture = qr_png(url);
  if (!picture) return error_response(picture.error());
  return json_response(200, {{"config_name", configuration->name},
                             {"issuer", configuration->issuer},
                             {"secret", secret.text()},
                             {"url", url},
                             {"qr_code", crypto::base64_encode(*picture)}});
}

http::Response validate_totp(const Call& call) {
  const auto body = parse_object(call.request.body);
  if (!body) return error_response(body.error());
  const crypto::Secret secret(text_of(*body, "secret"));
  const std::string account = call.caller->whose() == store::Whose::user ? "user:" : "admin:";
  const auto tried = call.api.logins.authenticator.second_factor().try_out(
      account + call.caller->name(), text_of(*body, "config_name"), secret, text_of(*body, "passcode"), now_seconds());
  if (tried) return api_response(200, "Passcode successfully validated");
  if (tried.error().code == ErrorCode::conflict) return api_response(400, "Invalid passcode", tried.error().message);
  if (tried.error().code == ErrorCode::authentication_failed) return api_response(400, "Invalid passcode");
  return error_response(tried.error());
}

http::Response save_totp(const Call& call) {
  const auto body = parse_object(call.request.body);
  if (!body) return error_response(body.error());
  auto totp = model::totp_from_json(*body);
  if (!totp) return error_response(totp.error());
  const store::Whose whose = call.caller->whose();
  const model::TotpConfig& stored =
      whose == store::Whose::user ? call.user().filters.totp_config : call.admin().filters.totp_config;
  if (whose == store::Whose::admin) totp->protocols.clear();
  if (const std::string why_not = objection(call, *totp, stored); !why_not.empty()) {
    return api_response(400, "", why_not);
  }
  const auto saved = call.api.accounts.save_totp(whose, call.caller->name(), std::move(*totp));
  return saved ? api_response(200, "TOTP configuration saved") : error_response(saved.error());
}

http::Response list_recovery_codes(const Call& call) {
  const auto codes = call.api.accounts.recovery_codes(call.caller->whose(), call.caller->name());
  if (!codes) return error_response(codes.error());
  json list = json::array();
  for (const auto& code : *codes) {
    // `secret` is what the OpenAPI document says, `code` what SFTPGo sends.
    list.push_back(
        {{"code", code.code}, {"secret", {{"status", "Plain"}, {"payload", code.code}}}, {"used", code.used}});
  }
  return json_response(200, list);
}

http::Response new_recovery_codes(const Call& call) {
  const auto codes = call.api.accounts.new_recovery_codes(call.caller->whose(), call.caller->name());
  return codes ? json_response(200, json(*codes)) : error_response(codes.error());
}

http::Response disable_user_second_factor(const Call& call) {
  const auto user = visible_user(call, call.name("username"));
  if (!user) return error_response(user.error());
  if (!(*user)->filters.totp_config.enabled) return api_response(400, not_enabled);
  const auto done = call.api.accounts.disable_second_factor(store::Whose::user, (*user)->username);
  return done ? api_response(200, "2FA disabled") : error_response(done.error());
}

http::Response disable_admin_second_factor(const Call& call) {
  if (limited_by_role(call.admin())) return api_response(404, "");
  // Nobody takes the second factor of who may more, nor does without one that is required of himself.
  const model::Admin& self = call.admin();
  const auto may = [&self](const model::Admin& other) -> Result<void> {
    if (!std::ranges::all_of(other.permissions, [&](const std::string& one) { return self.may(one); })) {
      return fail(ErrorCode::permission_denied, "the administrator has permissions that you do not have");
    }
    if (other.username == self.username && other.filters.require_two_factor) {
      return fail(ErrorCode::invalid_argument, "two-factor authentication is required for this account");
    }
    if (!other.filters.totp_config.enabled) return fail(ErrorCode::unsupported, std::string(not_enabled));
    return {};
  };
  const auto done = call.api.accounts.disable_admin_second_factor(call.name("username"), may);
  if (!done && done.error().code == ErrorCode::unsupported) return api_response(400, done.error().message);
  return done ? api_response(200, "2FA disabled") : error_response(done.error());
}

}  // namespace ferry::rest
