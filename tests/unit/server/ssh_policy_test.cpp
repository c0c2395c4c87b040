#include <gtest/gtest.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/use_future.hpp>
#include <future>

#include "server/io_threads.h"
#include "server/ssh/policy.h"
#include "server/storages.h"
#include "ssh/keys/private_key.h"
#include "store/memory/memory_provider.h"
#include "tests/support/lasting_context.h"

namespace ferry::server {
namespace {

using ssh::AuthOutcome;
using Verdict = AuthOutcome::Verdict;

class SshPolicyTest : public testing::Test {
 protected:
  SshPolicyTest() {
    model::User user;
    user.username = "maria";
    user.home_dir = "/srv/maria";
    user.permissions["/"] = {"*"};
    user.public_keys = {key_.public_key().to_line()};
    crypto::PasswordHashing hashing;
    hashing.bcrypt_cost = 4;
    user.password = crypto::hash_password("secret", hashing);
    if (!provider_->add_user(user)) throw std::runtime_error("add_user");
    user.username = "peter";
    if (!provider_->add_user(user)) throw std::runtime_error("add_user");
  }

  void need_two_steps(std::vector<std::string> denied) {
    for (const char* name : {"maria", "peter"}) {
      ASSERT_TRUE(provider_->change_user(name, [&](model::User& user) -> Result<void> {
        user.filters.denied_login_methods = denied;
        return {};
      }));
    }
  }

  std::unique_ptr<ssh::ServerHandler> connect() {
    ssh::PeerInfo peer;
    peer.connection_id = "SSH_1";
    peer.remote_ip = "192.0.2.1";
    peer.remote_address = "192.0.2.1:1234";
    return make_ssh_policy(services_)(peer, [](std::string) {});
  }
  template <class T>
  T run(Task<T> task) {
    asio::io_context& context = test::lasting_context();
    auto future = asio::co_spawn(context, std::move(task), asio::use_future);
    context.run();
    return future.get();
  }
  AuthOutcome password(ssh::ServerHandler& handler, std::string user, std::string_view text) {
    return run(handler.authenticate_password(std::move(user), crypto::Secret(text)));
  }

  static auth::LoginOptions quick() {
    auth::LoginOptions options;
    options.hashing.bcrypt_cost = 4;
    return options;
  }

