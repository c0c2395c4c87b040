#include "auth/token.h"

#include <map>
#include <mutex>
#include <nlohmann/json.hpp>

#include "auth/refuse.h"
#include "auth/rules.h"
#include "base/ip_network.h"
#include "crypto/cipher.h"
#include "crypto/encoding.h"
#include "crypto/token.h"

namespace ferry::auth {

namespace {

using Json = nlohmann::json;

constexpr const char* admin_audience = "API";
constexpr const char* user_audience = "APIUser";

// What a token must be taken back for when it changes. Lengths keep the parts apart.
std::string fingerprint(std::initializer_list<std::string_view> parts) {
  ByteWriter text;
  for (const std::string_view part : parts) text.string(part);
  return crypto::base64_encode(crypto::hash(crypto::HashAlgorithm::sha256, {text.data()}), crypto::Base64::url);
}

std::string fingerprint(const model::Admin& admin) {
  std::string permissions;
  for (const std::string& permission : admin.permissions) permissions += permission + ",";
  return fingerprint({admin.password, std::to_string(admin.id), permissions, admin.role});
}

std::string fingerprint(const model::User& user) {
  return fingerprint({user.password, std::to_string(user.id), user.role});
}

std::string text_of(const Json& claims, const char* name) {
  const auto found = claims.find(name);
  return found != claims.end() && found->is_string() ? found->get<std::string>() : std::string();
}

}  // namespace

struct Tokens::State {
  State(store::Provider& store, TokenOptions token_options)
      : provider(store), options(std::move(token_options)), key(std::size_t{32}) {
    if (options.signing_passphrase.empty()) {
      crypto::random_bytes(key.bytes());
    } else {
      key = crypto::Secret(crypto::hash(crypto::HashAlgorithm::sha256, {options.signing_passphrase.bytes()}));
    }
  }

  IssuedToken issue(const char* audience, const std::string& username, const std::string& print,
                    std::string_view client_ip) const;
  // The claims of a token that is genuine, alive, not logged out, for this audience and address.
  Result<Json> claims(std::string_view token, const char* audience, std::string_view client_ip);
  bool is_revoked(const std::string& id);
  std::int64_t now_seconds() const { return options.clock() / 1000; }

  store::Provider& provider;
  const TokenOptions options;
  crypto::Secret key;
  std::mutex mutex;
  std::map<std::string, std::int64_t> revoked;  // token id to its expiry
};

IssuedToken Tokens::State::issue(const char* audience, const std::string& username, const std::string& print,
                                 std::string_view client_ip) const {
  const std::int64_t now = now_seconds();
  const std::int64_t expires = now + std::chrono::seconds(options.lifetime).count();
  const Json claims = {{"jti", crypto::random_id()},
                       {"aud", audience},
                       {"sub", username},
                       {"fpr", print},
                       {"ip", client_ip},
                       {"iat", now},
                       {"exp", expires}};
  const std::string text = claims.dump(-1, ' ', false, Json::error_handler_t::replace);
  return {crypto::sign_jwt(text, key.bytes()), expires};
}

bool Tokens::State::is_revoked(const std::string& id) {
  const std::scoped_lock lock(mutex);
  return revoked.contains(id);
}

Result<Json> Tokens::State::claims(std::string_view token, const char* audience, std::string_view client_ip) {
  const auto text = crypto::verify_jwt(token, key.bytes(), now_seconds());
  if (!text) return refuse(text.error().message);
  Json claims = Json::parse(*text, nullptr, false);
  if (!claims.is_object() || text_of(claims, "aud") != audience) return refuse("the token is for another audience");
  const std::string id = text_of(claims, "jti");
  if (id.empty() || is_revoked(id)) return refuse("the token was logged out");
  if (options.check_address) {
    const auto issued = IpAddress::parse(text_of(claims, "ip"));
    const auto now = IpAddress::parse(client_ip);
    if (!issued || !now || !(*issued == *now)) return refuse("the token belongs to another address");
  }
  return claims;
}

Tokens::Tokens(store::Provider& provider, TokenOptions options)
    : state_(std::make_unique<State>(provider, std::move(options))) {}
Tokens::~Tokens() = default;

IssuedToken Tokens::issue(const model::Admin& admin, std::string_view client_ip) {
  return state_->issue(admin_audience, admin.username, fingerprint(admin), client_ip);
}

IssuedToken Tokens::issue(const model::User& user, std::string_view client_ip) {
  return state_->issue(user_audience, user.username, fingerprint(user), client_ip);
}

Result<model::AdminPtr> Tokens::verify_admin_now(std::string_view token, std::string_view client_ip) {
  const auto claims = state_->claims(token, admin_audience, client_ip);
  if (!claims) return fail(claims.error());
  auto admin = state_->provider.admin(text_of(*claims, "sub"));
  if (!admin) return refuse(admin.error().message);
  if (fingerprint(**admin) != text_of(*claims, "fpr")) return refuse("the account has changed since");
  const auto allowed = check_admin(**admin, {state_->options.clock(), client_ip, "HTTP", false});
  if (!allowed) return refuse(allowed.error().message);
  return admin;
}

Result<model::UserPtr> Tokens::verify_user_now(std::string_view token, std::string_view client_ip) {
  const auto claims = state_->claims(token, user_audience, client_ip);
  if (!claims) return fail(claims.error());
  auto user = state_->provider.effective_user(text_of(*claims, "sub"));
  if (!user) return refuse(user.error().message);
  if (fingerprint(**user) != text_of(*claims, "fpr")) return refuse("the account has changed since");
  const Circumstances at{state_->options.clock(), client_ip, "HTTP", state_->options.local_time};
  const auto allowed = check_user(**user, Method::password, at);
  if (!allowed) return refuse(allowed.error().message);
  return user;
}

void Tokens::revoke(std::string_view token) {
  const std::int64_t now = state_->now_seconds();
  const auto text = crypto::verify_jwt(token, state_->key.bytes(), now);
  if (!text) return;  // refused anyway
  const Json claims = Json::parse(*text, nullptr, false);
  if (!claims.is_object() || !claims.contains("exp") || !claims["exp"].is_number_integer()) return;
  const std::scoped_lock lock(state_->mutex);
  std::erase_if(state_->revoked, [now](const auto& entry) { return entry.second <= now; });
  state_->revoked.emplace(text_of(claims, "jti"), claims["exp"].get<std::int64_t>());
}

}  // namespace ferry::auth
