#include "server/first_admin.h"

#include <gtest/gtest.h>

#include "crypto/password.h"
#include "store/memory/memory_provider.h"

namespace ferry::server {
namespace {

class FirstAdminTest : public testing::Test {
 protected:
  static store::AccountOptions quick() {
    store::AccountOptions options;
    options.hashing.bcrypt_cost = 4;
    return options;
  }
  bool verifies(std::string_view name, std::string_view password) {
    auto admin = provider_->admin(name);
    if (!admin) return false;
    auto good = crypto::verify_password((*admin)->password, password);
    return good && *good;
  }

  std::unique_ptr<store::Provider> provider_ = store::make_memory_provider();
  store::Accounts accounts_{*provider_, quick()};
};

TEST_F(FirstAdminTest, ARandomPasswordIsAnsweredOnce) {
  auto made = create_first_admin(accounts_, false, {});
  ASSERT_TRUE(made);
  ASSERT_TRUE(made->has_value());
  EXPECT_EQ((*made)->username, "admin");
  EXPECT_GE((*made)->password.size(), 20U);
  EXPECT_TRUE(verifies("admin", (*made)->password));
  EXPECT_TRUE((*provider_->admin("admin"))->may("add_users"));
  auto again = create_first_admin(accounts_, false, {});
  ASSERT_TRUE(again);
  EXPECT_FALSE(again->has_value());
}

TEST_F(FirstAdminTest, TheEnvironmentNamesIt) {
  const config::Environment environment = {{"SFTPGO_DEFAULT_ADMIN_USERNAME", "root"},
                                           {"FERRY_DEFAULT_ADMIN_PASSWORD", "first secret"},
                                           {"SFTPGO_DEFAULT_ADMIN_PASSWORD", "second"}};
  auto made = create_first_admin(accounts_, true, environment);
  ASSERT_TRUE(made) << made.error().message;
  EXPECT_FALSE(made->has_value());
  EXPECT_TRUE(verifies("root", "first secret"));
}

TEST_F(FirstAdminTest, HalfANameIsAnError) {
  auto made = create_first_admin(accounts_, true, {{"FERRY_DEFAULT_ADMIN_USERNAME", "root"}});
  ASSERT_FALSE(made);
  EXPECT_NE(made.error().message.find("FERRY_DEFAULT_ADMIN_PASSWORD"), std::string::npos);
  EXPECT_FALSE(*provider_->has_admin());
}

TEST_F(FirstAdminTest, TheWelcomeHasLinesToCopy) {
  const std::string text = welcome_text({.admin = {"admin", "pw"},
                                         .sftp_host = "127.0.0.1",
                                         .sftp_port = 2022,
                                         .http_url = "http://127.0.0.1:8080",
                                         .home = "/it's \"here\""});
  EXPECT_NE(text.find("\nTOKEN=$(curl -s -u admin:pw http://127.0.0.1:8080/api/v2/token"), std::string::npos);
  EXPECT_NE(text.find(R"("home_dir":"/it'\''s \"here\"")"), std::string::npos) << text;
  EXPECT_NE(text.find("\nsftp -P 2022 user@127.0.0.1\n"), std::string::npos);
  const std::string without =
      welcome_text({.admin = {"admin", "pw"}, .sftp_host = {}, .sftp_port = 0, .http_url = {}, .home = "/"});
  EXPECT_EQ(without.find("curl"), std::string::npos);
}

}  // namespace
}  // namespace ferry::server
