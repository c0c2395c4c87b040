#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>

#include "auth/hook_peer.h"
#include "base/child.h"
#include "base/log.h"

namespace ferry::auth {

namespace {

constexpr std::string_view sender = "keyboard_interactive_auth_hook";
constexpr std::size_t most_logged = 4096;  // of what it writes to standard error

std::unexpected<Error> dead(std::string why) { return fail(ErrorCode::connection_lost, std::move(why)); }

std::vector<std::string> environment_of(const HookUser& user) {
  return {"PATH=/usr/local/bin:/usr/bin:/bin",
          "HOME=/nonexistent",
          "LC_ALL=C",
          "LANG=C",
          "SFTPGO_AUTHD_USERNAME=" + user.username,
          "SFTPGO_AUTHD_IP=" + user.ip,
          "SFTPGO_AUTHD_PASSWORD=" + user.password_hash};
}

class ProgramPeer final : public HookPeer, public std::enable_shared_from_this<ProgramPeer> {
 public:
  ProgramPeer(std::string path, HookUser user) : path_(std::move(path)), user_(std::move(user)) {}

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
    if (given_up_ || user_.username.find('\0') != std::string::npos) co_return dead("not started");
    ChildOptions options{.program = path_, .arguments = {}, .environment = environment_of(user_)};
    auto started = co_await Child::start(std::move(options));
    if (!started) co_return fail(started.error());
    child_ = std::move(*started);
    if (given_up_) child_->give_up();
    const auto executor = co_await asio::this_coro::executor;
    asio::co_spawn(executor, log_errors(shared_from_this()), asio::detached);
    co_return Result<void>{};
  }

  // Read to its end, or the program might wait for somebody to do so.
  static Task<void> log_errors(std::shared_ptr<ProgramPeer> self) {
    std::string text;
    std::array<std::byte, 1024> piece;
    while (true) {
      const auto count = co_await self->child_->read_errors(piece);
      if (!count || *count == 0) break;
      text += as_text(ByteSpan(piece).first(std::min(*count, most_logged - text.size())));
    }
    if (!text.empty()) log::warn(sender, "", "{}: {}", self->path_, text);
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

  const std::string path_;
  const HookUser user_;
  std::unique_ptr<Child> child_;
  bool given_up_ = false;
  std::string unread_;
};

}  // namespace

std::shared_ptr<HookPeer> make_program_peer(std::string path, HookUser user) {
  return std::make_shared<ProgramPeer>(std::move(path), std::move(user));
}

}  // namespace ferry::auth
