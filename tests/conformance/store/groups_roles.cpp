// Groups and roles: what they hold, who is in them, what goes when one of them goes.
#include <atomic>
#include <thread>

#include "tests/conformance/store/provider_suite.h"

namespace ferry::store {
namespace {

using Names = std::vector<std::string>;

model::User member_of(std::string name, std::vector<model::GroupMapping> groups, std::string role = {}) {
  model::User user = test_user(std::move(name));
  user.groups = std::move(groups);
  user.role = std::move(role);
  return user;
}

TEST_P(ProviderTest, GroupComesBackAsItWasStored) {
  ASSERT_TRUE(store_->add_folder(test_folder("f")));
  model::Group group = test_group("g");
  group.description = "line\nbreak \" ' \\ \xe5\x90\x8d";
  group.user_settings.home_dir = "/srv/%username%";
  group.user_settings.permissions = {{"/", {"list"}}, {"/in", {"*"}}};
  group.user_settings.expires_in = 3;
  group.user_settings.filters.denied_ip = {"10.0.0.0/8"};
  group.user_settings.filesystem.provider = model::FilesystemProvider::sftp;
  group.user_settings.filesystem.sftpconfig.password = {"Secretbox", "payload", "key", "group_g", 1};
  group.virtual_folders = {test_mount("f", "/v/%username%"), test_mount("f", "/a")};
  group.virtual_folders[0].quota_size = group.virtual_folders[0].quota_files = -1;
  // What the store keeps cannot be brought along.
  group.id = 99;
  group.users = group.admins = {"nobody"};
  const auto added = store_->add_group(group);
  ASSERT_TRUE(added) << added.error().message;
  EXPECT_GT(added->id, 0);
  EXPECT_EQ(added->created_at, added->updated_at);
  group.id = added->id;
  group.created_at = group.updated_at = added->created_at;
  group.users = group.admins = {};
  for (model::VirtualFolder& mount : group.virtual_folders) {
    mount.mapped_path = "/srv/folder";
    mount.id = added->virtual_folders.at(0).id;
  }
  EXPECT_EQ(*added, group);
  EXPECT_EQ(*store_->group("g"), group);
  const auto changed = store_->change_group("g", [](model::Group& stored) -> Result<void> {
    stored = test_group("renamed");
    stored.description = "d";
    stored.users = {"nobody"};
    return {};
  });
  ASSERT_TRUE(changed);
  EXPECT_EQ(changed->name, "g");
  EXPECT_EQ(changed->id, group.id);
  EXPECT_EQ(changed->created_at, group.created_at);
  EXPECT_EQ(changed->users, Names{});
  EXPECT_TRUE(changed->virtual_folders.empty());
  EXPECT_EQ(store_->folder("f")->groups, Names{});
  EXPECT_EQ(*store_->group("g"), *changed);
}

TEST_P(ProviderTest, RoleComesBackAsItWasStored) {
  model::Role role = test_role("r");
  role.description = "d";
  role.id = 99;
  role.users = role.admins = {"nobody"};
  const auto added = store_->add_role(role);
  ASSERT_TRUE(added) << added.error().message;
  role.id = added->id;
  role.users = role.admins = {};
  role.created_at = role.updated_at = added->created_at;
  EXPECT_EQ(*added, role);
  const auto changed = store_->change_role("r", [](model::Role& stored) -> Result<void> {
    stored.name = "renamed";
    stored.description = "e";
    return {};
  });
  ASSERT_TRUE(changed);
  EXPECT_EQ(changed->name, "r");
  EXPECT_EQ(changed->description, "e");
  EXPECT_EQ(*store_->role("r"), *changed);
}

TEST_P(ProviderTest, MembersAreShownOnBothSides) {
  ASSERT_TRUE(store_->add_group(test_group("g")));
  ASSERT_TRUE(store_->add_group(test_group("h")));
  ASSERT_TRUE(store_->add_role(test_role("r")));
  ASSERT_TRUE(store_->add_user(member_of("b", {{"h", 3}, {"g", 1}}, "r")));
  ASSERT_TRUE(store_->add_user(member_of("a", {{"g", 2}})));
  model::Admin admin = test_admin("root");
  admin.groups = {{"h", {1}}, {"g", {0}}};
  admin.role = "r";
  ASSERT_TRUE(store_->add_admin(admin));
  EXPECT_EQ((*store_->user("b"))->groups, (std::vector<model::GroupMapping>{{"h", 3}, {"g", 1}}));
  EXPECT_EQ((*store_->user("b"))->role, "r");
  EXPECT_EQ((*store_->admin("root"))->groups, admin.groups);
  EXPECT_EQ((*store_->admin("root"))->role, "r");
  EXPECT_EQ(store_->group("g")->users, (Names{"a", "b"}));
  EXPECT_EQ(store_->groups({})->at(0).users, (Names{"a", "b"}));
  EXPECT_EQ(store_->group("g")->admins, Names{"root"});
  EXPECT_EQ(store_->role("r")->users, Names{"b"});
  EXPECT_EQ(store_->roles({})->at(0).admins, Names{"root"});

  ASSERT_TRUE(store_->change_user("b", [](model::User& user) -> Result<void> {
    user.groups = {{"h", 1}};
    user.role.clear();
    return {};
  }));
  ASSERT_TRUE(store_->change_admin("root", [](model::Admin& stored) -> Result<void> {
    stored.groups.clear();
    stored.role.clear();
    return {};
  }));
  EXPECT_EQ(store_->group("g")->users, Names{"a"});
  EXPECT_EQ(store_->group("h")->users, Names{"b"});
  EXPECT_EQ(store_->group("g")->admins, Names{});
  EXPECT_EQ(store_->role("r")->users, Names{});
  EXPECT_EQ(store_->role("r")->admins, Names{});
  ASSERT_TRUE(store_->delete_user("b"));
  EXPECT_EQ(store_->group("h")->users, Names{});
  // A new user of that name is another one.
  ASSERT_TRUE(store_->add_user(test_user("b")));
  EXPECT_EQ(store_->group("h")->users, Names{});
}

TEST_P(ProviderTest, UnknownGroupsAndRolesAreRefused) {
  ASSERT_TRUE(store_->add_user(test_user("a")));
  ASSERT_TRUE(store_->add_admin(test_admin("root")));
  const auto with_group = store_->add_user(member_of("b", {{"none", 1}}));
  ASSERT_FALSE(with_group);
  EXPECT_EQ(with_group.error().code, ErrorCode::invalid_argument);
  EXPECT_EQ(with_group.error().message, "groups: group \"none\" does not exist");
  EXPECT_EQ(store_->add_user(member_of("b", {}, "none")).error().message, "role: role \"none\" does not exist");
  EXPECT_FALSE(store_->user("b"));
  const auto bad = store_->change_user("a", [](model::User& user) -> Result<void> {
    user.description = "spoiled";
    user.role = "none";
    return {};
  });
  EXPECT_EQ(bad.error().code, ErrorCode::invalid_argument);
  EXPECT_EQ((*store_->user("a"))->description, "");
  const auto bad_admin = store_->change_admin("root", [](model::Admin& admin) -> Result<void> {
    admin.role = "none";
    return {};
  });
  EXPECT_EQ(bad_admin.error().code, ErrorCode::invalid_argument);
  model::Group group = test_group("g");
  group.virtual_folders = {test_mount("nowhere", "/v")};
  EXPECT_EQ(store_->add_group(group).error().message, "virtual_folders: folder \"nowhere\" does not exist");
  EXPECT_FALSE(store_->group("g"));
}

TEST_P(ProviderTest, AGroupInUseStaysARoleOfAdminsToo) {
  ASSERT_TRUE(store_->add_folder(test_folder("f")));
  model::Group group = test_group("g");
  group.virtual_folders = {test_mount("f", "/v")};
  ASSERT_TRUE(store_->add_group(group));
  ASSERT_TRUE(store_->add_role(test_role("r")));
  ASSERT_TRUE(store_->add_user(member_of("a", {{"g", 1}}, "r")));
  model::Admin admin = test_admin("root");
  admin.groups = {{"g", {2}}};
  admin.role = "r";
  ASSERT_TRUE(store_->add_admin(admin));
  EXPECT_EQ(store_->delete_group("g").error().code, ErrorCode::invalid_argument);
  EXPECT_EQ(store_->delete_role("r").error().code, ErrorCode::invalid_argument);
  EXPECT_TRUE(store_->group("g"));
  // A folder goes from its groups; a group from admins; a role from users.
  ASSERT_TRUE(store_->delete_folder("f"));
  EXPECT_TRUE(store_->group("g")->virtual_folders.empty());
  ASSERT_TRUE(store_->change_user("a", [](model::User& user) -> Result<void> {
    user.groups.clear();
    return {};
  }));
  ASSERT_TRUE(store_->delete_group("g"));
  EXPECT_TRUE((*store_->admin("root"))->groups.empty());
  ASSERT_TRUE(store_->change_admin("root", [](model::Admin& stored) -> Result<void> {
    stored.role.clear();
    return {};
  }));
  ASSERT_TRUE(store_->delete_role("r"));
  EXPECT_EQ((*store_->user("a"))->role, "");
  ASSERT_TRUE(store_->add_role(test_role("r")));
  EXPECT_EQ(store_->role("r")->users, Names{});
}

TEST_P(ProviderTest, UsersOfARole) {
  ASSERT_TRUE(store_->add_role(test_role("r")));
  ASSERT_TRUE(store_->add_role(test_role("other")));
  for (const char* name : {"d", "b", "a", "c", "e"}) {
    ASSERT_TRUE(store_->add_user(member_of(name, {}, std::string_view(name) == "c" ? "other" : "r")));
  }
  ASSERT_TRUE(store_->add_user(test_user("f")));
  const auto names = [&](std::string_view role, Page page) {
    Names list;
    const auto users = store_->users_of_role(role, page);
    EXPECT_TRUE(users);
    if (users) {
      for (const auto& user : *users) list.push_back(user->username);
    }
    return list;
  };
  EXPECT_EQ(names("r", {}), (Names{"a", "b", "d", "e"}));
  EXPECT_EQ(names("r", {.limit = 2, .offset = 1}), (Names{"b", "d"}));
  EXPECT_EQ(names("r", {.limit = 2, .offset = 0, .descending = true}), (Names{"e", "d"}));
  EXPECT_EQ(names("other", {}), Names{"c"});
  EXPECT_EQ(names("none", {}), Names{});
  EXPECT_EQ(names("", {}), Names{});
}

TEST_P(ProviderTest, EffectiveUserHasTheSettingsOfItsGroups) {
  ASSERT_TRUE(store_->add_folder(test_folder("f")));
  model::Group primary = test_group("p");
  primary.user_settings.home_dir = "/data/%username%";
  primary.user_settings.max_sessions = 4;
  model::Group secondary = test_group("s");
  secondary.virtual_folders = {test_mount("f", "/v/%username%")};
  ASSERT_TRUE(store_->add_group(primary));
  ASSERT_TRUE(store_->add_group(secondary));
  ASSERT_TRUE(store_->add_group(test_group("m")));
  ASSERT_TRUE(store_->add_user(member_of("a", {{"s", 2}, {"m", 3}, {"p", 1}})));
  const auto effective = store_->effective_user("a");
  ASSERT_TRUE(effective) << effective.error().message;
  EXPECT_EQ((*effective)->home_dir, "/data/a");
  EXPECT_EQ((*effective)->max_sessions, 4);
  ASSERT_EQ((*effective)->virtual_folders.size(), 1U);
  EXPECT_EQ((*effective)->virtual_folders[0].virtual_path, "/v/a");
  EXPECT_EQ((*effective)->virtual_folders[0].mapped_path, "/srv/folder");
  // Nothing of it is stored.
  EXPECT_EQ((*store_->user("a"))->home_dir, "/srv/home");
  EXPECT_TRUE((*store_->user("a"))->virtual_folders.empty());
  EXPECT_EQ(store_->folder("f")->users, Names{});
  EXPECT_EQ(store_->folder("f")->groups, Names{"s"});
  // A change of a group is there at the next look.
  ASSERT_TRUE(store_->change_group("p", [](model::Group& group) -> Result<void> {
    group.user_settings.home_dir.clear();
    return {};
  }));
  EXPECT_EQ((*store_->effective_user("a"))->home_dir, "/srv/home");
}

TEST_P(ProviderTest, ADumpBringsItsTimesAlong) {
  model::User user = test_user("a");
  user.created_at = 1;
  user.updated_at = 2;
  user.last_login = 3;
  user.first_download = 4;
  user.first_upload = 5;
  user.used_quota_files = user.used_upload_data_transfer = 6;
  const auto added = store_->add_user(user, Origin::dump);
  ASSERT_TRUE(added);
  user.id = (*added)->id;
  user.used_quota_files = user.used_upload_data_transfer = 0;
  EXPECT_EQ(**added, user);
  EXPECT_EQ(**store_->user("a"), user);
  model::Admin admin = test_admin("root");
  admin.created_at = 1;
  admin.last_login = 3;
  const auto root = store_->add_admin(admin, Origin::dump);
  EXPECT_EQ((*root)->created_at, 1);
  EXPECT_EQ((*root)->last_login, 3);
  EXPECT_GT((*root)->updated_at, 3);  // a time it does not have is now
  model::Group group = test_group("g");
  group.created_at = 7;
  EXPECT_EQ(store_->add_group(group, Origin::dump)->created_at, 7);
  model::Role role = test_role("r");
  role.created_at = 8;
  EXPECT_EQ(store_->add_role(role, Origin::dump)->created_at, 8);
}

TEST_P(ProviderTest, SnapshotHasEverything) {
  ASSERT_TRUE(store_->add_role(test_role("r")));
  ASSERT_TRUE(store_->add_folder(test_folder("f")));
  model::Group group = test_group("g");
  group.virtual_folders = {test_mount("f", "/v")};
  ASSERT_TRUE(store_->add_group(group));
  for (int i = 0; i < 150; ++i) ASSERT_TRUE(store_->add_user(member_of("u" + std::to_string(i), {{"g", 1}}, "r")));
  ASSERT_TRUE(store_->add_admin(test_admin("root")));
  const auto all = store_->snapshot();
  ASSERT_TRUE(all) << all.error().message;
  EXPECT_EQ(all->users.size(), 150U);
  EXPECT_EQ(*all->users.at(0), **store_->user("u0"));
  EXPECT_EQ(all->groups.at(0), *store_->group("g"));
  EXPECT_EQ(all->folders.at(0), *store_->folder("f"));
  EXPECT_EQ(all->roles.at(0), *store_->role("r"));
  EXPECT_EQ(*all->admins.at(0), **store_->admin("root"));
}

// Joining a group while it is deleted: either order is fine, a member of nothing is not.
TEST_P(ProviderTest, JoiningRacesDeleting) {
  for (int round = 0; round < 10; ++round) {
    const std::string name = std::to_string(round);
    ASSERT_TRUE(store_->add_group(test_group("g" + name)));
    ASSERT_TRUE(store_->add_role(test_role("r" + name)));
    {
      std::jthread remove([&] {
        (void)store_->delete_group("g" + name);
        (void)store_->delete_role("r" + name);
      });
      std::jthread join([&] { (void)store_->add_user(member_of("u" + name, {{"g" + name, 1}}, "r" + name)); });
    }
    const auto user = store_->user("u" + name);
    if (!user) continue;
    EXPECT_TRUE(store_->group("g" + name));
    EXPECT_TRUE(store_->effective_user("u" + name));
    EXPECT_EQ((*user)->role, store_->role("r" + name) ? "r" + name : "");
  }
}

}  // namespace
}  // namespace ferry::store
