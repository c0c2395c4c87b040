// Exchanging credentials for access tokens.
#include <chrono>
#include <cstdlib>
#include <fstream>
#include <nlohmann/json.hpp>

#include "base/log.h"
#include "http/message.h"
#include "vfs/gcs/credentials.h"
#include "vfs/object/times.h"

namespace ferry::vfs::gcs {

namespace {

using nlohmann::json;

constexpr std::size_t longest_file = std::size_t{256} << 10;
constexpr std::int64_t longest_life = 86'400;  // seconds
constexpr std::string_view storage_access = "https://www.googleapis.com/auth/devstorage.full_control";
constexpr std::string_view platform_access = "https://www.googleapis.com/auth/cloud-platform";
constexpr std::chrono::seconds metadata_limit{10};

std::unexpected<Error> no_token(std::string why) {
  return fail(ErrorCode::permission_denied, "no token for GCS: " + std::move(why));
}

// Blocks. not_found: no such file.
Result<std::string> read_bounded(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  if (!in) return fail(ErrorCode::not_found, path + " cannot be read");
  std::string text(longest_file + 1, '\0');
  in.read(text.data(), static_cast<std::streamsize>(text.size()));
  text.resize(static_cast<std::size_t>(in.gcount()));
  if (text.size() > longest_file) return fail(ErrorCode::permission_denied, path + " is too long");
  return text;
}

std::string word_of(const json& object, const char* name) {
  const auto field = object.is_object() ? object.find(name) : object.end();
  return field != object.end() && field->is_string() ? field->get<std::string>() : std::string();
}

Result<object::AccessToken> token_in(http::ClientResponse& answer, std::int64_t asked_at) {
  const json said = json::parse(answer.body, nullptr, false);
  crypto::wipe(answer.body.data(), answer.body.size());
  // As OAuth 2.0 answers, and as the IAM service does.
  std::string text = word_of(said, "access_token");
  if (text.empty()) text = word_of(said, "accessToken");
  std::int64_t expires = 0;
  if (const auto field = said.is_object() ? said.find("expires_in") : said.end(); field != said.end()) {
    if (field->is_number_integer()) expires = asked_at + std::min(field->get<std::int64_t>(), longest_life);
  } else if (const auto time = object::parse_rfc3339(word_of(said, "expireTime"))) {
    expires = std::min(time->seconds, asked_at + longest_life);
  }
  object::AccessToken token{crypto::Secret(text), expires};
  crypto::wipe(text.data(), text.size());
  if (token.text.empty() || token.expires <= asked_at) {
    return fail(ErrorCode::protocol_error, "GCS: an answer without a token, or without its end");
  }
  // Header lines are checked by the client as well; a token is never anything but visible characters.
  for (const char c : token.text.text()) {
    if (c <= ' ' || c >= 0x7f) return fail(ErrorCode::protocol_error, "GCS: a token with strange characters");
  }
  return token;
}

std::string form(std::initializer_list<std::pair<std::string_view, std::string_view>> fields) {
  std::string text;
  for (const auto& [name, value] : fields) {
    if (!text.empty()) text += '&';
    text += std::string(name) + "=" + http::percent_encode(value);
  }
  return text;
}

// Not parts of the coroutines that need them: g++ 12 gets lists in braces wrong there.
std::string assertion_form(std::string_view assertion) {
  return form({{"grant_type", "urn:ietf:params:oauth:grant-type:jwt-bearer"}, {"assertion", assertion}});
}

http::ClientRequest posted(std::string url, std::string body) {
  http::ClientRequest request;
  request.method = "POST";
  request.url = std::move(url);
  request.content_type = "application/x-www-form-urlencoded";
  request.body = std::move(body);
  return request;
}

http::ClientRequest refresh_of(const AuthorizedUser& user) {
  return posted(user.token_uri, form({{"grant_type", "refresh_token"},
                                      {"client_id", user.client_id},
                                      {"client_secret", user.client_secret.text()},
                                      {"refresh_token", user.refresh_token.text()}}));
}

http::ClientRequest exchange_of(const ExternalAccount& account, std::string_view subject) {
  const std::string_view scope = account.impersonation_url.empty() ? storage_access : platform_access;
  return posted(account.token_url, form({{"grant_type", "urn:ietf:params:oauth:grant-type:token-exchange"},
                                         {"audience", account.audience},
                                         {"scope", scope},
                                         {"requested_token_type", "urn:ietf:params:oauth:token-type:access_token"},
                                         {"subject_token_type", account.subject_token_type},
                                         {"subject_token", subject}}));
}

http::ClientRequest impersonation_of(const ExternalAccount& account, const crypto::Secret& token) {
  http::ClientRequest request;
  request.method = "POST";
  request.url = account.impersonation_url;
  request.headers.push_back({"Authorization", "Bearer " + std::string(token.text())});
  request.body = json({{"scope", json::array({storage_access})}, {"lifetime", "3600s"}}).dump();
  return request;
}

// The token of another service that an external account shows.
Result<std::string> subject_in(std::string text, const std::string& field) {
  if (field.empty()) {
    while (!text.empty() && (text.back() == '\n' || text.back() == '\r' || text.back() == ' ')) text.pop_back();
  } else {
    text = word_of(json::parse(text, nullptr, false), field.c_str());
  }
  if (text.empty()) return no_token("there is no token at credential_source");
  return text;
}

class Tokens : public object::CachedToken {
 public:
  explicit Tokens(std::shared_ptr<http::Client> client) : client_(std::move(client)) {}

