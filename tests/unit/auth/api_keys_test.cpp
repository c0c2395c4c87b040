#include "auth/api_keys.h"

#include <gtest/gtest.h>

#include <functional>

#include "auth/login_report.h"
#include "store/accounts.h"
#include "tests/unit/auth/auth_fixture.h"

namespace ferry::auth {
namespace {

class ApiKeysTest : public testing::Test {
 protected:
  ApiKeysTest() {
    model::User user;
    user.username = "maria.rossi";
    user.home_dir = "/srv/maria";
    user.permissions["/"] = {"*"};
    user.filters.allow_api_key_auth = true;
    model::Admin admin;
    admin.username = "root";
    admin.permissions = {"*"};
    admin.filters.allow_api_key_auth = true;
    if (!provider_.add_user(user) || !provider_.add_admin(admin)) throw std::runtime_error("add");
  }
  std::string add(std::int64_t scope, const std::string& owner = {}, std::int64_t expires_at = 0) {
    model::ApiKey key;
    key.name = "of a test";
    key.scope = scope;
    (scope == model::api_key_scope_user ? key.user : key.admin) = owner;
    key.expires_at = expires_at;
    const auto made = accounts_.add_api_key(key);
    EXPECT_TRUE(made) << made.error().message;
    return made->text;
  }
  // "user:name", "admin:name" or "".
  std::string owner(const std::string& text, const char* ip = "10.0.0.1") {
    const auto caller = keys_.verify_now(text, ip);
    if (!caller) {
      const auto undecided = outcome_of(caller.error()) == LoginReport::Outcome::undecided;
      EXPECT_EQ(undecided, provider_.broken || provider_.broken_writes);
      return "";
    }
    EXPECT_NE(caller->user == nullptr, caller->admin == nullptr);
    return caller->user ? "user:" + caller->user->username : "admin:" + caller->admin->username;
  }
  void change_user(const std::function<void(model::User&)>& edit) {
    ASSERT_TRUE(provider_.change_user("maria.rossi", [&](model::User& user) -> Result<void> {
      edit(user);
      return {};
    }));
  }

