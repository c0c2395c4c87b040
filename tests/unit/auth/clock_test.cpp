// What has ended stays ended when the system's clock is set back.
#include <gtest/gtest.h>

#include <chrono>
#include <functional>

#include "auth/api_keys.h"
#include "auth/token.h"
#include "base/expiry_clock.h"
#include "store/accounts.h"
#include "tests/unit/auth/auth_fixture.h"

namespace ferry::auth {
namespace {

constexpr std::int64_t hour = 3'600'000, day = 24 * hour;

class ClockTest : public testing::Test {
 protected:
  ClockTest() {
    model::User user;
    user.username = "maria";
    user.home_dir = "/srv/maria";
    user.permissions["/"] = {"*"};
    user.password = crypto::hash_password("secret", fast_options().hashing);
    if (!provider_.add_user(user)) throw std::runtime_error("add_user");
    model::Admin admin;
    admin.username = "root";
    admin.permissions = {"*"};
    admin.filters.allow_api_key_auth = true;
    if (!provider_.add_admin(admin)) throw std::runtime_error("add_admin");
  }
  void change(const std::function<void(model::User&)>& edit) {
    ASSERT_TRUE(provider_.change_user("maria", [&](model::User& user) -> Result<void> {
      edit(user);
      return {};
    }));
  }
  bool lets_in() {
    LoginRequest request;
    request.protocol = "SSH";
    request.client_ip = "10.1.2.3";
    request.username = "maria";
    request.method = Method::password;
    request.password = crypto::Secret(std::string_view("secret"));
    return login_now(auth_, request).has_value();
  }
  std::function<std::int64_t()> clock() {
    return [this] { return expiry_.now_ms(); };
  }
  LoginOptions options() {
    LoginOptions options = fast_options();
    options.clock = clock();
    return options;
  }
  // `works` now, not `later`, and not when the clock has been set back either.
  void ends(std::int64_t later, const std::function<bool()>& works) {
    EXPECT_TRUE(works());
    wall_ += later;
    EXPECT_FALSE(works());
    wall_ -= later;
    EXPECT_FALSE(works()) << "the clock was set back";
  }

  FaultyProvider provider_;
  std::int64_t wall_ = store::now_ms();
  ExpiryClock expiry_{[this] { return wall_; }, [] { return std::int64_t{0}; }};
  Authenticator auth_{provider_, options()};
};

TEST_F(ClockTest, Accounts) {
  change([&](model::User& user) { user.expiration_date = wall_ + hour; });
  ends(2 * hour, [&] { return lets_in(); });
}

TEST_F(ClockTest, Passwords) {
  change([](model::User& user) {
    user.filters.password_expiration = 3;
    user.last_password_change = store::now_ms();
  });
  ends(4 * day, [&] { return lets_in(); });
}

TEST_F(ClockTest, TimesOfAccess) {
  const auto today = std::chrono::floor<std::chrono::days>(std::chrono::sys_time(std::chrono::milliseconds(wall_)));
  const auto weekday = static_cast<std::int64_t>(std::chrono::weekday(today).c_encoding());
  change([&](model::User& user) { user.filters.access_time = {{weekday, "00:00", "23:59"}}; });
  ends(day, [&] { return lets_in(); });
}

TEST_F(ClockTest, ApiKeys) {
  store::Accounts accounts(provider_, {.users = {}, .hashing = fast_options().hashing, .master_key = {}});
  model::ApiKey key;
  key.name = "of a test";
  key.scope = model::api_key_scope_admin;
  key.admin = "root";
  key.expires_at = wall_ + hour;
  const auto made = accounts.add_api_key(key);
  ASSERT_TRUE(made);
  ApiKeyChecker keys(provider_, {}, false, clock());
  ends(2 * hour, [&] { return keys.verify_now(made->text, "10.0.0.1").has_value(); });
}

TEST_F(ClockTest, Tokens) {
  TokenOptions options;
  options.clock = clock();
  Tokens tokens(provider_, options);
  const std::string token = tokens.issue(**provider_.admin("root"), "10.0.0.1").access_token;
  ends(hour, [&] { return tokens.verify_admin_now(token, "10.0.0.1").has_value(); });
  EXPECT_TRUE(tokens.verify_admin_now(tokens.issue(**provider_.admin("root"), "10.0.0.1").access_token, "10.0.0.1"))
      << "a new one works";
}

// After a restart nothing is remembered but what the store has been told.
TEST_F(ClockTest, AfterARestartTheLastUseTells) {
  change([](model::User& user) {
    for (std::int64_t weekday = 0; weekday < 7; ++weekday) {
      user.filters.access_time.push_back({weekday, "00:00", "23:59"});
    }
  });
  EXPECT_TRUE(lets_in());
  ASSERT_TRUE(provider_.set_user_last_login("maria", wall_ + 2 * day));
  EXPECT_FALSE(lets_in());
  store::Accounts accounts(provider_, {.users = {}, .hashing = fast_options().hashing, .master_key = {}});
  model::ApiKey key;
  key.name = "of a test";
  key.scope = model::api_key_scope_admin;
  key.admin = "root";
  key.expires_at = wall_ + hour;
  const auto made = accounts.add_api_key(key);
  ASSERT_TRUE(made);
  ApiKeyChecker keys(provider_, {}, false, clock());
  EXPECT_TRUE(keys.verify_now(made->text, "10.0.0.1"));
  ASSERT_TRUE(provider_.set_api_key_last_use(provider_.inner().api_keys({})->front().id, wall_ + 2 * day));
  EXPECT_FALSE(keys.verify_now(made->text, "10.0.0.1"));
}

}  // namespace
}  // namespace ferry::auth
