#include "http/client_transfer.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <stdexcept>
#include <utility>

#include "base/contained_file.h"
#include "base/trouble.h"

namespace ferry::http {

namespace {

constexpr std::size_t most_header_bytes = std::size_t{64} * 1024;
// libcurl's buffers, for each transfer. Large ones spare system calls, small requests keep its small ones.
constexpr long receive_buffer = 512L * 1024, send_buffer = 128L * 1024;
constexpr std::size_t large_body = std::size_t{256} * 1024;

std::size_t on_body(char* data, std::size_t, std::size_t size, void* transfer) {
  return static_cast<Transfer*>(transfer)->take_body(data, size);
}
std::size_t on_header(char* data, std::size_t, std::size_t size, void* transfer) {
  return static_cast<Transfer*>(transfer)->take_header({data, size});
}
std::size_t on_send(char* to, std::size_t, std::size_t room, void* transfer) {
  return static_cast<Transfer*>(transfer)->give_body(to, room);
}
int on_seek(void* transfer, curl_off_t offset, int origin) {
  if (origin != SEEK_SET || offset < 0) return CURL_SEEKFUNC_FAIL;
  const bool there = static_cast<Transfer*>(transfer)->rewind(static_cast<std::uint64_t>(offset));
  return there ? CURL_SEEKFUNC_OK : CURL_SEEKFUNC_FAIL;
}
int on_progress(void* transfer, curl_off_t, curl_off_t received, curl_off_t, curl_off_t sent) {
  const bool keeps = static_cast<Transfer*>(transfer)->keeps_pace(static_cast<std::uint64_t>(received + sent));
  return keeps ? 0 : 1;
}

CURLcode show_certificates(CURL*, void* context, void* certificates) {
  static_cast<const ClientCertificates*>(certificates)->install(static_cast<SSL_CTX*>(context));
  return CURLE_OK;
}

std::string all_authorities(const std::string& ours) {
  const char* system = curl_version_info(CURLVERSION_NOW)->cainfo;
  constexpr std::size_t largest_bundle = std::size_t{16} << 20;
  const Result<std::string> bundle = read_file(system != nullptr ? system : "", largest_bundle);
  return bundle.value_or("") + "\n" + ours;
}

ClientCertificates parsed(const std::vector<ClientOptions::Certificate>& certificates) {
  auto all = ClientCertificates::parse(certificates);
  if (!all) throw std::invalid_argument(all.error().message);
  return std::move(*all);
}

// A token of RFC 9110, section 5.6.2.
bool is_token(std::string_view text) {
  constexpr std::string_view others = "!#$%&'*+-.^_`|~";
  const auto allowed = [&](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || others.contains(c);
  };
  return !text.empty() && std::ranges::all_of(text, allowed);
}

bool fits_in_line(std::string_view value) {
  return std::ranges::none_of(value, [](char c) { return c == '\r' || c == '\n' || c == '\0'; });
}

// These have a body, if an empty one, so they get a Content-Length of 0 and a type.
bool always_has_body(std::string_view method) { return method == "POST" || method == "PUT" || method == "PATCH"; }

std::string lower(std::string_view text) {
  std::string result(text);
  for (char& c : result) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  return result;
}

std::string_view trimmed(std::string_view text) {
  constexpr std::string_view space = " \t\r\n";
  const std::size_t first = text.find_first_not_of(space);
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(space) - first + 1);
}

std::optional<Trouble> trouble_in(CURL* easy, CURLcode code) {
  switch (code) {
    case CURLE_COULDNT_RESOLVE_HOST: return Trouble::host_not_found;
    case CURLE_PEER_FAILED_VERIFICATION: return Trouble::certificate;
    case CURLE_SSL_CONNECT_ERROR: return Trouble::tls;
    case CURLE_COULDNT_CONNECT: break;
    default: return std::nullopt;
  }
  long number = 0;
  curl_easy_getinfo(easy, CURLINFO_OS_ERRNO, &number);
  return number == ECONNREFUSED ? Trouble::refused : Trouble::unreachable;
}

}  // namespace