  FaultyProvider provider_;
  store::Accounts accounts_{provider_, {.users = {}, .hashing = fast_options().hashing, .master_key = {}}};
  ApiKeyChecker keys_{provider_, {}, false};
};

TEST_F(ApiKeysTest, BoundAndUnbound) {
  EXPECT_EQ(owner(add(2, "maria.rossi")), "user:maria.rossi");
  EXPECT_EQ(owner(add(1, "root")), "admin:root");
  const std::string for_users = add(2), for_admins = add(1);
  EXPECT_EQ(owner(for_users + ".maria.rossi"), "user:maria.rossi");
  EXPECT_EQ(owner(for_users + ". Maria.Rossi "), "");  // names are not lowercased here
  EXPECT_EQ(owner(for_users + ".root"), "");
  EXPECT_EQ(owner(for_users), "");
  EXPECT_EQ(owner(for_users + "."), "");
  EXPECT_EQ(owner(for_admins + ".root"), "admin:root");
  EXPECT_EQ(owner(for_admins + ".maria.rossi"), "");
  EXPECT_EQ(owner(add(1, "root") + ".root"), "admin:root");
  EXPECT_EQ(owner(add(1, "root") + ".other"), "");
}

TEST_F(ApiKeysTest, ForgeriesAreRefused) {
  const std::string text = add(1, "root"), other = add(1, "root");
  EXPECT_EQ(owner(text), "admin:root");
  for (std::size_t i = 0; i < text.size(); ++i) {
    std::string forged = text;
    forged[i] = forged[i] == 'x' ? 'y' : 'x';
    EXPECT_EQ(owner(forged), "") << i;
  }
  EXPECT_EQ(owner(text.substr(0, 22) + other.substr(22)), "");  // one's id, the other's secret
  for (const std::string& forged : {std::string(), std::string("."), std::string(".."), text.substr(0, 22),
                                    text.substr(0, 23), text + "x", "x" + text, std::string(5000, 'a'),
                                    text.substr(0, 23) + std::string(5000, 'a'), text + "." + std::string(5000, 'a')}) {
    EXPECT_EQ(owner(forged), "") << forged.substr(0, 60);
  }
}

TEST_F(ApiKeysTest, OnlyAHashIsStored) {
  const std::string text = add(1, "root");
  const auto stored = provider_.api_key(text.substr(0, 22));
  ASSERT_TRUE(stored);
  EXPECT_TRUE(stored->key.starts_with("{SHA256}"));
  EXPECT_EQ(stored->key.find(text.substr(23)), std::string::npos);
}

// A key ends with what it speaks for, and with its own time.
TEST_F(ApiKeysTest, AuthorityEnds) {
  const std::string text = add(2, "maria.rossi");
  const model::User before = **provider_.user("maria.rossi");
  const std::function<void(model::User&)> ends[] = {[](model::User& user) { user.status = 0; },
                                                    [](model::User& user) { user.expiration_date = 1; },
                                                    [](model::User& user) { user.filters.allow_api_key_auth = false; },
                                                    [](model::User& user) { user.filters.denied_ip = {"10.0.0.0/8"}; },
                                                    [](model::User& user) { user.filters.denied_protocols = {"HTTP"}; },
                                                    [](model::User& user) { user.filters.is_anonymous = true; }};
  for (const auto& end : ends) {
    EXPECT_EQ(owner(text), "user:maria.rossi");
    change_user(end);
    EXPECT_EQ(owner(text), "");
    change_user([&](model::User& user) { user = before; });
  }
  EXPECT_EQ(owner(add(2, "maria.rossi", store::now_ms() - 1000)), "");
  EXPECT_EQ(owner(add(2, "maria.rossi", store::now_ms() + 60'000)), "user:maria.rossi");
  for (const bool throwing : {false, true}) {
    provider_.throwing = throwing;
    provider_.broken = true;
    EXPECT_EQ(owner(text), "");
    provider_.broken = false;
  }
  ASSERT_TRUE(provider_.delete_api_key(text.substr(0, 22)));
  EXPECT_EQ(owner(text), "");
  const std::string bound = add(2, "maria.rossi"), unbound = add(2) + ".maria.rossi";
  ASSERT_TRUE(provider_.delete_user("maria.rossi"));
  EXPECT_EQ(owner(bound), "");
  EXPECT_EQ(owner(unbound), "");
  ASSERT_TRUE(provider_.add_user(before));  // another account of that name
  EXPECT_EQ(owner(bound), "");
}

TEST_F(ApiKeysTest, LastUseIsNotedSeldom) {
  const std::string text = add(1, "root"), id = text.substr(0, 22);
  EXPECT_EQ(owner(text), "admin:root");
  const std::int64_t first = provider_.api_key(id)->last_use_at;
  EXPECT_GT(first, 0);
  EXPECT_EQ(owner(text), "admin:root");
  EXPECT_EQ(provider_.api_key(id)->last_use_at, first);
  ASSERT_TRUE(provider_.set_api_key_last_use(id, first - 3'600'000));
  provider_.broken_writes = true;  // what cannot be noted does not happen
  EXPECT_EQ(owner(text), "");
  provider_.broken_writes = false;
  EXPECT_EQ(owner(text), "admin:root");
  EXPECT_GE(provider_.api_key(id)->last_use_at, first);
}

// As dumps bring them.
TEST_F(ApiKeysTest, SlowHashesWork) {
  model::ApiKey key;
  key.id = "imported";
  key.name = "n";
  key.admin = "root";
  key.key = crypto::hash_password("the secret", fast_options().hashing);
  ASSERT_TRUE(accounts_.restore(key, false));
  EXPECT_EQ(owner("imported.the secret"), "admin:root");
  EXPECT_EQ(owner("imported.the secret"), "admin:root");
  EXPECT_EQ(owner("imported.the sEcret"), "");
  key.key = "in plain text";
  EXPECT_EQ(accounts_.restore(key, true).error().code, ErrorCode::invalid_argument);
}

}  // namespace
}  // namespace ferry::auth
