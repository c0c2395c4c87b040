// A program that Ferry starts for somebody: no shell, the arguments and environment given and nothing more, its three
// streams as bounded pipes on the event loop. It has a process group of its own and does not outlive its Child.
//
//   ChildOptions options{.program = "/usr/bin/rsync", .arguments = {"--server", ".", "./x"}, .directory = home};
//   auto child = co_await Child::start(std::move(options));
//   auto count = co_await (*child)->read_output(buffer);   // 0: its end
//   int status = co_await (*child)->wait();
#pragma once

#include <sys/types.h>

#include <boost/asio/posix/stream_descriptor.hpp>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "base/descriptor.h"
#include "base/error.h"
#include "base/sandbox.h"
#include "base/task.h"

namespace ferry {

struct ChildOptions {
  std::string program;                   // absolute
  std::vector<std::string> arguments;    // without the program's own name
  std::vector<std::string> environment;  // NAME=value
  int directory = -1;                    // descriptor of its working directory, open until start() returns
  std::optional<Sandbox> sandbox = {};
  struct Identity {
    std::optional<uid_t> uid;
    std::optional<gid_t> gid;
  };
  Identity identity = {};                          // who it runs as, without supplementary groups when one is given
  std::optional<std::uint64_t> largest_file = {};  // bytes that no file it writes may get beyond: writes fail (EFBIG)
};

// Where `name` is in the server's PATH; empty: nowhere. Blocks.
std::string find_program(std::string_view name);

class Child {
 public:
  // Starts it; its streams belong to the calling coroutine's executor. not_found, permission_denied, ...: what
  // kept it from running.
  static Task<Result<std::unique_ptr<Child>>> start(ChildOptions options);
  Child(const Child&) = delete;
  Child& operator=(const Child&) = delete;
  // Kills what is left of it.
  ~Child();

  // What it wrote, as much as is there and fits; 0: it will write no more.
  Task<Result<std::size_t>> read_output(MutableByteSpan into);
  Task<Result<std::size_t>> read_errors(MutableByteSpan into);
  // Some of `data`, at least a byte. connection_lost: it reads no more.
  Task<Result<std::size_t>> write_input(ByteSpan data);
  void close_input();

  // Waits for its end and kills what it left behind in its group. The exit status; 128 and the signal's number when
  // a signal ended it, as shells have it. From then on reads answer what it has left behind and wait for nobody who
  // might still hold the other end.
  Task<int> wait();
  // SIGKILL to it and all of its group.
  void kill();
  // SIGTERM to it and all of its group: it may remove what it has not finished.
  void ask_to_end();
  // kill(), and reads and writes that still wait end with an error, even when something that left the group holds the
  // other ends.
  void give_up();

 private:
  using Stream = asio::posix::stream_descriptor;
  Child(pid_t process, const asio::any_io_executor& executor)
      : process_(process), input_(executor), output_(executor), errors_(executor), end_(executor) {}
  Task<Result<std::size_t>> read(Stream& from, MutableByteSpan into);

  pid_t process_;
  bool reaped_ = false;
  Stream input_, output_, errors_;
  Stream end_;  // a pidfd: readable when the process has ended
};

}  // namespace ferry
