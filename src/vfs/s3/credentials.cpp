#include "vfs/s3/credentials.h"

#include <unistd.h>

#include <algorithm>
#include <boost/asio/steady_timer.hpp>
#include <fstream>
#include <nlohmann/json.hpp>

#include "base/child.h"
#include "crypto/cipher.h"
#include "crypto/encoding.h"
#include "http/message.h"
#include "vfs/object/times.h"
#include "vfs/s3/answers.h"
#include "vfs/s3/profiles.h"

namespace ferry::vfs::s3 {

namespace {

using namespace std::chrono_literals;
using Found = std::optional<Credentials>;  // no value: this provider is not configured

constexpr std::int64_t refresh_before = 300;  // seconds
constexpr std::chrono::milliseconds metadata_limit = 2s, service_limit = 30s, longest_wait = 40s, between_looks = 20ms;
constexpr std::size_t longest_file = 1 << 20, longest_output = 64 << 10;
constexpr int deepest_profile = 5;

std::int64_t unix_seconds() { return std::chrono::system_clock::to_time_t(std::chrono::system_clock::now()); }

std::unexpected<Error> none(std::string why) { return fail(ErrorCode::permission_denied, "S3 credentials: " + why); }

// Blocks.
std::optional<std::string> read_whole(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  if (!in) return std::nullopt;
  std::string text(longest_file, '\0');
  in.read(text.data(), static_cast<std::streamsize>(text.size()));
  text.resize(static_cast<std::size_t>(in.gcount()));
  return text;
}

std::string trimmed_end(std::string text) {
  while (!text.empty() && (text.back() == '\n' || text.back() == '\r' || text.back() == ' ')) text.pop_back();
  return text;
}

// What containers, virtual machines and credential_process answer; `token`: how the session token is called there.
Result<Credentials> parse_json(std::string_view text, const char* token) {
  const auto json = nlohmann::json::parse(text, nullptr, false);
  const auto field = [&](const char* name) {
    return json.is_object() && json.contains(name) && json[name].is_string() ? json[name].get<std::string>()
                                                                             : std::string();
  };
  Credentials found{.access_key = field("AccessKeyId"),
                    .secret = crypto::Secret(std::string_view(field("SecretAccessKey"))),
                    .session_token = field(token)};
  const std::string until = field("Expiration");
  const auto expires = object::parse_rfc3339(until);
  if (found.access_key.empty() || found.secret.empty()) return none("an answer without keys");
  if (!until.empty() && !expires) return none("an answer with an unreadable Expiration");
  if (expires) found.expires = expires->seconds;
  return found;
}

// Words between spaces; "quoted ones" are one. As credential_process is written; no shell reads it.
std::vector<std::string> words_of(std::string_view line) {
  std::vector<std::string> words;
  bool quoted = false, open = false;
  for (const char c : line) {
    if (c == '"') {
      quoted = !quoted;
      if (!open) words.emplace_back();
      open = true;
    } else if (c == ' ' && !quoted) {
      open = false;
    } else {
      if (!open) words.emplace_back();
      open = true;
      words.back() += c;
    }
  }
  return words;
}

// Credentials of a container may only be asked of hosts that are on this machine or known to serve them.
bool is_container_host(std::string_view url) {
  if (url.starts_with("https://")) return true;
  for (const char* host : {"http://127.", "http://localhost", "http://[::1]", "http://169.254.170.2/",
                           "http://169.254.170.23/", "http://[fd00:ec2::23]"}) {
    if (url.starts_with(host)) return true;
  }
  return false;
}

class Chain final : public CredentialSource, public std::enable_shared_from_this<Chain> {
 public:
  Chain(CredentialOptions options, Environment environment, std::shared_ptr<http::Client> client)
      : options_(std::move(options)), environment_(std::move(environment)), client_(std::move(client)) {}

  Task<Result<Credentials>> credentials() override {
    bool mine = false;
    {
      const std::scoped_lock lock(mutex_);
      if (held_ && (held_->expires == 0 || held_->expires - unix_seconds() > refresh_before)) co_return *held_;
      if (is_valid() && fetching_) co_return *held_;
      mine = !std::exchange(fetching_, true);
    }
    Result<Credentials> found = none("");
    if (mine) {
      found = co_await fetch_and_keep();
    } else {
      found = co_await wait_for_another();
    }
    co_return found;
  }

