// What users inherit: a row a setting, told apart by the kind of the group.
#include "model/effective_user.h"

#include <gtest/gtest.h>

#include <functional>

namespace ferry::model {
namespace {

using Names = std::vector<std::string>;

User bare_user() {
  User user;
  user.username = "maria";
  user.role = "north";
  user.home_dir = "/srv/maria";
  user.created_at = 1'000;
  user.permissions["/"] = {"list"};
  user.groups = {{"s1", 2}, {"p", 1}, {"m", 3}, {"s2", 2}};
  return user;
}

// What the user is when the groups p (primary), s1, s2 (secondary) and m (membership) are filled in by `fill`.
User merged(const std::function<void(User&)>& prepare, const std::function<void(Group&)>& fill, const char* filled) {
  User user = bare_user();
  prepare(user);
  std::vector<Group> groups(4);
  const char* const names[] = {"m", "s2", "s1", "p"};
  for (std::size_t i = 0; i < groups.size(); ++i) {
    groups[i].name = names[i];
    if (groups[i].name == filled) fill(groups[i]);
  }
  const auto result = effective_user(user, groups);
  EXPECT_TRUE(result) << result.error().message;
  return result ? *result : User();
}

// A setting: how a group has it, how a user has a value of its own, and whether a user shows the group's or its own.
struct Row {
  const char* name;
  std::function<void(Group&)> in_group;
  std::function<void(User&)> own;
  std::function<bool(const User&)> inherited;
  std::function<bool(const User&)> kept;  // with a value of its own beside the group's
  bool secondary;                         // secondary groups hand it down, too
};

template <class Get>
Row number(const char* name, Get get) {
  return {name,
          [get](Group& group) { get(group.user_settings) = 7; },
          [get](User& user) { get(user) = 3; },
          [get](const User& user) { return get(user) == 7; },
          [get](const User& user) { return get(user) == 3; },
          false};
}
template <class Get>
Row filter_number(const char* name, Get get) {
  return {name,
          [get](Group& group) { get(group.user_settings.filters) = 7; },
          [get](User& user) { get(user.filters) = 3; },
          [get](const User& user) { return get(user.filters) == 7; },
          [get](const User& user) { return get(user.filters) == 3; },
          false};
}
template <class Get>
Row flag(const char* name, Get get) {
  return {name,
          [get](Group& group) { get(group.user_settings.filters) = true; },
          [](User&) {},
          [get](const User& user) { return get(user.filters); },
          [get](const User& user) { return get(user.filters); },
          false};
}
template <class Get>
Row list(const char* name, Get get) {
  return {name,
          [get](Group& group) {
            get(group.user_settings.filters) = Names{"group's", "both"};
          },
          [get](User& user) {
            get(user.filters) = Names{"own", "both"};
          },
          [get](const User& user) {
            return get(user.filters) == Names{"group's", "both"};
          },
          [get](const User& user) {
            return get(user.filters) == Names{"own", "both", "group's"};
          },
          true};
}

#define FERRY_FIELD(field) \
  [](auto& o) -> auto& { return o.field; }

std::vector<Row> rows() {
  return {
      number("max_sessions", FERRY_FIELD(max_sessions)),
      number("quota_size", FERRY_FIELD(quota_size)),
      number("quota_files", FERRY_FIELD(quota_files)),
      number("upload_bandwidth", FERRY_FIELD(upload_bandwidth)),
      number("download_bandwidth", FERRY_FIELD(download_bandwidth)),
      number("upload_data_transfer", FERRY_FIELD(upload_data_transfer)),
      number("download_data_transfer", FERRY_FIELD(download_data_transfer)),
      number("total_data_transfer", FERRY_FIELD(total_data_transfer)),
      filter_number("max_upload_file_size", FERRY_FIELD(max_upload_file_size)),
      filter_number("external_auth_cache_time", FERRY_FIELD(external_auth_cache_time)),
      filter_number("ftp_security", FERRY_FIELD(ftp_security)),
      filter_number("default_shares_expiration", FERRY_FIELD(default_shares_expiration)),
      filter_number("max_shares_expiration", FERRY_FIELD(max_shares_expiration)),
      filter_number("password_expiration", FERRY_FIELD(password_expiration)),
      filter_number("password_strength", FERRY_FIELD(password_strength)),
      flag("hooks.external_auth_disabled", FERRY_FIELD(hooks.external_auth_disabled)),
      flag("hooks.pre_login_disabled", FERRY_FIELD(hooks.pre_login_disabled)),
      flag("hooks.check_password_disabled", FERRY_FIELD(hooks.check_password_disabled)),
      flag("disable_fs_checks", FERRY_FIELD(disable_fs_checks)),
      flag("allow_api_key_auth", FERRY_FIELD(allow_api_key_auth)),
      flag("is_anonymous", FERRY_FIELD(is_anonymous)),
      list("allowed_ip", FERRY_FIELD(allowed_ip)),
      list("denied_ip", FERRY_FIELD(denied_ip)),
      list("denied_login_methods", FERRY_FIELD(denied_login_methods)),
      list("denied_protocols", FERRY_FIELD(denied_protocols)),
      list("two_factor_protocols", FERRY_FIELD(two_factor_protocols)),
      list("web_client", FERRY_FIELD(web_client)),
      {"tls_username", [](Group& g) { g.user_settings.filters.tls_username = "CommonName"; },
       [](User& u) { u.filters.tls_username = "Other"; },
       [](const User& u) { return u.filters.tls_username == "CommonName"; },
       [](const User& u) { return u.filters.tls_username == "Other"; }, false},
      {"tls_username of None", [](Group& g) { g.user_settings.filters.tls_username = "CommonName"; },
       [](User& u) { u.filters.tls_username = "None"; },
       [](const User& u) { return u.filters.tls_username == "CommonName"; },
       [](const User& u) { return u.filters.tls_username == "CommonName"; }, false},
      {"home_dir", [](Group& g) { g.user_settings.home_dir = "/data/%role%/%username%"; }, [](User&) {},
       [](const User& u) { return u.home_dir == "/data/north/maria"; },
       [](const User& u) { return u.home_dir == "/data/north/maria"; }, false},
      {"start_directory", [](Group& g) { g.user_settings.filters.start_directory = "/in/%username%/%role%"; },
       [](User& u) { u.filters.start_directory = "/own"; },
       [](const User& u) { return u.filters.start_directory == "/in/maria/north"; },
       [](const User& u) { return u.filters.start_directory == "/own"; }, false},
      {"expires_in", [](Group& g) { g.user_settings.expires_in = 2; }, [](User& u) { u.expiration_date = 5; },
       [](const User& u) { return u.expiration_date == 1'000 + 2 * 86'400'000; },
       [](const User& u) { return u.expiration_date == 5; }, false},
      {"filesystem",
       [](Group& g) {
         g.user_settings.filesystem.provider = FilesystemProvider::sftp;
         g.user_settings.filesystem.sftpconfig.username = "%username%";
         g.user_settings.filesystem.sftpconfig.prefix = "/%role%/%username%";
       },
       [](User& u) { u.filesystem.provider = FilesystemProvider::encrypted; },
       [](const User& u) {
         return u.filesystem.provider == FilesystemProvider::sftp && u.filesystem.sftpconfig.username == "maria" &&
                u.filesystem.sftpconfig.prefix == "/north/maria";
       },
       [](const User& u) { return u.filesystem.provider == FilesystemProvider::sftp; }, false},
      {"filesystem of local", [](Group& g) { g.user_settings.filesystem.osconfig.read_buffer_size = 4; },
       [](User& u) { u.filesystem.provider = FilesystemProvider::encrypted; },
       [](const User& u) { return u.filesystem == FilesystemConfig(); },
       [](const User& u) { return u.filesystem.provider == FilesystemProvider::encrypted; }, false},
      {"permissions",
       [](Group& g) {
         g.user_settings.permissions = {{"/in/%username%", {"upload"}}};
       },
       [](User& u) { u.permissions["/in/maria"] = {"download"}; },
       [](const User& u) { return u.permissions.at("/in/maria") == Names{"upload"} && u.permissions.size() == 2; },
       [](const User& u) { return u.permissions.at("/in/maria") == Names{"download"} && u.permissions.size() == 2; },
       true},
      {"file_patterns",
       [](Group& g) {
         g.user_settings.filters.file_patterns = {{"/in/%role%", {"*.txt"}, {}, 1}};
       },
       [](User& u) {
         u.filters.file_patterns = {{"/in/north", {}, {"*.exe"}, 0}};
       },
       [](const User& u) {
         return u.filters.file_patterns == std::vector<PatternsFilter>{{"/in/north", {"*.txt"}, {}, 1}};
       },
       [](const User& u) {
         return u.filters.file_patterns == std::vector<PatternsFilter>{{"/in/north", {}, {"*.exe"}, 0}};
       },
       true},
      {"virtual_folders",
       [](Group& g) {
         g.virtual_folders.resize(1);
         g.virtual_folders[0].name = "group's";
         g.virtual_folders[0].virtual_path = "/v/%username%";
         g.virtual_folders[0].mapped_path = "/m/%role%/%username%";
         g.virtual_folders[0].subpath = "/tenants/%role%/%username%";
         g.virtual_folders[0].filesystem.s3config.key_prefix = "%username%/";
       },
       [](User& u) {
         u.virtual_folders.resize(1);
         u.virtual_folders[0].name = "own";
         u.virtual_folders[0].virtual_path = "/v/maria";
       },
       [](const User& u) {
         return u.virtual_folders.size() == 1 && u.virtual_folders[0].name == "group's" &&
                u.virtual_folders[0].virtual_path == "/v/maria" &&
                u.virtual_folders[0].mapped_path == "/m/north/maria" &&
                u.virtual_folders[0].subpath == "/tenants/north/maria" &&
                u.virtual_folders[0].filesystem.s3config.key_prefix == "maria/";
       },
       [](const User& u) { return u.virtual_folders.size() == 1 && u.virtual_folders[0].name == "own"; }, true},
      {"bandwidth_limits",
       [](Group& g) {
         g.user_settings.filters.bandwidth_limits = {{{"10.0.0.0/8"}, 1, 2}};
       },
       [](User& u) {
         u.filters.bandwidth_limits = {{{"10.1.0.0/16"}, 3, 4}};
       },
       [](const User& u) { return u.filters.bandwidth_limits.size() == 1; },
       [](const User& u) {
         return u.filters.bandwidth_limits.size() == 2 && u.filters.bandwidth_limits[0].upload_bandwidth == 3;
       },
       true},
      {"access_time",
       [](Group& g) {
         g.user_settings.filters.access_time = {{1, "08:00", "09:00"}};
       },
       [](User& u) {
         u.filters.access_time = {{2, "10:00", "11:00"}};
       },
       [](const User& u) { return u.filters.access_time.size() == 1; },
       [](const User& u) { return u.filters.access_time.size() == 2; }, true},
  };
}

TEST(EffectiveUser, EverySettingByKindOfGroup) {
  const auto nothing = [](User&) {};
  for (const Row& row : rows()) {
    SCOPED_TRACE(row.name);
    EXPECT_TRUE(row.inherited(merged(nothing, row.in_group, "p")));
    EXPECT_TRUE(row.kept(merged(row.own, row.in_group, "p")));
    EXPECT_EQ(merged(nothing, row.in_group, "s2") == bare_user(), !row.secondary);
    if (row.secondary) {
      EXPECT_TRUE(row.inherited(merged(nothing, row.in_group, "s2")));
      EXPECT_TRUE(row.kept(merged(row.own, row.in_group, "s2")));
    }
    EXPECT_EQ(merged(nothing, row.in_group, "m"), bare_user());
  }
}

TEST(EffectiveUser, TheRootBelongsToTheUserAndThePrimaryGroup) {
  const auto fill = [](Group& group) {
    group.user_settings.permissions["/"] = {"*"};
    group.user_settings.filters.file_patterns = {{"/", {"*.txt"}, {}, 0}};
    group.virtual_folders.resize(1);
    group.virtual_folders[0].virtual_path = "/";
  };
  const auto bare = [](User& user) { user.permissions.clear(); };
  EXPECT_EQ(merged(bare, fill, "p").permissions.at("/"), Names{"*"});
  EXPECT_EQ(merged(bare, fill, "p").virtual_folders.size(), 1U);
  EXPECT_EQ(merged(bare, fill, "p").filters.file_patterns.size(), 1U);
  EXPECT_TRUE(merged(bare, fill, "s1").permissions.empty());
  EXPECT_TRUE(merged(bare, fill, "s1").virtual_folders.empty());
  EXPECT_TRUE(merged(bare, fill, "s1").filters.file_patterns.empty());
  EXPECT_EQ(merged([](User&) {}, fill, "p").permissions.at("/"), Names{"list"});
}

TEST(EffectiveUser, ThePrimaryGroupComesFirstThenTheUsersOrder) {
  std::vector<Group> groups(3);
  const char* const names[] = {"s2", "s1", "p"};
  for (std::size_t i = 0; i < groups.size(); ++i) {
    groups[i].name = names[i];
    groups[i].user_settings.permissions["/all"] = {names[i]};
    if (groups[i].name != "p") groups[i].user_settings.permissions["/secondary"] = {names[i]};
    groups[i].user_settings.filters.denied_ip = {names[i]};
  }
  User user = bare_user();
  user.groups = {{"s1", 2}, {"s2", 2}, {"p", 1}};
  const auto effective = effective_user(user, groups);
  ASSERT_TRUE(effective);
  EXPECT_EQ(effective->permissions.at("/all"), Names{"p"});
  EXPECT_EQ(effective->permissions.at("/secondary"), Names{"s1"});
  EXPECT_EQ(effective->filters.denied_ip, (Names{"p", "s1", "s2"}));
  EXPECT_EQ(effective->groups, user.groups);
}

// What the documentation says: inherited if the user has no data transfer limits.
TEST(EffectiveUser, DataTransferLimitsAreInheritedTogether) {
  const auto fill = [](Group& group) {
    group.user_settings.upload_data_transfer = 10;
    group.user_settings.total_data_transfer = 30;
  };
  const User without = merged([](User&) {}, fill, "p");
  EXPECT_EQ(without.upload_data_transfer, 10);
  EXPECT_EQ(without.total_data_transfer, 30);
  const User with = merged([](User& user) { user.download_data_transfer = 5; }, fill, "p");
  EXPECT_EQ(with.upload_data_transfer, 0);
  EXPECT_EQ(with.total_data_transfer, 0);
  EXPECT_EQ(with.download_data_transfer, 5);
}

// Else a user without a role would see the directories of all roles.
TEST(EffectiveUser, ASubpathWithoutItsRoleIsNotMounted) {
  const auto fill = [](Group& group) {
    group.virtual_folders.resize(2);
    group.virtual_folders[0].virtual_path = "/of-role";
    group.virtual_folders[0].subpath = "/roles/%role%";
    group.virtual_folders[1].virtual_path = "/mine";
    group.virtual_folders[1].subpath = "/tenants/%username%";
  };
  const User user = merged([](User& u) { u.role.clear(); }, fill, "s1");
  ASSERT_EQ(user.virtual_folders.size(), 1U);
  EXPECT_EQ(user.virtual_folders[0].subpath, "/tenants/maria");
  EXPECT_EQ(merged([](User&) {}, fill, "s1").virtual_folders.size(), 2U);
}

TEST(EffectiveUser, AGroupThatIsMissingRefuses) {
  User user = bare_user();
  EXPECT_EQ(effective_user(user, {}).error().message, "group \"p\" does not exist");
  user.groups = {{"m", 3}};
  EXPECT_EQ(effective_user(user, {}), user);
}

TEST(EffectiveUser, AnAnonymousGroupOpensNoOtherDoor) {
  const User user = merged([](User& u) { u.permissions["/"] = {"*"}; },
                           [](Group& g) { g.user_settings.filters.is_anonymous = true; }, "p");
  EXPECT_EQ(user.permissions, (Permissions{{"/", {"list", "download"}}}));
  EXPECT_EQ(user.filters.denied_protocols, (Names{"SSH", "HTTP"}));
}

TEST(EffectiveUser, NamesNeverClimb) {
  for (const char* name : {"%role%", "%username%", "..%role%", "a b", "%", "%%username%%", "$HOME", "~", "..."}) {
    const User user = merged(
        [&](User& u) {
          u.username = name;
          u.role = "%username%";
        },
        [](Group& g) {
          g.user_settings.home_dir = "/data/%username%";
          g.user_settings.filters.start_directory = "/s/%role%";
        },
        "p");
    EXPECT_EQ(user.home_dir, "/data/" + std::string(name));
    EXPECT_EQ(user.filters.start_directory, "/s/%username%");
  }
  // Names such as these are refused when they are stored; should one come in all the same, nothing is opened.
  for (const char* name : {"..", "../other", "x/../../etc"}) {
    User user = bare_user();
    user.username = name;
    user.groups = {{"p", 1}};
    Group group;
    group.name = "p";
    group.user_settings.home_dir = "/data/%username%";
    EXPECT_FALSE(effective_user(user, std::span(&group, 1))) << name;
    group.user_settings.home_dir.clear();
    group.virtual_folders.resize(1);
    group.virtual_folders[0].virtual_path = "/v";
    group.virtual_folders[0].subpath = "/tenants/%username%";
    EXPECT_FALSE(effective_user(user, std::span(&group, 1))) << name;
  }
}

TEST(EffectiveUser, WithoutARoleThePlaceholderIsNothing) {
  const User user = merged([](User& u) { u.role.clear(); },
                           [](Group& g) { g.user_settings.home_dir = "/data/%role%/%username%"; }, "p");
  EXPECT_EQ(user.home_dir, "/data/maria");
}

TEST(EffectiveUser, APathThatCannotBeRefuses) {
  User user = bare_user();
  user.username = std::string(200, 'x');
  user.groups = {{"p", 1}};
  Group group;
  group.name = "p";
  std::string path;
  for (int i = 0; i < 30; ++i) path += "/%username%";
  group.user_settings.permissions[path] = {"*"};
  EXPECT_EQ(effective_user(user, std::span(&group, 1)).error().code, ErrorCode::invalid_argument);
}

}  // namespace
}  // namespace ferry::model
