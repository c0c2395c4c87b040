#include "server/entrance.h"

#include <gtest/gtest.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/use_future.hpp>
#include <future>

#include "server/storages.h"
#include "store/memory/memory_provider.h"
#include "tests/support/lasting_context.h"
#include "tests/support/temp_directory.h"

namespace ferry::server {
namespace {

using Outcome = auth::LoginReport::Outcome;

class Observer final : public auth::LoginObserver {
 public:
  std::chrono::milliseconds login_ended(const auth::LoginReport& report) override {
    reports.push_back(report);
    return std::chrono::milliseconds(0);
  }
  std::vector<auth::LoginReport> reports;
};

class EntranceTest : public testing::Test {
 protected:
  EntranceTest() {
    model::User user;
    user.username = "maria";
    user.home_dir = directory_ / "maria";
    user.permissions["/"] = {"*"};
    user.max_sessions = 1;
    crypto::PasswordHashing hashing;
    hashing.bcrypt_cost = 4;
    user.password = crypto::hash_password("secret", hashing);
    if (!provider_->add_user(user)) throw std::runtime_error("add_user");
  }

  auth::LoginOptions login_options() {
    auth::LoginOptions options;
    options.hashing.bcrypt_cost = 4;
    options.observers = {&observer_};
    return options;
  }

  std::unique_ptr<Client> client(bool counted = true) {
    presence::ConnectionInfo connection;
    connection.id = "c" + std::to_string(++clients_);
    connection.client_ip = "192.0.2.1";
    return std::make_unique<Client>(entrance_, Scope{.protocol = "FTP", .log_sender = "ftpd", .counted = counted},
                                    std::move(connection));
  }
  template <class T>
  T run(Task<T> task) {
    asio::io_context& context = test::lasting_context();
    auto future = asio::co_spawn(context, std::move(task), asio::use_future);
    context.run();
    return future.get();
  }
  Result<auth::LoginOutcome> log_in(Client& client, std::string_view password) {
    auth::LoginRequest request = client.request_of("maria", auth::Method::password);
    request.password = crypto::Secret(password);
    return run(client.log_in(std::move(request)));
  }
  Result<std::unique_ptr<session::Session>> open(SessionScope& scope) {
    SessionScope::Request request{.protocol = "FTP"};
    return run(scope.open(std::move(request)));
  }

  const test::TempDirectory directory_;
  int clients_ = 0;
  std::unique_ptr<store::Provider> provider_ = store::make_memory_provider();
  Observer observer_;
  auth::Authenticator authenticator_{*provider_, login_options()};
  std::shared_ptr<presence::Registry> registry_ = std::make_shared<presence::Registry>();
  std::shared_ptr<Entrance> entrance_ = std::make_shared<Entrance>(
      authenticator_,
      session::Services{.registry = registry_, .options = {}, .storage = factory_of(std::make_shared<Storages>())});
};

TEST_F(EntranceTest, AClientThatLeavesInSilenceIsReported) {
  client().reset();
  ASSERT_EQ(observer_.reports.size(), 1U);
  EXPECT_EQ(observer_.reports[0].outcome, Outcome::not_tried);
  EXPECT_EQ(observer_.reports[0].protocol, "FTP");
  client()->negotiation_failed("no common cipher");
  ASSERT_EQ(observer_.reports.size(), 2U);
  EXPECT_EQ(observer_.reports[1].outcome, Outcome::not_negotiated);
  EXPECT_EQ(observer_.reports[1].why, "no common cipher");
}

TEST_F(EntranceTest, ACredentialIsReportedOnceAndTheEndIsNot) {
  auto maria = client();
  EXPECT_FALSE(log_in(*maria, "wrong"));
  EXPECT_TRUE(log_in(*maria, "secret"));
  ASSERT_EQ(observer_.reports.size(), 2U);
  EXPECT_EQ(observer_.reports[0].outcome, Outcome::refused);
  EXPECT_EQ(observer_.reports[1].outcome, Outcome::succeeded);
  maria.reset();
  EXPECT_EQ(observer_.reports.size(), 2U);
}

TEST_F(EntranceTest, TheLastRefusedKeyIsReportedAtTheEndOfAClientThatNeverGotIn) {
  auto maria = client();
  (void)maria->request_of("maria", auth::Method::publickey);
  maria->note_refused_key("the key is revoked");
  EXPECT_TRUE(observer_.reports.empty());
  maria.reset();
  ASSERT_EQ(observer_.reports.size(), 1U);
  EXPECT_EQ(observer_.reports[0].method, "publickey");
  EXPECT_EQ(observer_.reports[0].username, "maria");
  EXPECT_EQ(observer_.reports[0].why, "the key is revoked");
}

TEST_F(EntranceTest, ALoginIsNotKeptWhenTheAccountWasClosedMeanwhile) {
  auto maria = client();
  const auto outcome = log_in(*maria, "secret");
  ASSERT_TRUE(outcome);
  registry_->close_user("maria");
  EXPECT_EQ(maria->keep(*outcome), nullptr);
}

TEST_F(EntranceTest, SessionsOfALoginAreNumberedAndCounted) {
  auto maria = client();
  const auto outcome = log_in(*maria, "secret");
  ASSERT_TRUE(outcome);
  const std::shared_ptr<Login> login = maria->keep(*outcome);
  ASSERT_TRUE(login);
  SessionScope first(login), second(login);
  EXPECT_EQ(first.id(), "c1_1");
  EXPECT_EQ(second.id_of("FTP"), "FTP_c1_2");
  const auto opened = open(first);
  ASSERT_TRUE(opened);
  EXPECT_EQ((*opened)->connection().id, "FTP_c1_1");
  const auto refused = open(second);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::limit_exceeded);

  auto requests = client(false);
  const auto again = log_in(*requests, "secret");
  ASSERT_TRUE(again);
  SessionScope uncounted(requests->keep(*again));
  EXPECT_TRUE(open(uncounted)) << "a protocol that is not counted needs no place";
}

}  // namespace
}  // namespace ferry::server
