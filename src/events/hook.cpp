#include "events/hook.h"

#include <array>
#include <atomic>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <condition_variable>
#include <mutex>
#include <thread>

#include "base/log.h"
#include "base/signal.h"
#include "events/hook_child.h"
#include "events/message.h"

namespace ferry::events {

namespace {

constexpr std::string_view hook_sender = "hooks";

// What the coroutines around one program share.
struct Running {
  Running(std::unique_ptr<Child> started, const asio::any_io_executor& executor)
      : child(std::move(started)), ended(executor) {}
  std::shared_ptr<Child> child;
  Signal ended;  // or given up
  int status = 0;
  bool late = false;
};

Task<void> await_end(std::shared_ptr<Running> running) {
  running->status = co_await running->child->wait();
  running->ended.notify();
}

// connection_lost: more than `most`, unless it is cut there.
Task<Result<std::string>> read_all(Child& child, std::size_t most, bool cut) {
  std::string output;
  std::array<std::byte, 4096> piece;
  while (true) {
    const auto count = co_await child.read_output(piece);
    if (!count || *count == 0) co_return output;
    const std::size_t room = most - output.size();
    if (*count > room && !cut) co_return fail(ErrorCode::connection_lost, "it says too much");
    output += as_text(ByteSpan(piece).first(std::min(*count, room)));
  }
}

Task<Result<HookAnswer>> run_program(const HookOptions& options, const HookRequest& request) {
  auto program = hook_program(options, request.name, request.where, request.environment);
  if (!program) co_return fail(program.error());
  auto started = co_await Child::start(std::move(program->child));
  if (!started) {
    const Error why =
        co_await run_blocking(Lane::process, [&] { return why_not_started(started.error(), request.where); });
    co_return fail(why);
  }
  const auto executor = co_await asio::this_coro::executor;
  const auto running = std::make_shared<Running>(std::move(*started), executor);
  running->child->close_input();
  asio::co_spawn(executor, log_errors(running->child, request.name, request.where), asio::detached);
  asio::co_spawn(executor, await_end(running), asio::detached);
  asio::steady_timer timer(executor, program->limit);
  timer.async_wait([weak = std::weak_ptr(running)](const boost::system::error_code& cancelled) {
    const auto still = weak.lock();
    if (cancelled || !still) return;
    still->late = true;
    still->child->give_up();
    still->ended.notify();  // even when the system cannot end it now
  });
  auto output = co_await read_all(*running->child, request.max_output, request.cut_output);
  if (!output) running->child->kill();
  co_await running->ended.wait();
  if (running->late) co_return fail(ErrorCode::timeout, "no answer in time");
  if (!output) co_return fail(output.error());
  co_return HookAnswer{running->status, running->status == 0, std::move(*output)};
}

// RFC 3986 section 2.3: everything but these is escaped.
void append_escaped(std::string& to, std::string_view text) {
  constexpr std::string_view plain = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~";
  constexpr std::string_view digits = "0123456789ABCDEF";
  for (const char c : text) {
    if (plain.find(c) != std::string_view::npos) {
      to += c;
      continue;
    }
    const auto byte = static_cast<unsigned char>(c);
    ((to += '%') += digits[byte >> 4U]) += digits[byte & 15U];
  }
}

std::string with_query(std::string url, const Pairs& query) {
  char separator = url.find('?') == std::string::npos ? '?' : '&';
  for (const auto& [name, value] : query) {
    url += separator;
    append_escaped(url, name);
    url += '=';
    append_escaped(url, value);
    separator = '&';
  }
  return url;
}

// As it may stand in the log: neither the userinfo of a URL nor its query, which may be secrets (RFC 3986 section 7.5).
std::string shown(std::string_view where) {
  if (!is_url(where)) return std::string(where);
  where = where.substr(0, where.find_first_of("?#"));
  const std::size_t host = where.find("://") + 3;
  const std::size_t end = std::min(where.find('/', host), where.size());
  const std::size_t at = where.substr(0, end).rfind('@');
  std::string text(where.substr(0, host));
  return text.append(where.substr(at == std::string_view::npos || at < host ? host : at + 1));
}

Task<Result<HookAnswer>> ask_url(http::Client& client, HookRequest& request) {
  http::ClientRequest message;
  message.method = request.method;
  message.url = with_query(request.where, request.query);
  message.body = std::move(request.body);
  message.max_response = request.max_output;
  message.cut_response = request.cut_output;
  message.retried = request.retried;
  auto response = co_await client.send(std::move(message));
  if (!response) co_return fail(response.error());
  co_return HookAnswer{response->status, response->status == 200, std::move(response->body)};
}

}  // namespace

struct Hooks::State {
  State(HookOptions hook_options, http::ClientOptions client_options)
      : options(std::move(hook_options)), client(std::make_unique<http::Client>(std::move(client_options))) {}

