#include "http/client_stream.h"

#include "http/client_engine.h"
#include "http/client_flow.h"

namespace ferry::http {

ClientStream::ClientStream(ClientEngine& engine, std::shared_ptr<Transfer> transfer)
    : engine_(engine), transfer_(std::move(transfer)) {}

ClientStream::~ClientStream() {
  if (!transfer_->flow->ended()) engine_.cancel(transfer_);
}

Task<Result<void>> ClientStream::write(ByteSpan bytes) {
  const std::shared_ptr<Flow> flow = transfer_->flow;
  while (!bytes.empty()) {
    const std::uint64_t seen = flow->changes();
    const Result<Flow::Step> step = flow->give(bytes);
    if (!step) co_return fail(step.error());
    if (step->wakes) engine_.go_on(transfer_);
    bytes = bytes.subspan(step->count);
    if (step->count == 0) co_await Flow::wait_for_change(flow, seen);
  }
  co_return Result<void>();
}

Task<Result<ClientResponse>> ClientStream::finish() {
  const std::shared_ptr<Flow> flow = transfer_->flow;
  const Result<bool> wakes = flow->complete();
  if (!wakes) {
    co_await cancel();
    co_return fail(wakes.error());
  }
  if (*wakes) engine_.go_on(transfer_);
  for (;;) {
    const std::uint64_t seen = flow->changes();
    std::optional<Result<ClientResponse>> answer = flow->options.receives ? flow->head() : flow->answer();
    if (answer) co_return std::move(*answer);
    co_await Flow::wait_for_change(flow, seen);
  }
}

Task<Result<ClientResponse>> ClientStream::head() {
  const std::shared_ptr<Flow> flow = transfer_->flow;
  for (;;) {
    const std::uint64_t seen = flow->changes();
    std::optional<Result<ClientResponse>> head = flow->head();
    if (head) co_return std::move(*head);
    co_await Flow::wait_for_change(flow, seen);
  }
}

Task<Result<std::size_t>> ClientStream::read(MutableByteSpan into) {
  const std::shared_ptr<Flow> flow = transfer_->flow;
  for (;;) {
    const std::uint64_t seen = flow->changes();
    const Result<std::optional<Flow::Step>> step = flow->read(into);
    if (!step) co_return fail(step.error());
    if (*step) {
      if ((*step)->wakes) engine_.go_on(transfer_);
      co_return (*step)->count;
    }
    co_await Flow::wait_for_change(flow, seen);
  }
}

Task<void> ClientStream::cancel() {
  const std::shared_ptr<Flow> flow = transfer_->flow;
  if (!flow->ended()) engine_.cancel(transfer_);
  for (;;) {
    const std::uint64_t seen = flow->changes();
    if (flow->ended()) co_return;
    co_await Flow::wait_for_change(flow, seen);
  }
}

}  // namespace ferry::http