Result<void> check_request(const ClientRequest& request) {
  if (!is_token(request.method)) return fail(ErrorCode::invalid_argument, "not an HTTP method");
  if (!fits_in_line(request.content_type)) return fail(ErrorCode::invalid_argument, "a line break in a content type");
  for (const ClientHeader& header : request.headers) {
    if (is_token(header.name) && fits_in_line(header.value)) continue;
    return fail(ErrorCode::invalid_argument, "a line break in a header");
  }
  return {};
}

TransferSettings::TransferSettings(ClientOptions client_options)
    : options(std::move(client_options)), own_certificates(parsed(options.certificates)) {
  if (!options.ca_certificates.empty()) authorities = all_authorities(options.ca_certificates);
}

std::uint64_t Transfer::size_of_pieces() const {
  std::uint64_t size = 0;
  for (const ByteSpan piece : request->pieces) size += piece.size();
  return size;
}

std::size_t Transfer::take_body(const char* data, std::size_t size) {
  long status = 0;
  curl_easy_getinfo(easy.get(), CURLINFO_RESPONSE_CODE, &status);
  if (flow && flow->options.receives && status / 100 == 2) {
    return flow->put_received({reinterpret_cast<const std::byte*>(data), size}) ? size : CURL_WRITEFUNC_PAUSE;
  }
  if (request->into && status / 100 == 2) {
    const MutableByteSpan into = *request->into;
    if (size > into.size() - response.received) return CURL_WRITEFUNC_ERROR;
    std::memcpy(into.data() + response.received, data, size);
    response.received += size;
    return size;
  }
  const std::size_t room = request->max_response - response.body.size();
  if (size > room && !request->cut_response) return CURL_WRITEFUNC_ERROR;
  response.body.append(data, std::min(size, room));
  return size;
}

std::size_t Transfer::take_header(std::string_view line) {
  // Of several answers to one request (100 Continue) the last counts.
  if (line.starts_with("HTTP/")) {
    response.headers.clear();
    header_bytes_ = 0;
    return line.size();
  }
  header_bytes_ += line.size();
  if (header_bytes_ > most_header_bytes) return CURL_WRITEFUNC_ERROR;
  if (flow && trimmed(line).empty()) {
    long status = 0;
    curl_easy_getinfo(easy.get(), CURLINFO_RESPONSE_CODE, &status);
    if (status / 100 == 2) flow->set_head(static_cast<int>(status), response.headers);
  }
  const std::size_t colon = line.find(':');
  if (colon == std::string_view::npos) return line.size();
  response.headers.push_back({lower(line.substr(0, colon)), std::string(trimmed(line.substr(colon + 1)))});
  return line.size();
}

std::size_t Transfer::give_body(char* to, std::size_t room) {
  if (flow) {
    const auto given = flow->take_to_send({reinterpret_cast<std::byte*>(to), room});
    return given ? *given : CURL_READFUNC_PAUSE;
  }
  std::size_t given = 0;
  while (given < room && piece_ < request->pieces.size()) {
    const ByteSpan rest = request->pieces[piece_].subspan(in_piece_);
    const std::size_t count = std::min(room - given, rest.size());
    if (count > 0) std::memcpy(to + given, rest.data(), count);
    given += count;
    in_piece_ += count;
    if (in_piece_ < request->pieces[piece_].size()) continue;
    ++piece_;
    in_piece_ = 0;
  }
  return given;
}

bool Transfer::rewind(std::uint64_t offset) {
  if (flow) return offset == 0 && flow->sent() == 0;
  piece_ = in_piece_ = 0;
  while (piece_ < request->pieces.size() && offset >= request->pieces[piece_].size()) {
    offset -= request->pieces[piece_].size();
    ++piece_;
  }
  if (piece_ < request->pieces.size()) in_piece_ = offset;
  return piece_ < request->pieces.size() || offset == 0;
}

bool Transfer::keeps_pace(std::uint64_t moved) {
  too_slow_ = !pace_.keeps(*request, moved, flow && flow->waits());
  return !too_slow_;
}

