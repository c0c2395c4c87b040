// One request on its way through libcurl: what the caller's coroutine and the engine's thread share.
#pragma once

#include <curl/curl.h>

#include <chrono>
#include <functional>
#include <memory>
#include <string>

#include "http/client.h"
#include "http/client_certificates.h"
#include "http/client_flow.h"

namespace ferry::http {

// What all transfers of a client have in common.
struct TransferSettings {
  explicit TransferSettings(ClientOptions client_options);
  const ClientOptions options;
  const ClientCertificates own_certificates;
  std::string authorities;  // PEM: the system's and ours, where ours were given; libcurl takes one set
};

// The limits of ClientRequest::stalled_after and least_rate.
class Pace {
 public:
  // What has moved so far of both bodies. `ours`: the transfer waits for its own reader or writer. False: too slow.
  bool keeps(const ClientRequest& request, std::uint64_t moved, bool ours);

 private:
  using Clock = std::chrono::steady_clock;
  std::optional<Clock::time_point> last_ = {};
  Clock::duration waited_{0}, quiet_{0};  // for the server: in all, since something moved
  std::uint64_t moved_ = 0;
};

struct Transfer {
  std::shared_ptr<const ClientRequest> request;
  std::shared_ptr<Flow> flow = {};  // of a ClientStream; null: none
  ClientResponse response = {};
  Result<void> outcome = fail(ErrorCode::aborted, "the HTTP client ends");
  std::function<void()> resume;  // the caller, on its executor

  // Tells libcurl what to do. Throws when memory is short.
  void prepare(const TransferSettings& settings);
  // What libcurl said at the end, as the caller hears it.
  Result<void> outcome_of(CURLcode code) const;
  // For the engine, at the end, when libcurl has let go of it: tells who waits.
  void end(Result<void> how);
  // Instead: who waits is destroyed. Else he would hold the transfer, and it him.
  void drop();

  // For libcurl, which calls them on the engine's thread.
  std::size_t take_body(const char* data, std::size_t size);
  std::size_t take_header(std::string_view line);
  std::size_t give_body(char* to, std::size_t room);
  bool rewind(std::uint64_t offset);
  bool keeps_pace(std::uint64_t moved);

  std::unique_ptr<CURL, decltype(&curl_easy_cleanup)> easy{nullptr, &curl_easy_cleanup};

 private:
  void set_body();
  void set_headers(const TransferSettings& settings);
  void set_limits(const TransferSettings& settings);
  std::uint64_t size_of_pieces() const;
  bool has_body() const;

  Pace pace_;
  bool too_slow_ = false;
  std::unique_ptr<curl_slist, decltype(&curl_slist_free_all)> headers_{nullptr, &curl_slist_free_all};
  std::size_t header_bytes_ = 0;
  std::size_t piece_ = 0, in_piece_ = 0;  // what is sent next
};
using TransferPtr = std::shared_ptr<Transfer>;

// invalid_argument: a method or header that would change the request's form.
Result<void> check_request(const ClientRequest& request);

}  // namespace ferry::http
