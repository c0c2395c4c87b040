#include "base/child.h"

#include <fcntl.h>
#include <grp.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include <array>
#include <boost/asio/buffer.hpp>
#include <boost/asio/redirect_error.hpp>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <utility>

namespace ferry {

namespace {

struct Pipe {
  Descriptor read, write;
};

Result<Pipe> make_pipe() {
  std::array<int, 2> ends{};
  if (::pipe2(ends.data(), O_CLOEXEC) != 0) return fail_errno(errno, "pipe");
  return Pipe{Descriptor(ends[0]), Descriptor(ends[1])};
}

std::vector<char*> pointers(std::vector<std::string>& texts) {
  std::vector<char*> all;
  for (std::string& text : texts) all.push_back(text.data());
  all.push_back(nullptr);
  return all;
}

// All that the child needs, made before fork: behind it only system calls are allowed, for another thread may have
// held any lock. The library's setuid() would even speak to threads that are not there, so these are raw.
struct Launch {
  ChildOptions& options;
  char* const* arguments;
  char* const* environment;
  std::array<int, 3> streams;
  int report;

  [[noreturn]] void run() const {
    prepare();
    const int error = errno;
    const ssize_t told = ::write(report, &error, sizeof error);
    ::_exit(told == sizeof error ? 127 : 126);
  }

 private:
  void prepare() const {
    ::setpgid(0, 0);
    for (int i = 0; i < 3; ++i) {
      if (::dup2(streams[static_cast<std::size_t>(i)], i) < 0) return;
    }
    for (const int signal : {SIGPIPE, SIGHUP, SIGINT, SIGTERM, SIGCHLD, SIGUSR1}) ::signal(signal, SIG_DFL);
    sigset_t none;
    ::sigemptyset(&none);
    ::sigprocmask(SIG_SETMASK, &none, nullptr);
    if (::syscall(SYS_close_range, 3U, ~0U, 1U << 2 /* CLOSE_RANGE_CLOEXEC */) != 0) return;
    if (options.directory >= 0 && ::fchdir(options.directory) != 0) return;
    if (!limit_files() || !change_identity()) return;
    if (options.sandbox && !options.sandbox->enter()) return;
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    ::execve(options.program.c_str(), arguments, environment);
  }

  // Whoever ignores SIGXFSZ gets an error to report.
  bool limit_files() const {
    if (!options.largest_file) return true;
    ::signal(SIGXFSZ, SIG_IGN);
    const rlimit limit{*options.largest_file, *options.largest_file};
    return ::setrlimit(RLIMIT_FSIZE, &limit) == 0;
  }

  bool change_identity() const {
    const auto& [uid, gid] = options.identity;
    if ((uid || gid) && ::syscall(SYS_setgroups, 0, nullptr) != 0) return false;
    if (gid && ::syscall(SYS_setresgid, *gid, *gid, *gid) != 0) return false;
    return !uid || ::syscall(SYS_setresuid, *uid, *uid, *uid) == 0;
  }
};

void kill_group(pid_t process) {
  ::kill(-process, SIGKILL);
  ::kill(process, SIGKILL);
}

// It ends soon, but not at once; only the pool may wait for it.
void kill_and_reap(pid_t process) {
  kill_group(process);
  asio::post(blocking_pool(Lane::process), [process] { ::waitpid(process, nullptr, 0); });
}

// A process that has no Child yet: whoever waits for it may be gone before it runs.
struct Started {
  explicit Started(pid_t started) : process(started) {}
  Started(Started&& other) noexcept
      : process(std::exchange(other.process, -1)),
        input(std::move(other.input)),
        output(std::move(other.output)),
        errors(std::move(other.errors)),
        end(std::move(other.end)) {}
  ~Started() {
    if (process > 0) kill_and_reap(process);
  }
  pid_t release() { return std::exchange(process, -1); }