 private:
  // Needs the mutex.
  bool is_valid() const { return held_ && (held_->expires == 0 || held_->expires > unix_seconds()); }
  std::string variable(const char* name) const {
    const auto found = environment_.find(name);
    return found == environment_.end() ? std::string() : found->second;
  }

  Task<Result<Credentials>> wait_for_another() {
    const auto until = std::chrono::steady_clock::now() + longest_wait;
    const auto executor = co_await asio::this_coro::executor;
    asio::steady_timer timer(executor);
    while (std::chrono::steady_clock::now() < until) {
      timer.expires_after(between_looks);
      co_await timer.async_wait(asio::use_awaitable);
      const std::scoped_lock lock(mutex_);
      if (is_valid()) co_return *held_;
      if (!fetching_) co_return none("they could not be had");
    }
    co_return fail(ErrorCode::timeout, "S3 credentials: not in time");
  }

  Task<Result<Credentials>> fetch_and_keep() {
    // Whatever happens, also the end of this coroutine where it stands, nobody may wait for ever.
    const std::shared_ptr<void> at_end(nullptr, [self = shared_from_this()](void*) {
      const std::scoped_lock lock(self->mutex_);
      self->fetching_ = false;
    });
    Result<Credentials> found = co_await fetch();
    const std::scoped_lock lock(mutex_);
    if (found) held_ = *found;
    if (!found && is_valid()) co_return *held_;
    co_return found;
  }

  Task<Result<Credentials>> fetch() {
    Result<Found> base = co_await first();
    if (!base) co_return fail(base.error());
    if (!*base) co_return none("none in the configuration, the environment, profiles, a container or this machine");
    if (options_.role_arn.empty()) co_return **base;
    Role role{.arn = options_.role_arn};
    Result<Credentials> assumed = co_await assume(std::move(**base), std::move(role));
    co_return assumed;
  }

  Task<Result<Found>> first() {
    if (!options_.access_key.empty()) {
      if (options_.access_secret.empty()) co_return none("an access key without its secret");
      Credentials own;
      own.access_key = options_.access_key;
      own.secret = options_.access_secret;
      own.session_token = options_.session_token;
      co_return Found(std::move(own));
    }
    const std::string key = variable("AWS_ACCESS_KEY_ID"), secret = variable("AWS_SECRET_ACCESS_KEY");
    if (!key.empty() && !secret.empty()) {
      co_return Found(of_environment());
    }
    Result<Found> found = co_await by_web_identity();
    if (!found || *found) co_return found;
    found = co_await by_profile();
    if (!found || *found) co_return found;
    found = co_await by_container();
    if (!found || *found) co_return found;
    found = co_await by_machine();
    co_return found;
  }

  Credentials of_environment() const {
    return {variable("AWS_ACCESS_KEY_ID"), crypto::Secret(std::string_view(variable("AWS_SECRET_ACCESS_KEY"))),
            variable("AWS_SESSION_TOKEN")};
  }

  struct Role {
    std::string arn;
    std::string external_id = {}, session_name = {}, duration = {};
  };

  std::string sts_url() const {
    const std::string own = variable("AWS_ENDPOINT_URL_STS");
    if (!own.empty()) return own.ends_with('/') ? own.substr(0, own.size() - 1) : own;
    return "https://sts." + (options_.region.empty() ? std::string("us-east-1") : options_.region) + ".amazonaws.com";
  }

  static std::string form(const Pairs& pairs) { return canonical_query(pairs); }