 protected:
  Task<Result<object::AccessToken>> fetch_for(const Identity& identity) {
    Result<object::AccessToken> token = no_token("");
    if (const auto* account = std::get_if<ServiceAccount>(&identity)) {
      token = co_await by_key(*account);
    } else if (const auto* user = std::get_if<AuthorizedUser>(&identity)) {
      token = co_await by_refresh(*user);
    } else {
      token = co_await by_exchange(std::get<ExternalAccount>(identity));
    }
    co_return token;
  }

  Task<Result<object::AccessToken>> ask(http::ClientRequest request) {
    const std::int64_t asked_at = object::unix_now();
    request.retried = true;
    auto answer = co_await client_->send(std::move(request));
    if (!answer) co_return fail(answer.error());
    if (answer->status == 200) co_return token_in(*answer, asked_at);
    // "invalid_grant": the service's word; the rest of the body may show what was sent.
    const std::string word = word_of(json::parse(answer->body, nullptr, false), "error").substr(0, 80);
    const std::string why = "status " + std::to_string(answer->status) + (word.empty() ? "" : " " + word);
    if (answer->status == 429 || answer->status >= 500) co_return fail(ErrorCode::io_error, "no token for GCS: " + why);
    co_return no_token(why);
  }

  const std::shared_ptr<http::Client> client_;

 private:
  Task<Result<object::AccessToken>> by_key(const ServiceAccount& account) {
    // 1 ms of CPU time, once an hour.
    const auto assertion = signed_assertion(account, object::unix_now());
    if (!assertion) co_return fail(assertion.error());
    http::ClientRequest request = posted(account.token_uri, assertion_form(*assertion));
    auto token = co_await ask(std::move(request));
    co_return token;
  }

  Task<Result<object::AccessToken>> by_refresh(const AuthorizedUser& user) {
    http::ClientRequest request = refresh_of(user);
    auto token = co_await ask(std::move(request));
    co_return token;
  }

  Task<Result<std::string>> subject_of(const ExternalAccount& account) {
    if (!account.file.empty()) {
      const std::string path = account.file;
      const auto read = [path] { return read_bounded(path); };
      auto text = co_await run_blocking(Lane::remote, read);
      if (!text) co_return no_token(text.error().message);
      co_return subject_in(std::move(*text), account.field);
    }
    http::ClientRequest request;
    request.url = account.url;
    request.headers = account.headers;
    request.retried = true;
    auto answer = co_await client_->send(std::move(request));
    if (!answer) co_return fail(answer.error());
    if (answer->status != 200) co_return no_token("credential_source answered " + std::to_string(answer->status));
    co_return subject_in(std::move(answer->body), account.field);
  }

