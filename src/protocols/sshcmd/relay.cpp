#include "protocols/sshcmd/relay.h"

#include <algorithm>
#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/steady_timer.hpp>
#include <memory>
#include <utility>

#include "base/signal.h"

namespace ferry::sshcmd {

namespace {

using session::DataFlow;

constexpr std::chrono::seconds longest_farewell{2};

struct Joint {
  Joint(ssh::Channel& on, Child& with, DataFlow& through, const asio::any_io_executor& executor)
      : channel(on), child(with), flow(through), changed(executor), farewell(executor) {}
  ~Joint() { *over = true; }

  void refuse(const Error& why) {
    if (!result.refused) result.refused = why;
    end_child();
  }

  void end_child() {
    if (std::exchange(ending, true)) return;
    child.ask_to_end();
    farewell.expires_after(longest_farewell);
    farewell.async_wait([this, gone = over](boost::system::error_code) {
      if (!*gone) child.kill();
    });
  }

  ssh::Channel& channel;
  Child& child;
  DataFlow& flow;
  Relayed result;
  int pumps = 0;  // still running
  Signal changed;
  asio::steady_timer farewell;
  std::shared_ptr<bool> over = std::make_shared<bool>(false);  // this is destroyed
  bool ending = false;
  asio::cancellation_signal no_more_input;
};

// Input that the child does not read any more is dropped: it must not stop the rest of the conversation.
Task<void> pump_input(Joint& joint) {
  bool reading = true;
  std::size_t admitted = 0;  // of what is there
  while (true) {
    if (joint.channel.input_size() == 0) {
      const bool more = co_await joint.channel.wait_input(0);
      if (!more) break;
    }
    const ByteSpan first = joint.channel.input().front();
    if (reading && admitted == 0) {
      admitted = std::min(first.size(), DataFlow::piece);
      const Result<void> passed = co_await joint.flow.receive(admitted);
      if (!passed) joint.refuse(passed.error());
      reading = passed.has_value();
    }
    std::size_t taken = first.size();
    if (reading) {
      const Result<std::size_t> written = co_await joint.child.write_input(first.first(admitted));
      reading = written.has_value();
      if (written) taken = *written;
      admitted -= std::min(taken, admitted);
    }
    joint.channel.consume(taken);
  }
  joint.child.close_input();
}

Task<void> pump_output(Joint& joint, bool errors) {
  Bytes buffer(DataFlow::piece);
  bool wanted = true;
  while (true) {
    Result<std::size_t> count = fail(ErrorCode::internal);
    if (errors) {
      count = co_await joint.child.read_errors(buffer);
    } else {
      count = co_await joint.child.read_output(buffer);
    }
    if (!count || *count == 0) co_return;
    if (!wanted) continue;  // the channel is gone, or no more may go; the child is with it
    const Result<void> passed = co_await joint.flow.send(*count);
    if (!passed) {
      joint.refuse(passed.error());
      wanted = false;
      continue;
    }
    const ByteSpan data = ByteSpan(buffer).first(*count);
    Result<void> sent;
    if (errors) {
      sent = co_await joint.channel.write_stderr(data);
    } else {
      sent = co_await joint.channel.write(data);
    }
    joint.channel.flush();
    wanted = sent.has_value();
  }
}

Task<void> watch(Joint& joint) {
  const Result<void> fits = co_await joint.flow.watch();
  if (!fits) joint.refuse(fits.error());
}

}  // namespace

Task<Relayed> relay(ssh::Channel& channel, Child& child, session::DataFlow& flow) {
  const auto executor = co_await asio::this_coro::executor;
  Joint joint(channel, child, flow, executor);
  const auto ended = [&joint](std::exception_ptr) {
    --joint.pumps;
    joint.changed.notify();
  };
  channel.on_closed([&joint] { joint.end_child(); });
  if (channel.closed()) joint.end_child();
  joint.pumps = 3;
  asio::co_spawn(executor, pump_output(joint, false), ended);
  asio::co_spawn(executor, pump_output(joint, true), ended);
  asio::co_spawn(executor, watch(joint), ended);
  int input = 1;
  asio::co_spawn(executor, pump_input(joint),
                 asio::bind_cancellation_slot(joint.no_more_input.slot(), [&joint, &input](std::exception_ptr) {
                   input = 0;
                   joint.changed.notify();
                 }));
  joint.result.status = co_await child.wait();
  channel.on_closed(nullptr);
  flow.end_watch();
  while (joint.pumps > 0) co_await joint.changed.wait();
  joint.no_more_input.emit(asio::cancellation_type::terminal);
  while (input > 0) co_await joint.changed.wait();
  co_return joint.result;
}

}  // namespace ferry::sshcmd
