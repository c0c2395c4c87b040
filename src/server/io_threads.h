// The threads of the event loops: one io_context a core, each run by exactly one thread.
#pragma once

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <memory>
#include <thread>
#include <vector>

#include "base/task.h"

namespace ferry::server {

class IoThreads {
 public:
  // 0: as many as the machine has cores. Nothing runs before start().
  explicit IoThreads(unsigned count = 0);
  // Stops and joins.
  ~IoThreads();
  IoThreads(const IoThreads&) = delete;
  IoThreads& operator=(const IoThreads&) = delete;

  std::vector<asio::io_context*> contexts() const;
  void start();
  // Ends every loop, whatever it still had to do, and waits for the threads.
  void stop();

 private:
  struct Context : asio::io_context {
    Context() : asio::io_context(1) {}
    using asio::io_context::shutdown;
  };
  struct Loop {
    Context context;
    asio::executor_work_guard<asio::io_context::executor_type> work{context.get_executor()};
    std::thread thread;
  };
  std::vector<std::unique_ptr<Loop>> loops_;
};

}  // namespace ferry::server
