#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>

#include "auth/hook_peer.h"
#include "base/child.h"
#include "events/hook_child.h"

namespace ferry::auth {

namespace {

constexpr std::string_view hook_name = "keyboard_interactive";  // in command.commands[].hook

std::unexpected<Error> dead(std::string why) { return fail(ErrorCode::connection_lost, std::move(why)); }

events::Pairs environment_of(const HookUser& user) {
  return {{"SFTPGO_AUTHD_USERNAME", user.username},
          {"SFTPGO_AUTHD_IP", user.ip},
          {"SFTPGO_AUTHD_PASSWORD", user.password_hash}};
}

class ProgramPeer final : public HookPeer {
 public:
  explicit ProgramPeer(Result<events::HookProgram> program) : program_(std::move(program)) {}

  Task<Result<HookMessage>> next(std::vector<std::string> /*questions*/, std::vector<crypto::Secret> answers) override {
    Result<void> ready;
    if (child_ == nullptr) {
      ready = co_await start();
    } else {
      ready = co_await write(std::move(answers));
    }
    if (!ready) co_return fail(ready.error());
    auto line = co_await read_line();
    if (!line) co_return fail(line.error());
    co_return parse_hook_message(*line);
  }

  void give_up() override {
    given_up_ = true;
    if (child_ != nullptr) child_->give_up();
  }

 private:
  Task<Result<void>> start() {
    if (!program_) co_return fail(program_.error());
    if (given_up_) co_return dead("not started");
    const std::string path = program_->child.program;
    auto started = co_await Child::start(std::move(program_->child));
    if (!started) {
      const Error why =
          co_await run_blocking(Lane::process, [&] { return events::why_not_started(started.error(), path); });
      co_return fail(why);
    }
    child_ = std::move(*started);
    if (given_up_) child_->give_up();
    const auto executor = co_await asio::this_coro::executor;
    asio::co_spawn(executor, events::log_errors(child_, std::string(hook_name), path), asio::detached);
    co_return Result<void>{};
  }

  Task<Result<void>> write(std::vector<crypto::Secret> answers) {
    for (crypto::Secret& answer : answers) {
      // One line each: an answer of two would answer the next question.
      if (answer.text().find_first_of("\r\n") != std::string_view::npos) co_return dead("an answer of several lines");
      ByteWriter line;
      line.bytes(answer.bytes()).u8('\n');
      crypto::Secret left(line.data());
      ByteSpan rest = left.bytes();
      while (!rest.empty()) {
        const auto count = co_await child_->write_input(rest);
        if (!count) co_return dead("it reads no answers");
        rest = rest.subspan(*count);
      }
    }
    co_return Result<void>{};
  }

  Task<Result<std::string>> read_line() {
    std::array<std::byte, 4096> piece;
    while (true) {
      if (const std::size_t end = unread_.find('\n'); end != std::string::npos) {
        std::string line = unread_.substr(0, end);
        unread_.erase(0, end + 1);
        if (line.find_first_not_of(" \t\r") != std::string::npos) co_return line;
        continue;
      }
      if (unread_.size() > longest_hook_message) co_return dead("it says too much");
      const auto count = co_await child_->read_output(piece);
      if (!count) co_return dead(given_up_ ? "it took too long" : count.error().message);
      if (*count == 0) {
        if (unread_.empty()) co_return dead("it ended without a verdict");
        unread_ += '\n';  // a last line that is not ended
      }
      unread_ += as_text(ByteSpan(piece).first(*count));
    }
  }

  Result<events::HookProgram> program_;
  std::shared_ptr<Child> child_;
  bool given_up_ = false;
  std::string unread_;
};

}  // namespace

Result<events::HookProgram> interactive_program(const events::HookOptions& options, const std::string& path,
                                                const HookUser& user, std::chrono::seconds limit) {
  return events::hook_program(options, hook_name, path, environment_of(user), limit);
}

std::shared_ptr<HookPeer> make_program_peer(Result<events::HookProgram> program) {
  return std::make_shared<ProgramPeer>(std::move(program));
}

}  // namespace ferry::auth