bool Pace::keeps(const ClientRequest& request, std::uint64_t moved, bool ours) {
  const auto now = Clock::now();
  const Clock::duration passed = last_ && !ours ? now - *last_ : Clock::duration(0);
  last_ = now;
  waited_ += passed;
  quiet_ = moved == moved_ ? quiet_ + passed : Clock::duration(0);
  moved_ = moved;
  if (request.stalled_after.count() > 0 && quiet_ >= request.stalled_after) return false;
  if (request.least_rate == 0 || waited_ < request.rate_after) return true;
  const double seconds = std::chrono::duration<double>(waited_).count();
  return static_cast<double>(moved) >= static_cast<double>(request.least_rate) * seconds;
}

bool Transfer::has_body() const {
  return !request->body.empty() || !request->pieces.empty() || (flow && flow->options.sends) ||
         always_has_body(request->method);
}

void Transfer::set_body() {
  CURL* one = easy.get();
  if (request->method == "GET") return;
  if (request->method == "HEAD") {
    curl_easy_setopt(one, CURLOPT_NOBODY, 1L);
    return;
  }
  const bool flows = flow && flow->options.sends;
  if (flows || !request->pieces.empty()) {
    // Without a size libcurl sends chunks.
    const auto size = flows ? flow->options.size : std::optional(size_of_pieces());
    curl_easy_setopt(one, CURLOPT_UPLOAD, 1L);
    curl_easy_setopt(one, CURLOPT_INFILESIZE_LARGE, size ? static_cast<curl_off_t>(*size) : curl_off_t{-1});
    curl_easy_setopt(one, CURLOPT_READFUNCTION, &on_send);
    curl_easy_setopt(one, CURLOPT_READDATA, this);
    // libcurl sends again on a new connection what it began to send on a kept one that turns out to be closed.
    curl_easy_setopt(one, CURLOPT_SEEKFUNCTION, &on_seek);
    curl_easy_setopt(one, CURLOPT_SEEKDATA, this);
    if (!size || *size > large_body) curl_easy_setopt(one, CURLOPT_UPLOAD_BUFFERSIZE, send_buffer);
    // What a stream has sent cannot be sent again, should a kept connection turn out to be closed.
    if (flows) curl_easy_setopt(one, CURLOPT_FRESH_CONNECT, 1L);
  } else if (!request->body.empty() || always_has_body(request->method)) {
    curl_easy_setopt(one, CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(request->body.size()));
    curl_easy_setopt(one, CURLOPT_POSTFIELDS, request->body.c_str());
  }
  curl_easy_setopt(one, CURLOPT_CUSTOMREQUEST, request->method.c_str());
}

void Transfer::set_headers(const TransferSettings& settings) {
  const auto add = [this](const std::string& line) {
    curl_slist* longer = curl_slist_append(headers_.get(), line.c_str());
    if (longer == nullptr) throw std::bad_alloc();
    (void)headers_.release();
    headers_.reset(longer);
  };
  // Without a line of ours libcurl would send a type of its own.
  if (has_body()) add(request->content_type.empty() ? "Content-Type:" : "Content-Type: " + request->content_type);
  if (has_body()) add("Expect:");  // no waiting for leave to send
  for (const ClientHeader& header : request->headers) {
    // A header without a value is written with a semicolon for libcurl.
    add(header.value.empty() ? header.name + ";" : header.name + ": " + header.value);
  }
  for (const ClientOptions::Header& header : settings.options.headers) {
    if (request->url.starts_with(header.url)) add(header.name + ": " + header.value);
  }
  curl_easy_setopt(easy.get(), CURLOPT_HTTPHEADER, headers_.get());
}

