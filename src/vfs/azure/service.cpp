#include "vfs/azure/service.h"

#include <algorithm>
#include <charconv>

#include "base/trouble.h"
#include "crypto/encoding.h"
#include "http/message.h"
#include "vfs/azure/answers.h"
#include "vfs/object/times.h"

namespace ferry::vfs::azure {

namespace {

constexpr std::string_view version = "2021-12-02";
constexpr std::string_view default_domain = "blob.core.windows.net", default_emulator = "http://127.0.0.1:10000";
constexpr std::string_view azure_domains[] = {".blob.core.windows.net", ".blob.core.usgovcloudapi.net",
                                              ".blob.core.chinacloudapi.cn", ".blob.storage.azure.net"};
constexpr auto stall_limit = std::chrono::seconds(60);
constexpr std::uint64_t least_rate = 1024;  // bytes a second, of what is no transfer any more
constexpr std::int64_t skew_allowed = 900;  // seconds; more is refused by the service
constexpr std::int64_t longest_pause = 300'000;

bool is_plain_name(std::string_view name) {
  return !name.empty() && name.size() <= 63 && std::ranges::all_of(name, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '$';
  });
}

struct UrlParts {
  std::string host;                // with the scheme, without a slash at its end
  std::vector<std::string> names;  // of the path
  std::string_view query;
};

std::optional<UrlParts> split_url(std::string_view url) {
  if (!url.starts_with("https://") && !url.starts_with("http://")) return std::nullopt;
  UrlParts parts;
  const std::size_t question = url.find('?');
  if (question != std::string_view::npos) parts.query = url.substr(question + 1);
  url = url.substr(0, question);
  const std::size_t begin = url.find("://") + 3, slash = std::min(url.find('/', begin), url.size());
  if (slash == begin) return std::nullopt;
  parts.host = url.substr(0, slash);
  for (std::size_t at = slash; at < url.size();) {
    const std::size_t next = std::min(url.find('/', at + 1), url.size());
    if (next > at + 1) parts.names.emplace_back(url.substr(at + 1, next - at - 1));
    at = next;
  }
  return parts;
}

// Microsoft's own: a token of this server's identity goes nowhere else, whatever endpoint an account names. Whoever
// got one could read all that the identity may read until it ends.
bool is_of_azure(std::string_view host) {
  constexpr std::string_view scheme = "https://";
  if (!host.starts_with(scheme)) return false;
  host.remove_prefix(scheme.size());
  const bool plain = std::ranges::all_of(host, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '.';
  });
  return plain && std::ranges::any_of(azure_domains, [&](std::string_view domain) { return host.ends_with(domain); });
}

std::string query_text(const Pairs& query, const crypto::Secret& sas) {
  std::string text;
  for (const auto& [name, value] : query) {
    text += (text.empty() ? "?" : "&") + http::percent_encode(name) + "=" + http::percent_encode(value);
  }
  if (!sas.empty()) text += (text.empty() ? "?" : "&") + std::string(sas.text());
  return text;
}

ErrorCode code_of(int status, std::string_view code) {
  if (code == "ContainerNotFound" || code == "ContainerBeingDeleted" || code == "ContainerDisabled") {
    return ErrorCode::invalid_argument;  // not an object that is missing
  }
  if (code == "BlobAlreadyExists") return ErrorCode::already_exists;
  switch (status) {
    case 400:
    case 411:
    case 413:
    case 416: return ErrorCode::invalid_argument;
    case 401:
    case 403: return ErrorCode::permission_denied;
    case 404: return ErrorCode::not_found;
    case 409:
    case 412: return ErrorCode::conflict;
    case 429: return ErrorCode::limit_exceeded;
    case 501: return ErrorCode::unsupported;
    case 503: return ErrorCode::limit_exceeded;
    default: break;
  }
  return status >= 400 && status < 500 && status != 408 ? ErrorCode::invalid_argument : ErrorCode::io_error;
}

// The service takes a backslash for a slash: "open\\x" would be the object open/x, which other rights may guard.
Result<void> check_key(std::string_view key) {
  if (key.contains('\\')) return fail(ErrorCode::invalid_argument, "azure: a name with a backslash");
  if (key.size() > 1024) return fail(ErrorCode::invalid_argument, "azure: a name longer than 1024 bytes");
  return {};
}

std::int64_t pause_asked_for(const http::ClientResponse& answer) {
  const std::string_view text = answer.header("retry-after");
  std::int64_t seconds = 0;
  const auto [end, problem] = std::from_chars(text.data(), text.data() + text.size(), seconds);
  if (problem != std::errc() || end != text.data() + text.size() || seconds < 0) return 0;
  return std::min(seconds, longest_pause / 1000) * 1000;
}

}  // namespace

Service::Service(StoreOptions options, std::shared_ptr<http::Client> client, std::shared_ptr<Identity> identity)
    : options_(std::move(options)), client_(std::move(client)), identity_(std::move(identity)) {}

Result<std::unique_ptr<Service>> Service::make(StoreOptions options, std::shared_ptr<http::Client> client,
                                               std::shared_ptr<Identity> identity) {
  std::unique_ptr<Service> service(new Service(std::move(options), std::move(client), std::move(identity)));
  const auto placed = service->options_.sas_url.empty() ? service->use_endpoint() : service->use_sas_url();
  if (!placed) return fail(placed.error());
  const StoreOptions& ours = service->options_;
  if (!is_plain_name(ours.container)) return fail(ErrorCode::invalid_argument, "azure: not the name of a container");
  if (!is_plain_name(ours.access_tier) && !ours.access_tier.empty()) {
    return fail(ErrorCode::invalid_argument, "azure: not an access tier");
  }
  return service;
}

