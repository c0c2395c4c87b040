// Reading credentials files, and signing with the keys in them.
#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>

#include "crypto/encoding.h"
#include "crypto/rsa.h"
#include "vfs/gcs/credentials.h"

namespace ferry::vfs::gcs {

namespace {

using nlohmann::json;

constexpr std::string_view storage_scope = "https://www.googleapis.com/auth/devstorage.full_control";
constexpr std::string_view google_tokens = "https://oauth2.googleapis.com/token";
constexpr std::array google_hosts{"https://oauth2.googleapis.com/", "https://accounts.google.com/",
                                  "https://www.googleapis.com/"};
constexpr std::int64_t assertion_lasts = 3600;  // seconds; more is refused

std::unexpected<Error> refused(std::string why) {
  return fail(ErrorCode::invalid_argument, "GCS credentials: " + std::move(why));
}

std::string word_in(const json& object, const char* name) {
  const auto field = object.find(name);
  return field != object.end() && field->is_string() ? field->get<std::string>() : std::string();
}

// Wiped where it was.
crypto::Secret secret_in(json& object, const char* name) {
  const auto field = object.find(name);
  if (field == object.end() || !field->is_string()) return {};
  auto& text = field->get_ref<std::string&>();
  crypto::Secret secret{std::string_view(text)};
  crypto::wipe(text.data(), text.size());
  return secret;
}

// Host and port of a URL; "": there is something else, which could make the host another one ("a@b", "a\\b").
std::string_view authority_of(std::string_view url) {
  const std::size_t begin = url.find("://");
  if (begin == std::string_view::npos) return {};
  url.remove_prefix(begin + 3);
  url = url.substr(0, url.find_first_of("/?"));
  const bool plain = std::ranges::all_of(url, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           std::string_view("-.:[]").contains(c);
  });
  return plain ? url : std::string_view();
}

// Whether a secret may be sent there: to a server that shows a certificate, or to one of this machine.
bool proves_itself(std::string_view url) {
  const std::string_view authority = authority_of(url);
  if (authority.empty()) return false;
  if (url.starts_with("https://")) return true;
  const std::string_view host =
      authority.substr(0, authority.starts_with('[') ? authority.find(']') + 1 : authority.find(':'));
  return url.starts_with("http://") && (host == "127.0.0.1" || host == "localhost" || host == "[::1]");
}

bool may_be_asked(std::string_view url, Trust trust) {
  if (trust == Trust::host) return proves_itself(url);
  return std::ranges::any_of(google_hosts, [&](const char* host) { return url.starts_with(host); });
}

Result<Identity> service_account(json& file, Trust trust) {
  ServiceAccount account;
  account.email = word_in(file, "client_email");
  account.key_id = word_in(file, "private_key_id");
  account.private_key = secret_in(file, "private_key");
  account.token_uri = word_in(file, "token_uri");
  if (account.token_uri.empty()) account.token_uri = google_tokens;
  if (account.email.empty() || account.private_key.empty()) return refused("no client_email or no private_key");
  if (!may_be_asked(account.token_uri, trust)) return refused("token_uri is not Google's");
  if (const auto tried = signed_assertion(account, 0); !tried) return refused("private_key: " + tried.error().message);
  return account;
}

Result<Identity> authorized_user(json& file, Trust trust) {
  AuthorizedUser user;
  user.client_id = word_in(file, "client_id");
  user.client_secret = secret_in(file, "client_secret");
  user.refresh_token = secret_in(file, "refresh_token");
  user.token_uri = word_in(file, "token_uri");
  if (user.token_uri.empty()) user.token_uri = google_tokens;
  if (user.client_id.empty() || user.client_secret.empty() || user.refresh_token.empty()) {
    return refused("no client_id, client_secret or refresh_token");
  }
  if (!may_be_asked(user.token_uri, trust)) return refused("token_uri is not Google's");
  return user;
}

Result<Identity> external_account(const json& file) {
  ExternalAccount account;
  account.audience = word_in(file, "audience");
  account.subject_token_type = word_in(file, "subject_token_type");
  account.token_url = word_in(file, "token_url");
  account.impersonation_url = word_in(file, "service_account_impersonation_url");
  if (account.audience.empty() || account.subject_token_type.empty()) return refused("no audience or no token type");
  if (!proves_itself(account.token_url)) return refused("token_url must be https");
  if (!account.impersonation_url.empty() && !proves_itself(account.impersonation_url)) {
    return refused("service_account_impersonation_url must be https");
  }
  const json source = file.value("credential_source", json::object());
  if (!source.is_object()) return refused("credential_source is no object");
  account.file = word_in(source, "file");
  account.url = word_in(source, "url");
  if (account.file.empty() == account.url.empty()) {
    return refused("credential_source: a file or a url; AWS, certificates and programs are not supported");
  }
  if (const auto headers = source.find("headers"); headers != source.end() && headers->is_object()) {
    for (const auto& [name, value] : headers->items()) {
      if (value.is_string()) account.headers.push_back({name, value.get<std::string>()});
    }
  }
  if (const auto format = source.find("format"); format != source.end() && format->is_object()) {
    if (word_in(*format, "type") == "json") account.field = word_in(*format, "subject_token_field_name");
    if (word_in(*format, "type") == "json" && account.field.empty()) return refused("no subject_token_field_name");
  }
  return account;
}

std::string encoded(std::string_view text) { return crypto::base64_encode(as_bytes(text), crypto::Base64::url); }

}  // namespace

Result<std::string> signed_assertion(const ServiceAccount& account, std::int64_t now) {
  json header = {{"alg", "RS256"}, {"typ", "JWT"}};
  if (!account.key_id.empty()) header["kid"] = account.key_id;
  const json claims = {{"iss", account.email},
                       {"scope", storage_scope},
                       {"aud", account.token_uri},
                       {"iat", now},
                       {"exp", now + assertion_lasts}};
  std::string text = encoded(header.dump()) + "." + encoded(claims.dump());
  const auto signature = crypto::sign_rs256(account.private_key.text(), as_bytes(text));
  if (!signature) return fail(signature.error());
  return text + "." + crypto::base64_encode(*signature, crypto::Base64::url);
}

Result<Identity> parse_identity(std::string_view text, Trust trust) {
  json file = json::parse(text, nullptr, false);
  if (!file.is_object()) return refused("not a JSON object");
  const std::string type = word_in(file, "type");
  if (type == "service_account") return service_account(file, trust);
  if (type == "authorized_user") return authorized_user(file, trust);
  if (type == "external_account" && trust == Trust::host) return external_account(file);
  if (type == "external_account") {
    return refused("external_account is read from GOOGLE_APPLICATION_CREDENTIALS only, not from an account");
  }
  return refused("neither service_account nor authorized_user");
}

}  // namespace ferry::vfs::gcs