void Transfer::set_limits(const TransferSettings& settings) {
  CURL* one = easy.get();
  const auto whole = request->timeout.value_or(settings.options.timeout);
  curl_easy_setopt(one, CURLOPT_TIMEOUT_MS, static_cast<long>(whole.count()));
  if (request->stalled_after.count() > 0 || request->least_rate > 0) {
    curl_easy_setopt(one, CURLOPT_NOPROGRESS, 0L);  // libcurl calls it for each transfer that it looks after
    curl_easy_setopt(one, CURLOPT_XFERINFOFUNCTION, &on_progress);
    curl_easy_setopt(one, CURLOPT_XFERINFODATA, this);
    curl_easy_setopt(one, CURLOPT_CONNECTTIMEOUT_MS, 10'000L);
  }
  if (request->into && request->into->size() > large_body) {
    curl_easy_setopt(one, CURLOPT_BUFFERSIZE, receive_buffer);
  }
}

void Transfer::prepare(const TransferSettings& settings) {
  easy.reset(curl_easy_init());
  CURL* one = easy.get();
  if (one == nullptr) throw std::bad_alloc();
  curl_easy_setopt(one, CURLOPT_URL, request->url.c_str());
  curl_easy_setopt(one, CURLOPT_PROTOCOLS_STR, "http,https");
  // Names of objects may hold "/../" or "//".
  curl_easy_setopt(one, CURLOPT_PATH_AS_IS, 1L);
  // Object stores have no HTTP/2; several transfers at once want several connections anyway.
  curl_easy_setopt(one, CURLOPT_HTTP_VERSION, static_cast<long>(CURL_HTTP_VERSION_1_1));
  curl_easy_setopt(one, CURLOPT_DNS_SHUFFLE_ADDRESSES, 1L);
  curl_easy_setopt(one, CURLOPT_TCP_KEEPALIVE, 1L);
  curl_easy_setopt(one, CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt(one, CURLOPT_USERAGENT, "Ferry");
  curl_easy_setopt(one, CURLOPT_WRITEFUNCTION, &on_body);
  curl_easy_setopt(one, CURLOPT_WRITEDATA, this);
  curl_easy_setopt(one, CURLOPT_HEADERFUNCTION, &on_header);
  curl_easy_setopt(one, CURLOPT_HEADERDATA, this);
  if (!request->unix_socket.empty()) curl_easy_setopt(one, CURLOPT_UNIX_SOCKET_PATH, request->unix_socket.c_str());
  const bool verify = !settings.options.skip_tls_verify;
  curl_easy_setopt(one, CURLOPT_SSL_VERIFYPEER, verify ? 1L : 0L);
  curl_easy_setopt(one, CURLOPT_SSL_VERIFYHOST, verify ? 2L : 0L);
  if (!settings.authorities.empty()) {
    curl_blob blob{const_cast<char*>(settings.authorities.data()), settings.authorities.size(), CURL_BLOB_NOCOPY};
    curl_easy_setopt(one, CURLOPT_CAINFO_BLOB, &blob);
  }
  if (!settings.own_certificates.empty()) {
    curl_easy_setopt(one, CURLOPT_SSL_CTX_FUNCTION, &show_certificates);
    curl_easy_setopt(one, CURLOPT_SSL_CTX_DATA, &settings.own_certificates);
  }
  set_body();
  set_headers(settings);
  set_limits(settings);
}

Result<void> Transfer::outcome_of(CURLcode code) const {
  switch (code) {
    case CURLE_OK: return {};
    case CURLE_OPERATION_TIMEDOUT: return fail(ErrorCode::timeout, "no answer in time");
    case CURLE_UNSUPPORTED_PROTOCOL:
    case CURLE_URL_MALFORMAT: return fail(ErrorCode::invalid_argument, "not a URL of http or https");
    case CURLE_ABORTED_BY_CALLBACK:
      if (too_slow_) return fail(ErrorCode::timeout, "the server stalls, or is too slow");
      return fail(ErrorCode::aborted, "broken off");
    case CURLE_WRITE_ERROR: return fail(ErrorCode::connection_lost, "the answer is too long");
    default: break;
  }
  Error error{ErrorCode::connection_lost, curl_easy_strerror(code)};
  if (const auto trouble = trouble_in(easy.get(), code)) error = with_trouble(std::move(error), *trouble);
  return fail(std::move(error));
}

void Transfer::end(Result<void> how) {
  outcome = std::move(how);
  if (request->received != nullptr) *request->received = response.received;
  easy.reset();
  if (flow) flow->end(outcome, response);
  const std::function<void()> tell = std::move(resume);
  resume = nullptr;
  if (tell) tell();
}

void Transfer::drop() {
  easy.reset();
  const auto waiting = std::exchange(resume, nullptr);
  const auto reader = flow ? flow->drop() : nullptr;
}

}  // namespace ferry::http
