#include "vfs/httpfs/service.h"

#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>

#include "base/sleeper.h"
#include "crypto/encoding.h"
#include "vfs/object/times.h"

namespace ferry::vfs::httpfs {

namespace {

using nlohmann::json;
using namespace std::chrono_literals;

constexpr auto answer_limit = 60s, long_work = 600s;
constexpr std::chrono::seconds stall_limit{60};
constexpr std::uint64_t least_rate = 1024;  // bytes a second, of what is no transfer any more
constexpr int most_tries = 4;
constexpr std::size_t longest_socket_path = 107;  // sockaddr_un

// Go's io/fs.FileMode, which the interface uses.
namespace go {
constexpr std::uint64_t directory = 1ULL << 31, symlink = 1ULL << 27, device = 1ULL << 26, fifo = 1ULL << 25,
                        socket = 1ULL << 24, setuid = 1ULL << 23, setgid = 1ULL << 22, character = 1ULL << 21,
                        sticky = 1ULL << 20, irregular = 1ULL << 19;
}

void append_escaped_byte(std::string& text, char c) {
  constexpr std::string_view digits = "0123456789ABCDEF";
  const auto byte = static_cast<unsigned char>(c);
  text += '%';
  text += digits[byte >> 4];
  text += digits[byte & 15];
}

// RFC 3986 section 2.3: only unreserved characters stay.
std::string escaped(std::string_view text) {
  std::string result;
  for (const char c : text) {
    const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
                       c == '.' || c == '_' || c == '~';
    if (plain) {
      result += c;
    } else {
      append_escaped_byte(result, c);
    }
  }
  return result;
}

int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

// No value: a broken escape, or a NUL.
std::optional<std::string> query_unescaped(std::string_view text) {
  std::string result;
  for (std::size_t i = 0; i < text.size(); ++i) {
    char c = text[i] == '+' ? ' ' : text[i];
    if (c == '%') {
      if (i + 2 >= text.size() || hex_digit(text[i + 1]) < 0 || hex_digit(text[i + 2]) < 0) return std::nullopt;
      c = static_cast<char>(hex_digit(text[i + 1]) * 16 + hex_digit(text[i + 2]));
      i += 2;
    }
    if (c == '\0') return std::nullopt;
    result += c;
  }
  return result;
}

std::string without_slashes_at_end(std::string text) {
  while (text.ends_with('/')) text.pop_back();
  return text;
}

Result<Endpoint> parse_socket(std::string_view scheme, std::string_view query) {
  Endpoint endpoint;
  std::string prefix;
  while (!query.empty()) {
    const std::string_view part = query.substr(0, query.find('&'));
    query.remove_prefix(std::min(part.size() + 1, query.size()));
    const std::size_t equals = std::min(part.find('='), part.size());
    const auto value = query_unescaped(part.substr(std::min(equals + 1, part.size())));
    if (!value) return fail(ErrorCode::invalid_argument, "HTTP storage: a broken escape in the endpoint");
    if (part.substr(0, equals) == "socket_path") endpoint.unix_socket = *value;
    if (part.substr(0, equals) == "api_prefix") prefix = without_slashes_at_end(*value);
  }
  if (!endpoint.unix_socket.starts_with('/') || endpoint.unix_socket.size() > longest_socket_path) {
    return fail(ErrorCode::invalid_argument, "HTTP storage: socket_path: an absolute path of at most 107 bytes");
  }
  if (!prefix.empty() && !prefix.starts_with('/')) prefix.insert(0, "/");
  endpoint.base = std::string(scheme) + "unix" + prefix;
  return endpoint;
}

template <class T>
T number(const json& object, const char* name) {
  const auto found = object.find(name);
  if (found == object.end() || !found->is_number_unsigned()) return 0;
  return static_cast<T>(found->get<std::uint64_t>());
}

void set_type(FileInfo& info, std::uint64_t mode) {
  if ((mode & go::directory) != 0) {
    info.type = FileType::directory;
  } else if ((mode & (go::symlink | go::device | go::fifo | go::socket | go::character | go::irregular)) != 0) {
    // The interface has no way to read or make a link: one that is shown cannot be used.
    info.type = FileType::other;
    if ((mode & go::fifo) != 0) info.special = S_IFIFO;
    if ((mode & go::socket) != 0) info.special = S_IFSOCK;
    if ((mode & go::device) != 0) info.special = (mode & go::character) != 0 ? S_IFCHR : S_IFBLK;
  }
  info.mode = static_cast<std::uint32_t>(mode & 0777);
  if ((mode & go::setuid) != 0) info.mode |= 04000;
  if ((mode & go::setgid) != 0) info.mode |= 02000;
  if ((mode & go::sticky) != 0) info.mode |= 01000;
}

bool is_passing(const Error& error) {
  return error.code == ErrorCode::io_error || error.code == ErrorCode::connection_lost ||
         error.code == ErrorCode::timeout || error.code == ErrorCode::limit_exceeded;
}

}  // namespace

Result<Endpoint> parse_endpoint(std::string_view text) {
  const std::string_view scheme = text.starts_with("http://")    ? "http://"
                                  : text.starts_with("https://") ? "https://"
                                                                 : std::string_view();
  const auto wrong = [](std::string_view why) {
    return fail(ErrorCode::invalid_argument, "HTTP storage: endpoint: " + std::string(why));
  };
  if (scheme.empty()) return wrong("an http or https URL");
  if (std::ranges::any_of(text, [](char c) { return static_cast<unsigned char>(c) <= ' ' || c == '\x7f'; })) {
    return wrong("a space or control character");
  }
  const std::string_view rest = text.substr(scheme.size());
  for (const std::string_view start : {"unix?", "unix/?"}) {
    if (rest.starts_with(start)) return parse_socket(scheme, rest.substr(start.size()));
  }
  const std::string_view host = rest.substr(0, rest.find('/'));
  if (host.empty() || host == "unix" || rest.find_first_of("?#") != std::string_view::npos || host.contains('@')) {
    return wrong("a host and a path only");
  }
  return Endpoint{without_slashes_at_end(std::string(text)), {}};
}

http::ClientRequest Service::request(std::string method, std::string_view operation, std::string_view path,
                                     const Query& query) const {
  http::ClientRequest request;
  request.method = std::move(method);
  request.url = login_.endpoint.base + "/" + std::string(operation) + "/" + escaped(path);
  char separator = '?';
  for (const auto& [name, value] : query) {
    request.url += separator + name + "=" + escaped(value);
    separator = '&';
  }
  request.unix_socket = login_.endpoint.unix_socket;
  request.content_type = "application/octet-stream";
  if (!login_.username.empty() || !login_.password.empty()) {
    crypto::Secret pair(login_.username + ":" + std::string(login_.password.text()));
    request.headers.push_back({"Authorization", "Basic " + crypto::base64_encode(as_bytes(pair.text()))});
  }
  if (!login_.api_key.empty()) request.headers.push_back({"X-API-KEY", std::string(login_.api_key.text())});
  return request;
}

std::optional<Error> Service::error_of(const http::ClientResponse& answer, std::string_view what) {
  if (answer.status == 200 || answer.status == 201) return std::nullopt;
  const std::string text = "HTTP storage: " + std::string(what) + " answered " + std::to_string(answer.status);
  switch (answer.status) {
    case 401:
    case 403: return Error{ErrorCode::permission_denied, text};
    case 404: return Error{ErrorCode::not_found, text};
    case 501: return Error{ErrorCode::unsupported, text};
    case 507: return Error{ErrorCode::storage_full, text};
    default: return Error{ErrorCode::io_error, text};
  }
}

Task<Result<std::string>> Service::call(std::string method, std::string operation, std::string path, Query query,
                                        std::string body) {
  const bool repeatable = method == "GET";
  for (int attempt = 1;; ++attempt) {
    http::ClientRequest message = request(method, operation, path, query);
    message.body = body;
    message.timeout = operation == "rename" || operation == "remove" ? long_work : answer_limit;
    auto answer = co_await client_->send(std::move(message));
    std::optional<Error> error;
    if (!answer) {
      error = answer.error();
    } else {
      error = error_of(*answer, operation + " " + path);
    }
    if (!error) co_return std::move(answer->body);
    if (!repeatable || attempt == most_tries || !is_passing(*error)) co_return fail(*error);
    const auto executor = co_await asio::this_coro::executor;
    const auto pause = Sleeper::make(executor, 50ms * (1 << attempt));
    co_await pause->sleep();
  }
}

Result<std::unique_ptr<http::ClientStream>> Service::stream(std::string method, std::string operation,
                                                            const std::string& path, const Query& query,
                                                            http::ClientStreamOptions how) {
  http::ClientRequest message = request(std::move(method), operation, path, query);
  message.stalled_after = stall_limit;
  message.least_rate = least_rate;
  return client_->open(std::move(message), how);
}

Task<Result<FileInfo>> Service::stat(std::string path) {
  const Query none;
  auto answer = co_await call("GET", "stat", path, none);
  if (!answer) co_return fail(answer.error());
  const Result<DirectoryEntry> entry = parse_entry(*answer);
  if (!entry) co_return fail(entry.error().code, "stat " + path + ": " + entry.error().message);
  co_return entry->info;
}

Task<Result<void>> Service::change(std::string path, AttributeChange change) {
  if (change.size) co_return fail(ErrorCode::unsupported, "HTTP storage: cutting a file");
  if (change.owner) co_return fail(ErrorCode::unsupported, "HTTP storage: changing an owner");
  if (change.mode) {
    Query query;
    query.emplace_back("mode", std::to_string(*change.mode & 0777U));
    auto changed = co_await call("PATCH", "chmod", path, query);
    if (!changed) co_return fail(changed.error());
  }
  if (change.times) {
    Query query;
    query.emplace_back("access_time", object::rfc3339(change.times->accessed));
    query.emplace_back("modification_time", object::rfc3339(change.times->modified));
    auto changed = co_await call("PATCH", "chtimes", path, query);
    if (!changed) co_return fail(changed.error());
  }
  co_return Result<void>();
}

Result<DirectoryEntry> parse_entry(std::string_view text) {
  const json object = json::parse(text, nullptr, false);
  if (!object.is_object()) return fail(ErrorCode::protocol_error, "not a description of a file");
  const auto mode = object.find("mode");
  if (mode == object.end() || !mode->is_number_unsigned()) {
    return fail(ErrorCode::protocol_error, "a description of a file without its mode");
  }
  DirectoryEntry entry;
  if (const auto name = object.find("name"); name != object.end() && name->is_string()) entry.name = *name;
  set_type(entry.info, mode->get<std::uint64_t>());
  entry.info.size = number<std::uint64_t>(object, "size");
  const auto size = object.find("size");
  const bool sized = size != object.end() && size->is_number_unsigned() && entry.info.size <= std::uint64_t(INT64_MAX);
  if (entry.info.type == FileType::regular && !sized) {
    return fail(ErrorCode::protocol_error, "a description of a file without its size");
  }
  if (const auto time = object.find("last_modified"); time != object.end() && time->is_string()) {
    const auto modified = object::parse_rfc3339(time->get<std::string>());
    if (!modified) return fail(ErrorCode::protocol_error, "last_modified: not a date");
    entry.info.modified = entry.info.accessed = *modified;
  }
  return entry;
}

Result<SpaceInfo> parse_space(std::string_view text) {
  const json object = json::parse(text, nullptr, false);
  if (!object.is_object()) return fail(ErrorCode::protocol_error, "HTTP storage: statvfs: not an object");
  SpaceInfo space;
  space.block_size = number<std::uint64_t>(object, "bsize");
  space.fragment_size = number<std::uint64_t>(object, "frsize");
  space.blocks = number<std::uint64_t>(object, "blocks");
  space.blocks_free = number<std::uint64_t>(object, "bfree");
  space.blocks_available = number<std::uint64_t>(object, "bavail");
  space.files = number<std::uint64_t>(object, "files");
  space.files_free = number<std::uint64_t>(object, "ffree");
  space.files_available = number<std::uint64_t>(object, "favail");
  if (space.files_available == 0) space.files_available = space.files_free;
  if (const auto longest = number<std::uint64_t>(object, "namemax"); longest > 0) space.name_max = longest;
  if (space.fragment_size == 0 || space.blocks < space.blocks_free) {
    return fail(ErrorCode::protocol_error, "HTTP storage: statvfs: numbers that cannot be");
  }
  return space;
}

}  // namespace ferry::vfs::httpfs
