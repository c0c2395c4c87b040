#include "auth/hook_peer.h"
#include "crypto/token.h"
#include "http/client.h"

namespace ferry::auth {

namespace {

class UrlPeer final : public HookPeer {
 public:
  UrlPeer(http::Client& client, std::string url, HookUser user) : client_(client), url_(std::move(url)) {
    request_.request_id = crypto::random_id();
    request_.step = 0;
    request_.username = std::move(user.username);
    request_.ip = std::move(user.ip);
    request_.password = std::move(user.password_hash);
  }

  Task<Result<HookMessage>> next(std::vector<std::string> questions, std::vector<crypto::Secret> answers) override {
    if (given_up_) co_return fail(ErrorCode::timeout, "it took too long");
    ++request_.step;
    request_.questions = std::move(questions);
    request_.answers.clear();
    for (const crypto::Secret& answer : answers) request_.answers.emplace_back(answer.text());
    http::ClientRequest post{.method = "POST", .url = url_, .body = to_json(request_)};
    post.max_response = longest_hook_message;
    const auto response = co_await client_.send(std::move(post));
    for (std::string& answer : request_.answers) crypto::wipe(answer.data(), answer.size());
    if (!response) co_return fail(response.error());
    if (given_up_) co_return fail(ErrorCode::timeout, "it took too long");
    if (response->status != 200) {
      co_return fail(ErrorCode::connection_lost, "it answers with status " + std::to_string(response->status));
    }
    co_return parse_hook_message(response->body);
  }

  // A transfer that runs ends with the client's own time limit.
  void give_up() override { given_up_ = true; }

 private:
  http::Client& client_;
  const std::string url_;
  UrlDialogueRequest request_;
  bool given_up_ = false;
};

}  // namespace

std::shared_ptr<HookPeer> make_url_peer(http::Client& client, std::string url, HookUser user) {
  return std::make_shared<UrlPeer>(client, std::move(url), std::move(user));
}

}  // namespace ferry::auth