Result<void> Service::use_sas_url() {
  const auto parts = split_url(options_.sas_url.text());
  if (!parts || parts->query.empty()) return fail(ErrorCode::invalid_argument, "azure: sas_url is not a SAS URL");
  host_ = parts->host;
  sas_ = crypto::Secret(parts->query);
  std::vector<std::string> names = parts->names;
  if (options_.use_emulator) {
    if (names.empty()) return fail(ErrorCode::invalid_argument, "azure: sas_url does not name the account");
    base_path_ = "/" + names.front();
    names.erase(names.begin());
  }
  if (names.empty()) return {};
  if (options_.container.empty()) options_.container = names.front();
  if (names.size() == 1 && options_.container == names.front()) return {};
  return fail(ErrorCode::invalid_argument, "azure: sas_url is of another container");
}

Result<void> Service::use_endpoint() {
  if (!is_plain_name(options_.account_name)) return fail(ErrorCode::invalid_argument, "azure: no name of an account");
  if (!options_.account_key.empty()) {
    auto decoded = crypto::base64_decode(options_.account_key.text());
    if (!decoded) return fail(ErrorCode::invalid_argument, "azure: account_key is not base64");
    key_ = crypto::Secret(*decoded);
    crypto::wipe(*decoded);
  }
  std::string endpoint = options_.endpoint;
  if (endpoint.empty()) endpoint = options_.use_emulator ? default_emulator : default_domain;
  while (endpoint.ends_with('/') && !endpoint.ends_with("://")) endpoint.pop_back();
  if (!endpoint.contains("://")) {
    const bool path_style = options_.use_emulator;
    endpoint = path_style ? "http://" + endpoint : "https://" + options_.account_name + "." + endpoint;
  }
  const auto parts = split_url(endpoint);
  if (!parts || !parts->query.empty()) return fail(ErrorCode::invalid_argument, "azure: endpoint is not a URL");
  host_ = parts->host;
  const bool named = !parts->names.empty() && parts->names == std::vector<std::string>{options_.account_name};
  if (!parts->names.empty() && !named) return fail(ErrorCode::invalid_argument, "azure: endpoint has a path");
  if (key_.empty() && !is_of_azure(host_)) {
    return fail(ErrorCode::invalid_argument, "azure: without account_key and sas_url the endpoint must be Azure's");
  }
  if (options_.use_emulator || named) base_path_ = "/" + options_.account_name;
  return {};
}

std::string Service::path_of(std::string_view key) const {
  return base_path_ + "/" + options_.container + (key.empty() ? "" : "/" + http::percent_encode(key, "/"));
}

crypto::Secret Service::copy_source(std::string_view key) const {
  return crypto::Secret(host_ + path_of(key) + query_text({}, sas_));
}

Task<Result<void>> Service::authorize(http::ClientRequest& request, SignedParts parts) {
  if (!sas_.empty()) co_return Result<void>();
  if (!key_.empty()) {
    request.headers.push_back({"Authorization", shared_key_authorization(options_.account_name, key_, parts)});
    co_return Result<void>();
  }
  auto token = co_await identity_->token();
  if (!token) co_return fail(token.error());
  request.headers.push_back({"Authorization", "Bearer " + std::string(token->text())});
  co_return Result<void>();
}

Task<Result<http::ClientResponse>> Service::send(Call call) {
  if (const auto named = check_key(call.key); !named) co_return fail(named.error());
  http::ClientRequest request;
  SignedParts parts;
  request.method = parts.method = call.method;
  parts.path = path_of(call.key);
  parts.query = call.query;
  parts.headers = call.headers;
  parts.headers.emplace_back("x-ms-date", object::http_date(object::unix_now()));
  parts.headers.emplace_back("x-ms-version", version);
  parts.body_size = call.body.size();
  for (const ByteSpan piece : call.pieces) parts.body_size += piece.size();
  for (const auto& [name, value] : parts.headers) request.headers.push_back({name, value});
  request.url = host_ + parts.path + query_text(call.query, sas_);
  request.content_type = "";
  request.body = std::move(call.body);
  if (parts.body_size > 0) request.pieces = std::move(call.pieces);
  request.into = call.into;
  request.max_response = call.max_response;
  request.timeout = std::chrono::milliseconds(0);
  request.stalled_after = stall_limit;
  request.least_rate = least_rate;
  auto authorized = co_await authorize(request, std::move(parts));
  if (!authorized) co_return fail(authorized.error());
  auto answer = co_await client_->send(std::move(request));
  if (answer && answer->status >= 300) co_return fail(error_of(call, *answer));
  co_return answer;
}

Error Service::error_of(const Call& call, const http::ClientResponse& answer) {
  const std::string_view code = answer.header("x-ms-error-code");
  Error error{code_of(answer.status, code), "azure: " + call.method + " answered " + std::to_string(answer.status)};
  if (!code.empty()) error.message += " " + std::string(code.substr(0, 80));
  if (const std::string text = error_message(answer.body); !text.empty()) error.message += ": " + text;
  if (answer.status == 403) {
    const auto there = object::parse_http_date(answer.header("date"));
    const std::int64_t apart = there ? std::abs(*there - object::unix_now()) : 0;
    if (apart > skew_allowed) {
      error.message += "; the clocks are " + std::to_string(apart) + " seconds apart";
      error = with_trouble(std::move(error), Trouble::clock);
    } else if (code == "AuthenticationFailed" || code == "InvalidAuthenticationInfo") {
      error = with_trouble(std::move(error), Trouble::bad_key);
    }
  }
  if (code == "ContainerNotFound") error = with_trouble(std::move(error), Trouble::no_bucket);
  if (error.code == ErrorCode::limit_exceeded) retry_after_ = pause_asked_for(answer);
  return error;
}

}  // namespace ferry::vfs::azure
