// credential_process of a profile: a program that prints credentials.
#include <boost/asio/steady_timer.hpp>

#include "base/child.h"
#include "vfs/s3/answers.h"
#include "vfs/s3/providers.h"

namespace ferry::vfs::s3 {

namespace {

constexpr std::size_t longest_output = 64 << 10;

std::unexpected<Error> process_refused(const std::string& why) {
  return fail(ErrorCode::permission_denied, "S3 credentials: credential_process " + why);
}

std::vector<std::string> words_of(std::string_view line) {
  std::vector<std::string> words;
  bool quoted = false, open = false;
  for (const char c : line) {
    const bool space = c == ' ' && !quoted;
    if (!space && !open) words.emplace_back();
    open = !space;
    if (c == '"') {
      quoted = !quoted;
    } else if (!space) {
      words.back() += c;
    }
  }
  return words;
}

struct Printed {
  crypto::Secret text{longest_output};
  std::size_t size = 0;
  bool too_much = false;
};

Task<Result<Printed>> read_all(std::shared_ptr<Child> child) {
  Printed printed;
  while (printed.size < printed.text.size()) {
    const Result<std::size_t> count = co_await child->read_output(printed.text.bytes().subspan(printed.size));
    if (!count) co_return fail(count.error());
    if (*count == 0) co_return printed;
    printed.size += *count;
  }
  printed.too_much = true;
  co_return printed;
}

}  // namespace

Task<Result<Credentials>> process_credentials(std::shared_ptr<const CredentialSurroundings> surroundings,
                                              std::string line) {
  const std::vector<std::string> words = words_of(line);
  if (words.empty()) co_return process_refused("is empty");
  ChildOptions options{.program = words.front(), .arguments = {words.begin() + 1, words.end()}, .environment = {}};
  if (!words.front().starts_with('/')) {
    options.program = co_await run_blocking(Lane::remote, [&words] { return find_program(words.front()); });
  }
  for (const auto& [name, value] : surroundings->environment) options.environment.push_back(name + "=" + value);
  options.environment.emplace_back("PATH=/usr/local/bin:/usr/bin:/bin");
  Result<std::unique_ptr<Child>> started = co_await Child::start(std::move(options));
  if (!started) co_return process_refused("does not start: " + started.error().message);
  const std::shared_ptr<Child> child = std::move(*started);
  child->close_input();
  const auto late = std::make_shared<bool>(false);
  asio::steady_timer timer(co_await asio::this_coro::executor, surroundings->times.process_limit);
  timer.async_wait([late, weak = std::weak_ptr<Child>(child)](boost::system::error_code cancelled) {
    const auto still = weak.lock();
    if (cancelled || !still) return;
    *late = true;
    still->give_up();
  });
  const Result<Printed> printed = co_await read_all(child);
  if (!printed || printed->too_much) child->kill();
  const int status = co_await child->wait();
  timer.cancel();
  if (*late) co_return fail(ErrorCode::io_error, "S3 credentials: credential_process does not end");
  if (!printed) co_return fail(printed.error());
  if (printed->too_much) co_return process_refused("prints too much");
  if (status != 0) co_return process_refused("ended with status " + std::to_string(status));
  co_return parse_json_credentials(printed->text.text().substr(0, printed->size), "SessionToken");
}

}  // namespace ferry::vfs::s3