  void begin();  // the thread, when it does not run yet
  void finished();

  const HookOptions options;
  std::atomic<std::size_t> programs = 0;
  std::mutex mutex;
  std::condition_variable changed;
  bool closed = false;
  std::size_t started = 0;  // and not ended
  asio::io_context context{1};
  std::unique_ptr<http::Client> client;  // goes before the contexts that wait for it, see its destructor
  asio::executor_work_guard<asio::io_context::executor_type> work{context.get_executor()};
  std::thread thread;
};

void Hooks::State::begin() {
  if (thread.joinable()) return;
  thread = std::thread([this] {
    while (true) {
      try {
        context.run();
        return;
      } catch (const std::exception& error) {
        log::error(hook_sender, "", "unexpected exception: {}", error.what());
      }
    }
  });
}

void Hooks::State::finished() {
  const std::scoped_lock lock(mutex);
  --started;
  changed.notify_all();
}

Hooks::Hooks(HookOptions options, http::ClientOptions client)
    : state_(std::make_unique<State>(std::move(options), std::move(client))) {}

Hooks::~Hooks() { close(std::chrono::milliseconds(0)); }

const HookOptions& Hooks::options() const { return state_->options; }
http::Client& Hooks::client() { return *state_->client; }

Task<Result<HookAnswer>> Hooks::run(HookRequest request) {
  State& state = *state_;
  if (!state.client) co_return fail(ErrorCode::aborted, "the server ends");
  if (is_url(request.where)) {
    auto answer = co_await ask_url(*state.client, request);
    co_return answer;
  }
  struct Counted {
    explicit Counted(std::atomic<std::size_t>& number) : count(number), most(number.fetch_add(1)) {}
    ~Counted() { --count; }
    std::atomic<std::size_t>& count;
    std::size_t most;
  };
  const Counted counted(state.programs);
  const bool by_accounts = request.name == file_hook || request.name == provider_hook;
  const std::size_t all = state.options.most_programs;
  const std::size_t most = by_accounts ? all : all - all / 4;
  if (counted.most >= most) co_return fail(ErrorCode::limit_exceeded, "too many hooks at once");
  auto answer = co_await run_program(state.options, request);
  co_return answer;
}

void Hooks::start(HookRequest request) {
  State& state = *state_;
  {
    const std::scoped_lock lock(state.mutex);
    if (state.closed) return;
    state.begin();
    ++state.started;
  }
  const std::string what = request.name + ": " + shown(request.where);
  asio::co_spawn(state.context, run(std::move(request)),
                 [&state, what](const std::exception_ptr& exception, Result<HookAnswer> answer) {
                   if (exception) {
                     log::error(hook_sender, "", "{}: unexpected exception", what);
                   } else if (!answer) {
                     log::warn(hook_sender, "", "{}: {}", what, answer.error().message);
                   } else if (!answer->ok) {
                     log::warn(hook_sender, "", "{}: ended with status {}", what, answer->status);
                   }
                   state.finished();
                 });
}

void Hooks::close(std::chrono::milliseconds patience) {
  State& state = *state_;
  {
    std::unique_lock lock(state.mutex);
    state.closed = true;
    state.changed.wait_for(lock, patience, [&] { return state.started == 0; });
  }
  state.context.stop();
  if (state.thread.joinable()) state.thread.join();
  state.client.reset();
}

bool is_url(std::string_view where) { return where.starts_with("http://") || where.starts_with("https://"); }

Result<void> check_hook(std::string_view where) {
  if (where.starts_with('/') || is_url(where)) return {};
  return fail(ErrorCode::invalid_argument, "expected an absolute path or a URL of http or https");
}

}  // namespace ferry::events
