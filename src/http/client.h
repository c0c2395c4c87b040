// The HTTP client: for hooks and remote services (small requests and answers), and for object stores (bodies that are
// streamed in both directions, many connections). Over libcurl, with HTTP/1.1. Threads of its own wait for all
// transfers, so that a server which never answers holds no other work up; the caller's coroutine resumes on its own
// executor, which may be any (an event loop, the blocking pool).
//
//   http::ClientRequest request;  // a variable: g++ 12 destroys a braced temporary in a co_await twice
//   request.method = "POST";
//   request.url = hook;
//   request.body = json;
//   auto answer = co_await client.send(std::move(request));
//   if (answer && answer->status == 200) ... answer->body
//
//   request.pieces = buffers;  // a part of 16 MiB, sent from where it lies; nothing is copied in between
//   request.into = window;     // the answer, a range of 1 MiB say, goes to where it is wanted
//
// Bodies of unknown length, and those that are larger than memory: Client::open and client_stream.h.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"
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
  std::string ca_certificates = {};            // PEM, trusted beside the system's
  std::vector<Certificate> certificates = {};  // of ours; a server gets the first it asks for, or the first
  bool skip_tls_verify = false;
  std::vector<Header> headers = {};
  std::size_t most_transfers = 1024;  // at once
  std::size_t most_connections = 64;  // to one server; others wait their turn, in their time limit
  // Threads, each with connections of its own. One is enough for small requests; encryption of large bodies by TLS
  // takes a whole core at about 1 GB/s.
  std::size_t engines = 1;
};

// One header of a request or an answer. Names of answers are in lower case.
struct ClientHeader {
  std::string name, value;
};

struct ClientRequest {
  std::string method = "GET";
  std::string url = {};  // http or https; redirects are not followed. Sent as it is: the caller has encoded it
  std::string content_type = "application/json";  // only sent with a body; "": none
  std::vector<ClientHeader> headers = {};         // beside those of the options
  std::string body = {};
  // Instead of `body`: sent one after another from where they lie, with their sum as Content-Length. They must stay
  // valid and unchanged until send() returns; it returns only when they are not used any more.
  std::vector<ByteSpan> pieces = {};
  // Where the body of a 2xx answer goes, instead of ClientResponse::body; valid until send() returns. A longer body:
  // connection_lost. Bodies of other answers (an error's text) go to ClientResponse::body.
  std::optional<MutableByteSpan> into = {};
  // Set to the number of bytes in `into`, whatever send() answers: what came before a connection broke need not be
  // asked for again. May be null.
  std::uint64_t* received = nullptr;
  std::size_t max_response = std::size_t{1} << 20;  // bytes, of ClientResponse::body
  bool cut_response = false;                        // a longer one is no error, but cut there
  // Once more, after growing pauses, when there was no answer, or one of status 429, or 500 and above but not 501.
  bool retried = false;
  // "": none. Connect to this Unix socket; the URL's host is only sent as Host.
  std::string unix_socket = {};
  // Of this transfer instead of ClientOptions::timeout; 0: none.
  std::optional<std::chrono::milliseconds> timeout = {};
  // Of the two limits below only time counts in which we wait for the server, not the time in which a ClientStream
  // waits for its reader or writer. For large bodies, where no fixed time is right: 5 GB at 1 MB/s take 83 minutes.
  // timeout, when no byte of a body has moved for so long, in either direction; 0: no such limit.
  std::chrono::seconds stalled_after{0};
  // timeout, when from `rate_after` on the average since the start is below so many bytes of bodies a second, so that a
  // server which sends a byte now and then does not keep a transfer for ever; 0: no such limit. Not for requests with
  // small bodies and long work behind them.
  std::uint64_t least_rate = 0;
  std::chrono::milliseconds rate_after{60'000};
};

struct ClientResponse {
  int status = 0;
  std::string body = {};
  std::uint64_t received = 0;              // bytes in ClientRequest::into
  std::vector<ClientHeader> headers = {};  // of the answer, in its order

  // The value of the first header of this name (in lower case); "": there is none.
  std::string_view header(std::string_view name) const;
};

class ClientStream;
struct ClientStreamOptions;

class Client {
 public:
  explicit Client(ClientOptions options);
  // Transfers end at once, and those who wait for them are not resumed, but destroyed: destroy it while their
  // io_contexts exist and do not run any more, or after stop().
  ~Client();

  // At the end of the process, while the executors of those who wait still run. Gives transfers up to `grace` to end by
  // themselves, then ends what still runs: send() answers aborted, at once also to all who call it afterwards. So no
  // coroutine is left that holds this client and is held by it. Blocks for the grace at most. From one thread.
  void stop(std::chrono::milliseconds grace);

  // Resumes on the caller's executor. timeout; aborted: stop() was called; connection_lost: no answer, one that broke
  // off (the body is shorter than its Content-Length), or a longer one than allowed; limit_exceeded: too many
  // transfers; invalid_argument: not a URL that can be asked, or a header with a line break. Many in a row go over the
  // same connections; several at once over several. A transfer that was sent on a kept connection which the server had
  // closed meanwhile is sent once more on a new one, if no byte of an answer came.
  Task<Result<ClientResponse>> send(ClientRequest request);

  // Begins a transfer whose bodies flow while it runs (client_stream.h, also for what of the request is not used). The
  // client must outlive the stream. limit_exceeded, invalid_argument: as send().
  Result<std::unique_ptr<ClientStream>> open(ClientRequest request, ClientStreamOptions options);

  // invalid_argument: certificates or keys of the options that cannot be used.
  static Result<void> check(const ClientOptions& options);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace ferry::http