  pid_t process;
  Descriptor input, output, errors, end;
};

// errno of what kept the child from exec; 0 when it runs.
int told_by(int report) {
  int error = 0;
  ssize_t count = 0;
  do {
    count = ::read(report, &error, sizeof error);
  } while (count < 0 && errno == EINTR);
  return count == sizeof error ? error : 0;
}

Result<Started> launch(ChildOptions& options) {
  Result<Pipe> input = make_pipe(), output = make_pipe(), errors = make_pipe(), report = make_pipe();
  for (const auto* pipe : {&input, &output, &errors, &report}) {
    if (!*pipe) return fail(pipe->error());
  }
  std::vector<std::string> words{options.program};
  words.insert(words.end(), options.arguments.begin(), options.arguments.end());
  const std::vector<char*> arguments = pointers(words), environment = pointers(options.environment);
  const Launch child{options,
                     arguments.data(),
                     environment.data(),
                     {input->read.get(), output->write.get(), errors->write.get()},
                     report->write.get()};
  const pid_t process = ::fork();
  if (process < 0) return fail_errno(errno, "fork");
  if (process == 0) child.run();
  ::setpgid(process, process);  // whoever is first: kill() must find the group at once
  report->write = Descriptor();
  if (const int error = told_by(report->read.get()); error != 0) {
    ::waitpid(process, nullptr, 0);
    return fail_errno(error, options.program);
  }
  Started started(process);
  started.end = Descriptor(static_cast<int>(::syscall(SYS_pidfd_open, process, 0)));
  if (!started.end) return fail_errno(errno, "pidfd_open");
  started.input = std::move(input->write);
  started.output = std::move(output->read);
  started.errors = std::move(errors->read);
  return started;
}

}  // namespace

std::string find_program(std::string_view name) {
  const char* path = std::getenv("PATH");
  std::string_view rest = path != nullptr && *path != '\0' ? path : "/usr/local/bin:/usr/bin:/bin";
  while (!rest.empty()) {
    const std::size_t end = std::min(rest.find(':'), rest.size());
    const std::string file = std::string(rest.substr(0, end)) + '/' + std::string(name);
    if (file.starts_with('/') && ::access(file.c_str(), X_OK) == 0) return file;
    rest.remove_prefix(std::min(end + 1, rest.size()));
  }
  return {};
}

Task<Result<std::unique_ptr<Child>>> Child::start(ChildOptions options) {
  auto work = [&options] { return launch(options); };
  Result<Started> started = co_await run_blocking(Lane::process, work);
  if (!started) co_return fail(started.error());
  const auto executor = co_await asio::this_coro::executor;
  std::unique_ptr<Child> child(new Child(started->release(), executor));
  child->input_.assign(started->input.release());
  child->output_.assign(started->output.release());
  child->errors_.assign(started->errors.release());
  child->end_.assign(started->end.release());
  child->input_.non_blocking(true);
  co_return child;
}

Child::~Child() {
  if (!reaped_) kill_and_reap(process_);
}

void Child::kill() {
  if (!reaped_) kill_group(process_);
}

void Child::ask_to_end() {
  if (reaped_) return;
  ::kill(-process_, SIGTERM);
}

void Child::give_up() {
  kill();
  boost::system::error_code ignored;
  for (Stream* stream : {&input_, &output_, &errors_}) stream->close(ignored);
}

namespace {

// What is there, without waiting for more; 0 when that is nothing.
Result<std::size_t> read_left(asio::posix::stream_descriptor& from, MutableByteSpan into) {
  boost::system::error_code error;
  from.non_blocking(true, error);
  const std::size_t count = from.read_some(asio::buffer(into.data(), into.size()), error);
  if (error && error != asio::error::eof && error != asio::error::would_block) {
    return fail(ErrorCode::io_error, error.message());
  }
  return count;
}

}  // namespace

Task<Result<std::size_t>> Child::read(Stream& from, MutableByteSpan into) {
  if (reaped_) co_return read_left(from, into);
  boost::system::error_code error;
  const auto buffer = asio::buffer(into.data(), into.size());
  const std::size_t count = co_await from.async_read_some(buffer, asio::redirect_error(asio::use_awaitable, error));
  if (error == asio::error::operation_aborted && reaped_ && from.is_open()) co_return read_left(from, into);
  if (error && error != asio::error::eof) co_return fail(ErrorCode::io_error, error.message());
  co_return count;
}

Task<Result<std::size_t>> Child::read_output(MutableByteSpan into) {
  Result<std::size_t> count = co_await read(output_, into);
  co_return count;
}

Task<Result<std::size_t>> Child::read_errors(MutableByteSpan into) {
  Result<std::size_t> count = co_await read(errors_, into);
  co_return count;
}

Task<void> Child::wait_errors() {
  if (reaped_) co_return;
  boost::system::error_code ignored;  // wait() cancels it: what is there is all
  co_await errors_.async_wait(Stream::wait_read, asio::redirect_error(asio::use_awaitable, ignored));
}

std::optional<std::size_t> Child::errors_there(MutableByteSpan into) {
  boost::system::error_code error;
  errors_.non_blocking(true, error);
  const std::size_t count = errors_.read_some(asio::buffer(into.data(), into.size()), error);
  if (error == asio::error::would_block && !reaped_) return std::nullopt;
  return count;
}

Task<Result<std::size_t>> Child::write_input(ByteSpan data) {
  if (!input_.is_open()) co_return fail(ErrorCode::connection_lost, "its input is closed");
  boost::system::error_code error;
  const auto buffer = asio::buffer(data.data(), data.size());
  const std::size_t count = co_await input_.async_write_some(buffer, asio::redirect_error(asio::use_awaitable, error));
  if (error) co_return fail(ErrorCode::connection_lost, error.message());
  co_return count;
}

void Child::close_input() {
  boost::system::error_code ignored;
  input_.close(ignored);
}

Task<int> Child::wait() {
  boost::system::error_code error;
  co_await end_.async_wait(Stream::wait_read, asio::redirect_error(asio::use_awaitable, error));
  // Not yet reaped, so that the number cannot have become another group's.
  kill();
  int status = 0;
  auto reap = [this, &status] { return ::waitpid(process_, &status, 0); };
  const pid_t reaped = co_await run_blocking(Lane::process, reap);
  reaped_ = true;
  boost::system::error_code ignored;
  output_.cancel(ignored);
  errors_.cancel(ignored);
  if (reaped != process_) co_return 128;
  co_return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

}  // namespace ferry
