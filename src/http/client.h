// The HTTP client, for hooks and remote services: small requests and answers, over libcurl. One thread waits for all
// transfers, so that a server which never answers holds no other work up.
//
//   auto answer = co_await client.send({.method = "POST", .url = hook, .body = json});
//   if (answer && answer->status == 200) ... answer->body
#pragma once

#include <chrono>
#include <memory>
#include <string>
#include <vector>

#include "base/error.h"
#include "base/task.h"

namespace ferry::http {

struct ClientOptions {
  struct Header {
    std::string name, value;
    std::string url;  // sent to URLs that begin with this; empty: to all
  };
  struct Certificate {
    std::string chain, key;  // PEM
  };
  std::chrono::milliseconds timeout{20'000};  // of one transfer; 0: none
  int retry_max = 3;                          // of requests that are `retried`
  std::chrono::milliseconds retry_wait_min{2'000}, retry_wait_max{30'000};
  std::string ca_certificates;            // PEM, trusted beside the system's
  std::vector<Certificate> certificates;  // of ours; a server gets the first it asks for, or the first
  bool skip_tls_verify = false;
  std::vector<Header> headers;
  std::size_t most_transfers = 1024;  // at once
  std::size_t most_connections = 64;  // to one server; others wait their turn, in their time limit
};

struct ClientRequest {
  std::string method = "GET";
  std::string url = {};  // http or https; redirects are not followed
  std::string content_type = "application/json";
  std::string body = {};
  std::size_t max_response = std::size_t{1} << 20;  // bytes
  bool cut_response = false;                        // a longer one is no error, but cut there
  // Once more, after growing pauses, when there was no answer, or one of status 429, or 500 and above but not 501.
  bool retried = false;
};

struct ClientResponse {
  int status = 0;
  std::string body = {};
};

class Client {
 public:
  explicit Client(ClientOptions options);
  // Transfers end at once. Those who wait for them must not be resumed afterwards: destroy it while their io_contexts
  // exist and do not run any more.
  ~Client();

  // Resumes on the caller's executor. timeout; connection_lost: no answer, or a longer one than allowed;
  // limit_exceeded: too many transfers; invalid_argument: not a URL that can be asked.
  Task<Result<ClientResponse>> send(ClientRequest request);

  // invalid_argument: certificates or keys of the options that cannot be used.
  static Result<void> check(const ClientOptions& options);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace ferry::http
