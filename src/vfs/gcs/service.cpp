#include "vfs/gcs/service.h"

#include <algorithm>
#include <charconv>

#include "base/trouble.h"
#include "http/message.h"
#include "vfs/gcs/answers.h"

namespace ferry::vfs::gcs {

namespace {

constexpr std::string_view google = "https://storage.googleapis.com";
constexpr std::string_view google_domain = ".googleapis.com";
constexpr auto stall_limit = std::chrono::seconds(60);
constexpr std::int64_t longest_pause = 300;  // seconds
constexpr std::size_t longest_bucket = 222;  // with dots; each part 63

bool is_word(std::string_view text, std::string_view others) {
  return !text.empty() && std::ranges::all_of(text, [&](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || others.contains(c);
  });
}

ErrorCode gcs_code(int status, bool of_object, std::string_view reason) {
  if (reason == "rateLimitExceeded" || reason == "userRateLimitExceeded") return ErrorCode::limit_exceeded;
  switch (status) {
    case 401:
    case 403: return ErrorCode::permission_denied;
    case 404: return of_object ? ErrorCode::not_found : ErrorCode::invalid_argument;
    case 410: return ErrorCode::not_found;
    case 409:
    case 412: return ErrorCode::conflict;
    case 429:
    case 503: return ErrorCode::limit_exceeded;
    case 501: return ErrorCode::unsupported;
    default: break;
  }
  return status >= 300 && status < 500 && status != 408 ? ErrorCode::invalid_argument : ErrorCode::io_error;
}

std::int64_t gcs_pause(const http::ClientResponse& answer) {
  const std::string_view text = answer.header("retry-after");
  std::int64_t seconds = 0;
  const auto [end, problem] = std::from_chars(text.data(), text.data() + text.size(), seconds);
  if (problem != std::errc() || end != text.data() + text.size()) return 0;
  return std::clamp<std::int64_t>(seconds, 0, longest_pause) * 1000;
}

// A host without user, port or anything else that would make it another one.
std::string_view plain_host(std::string_view url) {
  constexpr std::string_view scheme = "https://";
  if (!url.starts_with(scheme)) return {};
  url.remove_prefix(scheme.size());
  const std::string_view host = url.substr(0, url.find('/'));
  return is_word(host, "-.") ? host : std::string_view();
}

}  // namespace

bool is_utf8(std::string_view text) {
  for (std::size_t i = 0; i < text.size();) {
    const auto first = static_cast<unsigned char>(text[i]);
    if (first < 0x80) {
      ++i;
      continue;
    }
    const std::size_t more = first >= 0xc2 && first < 0xe0   ? 1
                             : first >= 0xe0 && first < 0xf0 ? 2
                             : first < 0xf5                  ? 3
                                                             : 0;
    if (first < 0xc2 || more == 0 || text.size() - i <= more) return false;
    std::uint32_t code = first & (0x3fU >> more);
    for (std::size_t j = 1; j <= more; ++j) {
      const auto next = static_cast<unsigned char>(text[i + j]);
      if ((next & 0xc0U) != 0x80) return false;
      code = code << 6 | (next & 0x3fU);
    }
    // Longer than needed, half a surrogate pair, behind the last character.
    const std::uint32_t least = more == 1 ? 0x80 : more == 2 ? 0x800 : 0x10000;
    if (code < least || (code >= 0xd800 && code < 0xe000) || code > 0x10ffff) return false;
    i += more + 1;
  }
  return true;
}

Service::Service(StoreOptions options, std::shared_ptr<http::Client> client, std::shared_ptr<TokenSource> tokens)
    : options_(std::move(options)), client_(std::move(client)), tokens_(std::move(tokens)), host_(google) {}

Result<std::unique_ptr<Service>> Service::make(StoreOptions options, std::shared_ptr<http::Client> client,
                                               std::shared_ptr<TokenSource> tokens) {
  const bool named = is_word(options.bucket, "-_.") && options.bucket.size() <= longest_bucket;
  if (!named || options.bucket.starts_with('.'))
    return fail(ErrorCode::invalid_argument, "GCS: not the name of a bucket");
  if (!options.storage_class.empty() && !is_word(options.storage_class, "_-")) {
    return fail(ErrorCode::invalid_argument, "GCS: not a storage class");
  }
  if (!options.acl.empty() && !is_word(options.acl, "-")) {
    return fail(ErrorCode::invalid_argument, "GCS: not a predefined ACL");
  }
  std::unique_ptr<Service> service(new Service(std::move(options), std::move(client), std::move(tokens)));
  std::string host = service->options_.emulator;
  if (host.empty()) return service;
  while (host.ends_with('/')) host.pop_back();
  if (!host.contains("://")) host = "http://" + host;
  if (!host.starts_with("http://") && !host.starts_with("https://")) {
    return fail(ErrorCode::invalid_argument, "GCS: STORAGE_EMULATOR_HOST is not a URL");
  }
  service->host_ = std::move(host);
  return service;
}

std::string Service::list_path() const { return "/storage/v1/b/" + http::percent_encode(options_.bucket) + "/o"; }
std::string Service::upload_path() const { return "/upload" + list_path(); }
std::string Service::object_path(std::string_view key) const { return list_path() + "/" + http::percent_encode(key); }
std::string Service::rewrite_path(std::string_view from, std::string_view to) const {
  return object_path(from) + "/rewriteTo/b/" + http::percent_encode(options_.bucket) + "/o/" + http::percent_encode(to);
}

bool Service::is_ours(std::string_view url) const {
  if (url.starts_with(host_ + "/")) return true;
  return options_.emulator.empty() && plain_host(url).ends_with(google_domain);
}

Task<Result<http::ClientResponse>> Service::exchange(Call call) {
  http::ClientRequest request;
  request.method = std::move(call.method);
  request.headers = std::move(call.headers);
  request.url = call.url;
  if (request.url.empty()) {
    request.url = host_ + call.path;
    char mark = '?';
    for (const auto& [name, value] : call.query) {
      request.url += mark + name + "=" + http::percent_encode(value);
      mark = '&';
    }
    if (options_.emulator.empty()) {
      auto token = co_await tokens_->token();
      if (!token) co_return fail(token.error());
      request.headers.push_back({"Authorization", "Bearer " + std::string(token->text())});
    }
  }
  request.content_type = std::move(call.content_type);
  request.body = std::move(call.body);
  request.pieces = std::move(call.pieces);
  request.into = call.into;
  request.max_response = call.max_response;
  request.timeout = std::chrono::milliseconds(0);
  request.stalled_after = stall_limit;
  auto answer = co_await client_->send(std::move(request));
  co_return answer;
}

Task<Result<http::ClientResponse>> Service::send(Call call) {
  const std::string method = call.method;
  const bool of_object = call.of_object;
  auto answer = co_await exchange(std::move(call));
  if (answer && answer->status >= 300) co_return fail(error_of(method, of_object, *answer));
  co_return answer;
}

Error Service::error_of(std::string_view method, bool of_object, const http::ClientResponse& answer) {
  const ServiceError said = parse_error(answer.body);
  Error error{gcs_code(answer.status, of_object, said.reason),
              "GCS: " + std::string(method) + " answered " + std::to_string(answer.status)};
  if (!said.reason.empty()) error.message += " " + said.reason;
  if (!said.message.empty()) error.message += ": " + said.message;
  if (answer.status == 404 && !of_object) {
    error.message += "; is there a bucket " + options_.bucket + "?";
    error = with_trouble(std::move(error), Trouble::no_bucket);
  }
  if (answer.status == 401) error = with_trouble(std::move(error), Trouble::bad_key);
  if (error.code == ErrorCode::limit_exceeded) retry_after_ = gcs_pause(answer);
  return error;
}

}  // namespace ferry::vfs::gcs