  Task<Result<Credentials>> ask_sts(std::string body, std::optional<Credentials> signer) {
    http::ClientRequest request{.method = "POST", .url = sts_url() + "/"};
    request.content_type = "application/x-www-form-urlencoded";
    request.body = std::move(body);
    request.timeout = std::chrono::milliseconds(service_limit);
    if (signer) {
      const std::int64_t time = unix_seconds();
      const std::string url = sts_url();
      RequestToSign signing{.method = "POST", .path = "/", .query = {}, .headers = {}, .payload_hash = {}};
      signing.payload_hash = crypto::hex_encode(crypto::hash(crypto::HashAlgorithm::sha256, {as_bytes(request.body)}));
      signing.headers = {{"host", url.substr(url.find("://") + 3)}, {"x-amz-date", amz_date(time)}};
      if (!signer->session_token.empty()) signing.headers.emplace_back("x-amz-security-token", signer->session_token);
      const SigningScope scope{options_.region.empty() ? "us-east-1" : options_.region, "sts"};
      request.headers.push_back({"authorization", authorization(signing, scope, *signer, time)});
      for (const auto& [name, value] : signing.headers) {
        if (name != "host") request.headers.push_back({name, value});
      }
    }
    Result<http::ClientResponse> answer = co_await client_->send(std::move(request));
    if (!answer) co_return fail(answer.error());
    if (answer->status != 200) {
      const ServiceError error = parse_error(answer->body);
      const bool passing = answer->status == 429 || answer->status >= 500;
      if (passing) co_return fail(ErrorCode::io_error, "STS answered " + std::to_string(answer->status));
      co_return none("STS answered " + std::to_string(answer->status) + " " + error.code + ": " + error.message);
    }
    co_return parse_sts(answer->body);
  }

  Task<Result<Credentials>> assume(Credentials with, Role role) {
    Pairs pairs{{"Action", "AssumeRole"}, {"Version", "2011-06-15"}, {"RoleArn", role.arn}};
    pairs.emplace_back("RoleSessionName", role.session_name.empty() ? "ferry" : role.session_name);
    if (!role.external_id.empty()) pairs.emplace_back("ExternalId", role.external_id);
    if (!role.duration.empty()) pairs.emplace_back("DurationSeconds", role.duration);
    std::optional<Credentials> signer(std::move(with));
    Result<Credentials> found = co_await ask_sts(form(pairs), std::move(signer));
    co_return found;
  }

  Task<Result<Credentials>> assume_by_token(std::string file, Role role) {
    const auto token = co_await run_blocking(Lane::remote, [&file] { return read_whole(file); });
    if (!token) co_return none("the web identity's token file cannot be read");
    Pairs pairs{{"Action", "AssumeRoleWithWebIdentity"}, {"Version", "2011-06-15"}, {"RoleArn", role.arn}};
    pairs.emplace_back("RoleSessionName", role.session_name.empty() ? "ferry" : role.session_name);
    pairs.emplace_back("WebIdentityToken", trimmed_end(*token));
    Result<Credentials> found = co_await ask_sts(form(pairs), std::nullopt);
    co_return found;
  }

  Task<Result<Found>> by_web_identity() {
    const std::string file = variable("AWS_WEB_IDENTITY_TOKEN_FILE");
    if (file.empty() || variable("AWS_ROLE_ARN").empty()) co_return Found();
    Role role{.arn = variable("AWS_ROLE_ARN"), .session_name = variable("AWS_ROLE_SESSION_NAME")};
    Result<Credentials> found = co_await assume_by_token(file, std::move(role));
    if (!found) co_return fail(found.error());
    co_return Found(std::move(*found));
  }

  Task<Result<Found>> by_profile() {
    const std::string home = variable("HOME");
    std::string config = variable("AWS_CONFIG_FILE"), secrets = variable("AWS_SHARED_CREDENTIALS_FILE");
    if (config.empty() && !home.empty()) config = home + "/.aws/config";
    if (secrets.empty() && !home.empty()) secrets = home + "/.aws/credentials";
    auto profiles = std::make_shared<Profiles>();
    co_await run_blocking(Lane::remote, [&] {
      if (const auto text = read_whole(secrets)) read_profiles(*text, false, *profiles);
      if (const auto text = read_whole(config)) read_profiles(*text, true, *profiles);
    });
    const std::string named = variable("AWS_PROFILE");
    const std::string name = named.empty() ? "default" : named;
    if (!profiles->contains(name)) {
      if (!named.empty()) co_return none("AWS_PROFILE names a profile that is not there");
      co_return Found();
    }
    Result<Found> found = co_await of_profile(profiles, name, 0);
    co_return found;
  }

