#include "server/io_threads.h"

#include <pthread.h>

#include <algorithm>
#include <exception>

#include "base/log.h"

namespace ferry::server {

namespace {

// An exception that gets here is a bug of one connection's code: it must not end the others'.
void run(asio::io_context& context) {
  while (true) {
    try {
      context.run();
      return;
    } catch (const std::exception& error) {
      log::error("server", "", "unexpected exception in an event loop: {}", error.what());
    } catch (...) {
      log::error("server", "", "unexpected exception in an event loop");
    }
  }
}

}  // namespace

IoThreads::IoThreads(unsigned count) {
  if (count == 0) count = std::max(1U, std::thread::hardware_concurrency());
  for (unsigned i = 0; i < count; ++i) loops_.push_back(std::make_unique<Loop>());
}

IoThreads::~IoThreads() { stop(); }

std::vector<asio::io_context*> IoThreads::contexts() const {
  std::vector<asio::io_context*> all;
  for (const auto& loop : loops_) all.push_back(&loop->context);
  return all;
}

void IoThreads::start() {
  for (const auto& loop : loops_) {
    loop->thread = std::thread([&context = loop->context] { run(context); });
    pthread_setname_np(loop->thread.native_handle(), "ferry-io");
  }
}

void IoThreads::stop() {
  for (const auto& loop : loops_) loop->context.stop();
  for (const auto& loop : loops_) {
    if (loop->thread.joinable()) loop->thread.join();
  }
  // What still waits goes while every loop is there: it may hold sockets and timers of another one.
  for (const auto& loop : loops_) loop->context.shutdown();
}

}  // namespace ferry::server
