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
  Joint(ssh::Channel& on, Child& with, DataFlow& through, TellWhy how, const asio::any_io_executor& executor)
      : channel(on),
        child(with),
        flow(through),
        tell(std::move(how)),
        changed(executor),
        errors_sent(executor),
        farewell(executor) {}
  ~Joint() { *over = true; }

  void begin_farewell() {
    if (std::exchange(ending, true)) return;
    farewell.expires_after(longest_farewell);
    farewell.async_wait([this, gone = over](boost::system::error_code) {
      if (!*gone) child.kill();
    });
  }

  void end_child() {
    begin_farewell();
    child.ask_to_end();
  }

  ssh::Channel& channel;
  Child& child;
  DataFlow& flow;
  TellWhy tell;
  Relayed result;
  int pumps = 0;  // still running
  Signal changed;
  bool sending_errors = false;  // somebody is
  Signal errors_sent;
  asio::steady_timer farewell;
  std::shared_ptr<bool> over = std::make_shared<bool>(false);  // this is destroyed
  bool ending = false;
  asio::cancellation_signal no_more_input;
};

Task<void> refuse(Joint& joint, Error why) {
  if (joint.result.refused) co_return;
  joint.result.refused = why;
  joint.begin_farewell();  // a client that reads nothing does not put it off
  co_await joint.tell(why);
  joint.channel.flush();
  joint.end_child();
}

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
      if (!passed) co_await refuse(joint, passed.error());
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

// False: the channel is gone, or no more may go; the child is with it.
Task<bool> pass_on(Joint& joint, ByteSpan data, bool errors) {
  const Result<void> passed = co_await joint.flow.send(data.size());
  if (!passed) {
    co_await refuse(joint, passed.error());
    co_return false;
  }
  Result<void> sent;
  if (errors) {
    sent = co_await joint.channel.write_stderr(data);
  } else {
    sent = co_await joint.channel.write(data);
  }
  joint.channel.flush();
  co_return sent.has_value();
}

// All of its errors that is there. False: there will be no more.
Task<bool> send_errors(Joint& joint, MutableByteSpan buffer) {
  while (joint.sending_errors) co_await joint.errors_sent.wait();
  joint.sending_errors = true;
  bool wanted = true;
  std::optional<std::size_t> count;
  while (true) {
    count = joint.child.errors_there(buffer);
    if (!count || *count == 0) break;
    if (wanted) wanted = co_await pass_on(joint, buffer.first(*count), true);
  }
  joint.sending_errors = false;
  joint.errors_sent.notify();
  co_return !count.has_value();
}

Task<void> pump_errors(Joint& joint) {
  Bytes buffer(DataFlow::piece);
  while (true) {
    co_await joint.child.wait_errors();
    const bool more = co_await send_errors(joint, buffer);
    if (!more) co_return;
  }
}

// What the child said to its errors before goes before it: a client that reads in the output that all is over leaves.
Task<void> pump_output(Joint& joint) {
  Bytes buffer(DataFlow::piece);
  Bytes errors(4096);
  bool wanted = true;
  while (true) {
    const Result<std::size_t> count = co_await joint.child.read_output(buffer);
    if (!count || *count == 0) co_return;
    if (!wanted) continue;
    co_await send_errors(joint, errors);
    wanted = co_await pass_on(joint, ByteSpan(buffer).first(*count), false);
  }
}

Task<void> watch(Joint& joint) {
  const Result<void> fits = co_await joint.flow.watch();
  if (!fits) co_await refuse(joint, fits.error());
}

}  // namespace

Task<Relayed> relay(ssh::Channel& channel, Child& child, session::DataFlow& flow, TellWhy tell) {
  const auto executor = co_await asio::this_coro::executor;
  Joint joint(channel, child, flow, std::move(tell), executor);
  const auto ended = [&joint](std::exception_ptr) {
    --joint.pumps;
    joint.changed.notify();
  };
  channel.on_closed([&joint] { joint.end_child(); });
  if (channel.closed()) joint.end_child();
  joint.pumps = 3;
  asio::co_spawn(executor, pump_output(joint), ended);
  asio::co_spawn(executor, pump_errors(joint), ended);
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