  const ssh::PrivateKey key_ = ssh::PrivateKey::generate(ssh::PrivateKey::Kind::ed25519);
  std::unique_ptr<store::Provider> provider_ = store::make_memory_provider();
  auth::Authenticator authenticator_{*provider_, quick()};
  std::shared_ptr<presence::Registry> registry_ = std::make_shared<presence::Registry>();
  std::shared_ptr<Entrance> entrance_ = std::make_shared<Entrance>(
      authenticator_,
      session::Services{.registry = registry_, .options = {}, .storage = factory_of(std::make_shared<Storages>())});
  std::shared_ptr<SshServices> services_ = std::make_shared<SshServices>(entrance_, SshPolicyOptions{});
};

TEST_F(SshPolicyTest, NoneIsRefusedWithTheMethods) {
  const auto handler = connect();
  const AuthOutcome outcome = run(handler->authenticate_none("maria"));
  EXPECT_EQ(outcome.verdict, Verdict::failure);
  EXPECT_EQ(outcome.methods, "publickey,password,keyboard-interactive");
}

TEST_F(SshPolicyTest, OnlyALoginOpensTheSubsystem) {
  const auto handler = connect();
  EXPECT_FALSE(handler->subsystem("sftp"));
  EXPECT_FALSE(handler->command("pwd"));
  EXPECT_EQ(password(*handler, "maria", "wrong").verdict, Verdict::failure);
  EXPECT_EQ(password(*handler, "nobody", "secret").verdict, Verdict::failure);
  EXPECT_FALSE(handler->subsystem("sftp"));
  EXPECT_EQ(password(*handler, "maria", "secret").verdict, Verdict::success);
  EXPECT_TRUE(handler->subsystem("sftp"));
  EXPECT_FALSE(handler->subsystem("netconf"));
  EXPECT_TRUE(handler->command("ls"));  // and then told that it is not there
  EXPECT_FALSE(handler->shell());
}

TEST_F(SshPolicyTest, AQueriedKeyIsNotALogin) {
  const auto handler = connect();
  EXPECT_EQ(run(handler->query_public_key("maria", key_.public_key())).verdict, Verdict::success);
  EXPECT_FALSE(handler->subsystem("sftp"));
  const auto other = ssh::PrivateKey::generate(ssh::PrivateKey::Kind::ed25519);
  EXPECT_EQ(run(handler->query_public_key("maria", other.public_key())).verdict, Verdict::failure);
  EXPECT_EQ(run(handler->authenticate_public_key("maria", other.public_key())).verdict, Verdict::failure);
  EXPECT_FALSE(handler->subsystem("sftp"));
  EXPECT_EQ(run(handler->authenticate_public_key("maria", key_.public_key())).verdict, Verdict::success);
  EXPECT_TRUE(handler->subsystem("sftp"));
}

TEST_F(SshPolicyTest, TwoStepsCountForOneNameOnly) {
  need_two_steps({"publickey", "password-over-SSH", "keyboard-interactive", "publickey+keyboard-interactive"});
  const auto handler = connect();
  AuthOutcome outcome = run(handler->authenticate_public_key("maria", key_.public_key()));
  EXPECT_EQ(outcome.verdict, Verdict::partial);
  EXPECT_EQ(outcome.methods, "password");
  EXPECT_FALSE(handler->subsystem("sftp"));
  EXPECT_EQ(password(*handler, "peter", "secret").verdict, Verdict::failure);
  EXPECT_EQ(password(*handler, "maria", "secret").verdict, Verdict::failure);  // began again with the other name
  EXPECT_EQ(run(handler->authenticate_public_key("maria", key_.public_key())).verdict, Verdict::partial);
  EXPECT_EQ(password(*handler, "maria", "secret").verdict, Verdict::success);
  EXPECT_TRUE(handler->subsystem("sftp"));
}

TEST_F(SshPolicyTest, AStepThatCannotBeAskedForIsNotPromised) {
  services_->options.keyboard_interactive = false;
  need_two_steps({"publickey", "password-over-SSH", "keyboard-interactive", "publickey+password"});
  const auto handler = connect();
  const AuthOutcome outcome = run(handler->authenticate_public_key("maria", key_.public_key()));
  EXPECT_EQ(outcome.verdict, Verdict::failure);
  EXPECT_FALSE(handler->subsystem("sftp"));
}

TEST_F(SshPolicyTest, PasswordsCanBeSwitchedOff) {
  services_->options.password_authentication = false;
  services_->options.keyboard_interactive = false;
  const auto handler = connect();
  const AuthOutcome outcome = password(*handler, "maria", "secret");
  EXPECT_EQ(outcome.verdict, Verdict::failure);
  EXPECT_EQ(outcome.methods, "publickey");
  EXPECT_FALSE(handler->subsystem("sftp"));
}

TEST_F(SshPolicyTest, ADialogueLogsIn) {
  const auto handler = connect();
  for (const char* answer : {"wrong", "secret"}) {
    ssh::DialogueStep step = run(handler->begin_dialogue("maria"));
    ASSERT_TRUE(step.ask);
    ASSERT_EQ(step.ask->prompts.size(), 1U);
    EXPECT_EQ(step.ask->prompts[0].text, "Password: ");
    EXPECT_FALSE(step.ask->prompts[0].echo);
    EXPECT_EQ(step.outcome.verdict, Verdict::failure);
    EXPECT_FALSE(handler->subsystem("sftp"));
    step = run(handler->answer_dialogue({crypto::Secret(std::string_view(answer))}));
    EXPECT_FALSE(step.ask);
    const bool right = answer == std::string_view("secret");
    EXPECT_EQ(step.outcome.verdict, right ? Verdict::success : Verdict::failure);
    EXPECT_EQ(static_cast<bool>(handler->subsystem("sftp")), right);
  }
}

TEST_F(SshPolicyTest, ADialogueAsTheSecondStep) {
  need_two_steps({"publickey", "password-over-SSH", "keyboard-interactive", "publickey+password"});
  const auto handler = connect();
  const AuthOutcome outcome = run(handler->authenticate_public_key("maria", key_.public_key()));
  EXPECT_EQ(outcome.verdict, Verdict::partial);
  EXPECT_EQ(outcome.methods, "keyboard-interactive");
  EXPECT_FALSE(handler->subsystem("sftp"));
  ASSERT_TRUE(run(handler->begin_dialogue("maria")).ask);
  const auto step = run(handler->answer_dialogue({crypto::Secret(std::string_view("secret"))}));
  EXPECT_EQ(step.outcome.verdict, Verdict::success);
  EXPECT_TRUE(handler->subsystem("sftp"));
}

TEST_F(SshPolicyTest, ADialogueThatWasLeftIsOver) {
  const auto handler = connect();
  ASSERT_TRUE(run(handler->begin_dialogue("maria")).ask);
  handler->abandon_dialogue();
  const auto step = run(handler->answer_dialogue({crypto::Secret(std::string_view("secret"))}));
  EXPECT_FALSE(step.ask);
  EXPECT_EQ(step.outcome.verdict, Verdict::failure);
}

TEST_F(SshPolicyTest, DialoguesCanBeSwitchedOff) {
  services_->options.keyboard_interactive = false;
  const auto handler = connect();
  const auto step = run(handler->begin_dialogue("maria"));
  EXPECT_FALSE(step.ask);
  EXPECT_EQ(step.outcome.verdict, Verdict::failure);
  EXPECT_EQ(step.outcome.methods, "publickey,password");
}

TEST_F(SshPolicyTest, TheBannerIsTheCurrentOne) {
  const auto handler = connect();
  EXPECT_EQ(handler->banner(), "");
  services_->banner = std::make_shared<const std::string>("hello\r\n");
  EXPECT_EQ(handler->banner(), "hello\r\n");
}

TEST(IoThreadsTest, AnExceptionEndsNoLoop) {
  IoThreads threads(1);
  std::promise<void> done;
  asio::post(*threads.contexts().at(0), [] { throw std::runtime_error("a bug"); });
  asio::post(*threads.contexts().at(0), [] { throw 5; });
  asio::post(*threads.contexts().at(0), [&] { done.set_value(); });
  threads.start();
  EXPECT_EQ(done.get_future().wait_for(std::chrono::seconds(10)), std::future_status::ready);
}

}  // namespace
}  // namespace ferry::server
