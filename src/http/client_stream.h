// One HTTP transfer whose bodies flow while it runs, through memory of a fixed size. Who writes faster than the server
// takes waits in write(); while the reader does not read, nothing more is received, and the server waits over TCP.
//
//   ClientStreamOptions how;
//   how.sends = true;                                       // chunked, for its length is not known yet
//   auto stream = client.open(std::move(request), how);     // nothing has been waited for
//   auto written = co_await (*stream)->write(bytes);        // as often as there is something
//   auto answer = co_await (*stream)->finish();             // the body is complete: what does the server say?
//
//   how.receives = true;
//   auto head = co_await (*stream)->head();                 // status and headers, before the body
//   auto count = co_await (*stream)->read(into);            // 0: the whole body came
//
// A stream that is destroyed or cancelled before finish() has answered is broken off: the connection is closed within
// the body, without its last chunk, so that no server can take what it got for the whole.
//
// Of ClientRequest, `into`, `received` and `retried` are not used, and with `sends` neither are `body` and `pieces`.
// There is no time limit but ClientRequest::timeout, stalled_after and least_rate. One call at a time, on any executor.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>

#include "base/bytes.h"
#include "http/client.h"

namespace ferry::http {

struct ClientStreamOptions {
  bool sends = false;                      // the body of the request comes from write()
  std::optional<std::uint64_t> size = {};  // how long it is, as Content-Length; none: chunked
  bool receives = false;                   // the body of a 2xx answer goes to read(); others to ClientResponse::body
  std::size_t capacity = std::size_t{256} * 1024;  // bytes of each body that memory holds; 64 KiB and more
};

class ClientEngine;
struct Transfer;

class ClientStream {
 public:
  // By Client::open.
  ClientStream(ClientEngine& engine, std::shared_ptr<Transfer> transfer);
  ClientStream(const ClientStream&) = delete;
  ClientStream& operator=(const ClientStream&) = delete;
  // Breaks off what still runs; nobody waits for it.
  ~ClientStream();

  // Returns when all bytes lie in memory or are sent. An error is the transfer's, as of Client::send; conflict: the
  // server has answered already and takes no more (finish() tells what); invalid_argument: more than the stated size.
  Task<Result<void>> write(ByteSpan bytes);
  // The body is complete. Waits for the end of the answer; with `receives`, for its headers. protocol_error: the server
  // answered with success before it had the whole body. invalid_argument: fewer bytes than stated; the stream is broken
  // off. May be called after write() failed with conflict.
  Task<Result<ClientResponse>> finish();

  // Status and headers of the answer; for any but a 2xx one, also its body.
  Task<Result<ClientResponse>> head();
  // Some bytes of the body, at least one; 0: the end of a complete body. An error when it broke off, after all that
  // came before it; conflict: the answer is not a 2xx one.
  Task<Result<std::size_t>> read(MutableByteSpan into);

  // Breaks off and waits until the connection is closed.
  Task<void> cancel();

 private:
  ClientEngine& engine_;
  const std::shared_ptr<Transfer> transfer_;
};

}  // namespace ferry::http
