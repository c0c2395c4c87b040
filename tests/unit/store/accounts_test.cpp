#include "store/accounts.h"

#include <gtest/gtest.h>

#include "base/protected_paths.h"
#include "store/memory/memory_provider.h"

namespace ferry::store {
namespace {

AccountOptions test_options() {
  AccountOptions options;
  options.users.users_base_dir = "/srv";
  options.hashing.bcrypt_cost = 4;
  return options;
}

model::ConfigSecret plain(const char* payload) { return {"Plain", payload, {}, {}, 0}; }
model::ConfigSecret redacted() { return {"Redacted", {}, {}, {}, 0}; }

model::User new_user(const char* password) {
  model::User user;
  user.username = " maria ";
  user.password = password;
  user.permissions["/"] = {"*"};
  return user;
}

model::Admin new_admin(const char* password) {
  model::Admin admin;
  admin.username = "root";
  admin.password = password;
  admin.permissions = {"*"};
  return admin;
}

class AccountsTest : public testing::Test {
 protected:
  std::unique_ptr<Provider> provider_ = make_memory_provider();
  Accounts accounts_{*provider_, test_options()};
  const crypto::Secret no_key_;
};

TEST_F(AccountsTest, HashesThePasswordAndSealsSecrets) {
  model::User user = new_user("secret");
  user.filesystem.provider = model::FilesystemProvider::encrypted;
  user.filesystem.cryptconfig.passphrase = plain("hush");
  const auto added = accounts_.add_user(user);
  ASSERT_TRUE(added) << added.error().message;
  EXPECT_EQ((*added)->username, "maria");
  EXPECT_EQ((*added)->home_dir, "/srv/maria");
  EXPECT_TRUE((*added)->password.starts_with("$2a$04$"));
  EXPECT_TRUE(*crypto::verify_password((*added)->password, "secret"));
  EXPECT_GT((*added)->last_password_change, 0);
  const auto& passphrase = (*added)->filesystem.cryptconfig.passphrase;
  EXPECT_EQ(passphrase.status, "Secretbox");
  EXPECT_EQ(passphrase.additional_data, "maria");
  EXPECT_EQ(model::open(passphrase, no_key_)->text(), "hush");
}

TEST_F(AccountsTest, WhatIsNoPasswordDoesNotBecomeOne) {
  for (const char* text : {"!", "!!", "*", "*LK*", "!$6$salt$x", "{SSHA}abc", "$argon2i$x", "$P$abc", "$6$bad",
                           "{MD5}X03MO1qnZdYdgyfeuILPmQ=="}) {
    EXPECT_FALSE(accounts_.add_user(new_user(text))) << text;
    EXPECT_FALSE(accounts_.add_admin(new_admin(text))) << text;
  }
  ASSERT_TRUE(accounts_.add_user(new_user("a!b")));
  ASSERT_TRUE(accounts_.add_admin(new_admin("secret")));
  EXPECT_FALSE(accounts_.update_user("maria", new_user("!")));
  EXPECT_FALSE(accounts_.update_admin("root", new_admin("{SSHA}abc")));
  EXPECT_FALSE(accounts_.change_password(Whose::user, "maria", "a!b", "$P$abc"));
  EXPECT_FALSE(accounts_.reset_admin_password("root", "!!"));
  EXPECT_TRUE(*crypto::verify_password((*provider_->user("maria"))->password, "a!b"));
}

TEST_F(AccountsTest, LocksOfHooksAndDumpsDisable) {
  // A hook that makes an account.
  auto made = accounts_.provide_user(new_user("!$6$salt$x"), nullptr);
  ASSERT_TRUE(made) << made.error().message;
  EXPECT_EQ((*made)->status, 0);
  EXPECT_FALSE((*made)->has_password());
  // One that locks a stored one, whose password goes.
  model::User stored = new_user("secret");
  stored.username = "luis";
  const auto seen = accounts_.add_user(stored);
  ASSERT_TRUE(seen);
  model::User locked = **seen;
  locked.password = "*LK*";
  made = accounts_.provide_user(locked, *seen);
  ASSERT_TRUE(made) << made.error().message;
  EXPECT_EQ((*provider_->user("luis"))->status, 0);
  EXPECT_FALSE((*provider_->user("luis"))->has_password());
  model::User unknown = new_user("{SSHA}abc");
  unknown.username = "eva";
  EXPECT_FALSE(accounts_.provide_user(unknown, nullptr));
  EXPECT_FALSE(provider_->user("eva"));
  // A dump, over a stored administrator with a password.
  ASSERT_TRUE(accounts_.add_admin(new_admin("secret")));
  ASSERT_TRUE(accounts_.restore(new_admin("!"), true));
  EXPECT_EQ((*provider_->admin("root"))->status, 0);
  EXPECT_TRUE((*provider_->admin("root"))->password.empty());
}

TEST_F(AccountsTest, NewPassphrasesAreJudged) {
  AccountOptions strict = test_options();
  strict.min_secret_entropy = 80;
  Accounts accounts(*provider_, strict);
  model::User user = new_user("secret");
  user.filesystem.provider = model::FilesystemProvider::encrypted;
  user.filesystem.cryptconfig.passphrase = plain("abc");
  const auto refused = accounts.add_user(user);
  ASSERT_FALSE(refused);
  EXPECT_TRUE(refused.error().message.starts_with("filesystem.cryptconfig.passphrase: too easy to guess"));
  model::Folder folder;
  folder.name = "f";
  folder.mapped_path = "/m";
  folder.filesystem = user.filesystem;
  EXPECT_FALSE(accounts.add_folder(folder));
  model::Group group;
  group.name = "g";
  group.user_settings.filesystem = user.filesystem;
  EXPECT_FALSE(accounts.add_group(group));
  EXPECT_TRUE(accounts.restore(user, true)) << "its files are encrypted already";
  user.filesystem.cryptconfig.passphrase = plain("f8Kx2Lq9Zt5Rw7Vn3Mb6Yh1Jd4Gs0PcX");
  EXPECT_TRUE(accounts.update_user("maria", user));
}

TEST_F(AccountsTest, KeepsAHashAsItIs) {
  const char* const hash =
      "$6$saltstring$svn8UoSVapNtMuq1ukKS4tPQd8iKwSMHWjl/O817G3uBnIFNjnQJuesI68u4OTLiBFdcbYEdFCoEOfaS35inz1";
  EXPECT_EQ((*accounts_.add_user(new_user(hash)))->password, hash);
}

TEST_F(AccountsTest, UpdateKeepsWhatIsLeftOut) {
  model::User user = new_user("secret");
  user.filesystem.provider = model::FilesystemProvider::encrypted;
  user.filesystem.cryptconfig.passphrase = plain("hush");
  user.filters.recovery_codes = {{plain("code"), false}};
  const auto added = accounts_.add_user(user);
  ASSERT_TRUE(added);
  EXPECT_TRUE((*added)->filters.recovery_codes.at(0).secret.is_encrypted());

  for (const auto& sent : {redacted(), model::ConfigSecret{"Secretbox", "", "", "", 0},
                           model::ConfigSecret{"Secretbox", "whatever", "", "", 0}}) {
    user.password.clear();
    user.filesystem.cryptconfig.passphrase = sent;
    user.filters.recovery_codes.clear();
    const auto updated = accounts_.update_user("maria", user);
    ASSERT_TRUE(updated) << updated.error().message;
    EXPECT_EQ((*updated)->password, (*added)->password);
    EXPECT_EQ((*updated)->last_password_change, (*added)->last_password_change);
    EXPECT_EQ((*updated)->filesystem, (*added)->filesystem);
    EXPECT_EQ((*updated)->filters.recovery_codes, (*added)->filters.recovery_codes);
  }
  user.filesystem.cryptconfig.passphrase = plain("other");
  user.password = "new";
  const auto updated = accounts_.update_user(" maria", user);
  ASSERT_TRUE(updated);
  EXPECT_EQ(model::open((*updated)->filesystem.cryptconfig.passphrase, no_key_)->text(), "other");
  EXPECT_TRUE(*crypto::verify_password((*updated)->password, "new"));
}

// What a login hook answers for an account that it saw a while ago.
TEST_F(AccountsTest, ProvidedUsersKeepWhatOthersChangedMeanwhile) {
  model::User user = new_user("secret");
  user.username = "maria";
  user.filters.max_upload_file_size = 10;
  const auto seen = accounts_.provide_user(user, nullptr);
  ASSERT_TRUE(seen) << seen.error().message;
  model::User by_admin = **seen;
  by_admin.status = 0;
  by_admin.password = "another";
  by_admin.filters.denied_protocols = {"FTP"};
  ASSERT_TRUE(accounts_.update_user("maria", by_admin));
  model::User by_hook = **seen;
  by_hook.description = "of the hook";
  by_hook.filters.max_upload_file_size = 20;
  const auto provided = accounts_.provide_user(by_hook, *seen);
  ASSERT_TRUE(provided) << provided.error().message;
  EXPECT_EQ((*provided)->status, 0);
  EXPECT_EQ((*provided)->filters.denied_protocols, std::vector<std::string>{"FTP"});
  EXPECT_TRUE(*crypto::verify_password((*provided)->password, "another"));
  EXPECT_EQ((*provided)->description, "of the hook");
  EXPECT_EQ((*provided)->filters.max_upload_file_size, 20);
  // What both changed is the hook's.
  by_hook = **provided;
  by_hook.status = 1;
  EXPECT_EQ((*accounts_.provide_user(by_hook, *provided))->status, 1);
}

TEST_F(AccountsTest, ProvidedUsersAreNotMadeAgain) {
  model::User user = new_user("secret");
  user.username = "maria";
  const auto seen = accounts_.provide_user(user, nullptr);
  ASSERT_TRUE(seen);
  // Two first logins at once: both hooks say the same; another account of the name is nobody's to replace.
  EXPECT_TRUE(accounts_.provide_user(user, nullptr));
  model::User other = user;
  other.home_dir = "/srv/other";
  EXPECT_EQ(accounts_.provide_user(other, nullptr).error().code, ErrorCode::conflict);
  ASSERT_TRUE(provider_->delete_user("maria"));
  EXPECT_EQ(accounts_.provide_user(user, *seen).error().code, ErrorCode::conflict);
  EXPECT_EQ(provider_->user("maria").error().code, ErrorCode::not_found);
}

TEST_F(AccountsTest, RefusesWhatCannotBe) {
  model::User user = new_user("x");
  user.permissions.clear();
  EXPECT_EQ(accounts_.add_user(user).error().message, "permissions: please grant some permissions");
  user = new_user("x");
  user.filesystem.provider = model::FilesystemProvider::encrypted;
  user.filesystem.cryptconfig.passphrase = redacted();
  EXPECT_EQ(accounts_.add_user(user).error().code, ErrorCode::invalid_argument);
  EXPECT_EQ(accounts_.update_user("nobody", new_user("x")).error().code, ErrorCode::not_found);
  EXPECT_EQ(accounts_.add_user(new_user(std::string(5000, 'x').c_str())).error().message, "password: too long");
  EXPECT_EQ(accounts_.add_admin(new_admin("")).error().message, "password: please set a password");
  ASSERT_TRUE(accounts_.add_user(new_user("x")));
  user = new_user("");
  user.home_dir = "relative";
  EXPECT_EQ(accounts_.update_user("maria", user).error().code, ErrorCode::invalid_argument);
  EXPECT_EQ((*provider_->user("maria"))->home_dir, "/srv/maria");
}

TEST_F(AccountsTest, FolderSecretsAreBoundToTheFolder) {
  model::Folder folder;
  folder.name = "f";
  folder.mapped_path = "/m";
  folder.filesystem.provider = model::FilesystemProvider::encrypted;
  folder.filesystem.cryptconfig.passphrase = plain("hush");
  const auto added = accounts_.add_folder(folder);
  ASSERT_TRUE(added);
  EXPECT_EQ(added->filesystem.cryptconfig.passphrase.additional_data, "folder_f");
  folder.filesystem.cryptconfig.passphrase = redacted();
  folder.description = "d";
  const auto updated = accounts_.update_folder("f", folder);
  ASSERT_TRUE(updated);
  EXPECT_EQ(updated->description, "d");
  EXPECT_EQ(updated->filesystem, added->filesystem);
}

TEST_F(AccountsTest, GroupSecretsAreBoundToTheGroup) {
  model::Group group;
  group.name = " g ";
  group.user_settings.filesystem.provider = model::FilesystemProvider::encrypted;
  group.user_settings.filesystem.cryptconfig.passphrase = plain("hush");
  const auto added = accounts_.add_group(group);
  ASSERT_TRUE(added) << added.error().message;
  EXPECT_EQ(added->name, "g");
  const auto& passphrase = added->user_settings.filesystem.cryptconfig.passphrase;
  EXPECT_EQ(passphrase.additional_data, "group_g");
  EXPECT_EQ(model::open(passphrase, no_key_)->text(), "hush");
  group.user_settings.filesystem.cryptconfig.passphrase = redacted();
  group.description = "d";
  const auto updated = accounts_.update_group(" g", group);
  ASSERT_TRUE(updated) << updated.error().message;
  EXPECT_EQ(updated->description, "d");
  EXPECT_EQ(updated->user_settings, added->user_settings);
  group.user_settings.upload_bandwidth = -1;
  EXPECT_EQ(accounts_.update_group("g", group).error().code, ErrorCode::invalid_argument);
  EXPECT_EQ(accounts_.update_group("none", group).error().code, ErrorCode::not_found);
}

TEST_F(AccountsTest, Roles) {
  model::Role role;
  role.name = " r ";
  EXPECT_EQ(accounts_.add_role(role)->name, "r");
  role.description = "d";
  EXPECT_EQ(accounts_.update_role("r ", role)->description, "d");
  role.name = "../r";
  EXPECT_EQ(accounts_.add_role(role).error().code, ErrorCode::invalid_argument);
  EXPECT_EQ(accounts_.update_role("none", role).error().code, ErrorCode::not_found);
}

TEST_F(AccountsTest, AdminPasswords) {
  ASSERT_TRUE(accounts_.add_first_admin(new_admin("old")));
  EXPECT_EQ(accounts_.add_first_admin(new_admin("old")).error().code, ErrorCode::conflict);
  const auto change = [&](const char* current, const char* replacement) {
    const auto result = accounts_.change_password(Whose::admin, "root", current, replacement);
    return result ? std::string("done") : std::string(to_string(result.error().code));
  };
  EXPECT_EQ(change("wrong", "new"), to_string(ErrorCode::authentication_failed));
  EXPECT_EQ(change("old", "old"), to_string(ErrorCode::invalid_argument));
  EXPECT_EQ(change("old", ""), to_string(ErrorCode::invalid_argument));
  EXPECT_EQ(change("old", "$6$salt$abc"), to_string(ErrorCode::invalid_argument));
  EXPECT_EQ(change("old", "new"), "done");
  EXPECT_TRUE(*crypto::verify_password((*provider_->admin("root"))->password, "new"));
  model::Admin update = new_admin("");
  update.description = "d";
  ASSERT_TRUE(accounts_.update_admin("root", update));
  EXPECT_TRUE(*crypto::verify_password((*provider_->admin("root"))->password, "new"));
  EXPECT_TRUE(accounts_.update_profile(Whose::admin, "root", {"a@example.com", "p", true, {}}));
  EXPECT_EQ((*provider_->admin("root"))->email, "a@example.com");
  EXPECT_EQ(accounts_.update_profile(Whose::admin, "root", {"nonsense", "p", true, {}}).error().code,
            ErrorCode::invalid_argument);
}

TEST_F(AccountsTest, MasterKeySealsInItsOwnMode) {
  AccountOptions options = test_options();
  options.master_key = crypto::Secret(std::string_view("master"));
  model::User user = new_user("x");
  user.filesystem.provider = model::FilesystemProvider::encrypted;
  user.filesystem.cryptconfig.passphrase = plain("hush");
  const auto added = Accounts(*provider_, options).add_user(user);
  ASSERT_TRUE(added);
  const auto& passphrase = (*added)->filesystem.cryptconfig.passphrase;
  EXPECT_EQ(passphrase.mode, 1);
  EXPECT_FALSE(model::open(passphrase, no_key_));
  EXPECT_EQ(model::open(passphrase, options.master_key)->text(), "hush");
}

// By whoever it is written: REST, a hook, a dump.
TEST_F(AccountsTest, NobodyLiesInTheServersOwnDirectories) {
  AccountOptions options = test_options();
  options.protected_paths = std::make_shared<const ProtectedPaths>(ProtectedPaths::Options{
      .directory = "/srv/conf", .data = {"/srv"}, .own = {{"/srv/dumps", "the dumps"}}, .base = {}});
  Accounts accounts(*provider_, options);
  model::User user = new_user("x");
  ASSERT_TRUE(accounts.add_user(user)) << "its home is /srv/maria";
  const auto seen = provider_->user("maria");
  for (const char* place : {"/srv/conf", "/srv/conf/env.d", "/srv/dumps/x", "/srv", "/"}) {
    user.home_dir = place;
    EXPECT_FALSE(accounts.update_user("maria", user)) << place;
    EXPECT_FALSE(accounts.provide_user(user, *seen)) << place;
    EXPECT_FALSE(accounts.restore(user, true)) << place;
    model::User fresh = user;
    fresh.username = "paul";
    EXPECT_FALSE(accounts.add_user(fresh)) << place;
    EXPECT_FALSE(accounts.provide_user(fresh, nullptr)) << place;
    EXPECT_FALSE(accounts.restore(fresh, true)) << place;
    model::Folder folder;
    folder.name = "f";
    folder.mapped_path = place;
    EXPECT_FALSE(accounts.add_folder(folder)) << place;
    EXPECT_FALSE(accounts.restore(folder, true)) << place;
  }
  EXPECT_EQ((*provider_->user("maria"))->home_dir, "/srv/maria");
  // Nor because of the name, or by a group's placeholders.
  user = new_user("x");
  user.username = "dumps";
  EXPECT_FALSE(accounts.add_user(user));
  model::Group group;
  group.name = "g";
  group.user_settings.home_dir = "/srv/%username%";
  ASSERT_TRUE(accounts.add_group(group));
  user.username = "conf";
  user.home_dir = "/srv/elsewhere";
  user.groups = {{"g", 1}};
  EXPECT_FALSE(accounts.add_user(user));
}

}  // namespace
}  // namespace ferry::store
