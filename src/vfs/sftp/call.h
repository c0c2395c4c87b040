// One request under way to an SFTP server, and the wait for its reply. A coroutine makes it and waits on any executor;
// the thread of the connection completes it.
//
//   auto call = std::make_shared<Call>(Request::path(Packet::lstat, path));
//   connection->submit(call);                   // several may be submitted before the first is waited for
//   Result<Reply> reply = co_await wait(call);
#pragma once

#include <functional>
#include <memory>
#include <mutex>
#include <optional>

#include "base/error.h"
#include "base/task.h"
#include "vfs/sftp/packets.h"

namespace ferry::vfs::sftp {

class Call {
 public:
  // An empty request is not sent: it is complete when the connection is logged in. `patient`: its reply may take as
  // long as the server works (a copy of a large file).
  // `held` lives as long as the call: memory that its request or its reply takes is paid for by it.
  explicit Call(Request request, bool patient = false, std::shared_ptr<const void> held = {})
      : request_(std::move(request)), patient_(patient), held_(std::move(held)) {}

  bool done() const;
  // Whether the server may have got it: then a failure does not say that nothing happened. Once done().
  bool was_sent() const;
  // Once, after done(): what came.
  Result<Reply> take();

  // Of the connection alone.
  Request& request() { return request_; }
  bool patient() const { return patient_; }
  void set_sent() { sent_ = true; }
  void complete(Result<Reply> result);
  // `resume` is called once, at once or by complete(). Only one may wait.
  void when_done(std::function<void()> resume);

 private:
  mutable std::mutex mutex_;
  Request request_;
  const bool patient_;
  const std::shared_ptr<const void> held_;
  bool sent_ = false;  // before done_ by the connection's thread alone
  bool done_ = false;
  std::optional<Result<Reply>> result_;
  std::function<void()> resume_;
};

using CallPtr = std::shared_ptr<Call>;

// Resumes on the caller's executor when the call is done.
Task<void> until_done(CallPtr call);
Task<Result<Reply>> wait(CallPtr call);

}  // namespace ferry::vfs::sftp