  Task<Result<object::AccessToken>> by_exchange(const ExternalAccount& account) {
    auto subject = co_await subject_of(account);
    if (!subject) co_return fail(subject.error());
    http::ClientRequest request = exchange_of(account, *subject);
    auto token = co_await ask(std::move(request));
    if (!token || account.impersonation_url.empty()) co_return token;
    http::ClientRequest other = impersonation_of(account, token->text);
    auto impersonated = co_await ask(std::move(other));
    co_return impersonated;
  }
};

class IdentityTokens final : public Tokens {
 public:
  IdentityTokens(Identity identity, std::shared_ptr<http::Client> client)
      : Tokens(std::move(client)), identity_(std::move(identity)) {}

 private:
  Task<Result<object::AccessToken>> fetch() override {
    auto token = co_await fetch_for(identity_);
    co_return token;
  }

  const Identity identity_;
};

class AutomaticTokens final : public Tokens {
 public:
  AutomaticTokens(AutomaticSettings settings, std::shared_ptr<http::Client> client)
      : Tokens(std::move(client)), settings_(std::move(settings)) {}

 private:
  Task<Result<object::AccessToken>> fetch() override {
    const std::string path = settings_.file.empty() ? settings_.gcloud_file : settings_.file;
    Result<std::string> text = fail(ErrorCode::not_found, "");
    if (!path.empty()) {
      const auto read = [path] { return read_bounded(path); };
      text = co_await run_blocking(Lane::remote, read);
    }
    Result<object::AccessToken> token = no_token("");
    if (!text && settings_.file.empty() && text.error().code == ErrorCode::not_found) {
      token = co_await by_machine();
      co_return token;
    }
    if (!text) co_return no_token(text.error().message);
    auto identity = parse_identity(*text, Trust::host);
    crypto::wipe(text->data(), text->size());
    if (!identity) co_return no_token(identity.error().message);
    token = co_await fetch_for(*identity);
    co_return token;
  }

  Task<Result<object::AccessToken>> by_machine() {
    http::ClientRequest request;
    request.url = settings_.metadata + "/computeMetadata/v1/instance/service-accounts/default/token";
    request.headers.push_back({"Metadata-Flavor", "Google"});
    request.timeout = metadata_limit;
    auto token = co_await ask(std::move(request));
    co_return token;
  }

  const AutomaticSettings settings_;
};

std::string variable_of(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? std::string() : std::string(value);
}

}  // namespace

AutomaticSettings AutomaticSettings::from_environment() {
  AutomaticSettings settings;
  settings.file = variable_of("GOOGLE_APPLICATION_CREDENTIALS");
  const std::string folder = variable_of("CLOUDSDK_CONFIG"), home = variable_of("HOME");
  if (!folder.empty()) {
    settings.gcloud_file = folder + "/application_default_credentials.json";
  } else if (!home.empty()) {
    settings.gcloud_file = home + "/.config/gcloud/application_default_credentials.json";
  }
  if (const std::string host = variable_of("GCE_METADATA_HOST"); !host.empty()) settings.metadata = "http://" + host;
  return settings;
}

std::shared_ptr<TokenSource> tokens_of(Identity identity, std::shared_ptr<http::Client> client) {
  return std::make_shared<IdentityTokens>(std::move(identity), std::move(client));
}

std::shared_ptr<TokenSource> automatic_tokens(AutomaticSettings settings, std::shared_ptr<http::Client> client) {
  return std::make_shared<AutomaticTokens>(std::move(settings), std::move(client));
}

}  // namespace ferry::vfs::gcs