  static std::string setting(const Profile& profile, const char* name) {
    const auto found = profile.find(name);
    return found == profile.end() ? std::string() : found->second;
  }

  Task<Result<Found>> of_profile(std::shared_ptr<const Profiles> profiles, std::string name, int depth) {
    const auto named = profiles->find(name);
    if (named == profiles->end()) co_return none("a profile that is not there is a source_profile");
    if (depth == deepest_profile) co_return none("profiles name each other as source_profile");
    const Profile& profile = named->second;
    Role role{.arn = setting(profile, "role_arn"),
              .external_id = setting(profile, "external_id"),
              .session_name = setting(profile, "role_session_name"),
              .duration = setting(profile, "duration_seconds")};
    const std::string source = setting(profile, "source_profile"), token = setting(profile, "web_identity_token_file");
    Result<Credentials> found = none("");
    if (!role.arn.empty() && !token.empty()) {
      found = co_await assume_by_token(token, std::move(role));
    } else if (!role.arn.empty() && (!source.empty() || !setting(profile, "credential_source").empty())) {
      Result<Found> base = Found();
      if (!source.empty() && source != name) {
        base = co_await of_profile(profiles, source, depth + 1);
      } else if (!source.empty()) {
        base = keys_of(profile);
      } else {
        base = co_await of_source(setting(profile, "credential_source"));
      }
      if (!base) co_return fail(base.error());
      if (!*base) co_return none("the source of a profile's role has none");
      found = co_await assume(std::move(**base), std::move(role));
    } else if (!setting(profile, "credential_process").empty()) {
      found = co_await by_process(setting(profile, "credential_process"));
    } else {
      co_return keys_of(profile);
    }
    if (!found) co_return fail(found.error());
    co_return Found(std::move(*found));
  }

  static Found keys_of(const Profile& profile) {
    const std::string key = setting(profile, "aws_access_key_id"), secret = setting(profile, "aws_secret_access_key");
    if (key.empty() || secret.empty()) return std::nullopt;
    return Credentials{key, crypto::Secret(std::string_view(secret)), setting(profile, "aws_session_token")};
  }

  // "Environment", "Ec2InstanceMetadata", "EcsContainer".
  Task<Result<Found>> of_source(std::string source) {
    Result<Found> found = Found();
    if (source == "Environment") {
      if (!variable("AWS_ACCESS_KEY_ID").empty()) found = Found(of_environment());
    } else if (source == "EcsContainer") {
      found = co_await by_container();
    } else if (source == "Ec2InstanceMetadata") {
      found = co_await by_machine();
    } else {
      found = none("an unknown credential_source");
    }
    co_return found;
  }

  // Without a shell, with the server's own environment for it.
  Task<Result<Credentials>> by_process(std::string line) {
    const std::vector<std::string> words = words_of(line);
    if (words.empty()) co_return none("credential_process is empty");
    ChildOptions options{.program = words.front(), .arguments = {words.begin() + 1, words.end()}, .environment = {}};
    if (!words.front().starts_with('/')) {
      options.program = co_await run_blocking(Lane::remote, [&words] { return find_program(words.front()); });
    }
    for (const auto& [name, value] : environment_) options.environment.push_back(name + "=" + value);
    options.environment.emplace_back("PATH=/usr/local/bin:/usr/bin:/bin");
    Result<std::unique_ptr<Child>> child = co_await Child::start(std::move(options));
    if (!child) co_return none("credential_process does not start: " + child.error().message);
    (*child)->close_input();
    crypto::Secret output(longest_output);
    std::size_t size = 0;
    while (size < output.size()) {
      const Result<std::size_t> count = co_await (*child)->read_output(output.bytes().subspan(size));
      if (!count) co_return fail(count.error());
      if (*count == 0) break;
      size += *count;
    }
    if (size == output.size()) {
      (*child)->kill();
      co_return none("credential_process writes too much");
    }
    const int status = co_await (*child)->wait();
    if (status != 0) co_return none("credential_process ended with status " + std::to_string(status));
    co_return parse_json(output.text().substr(0, size), "SessionToken");
  }

