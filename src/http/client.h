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
  std::chrono::milliseconds timeout{20'000};  // of a whole transfer; 0: none
  std::string ca_certificates;                // PEM, trusted beside the system's
  bool skip_tls_verify = false;
  std::vector<Header> headers;
  std::size_t most_transfers = 64;  // at once
};

struct ClientRequest {
  std::string method = "GET";
  std::string url = {};  // http or https; redirects are not followed
  std::string content_type = "application/json";
  std::string body = {};
  std::size_t max_response = std::size_t{1} << 20;  // bytes
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

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace ferry::http
