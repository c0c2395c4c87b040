#include "auth/token.h"

#include <gtest/gtest.h>

#include <functional>

#include "tests/unit/auth/auth_fixture.h"

namespace ferry::auth {
namespace {

class TokenTest : public testing::Test {
 protected:
  TokenTest() {
    model::Admin admin;
    admin.username = "root";
    admin.password = "$2a$04$one";
    admin.permissions = {"*"};
    admin_ = *provider_.add_admin(admin);
    model::User user;
    user.username = "root";
    user.password = "$2a$04$two";
    user.permissions["/"] = {"*"};
    user_ = *provider_.add_user(user);
  }
  void change_admin(const std::function<void(model::Admin&)>& edit) {
    ASSERT_TRUE(provider_.change_admin("root", [&](model::Admin& admin) -> Result<void> {
      edit(admin);
      return {};
    }));
  }
  bool valid(const std::string& token, const char* ip = "10.0.0.1") {
    const auto admin = tokens_.verify_admin_now(token, ip);
    EXPECT_TRUE(admin || admin.error().code == ErrorCode::authentication_failed);
    return admin.has_value();
  }

  FaultyProvider provider_;
  Tokens tokens_{provider_, {}};
  model::AdminPtr admin_;
  model::UserPtr user_;
};

TEST_F(TokenTest, SpeaksForItsAccountAndAudience) {
  const IssuedToken token = tokens_.issue(*admin_, "10.0.0.1");
  EXPECT_NEAR(static_cast<double>(token.expires_at), static_cast<double>(store::now_ms() / 1000 + 1200), 2);
  EXPECT_EQ((*tokens_.verify_admin_now(token.access_token, "10.0.0.1"))->username, "root");
  EXPECT_FALSE(tokens_.verify_user_now(token.access_token, "10.0.0.1"));
  const IssuedToken user_token = tokens_.issue(*user_, "10.0.0.1");
  EXPECT_TRUE(tokens_.verify_user_now(user_token.access_token, "10.0.0.1"));
  EXPECT_FALSE(valid(user_token.access_token));
}

TEST_F(TokenTest, ForgeriesAreRefused) {
  const std::string token = tokens_.issue(*admin_, "10.0.0.1").access_token;
  Tokens others(provider_, {});
  EXPECT_FALSE(valid(others.issue(*admin_, "10.0.0.1").access_token));
  EXPECT_FALSE(valid(""));
  EXPECT_FALSE(valid("a.b.c"));
  for (std::size_t i = 0; i < token.size(); i += 7) {
    std::string changed = token;
    changed[i] = changed[i] == 'A' ? 'B' : 'A';
    EXPECT_FALSE(valid(changed)) << i;
  }
}

TEST_F(TokenTest, BelongsToItsAddress) {
  const std::string token = tokens_.issue(*admin_, "10.0.0.1").access_token;
  EXPECT_FALSE(valid(token, "10.0.0.2"));
  EXPECT_FALSE(valid(token, ""));
  EXPECT_TRUE(valid(token, "::ffff:10.0.0.1"));
  Tokens anywhere(provider_, {.signing_passphrase = {}, .check_address = false});
  EXPECT_TRUE(anywhere.verify_admin_now(anywhere.issue(*admin_, "10.0.0.1").access_token, "10.0.0.2"));
}

TEST_F(TokenTest, EndsAtLogout) {
  const std::string token = tokens_.issue(*admin_, "10.0.0.1").access_token;
  const std::string other = tokens_.issue(*admin_, "10.0.0.1").access_token;
  tokens_.revoke(token);
  tokens_.revoke("nonsense");
  EXPECT_FALSE(valid(token));
  EXPECT_TRUE(valid(other));
}

TEST_F(TokenTest, EndsAtItsExpiry) {
  Tokens brief(provider_, {.signing_passphrase = {}, .lifetime = std::chrono::minutes(0)});
  EXPECT_FALSE(brief.verify_admin_now(brief.issue(*admin_, "10.0.0.1").access_token, "10.0.0.1"));
}

TEST_F(TokenTest, EndsWithWhatItStandsFor) {
  const std::function<void(model::Admin&)> ends[] = {
      [](model::Admin& a) { a.status = 0; }, [](model::Admin& a) { a.password = "$2a$04$other"; },
      [](model::Admin& a) { a.permissions = {"view_users"}; }, [](model::Admin& a) { a.role = "limited"; },
      [](model::Admin& a) { a.filters.allow_list = {"192.168.0.0/16"}; }};
  model::Role limited;
  limited.name = "limited";
  ASSERT_TRUE(provider_.inner().add_role(limited));
  const model::Admin before = *admin_;
  for (const auto& end : ends) {
    const std::string token = tokens_.issue(**provider_.admin("root"), "10.0.0.1").access_token;
    ASSERT_TRUE(valid(token));
    change_admin([](model::Admin& a) { a.description += "x"; });
    EXPECT_TRUE(valid(token));
    change_admin(end);
    EXPECT_FALSE(valid(token));
    change_admin([&](model::Admin& a) { a = before; });
  }
  const std::string token = tokens_.issue(**provider_.admin("root"), "10.0.0.1").access_token;
  ASSERT_TRUE(provider_.delete_admin("root"));
  EXPECT_FALSE(valid(token));
  ASSERT_TRUE(provider_.add_admin(before));  // another account of the same name
  EXPECT_FALSE(valid(token));
}

TEST_F(TokenTest, UserTokenEndsWithTheUser) {
  const std::string token = tokens_.issue(*user_, "10.0.0.1").access_token;
  ASSERT_TRUE(provider_.change_user("root", [](model::User& user) -> Result<void> {
    user.expiration_date = 1;
    return {};
  }));
  EXPECT_FALSE(tokens_.verify_user_now(token, "10.0.0.1"));
}

TEST_F(TokenTest, ABrokenProviderLetsNobodyIn) {
  const std::string token = tokens_.issue(*admin_, "10.0.0.1").access_token;
  provider_.broken = true;
  EXPECT_FALSE(valid(token));
}

TEST_F(TokenTest, PassphraseMakesTokensSurviveARestart) {
  const TokenOptions options{.signing_passphrase = crypto::Secret(std::string_view("phrase"))};
  Tokens before(provider_, options), after(provider_, options);
  EXPECT_TRUE(after.verify_admin_now(before.issue(*admin_, "10.0.0.1").access_token, "10.0.0.1"));
}

}  // namespace
}  // namespace ferry::auth
