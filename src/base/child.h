// A program of the system that Ferry starts (rsync, git, a hook). It is started without a shell and gets exactly the
// arguments and environment that are given. Standard input, output and errors are pipes, read and written on the event
// loop: when Ferry does not read, the pipe (64 KiB) fills and the program waits, so no output piles up in memory. The
// program leads a process group of its own, and ~Child kills that group.
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
  Identity identity = {};  // user and group it runs as; when either is given its supplementary groups are dropped
  std::optional<std::uint64_t> largest_file = {};  // bytes that no file it writes may get beyond: writes fail (EFBIG)
};

// The absolute path of the program `name`, looked for in the server's PATH; empty: not found. Blocks.
std::string find_program(std::string_view name);

class Child {
 public:
  // Starts it. From then on the Child must be used on the calling coroutine's executor. Errors are those of execve(2)
  // and what comes before it: not_found when there is no such program, permission_denied when it may not be run, ...
  static Task<Result<std::unique_ptr<Child>>> start(ChildOptions options);
  Child(const Child&) = delete;
  Child& operator=(const Child&) = delete;
  // Kills the process group, when wait() has not seen its end.
  ~Child();

  // Waits until the program has written something, and answers how many bytes were put into `into`; 0: it has closed
  // its end and will write no more.
  Task<Result<std::size_t>> read_output(MutableByteSpan into);
  Task<Result<std::size_t>> read_errors(MutableByteSpan into);
  // The two halves of read_errors(), for who must not have part of it in a read that is under way: waits until
  // something is there or nothing more will come; what is there, no value: nothing yet.
  Task<void> wait_errors();
  std::optional<std::size_t> errors_there(MutableByteSpan into);
  // Writes some of `data`, at least one byte, and answers how many. connection_lost: the program reads no more.
  Task<Result<std::size_t>> write_input(ByteSpan data);
  void close_input();

  // Waits until the program ends, then kills the other processes of its group. Answers its exit status, or 128 plus the
  // signal's number when a signal ended it (137 for SIGKILL), as shells do. Reads after that answer what is still in
  // the pipe and then 0: a grandchild that left the group (setsid) and still holds the other end cannot make them wait.
  Task<int> wait();
  // SIGKILL to it and all of its group.
  void kill();
  // SIGTERM to it and all of its group: it may remove what it has not finished.
  void ask_to_end();
  // As kill(); besides, reads and writes that wait end with an error at once, even when a process that left the group
  // still holds the other ends of the pipes.
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
