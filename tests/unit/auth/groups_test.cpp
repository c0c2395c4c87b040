// What a group says counts at login, and ends tokens when it changes.
#include <functional>

#include "auth/token.h"
#include "tests/unit/auth/auth_fixture.h"

namespace ferry::auth {
namespace {

class GroupLogin : public testing::Test {
 protected:
  GroupLogin() {
    model::Group group;
    group.name = "g";
    group.user_settings.home_dir = "/data/%username%";
    model::User user;
    user.username = "maria";
    user.home_dir = "/srv/maria";
    user.permissions["/"] = {"*"};
    user.password = crypto::hash_password("secret", fast_options().hashing);
    user.groups = {{"g", 1}};
    if (!provider_.add_group(group, store::Origin::client) || !provider_.add_user(user)) {
      throw std::runtime_error("no account");
    }
  }
  void change(const std::function<void(model::Group&)>& edit) {
    ASSERT_TRUE(provider_.change_group("g", [&](model::Group& group) -> Result<void> {
      edit(group);
      return {};
    }));
  }
  Result<LoginOutcome> login() {
    LoginRequest request;
    request.protocol = "SSH";
    request.client_ip = "10.1.2.3";
    request.username = "maria";
    request.method = Method::password;
    request.password = crypto::Secret(std::string_view("secret"));
    return login_now(authenticator_, request);
  }

  FaultyProvider provider_;
  Authenticator authenticator_{provider_, fast_options()};
};

TEST_F(GroupLogin, TheAccountHasTheGroupsSettings) {
  const auto outcome = login();
  ASSERT_TRUE(outcome);
  EXPECT_EQ(outcome->user->home_dir, "/data/maria");
  EXPECT_EQ((*provider_.user("maria"))->home_dir, "/srv/maria");
}

TEST_F(GroupLogin, ARenewedHashLeavesTheGroupsSettings) {
  crypto::PasswordHashing argon2;
  argon2.algorithm = crypto::PasswordHashing::Algorithm::argon2id;
  argon2.argon2_memory = 64;
  const std::string old = crypto::hash_password("secret", argon2);
  ASSERT_TRUE(provider_.change_user("maria", [&](model::User& user) -> Result<void> {
    user.password = old;
    return {};
  }));
  const auto outcome = login();
  ASSERT_TRUE(outcome);
  EXPECT_EQ(outcome->user->home_dir, "/data/maria");
  EXPECT_NE((*provider_.user("maria"))->password, old);
  EXPECT_EQ((*provider_.user("maria"))->home_dir, "/srv/maria");
}

TEST_F(GroupLogin, WhatAGroupDeniesIsDenied) {
  const std::function<void(model::BaseUserFilters&)> denials[] = {
      [](auto& f) { f.denied_ip = {"10.0.0.0/8"}; },     [](auto& f) { f.allowed_ip = {"192.168.0.0/16"}; },
      [](auto& f) { f.denied_protocols = {"SSH"}; },     [](auto& f) { f.denied_login_methods = {"password"}; },
      [](auto& f) { f.two_factor_protocols = {"SSH"}; }, [](auto& f) { f.is_anonymous = true; },
  };
  for (const auto& deny : denials) {
    ASSERT_TRUE(login());
    change([&](model::Group& group) { deny(group.user_settings.filters); });
    EXPECT_FALSE(login());
    change([](model::Group& group) { group.user_settings.filters = {}; });
  }
  change([](model::Group& group) { group.user_settings.expires_in = 1; });
  EXPECT_TRUE(login());
}

TEST_F(GroupLogin, AnAccountThatExpiresByItsGroup) {
  change([](model::Group& group) { group.user_settings.expires_in = 1; });
  model::User old = **provider_.user("maria");
  old.username = "old";
  old.created_at = store::now_ms() - 2 * 86'400'000;
  ASSERT_TRUE(provider_.add_user(old, store::Origin::dump));
  EXPECT_TRUE(login());
  LoginRequest request;
  request.protocol = "SSH";
  request.client_ip = "10.1.2.3";
  request.username = "old";
  request.method = Method::password;
  request.password = crypto::Secret(std::string_view("secret"));
  EXPECT_FALSE(login_now(authenticator_, request));
}

TEST_F(GroupLogin, AUsersTokenEndsWhenItsGroupOrRoleDoes) {
  Tokens tokens(provider_, {});
  const auto valid = [&](const IssuedToken& token) {
    return tokens.verify_user_now(token.access_token, "10.1.2.3").has_value();
  };
  IssuedToken token = tokens.issue(**provider_.effective_user("maria"), "10.1.2.3");
  EXPECT_TRUE(valid(token));
  change([](model::Group& group) { group.user_settings.filters.denied_protocols = {"HTTP"}; });
  EXPECT_FALSE(valid(token));
  change([](model::Group& group) { group.user_settings.filters.denied_protocols = {}; });
  EXPECT_TRUE(valid(token));
  model::Role role;
  role.name = "north";
  ASSERT_TRUE(provider_.add_role(role, store::Origin::client));
  ASSERT_TRUE(provider_.change_user("maria", [](model::User& user) -> Result<void> {
    user.role = "north";
    return {};
  }));
  EXPECT_FALSE(valid(token));
  token = tokens.issue(**provider_.effective_user("maria"), "10.1.2.3");
  ASSERT_TRUE(provider_.delete_role("north"));
  EXPECT_FALSE(valid(token));
}

}  // namespace
}  // namespace ferry::auth