  Task<Result<std::string>> fetch_text(http::ClientRequest request) {
    request.timeout = std::chrono::milliseconds(metadata_limit);
    Result<http::ClientResponse> answer = co_await client_->send(std::move(request));
    if (!answer) co_return fail(answer.error());
    if (answer->status != 200) co_return fail(ErrorCode::permission_denied, std::to_string(answer->status));
    co_return std::move(answer->body);
  }

  Task<Result<Found>> by_container() {
    const std::string relative = variable("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI");
    const std::string full = variable("AWS_CONTAINER_CREDENTIALS_FULL_URI");
    if (relative.empty() && full.empty()) co_return Found();
    http::ClientRequest request{.url = relative.empty() ? full : "http://169.254.170.2" + relative};
    if (!is_container_host(request.url)) co_return none("AWS_CONTAINER_CREDENTIALS_FULL_URI names another machine");
    std::string token = variable("AWS_CONTAINER_AUTHORIZATION_TOKEN");
    const std::string file = variable("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE");
    if (!file.empty()) {
      const auto text = co_await run_blocking(Lane::remote, [&file] { return read_whole(file); });
      if (!text) co_return none("the container's token file cannot be read");
      token = trimmed_end(*text);
    }
    if (!token.empty()) request.headers.push_back({"authorization", token});
    const Result<std::string> text = co_await fetch_text(std::move(request));
    if (!text) co_return none("of the container: " + text.error().message);
    Result<Credentials> found = parse_json(*text, "Token");
    if (!found) co_return fail(found.error());
    co_return Found(std::move(*found));
  }

  // IMDSv2 alone: the first version answers whoever can make this server ask a URL.
  Task<Result<Found>> by_machine() {
    if (variable("AWS_EC2_METADATA_DISABLED") == "true") co_return Found();
    std::string base = variable("AWS_EC2_METADATA_SERVICE_ENDPOINT");
    if (base.empty()) base = "http://169.254.169.254";
    while (base.ends_with('/')) base.pop_back();
    http::ClientRequest begin{.method = "PUT", .url = base + "/latest/api/token", .content_type = ""};
    begin.headers.push_back({"x-aws-ec2-metadata-token-ttl-seconds", "21600"});
    const Result<std::string> token = co_await fetch_text(std::move(begin));
    if (!token) co_return Found();  // not a machine of EC2
    const http::ClientHeader proof{"x-aws-ec2-metadata-token", *token};
    const std::string place = base + "/latest/meta-data/iam/security-credentials/";
    http::ClientRequest ask_role{.url = place};
    ask_role.headers.push_back(proof);
    const Result<std::string> role = co_await fetch_text(std::move(ask_role));
    if (!role || role->empty()) co_return none("this machine has no role");
    http::ClientRequest ask_keys{.url = place + uri_encode(trimmed_end(*role), false)};
    ask_keys.headers.push_back(proof);
    const Result<std::string> text = co_await fetch_text(std::move(ask_keys));
    if (!text) co_return none("of this machine: " + text.error().message);
    Result<Credentials> found = parse_json(*text, "Token");
    if (!found) co_return fail(found.error());
    co_return Found(std::move(*found));
  }

  const CredentialOptions options_;
  const Environment environment_;
  const std::shared_ptr<http::Client> client_;
  std::mutex mutex_;
  std::optional<Credentials> held_;
  bool fetching_ = false;
};

}  // namespace

Environment aws_environment() {
  Environment found;
  for (char** entry = environ; *entry != nullptr; ++entry) {
    const std::string_view text(*entry);
    const std::size_t equals = text.find('=');
    if (equals == std::string_view::npos) continue;
    if (!text.starts_with("AWS_") && !text.starts_with("HOME=")) continue;
    found.emplace(text.substr(0, equals), text.substr(equals + 1));
  }
  return found;
}

std::shared_ptr<CredentialSource> credential_source(CredentialOptions options, Environment environment,
                                                    std::shared_ptr<http::Client> client) {
  return std::make_shared<Chain>(std::move(options), std::move(environment), std::move(client));
}

}  // namespace ferry::vfs::s3
