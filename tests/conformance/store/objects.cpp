// Adding, reading, changing, deleting, listing.
#include "tests/conformance/store/provider_suite.h"

namespace ferry::store {
namespace {

constexpr std::int64_t big = std::int64_t{1} << 62;

TEST_P(ProviderTest, UserComesBackAsItWasStored) {
  model::User user = test_user("maria");
  user.password = "$2a$10$hash";
  user.quota_size = big;
  user.description = "line\nbreak \" ' \\ \t \xe5\x90\x8d";
  user.public_keys = {"ssh-ed25519 AAAA"};
  user.filters.denied_protocols = {"FTP"};
  user.filesystem.provider = model::FilesystemProvider::sftp;
  user.filesystem.sftpconfig.password = {"Secretbox", "payload", "key", "maria", 1};
  user.oidc_custom_fields = R"({"a":[1]})";
  // What the store keeps cannot be brought along.
  user.id = 99;
  user.used_quota_size = user.last_login = user.first_upload = 77;
  const auto before = now_ms();
  const auto added = store_->add_user(user);
  ASSERT_TRUE(added) << added.error().message;
  EXPECT_GT((*added)->id, 0);
  EXPECT_GE((*added)->created_at, before);
  EXPECT_EQ((*added)->created_at, (*added)->updated_at);
  user.id = (*added)->id;
  user.created_at = user.updated_at = (*added)->created_at;
  user.used_quota_size = user.last_login = user.first_upload = 0;
  EXPECT_EQ(**added, user);
  EXPECT_EQ(**store_->user("maria"), user);
}

TEST_P(ProviderTest, MissingObjectsAreNotFound) {
  const auto code = [](const auto& result) { return result ? ErrorCode::internal : result.error().code; };
  const auto nothing = [](auto&) -> Result<void> { return {}; };
  EXPECT_EQ(code(store_->user("x")), ErrorCode::not_found);
  EXPECT_EQ(code(store_->change_user("x", nothing)), ErrorCode::not_found);
  EXPECT_EQ(code(store_->delete_user("x")), ErrorCode::not_found);
  EXPECT_EQ(code(store_->admin("x")), ErrorCode::not_found);
  EXPECT_EQ(code(store_->change_admin("x", nothing)), ErrorCode::not_found);
  EXPECT_EQ(code(store_->delete_admin("x")), ErrorCode::not_found);
  EXPECT_EQ(code(store_->folder("x")), ErrorCode::not_found);
  EXPECT_EQ(code(store_->change_folder("x", nothing)), ErrorCode::not_found);
  EXPECT_EQ(code(store_->delete_folder("x")), ErrorCode::not_found);
  EXPECT_EQ(code(store_->effective_user("x")), ErrorCode::not_found);
  EXPECT_EQ(code(store_->group("x")), ErrorCode::not_found);
  EXPECT_EQ(code(store_->change_group("x", nothing)), ErrorCode::not_found);
  EXPECT_EQ(code(store_->delete_group("x")), ErrorCode::not_found);
  EXPECT_EQ(code(store_->role("x")), ErrorCode::not_found);
  EXPECT_EQ(code(store_->change_role("x", nothing)), ErrorCode::not_found);
  EXPECT_EQ(code(store_->delete_role("x")), ErrorCode::not_found);
  EXPECT_EQ(code(store_->update_user_quota("x", {1, 1}, QuotaUpdate::add)), ErrorCode::not_found);
  EXPECT_EQ(code(store_->update_user_quota("x", {1, 1}, QuotaUpdate::reset)), ErrorCode::not_found);
  EXPECT_EQ(code(store_->update_folder_quota("x", {1, 1}, QuotaUpdate::add)), ErrorCode::not_found);
  EXPECT_EQ(code(store_->update_transfer_quota("x", {1, 1}, QuotaUpdate::reset)), ErrorCode::not_found);
  EXPECT_EQ(code(store_->user_quota("x")), ErrorCode::not_found);
  EXPECT_EQ(code(store_->folder_quota("x")), ErrorCode::not_found);
  EXPECT_EQ(code(store_->transfer_quota("x")), ErrorCode::not_found);
  EXPECT_EQ(code(store_->set_user_last_login("x", 1)), ErrorCode::not_found);
  EXPECT_EQ(code(store_->set_admin_last_login("x", 1)), ErrorCode::not_found);
}

TEST_P(ProviderTest, SecondOfAKindIsRefused) {
  ASSERT_TRUE(store_->add_user(test_user("a")));
  ASSERT_TRUE(store_->add_admin(test_admin("a")));
  ASSERT_TRUE(store_->add_folder(test_folder("a")));
  ASSERT_TRUE(store_->add_group(test_group("a")));
  ASSERT_TRUE(store_->add_role(test_role("a")));
  EXPECT_EQ(store_->add_group(test_group("a")).error().code, ErrorCode::already_exists);
  EXPECT_EQ(store_->add_role(test_role("a")).error().code, ErrorCode::already_exists);
  EXPECT_EQ(store_->add_user(test_user("a")).error().code, ErrorCode::already_exists);
  EXPECT_EQ(store_->add_admin(test_admin("a")).error().code, ErrorCode::already_exists);
  EXPECT_EQ(store_->add_folder(test_folder("a")).error().code, ErrorCode::already_exists);
  EXPECT_TRUE(store_->add_user(test_user("A")));  // names are compared as bytes
}

TEST_P(ProviderTest, ChangeKeepsWhatTheStoreKeeps) {
  const auto added = store_->add_user(test_user("a"));
  ASSERT_TRUE(added);
  ASSERT_TRUE(store_->update_user_quota("a", {2, 3}, QuotaUpdate::add));
  ASSERT_TRUE(store_->set_user_last_login("a", 5));
  const auto changed = store_->change_user("a", [](model::User& user) -> Result<void> {
    user = test_user("renamed");
    user.quota_files = 9;
    user.used_quota_files = 100;
    return {};
  });
  ASSERT_TRUE(changed);
  EXPECT_EQ((*changed)->username, "a");
  EXPECT_EQ((*changed)->id, (*added)->id);
  EXPECT_EQ((*changed)->created_at, (*added)->created_at);
  EXPECT_GE((*changed)->updated_at, (*added)->updated_at);
  EXPECT_EQ((*changed)->quota_files, 9);
  EXPECT_EQ((*changed)->used_quota_files, 2);
  EXPECT_EQ((*changed)->last_login, 5);
  EXPECT_EQ(**store_->user("a"), **changed);
  EXPECT_FALSE(store_->user("renamed"));
}

TEST_P(ProviderTest, FailedChangeChangesNothing) {
  ASSERT_TRUE(store_->add_user(test_user("a")));
  ASSERT_TRUE(store_->add_admin(test_admin("a")));
  ASSERT_TRUE(store_->add_group(test_group("a")));
  ASSERT_TRUE(store_->add_role(test_role("a")));
  const auto spoil = [](auto& object) -> Result<void> {
    object.description = "spoiled";
    return fail(ErrorCode::aborted);
  };
  EXPECT_EQ(store_->change_user("a", spoil).error().code, ErrorCode::aborted);
  EXPECT_EQ(store_->change_admin("a", spoil).error().code, ErrorCode::aborted);
  EXPECT_EQ(store_->change_group("a", spoil).error().code, ErrorCode::aborted);
  EXPECT_EQ(store_->change_role("a", spoil).error().code, ErrorCode::aborted);
  EXPECT_EQ((*store_->user("a"))->description, "");
  EXPECT_EQ((*store_->admin("a"))->description, "");
  EXPECT_EQ(store_->group("a")->description, "");
  EXPECT_EQ(store_->role("a")->description, "");
  // A mount that does not exist is found out late: what went before it is undone.
  const auto bad = store_->change_user("a", [](model::User& user) -> Result<void> {
    user.description = "spoiled";
    user.virtual_folders = {test_mount("nowhere", "/v")};
    return {};
  });
  EXPECT_EQ(bad.error().code, ErrorCode::invalid_argument);
  EXPECT_EQ((*store_->user("a"))->description, "");
}

TEST_P(ProviderTest, PagesAreOrderedByName) {
  for (const char* name : {"b", "a", "ä", "B", "aa", "c"}) {
    ASSERT_TRUE(store_->add_user(test_user(name)));
    ASSERT_TRUE(store_->add_admin(test_admin(name)));
    ASSERT_TRUE(store_->add_folder(test_folder(name)));
    ASSERT_TRUE(store_->add_group(test_group(name)));
    ASSERT_TRUE(store_->add_role(test_role(name)));
  }
  const auto users = [&](Page page) {
    std::vector<std::string> names;
    const auto list = store_->users(page);
    if (list) {
      for (const auto& user : *list) names.push_back(user->username);
    }
    return names;
  };
  using Names = std::vector<std::string>;
  EXPECT_EQ(users({}), (Names{"B", "a", "aa", "b", "c", "ä"}));
  EXPECT_EQ(users({.limit = 2, .offset = 1}), (Names{"a", "aa"}));
  EXPECT_EQ(users({.limit = 2, .offset = 1, .descending = true}), (Names{"c", "b"}));
  EXPECT_EQ(users({.limit = 100, .offset = 5}), Names{"ä"});
  EXPECT_EQ(users({.limit = 100, .offset = 6}), Names{});
  EXPECT_EQ(users({.limit = 0}), Names{});
  EXPECT_EQ(store_->admins({.limit = 1, .offset = 0, .descending = true})->front()->username, "ä");
  EXPECT_EQ(store_->folders({.limit = 1, .offset = 2})->front().name, "aa");
  EXPECT_EQ(store_->groups({.limit = 1, .offset = 0, .descending = true})->front().name, "ä");
  EXPECT_EQ(store_->roles({.limit = 1, .offset = 2})->front().name, "aa");
}

TEST_P(ProviderTest, HostileNamesAreOnlyNames) {
  const std::vector<std::string> names = {
      "'; DROP TABLE users; --", "\"", "a' OR '1'='1", ":name", "%", "_", "?1", "a\\", "\xf0\x9f\x9a\xa2",
      std::string(255, 'x')};
  for (const std::string& name : names) {
    ASSERT_TRUE(store_->add_user(test_user(name))) << name;
    ASSERT_TRUE(store_->add_admin(test_admin(name))) << name;
    ASSERT_TRUE(store_->add_folder(test_folder(name))) << name;
    ASSERT_TRUE(store_->add_group(test_group(name))) << name;
    ASSERT_TRUE(store_->add_role(test_role(name))) << name;
    model::User member = test_user("of " + name);
    member.groups = {{name, 1}};
    member.role = name;
    ASSERT_TRUE(store_->add_user(member)) << name;
  }
  for (const std::string& name : names) {
    const std::vector<std::string> members = {"of " + name};
    EXPECT_EQ(store_->group(name)->users, members);
    EXPECT_EQ(store_->role(name)->users, members);
    EXPECT_EQ(store_->users_of_role(name, {})->size(), 1U);
    EXPECT_EQ((*store_->effective_user(members[0]))->role, name);
    EXPECT_TRUE(store_->delete_user(members[0]));
    EXPECT_EQ((*store_->user(name))->username, name);
    EXPECT_EQ((*store_->admin(name))->username, name);
    EXPECT_EQ(store_->folder(name)->name, name);
    EXPECT_TRUE(store_->update_user_quota(name, {1, 1}, QuotaUpdate::add));
  }
  EXPECT_EQ(store_->users({})->size(), names.size());
  EXPECT_FALSE(store_->user(std::string("%\0", 2)));
  EXPECT_FALSE(store_->user(""));
  EXPECT_FALSE(store_->user(std::string(1 << 20, 'y')));
  for (const std::string& name : names) {
    EXPECT_TRUE(store_->delete_user(name));
    EXPECT_TRUE(store_->delete_admin(name));
    EXPECT_TRUE(store_->delete_folder(name));
    EXPECT_TRUE(store_->delete_group(name));
    EXPECT_TRUE(store_->delete_role(name));
  }
  EXPECT_TRUE(store_->users({})->empty());
}

TEST_P(ProviderTest, Admins) {
  EXPECT_FALSE(*store_->has_admin());
  model::Admin admin = test_admin("root");
  admin.password = "$2a$10$hash";
  admin.filters.allow_list = {"10.0.0.0/8"};
  admin.groups = {{"g", {2}}};
  EXPECT_EQ(store_->add_first_admin(admin).error().message, "groups: group \"g\" does not exist");
  ASSERT_TRUE(store_->add_group(test_group("g")));
  const auto added = store_->add_first_admin(admin);
  ASSERT_TRUE(added);
  EXPECT_TRUE(*store_->has_admin());
  admin.id = (*added)->id;
  admin.created_at = admin.updated_at = (*added)->created_at;
  EXPECT_EQ(**store_->admin("root"), admin);
  EXPECT_EQ(store_->add_first_admin(test_admin("other")).error().code, ErrorCode::conflict);
  ASSERT_TRUE(store_->set_admin_last_login("root", 7));
  const auto changed = store_->change_admin("root", [](model::Admin& stored) -> Result<void> {
    stored.description = "d";
    stored.last_login = 0;
    return {};
  });
  ASSERT_TRUE(changed);
  EXPECT_EQ((*changed)->description, "d");
  EXPECT_EQ((*changed)->last_login, 7);
  ASSERT_TRUE(store_->delete_admin("root"));
  EXPECT_FALSE(*store_->has_admin());
}

TEST_P(ProviderTest, SurvivesARestart) {
  if (!GetParam().persistent) GTEST_SKIP() << "lives with the process";
  ASSERT_TRUE(store_->add_folder(test_folder("f")));
  model::User user = test_user("a");
  user.virtual_folders = {test_mount("f", "/v")};
  model::Group group = test_group("g");
  group.virtual_folders = {test_mount("f", "/w")};
  ASSERT_TRUE(store_->add_group(group));
  ASSERT_TRUE(store_->add_role(test_role("r")));
  user.groups = {{"g", 2}};
  user.role = "r";
  ASSERT_TRUE(store_->add_user(user));
  ASSERT_TRUE(store_->update_user_quota("a", {1, big}, QuotaUpdate::add));
  ASSERT_TRUE(store_->add_admin(test_admin("root")));
  const model::User before = **store_->user("a");
  store_.reset();
  store_ = GetParam().open(scratch_);
  EXPECT_EQ(**store_->user("a"), before);
  EXPECT_TRUE(*store_->has_admin());
  EXPECT_EQ(store_->folder("f")->users, std::vector<std::string>{"a"});
  EXPECT_EQ(store_->folder("f")->groups, std::vector<std::string>{"g"});
  EXPECT_EQ((*store_->effective_user("a"))->virtual_folders.size(), 2U);
  EXPECT_EQ(store_->role("r")->users, std::vector<std::string>{"a"});
}

}  // namespace
}  // namespace ferry::store
