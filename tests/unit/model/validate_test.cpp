#include "model/validate.h"

#include <gtest/gtest.h>

#include <functional>

#include "model/public_key.h"

namespace ferry::model {
namespace {

constexpr const char* ed25519 =
    "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIB6YsCWxDCoIcFKuaOvTFJmlRZhqP5AfvEEgHzuU1vvJ me@host";

User valid_user() {
  User user;
  user.username = "maria";
  user.home_dir = "/srv/maria";
  user.permissions["/"] = {"*"};
  return user;
}

std::string problem(const std::function<void(User&)>& spoil, UserRules rules = {}) {
  User user = valid_user();
  spoil(user);
  const auto result = validate(user, rules);
  EXPECT_TRUE(result || result.error().code == ErrorCode::invalid_argument);
  return result ? "" : result.error().message;
}

TEST(Validate, AcceptsAndNormalises) {
  User user = valid_user();
  user.username = "  maria ";
  user.home_dir = "/srv//x/../maria/";
  user.permissions = {{"/", {"list", "*", "list"}}, {"/a//b/", {"upload", "upload"}}};
  user.public_keys = {"", std::string("  ") + ed25519 + "\r\n", ed25519};
  user.filters.start_directory = "/";
  ASSERT_TRUE(validate(user, {}));
  EXPECT_EQ(user.username, "maria");
  EXPECT_EQ(user.home_dir, "/srv/maria");
  EXPECT_EQ(user.permissions, (Permissions{{"/", {"*"}}, {"/a/b", {"upload"}}}));
  EXPECT_EQ(user.public_keys, std::vector<std::string>{ed25519});
  EXPECT_EQ(user.filters.start_directory, "");
}

TEST(Validate, HomeDirectory) {
  EXPECT_EQ(problem([](User& u) { u.home_dir = ""; }), "home_dir: an absolute path is required");
  EXPECT_EQ(problem([](User& u) { u.home_dir = "rel"; }), "home_dir: an absolute path is required");
  EXPECT_NE(problem([](User& u) { u.home_dir = std::string("/a\0b", 4); }), "");
  User user = valid_user();
  user.home_dir = "";
  ASSERT_TRUE(validate(user, {.naming = {}, .users_base_dir = "/srv/base"}));
  EXPECT_EQ(user.home_dir, "/srv/base/maria");
}

TEST(Validate, HostileNames) {
  for (const std::string& name :
       {std::string(""), std::string("   "), std::string("."), std::string(".."), std::string("a/b"),
        std::string("../x"), std::string("a\\b"), std::string("a\0b", 3), std::string("a\nb"), std::string("\x7f"),
        std::string("\xc2\x85"), std::string("a\xe2\x80\xae") + "b", std::string("\xff"), std::string("\xc0\xaf"),
        std::string("\xed\xa0\x80"), std::string(256, 'a')}) {
    EXPECT_NE(problem([&](User& u) { u.username = name; }), "") << testing::PrintToString(name);
    Folder folder;
    folder.name = name;
    folder.mapped_path = "/m";
    EXPECT_FALSE(validate(folder, {}));
    Admin admin;
    admin.username = name;
    admin.permissions = {"*"};
    EXPECT_FALSE(validate(admin, {}));
  }
  for (const char* name : {"Робърт'); DROP TABLE users;--", "名前", "a b", "%username%", "<script>", "=1+1"}) {
    EXPECT_EQ(problem([&](User& u) { u.username = name; }), "") << name;
    EXPECT_NE(problem([&](User& u) { u.username = name; }, {.naming = {0}, .users_base_dir = ""}), "") << name;
  }
}

TEST(Validate, NamingRules) {
  EXPECT_EQ(NamingRules{0}.convert(" Ab "), " Ab ");
  EXPECT_EQ(NamingRules{2}.convert(" Ab "), " ab ");
  EXPECT_EQ(NamingRules{4}.convert(" Ab "), "Ab");
  EXPECT_EQ(NamingRules{6}.convert("\t \n"), "");
  EXPECT_TRUE(NamingRules{0}.check("f", "A-z.0_~"));
  EXPECT_FALSE(NamingRules{0}.check("f", "a b"));
  EXPECT_TRUE(NamingRules{1}.check("f", "a b"));
}

TEST(Validate, Permissions) {
  EXPECT_EQ(problem([](User& u) { u.permissions.clear(); }), "permissions: please grant some permissions");
  EXPECT_NE(problem([](User& u) { u.permissions = {{"/a", {"*"}}}; }), "");
  EXPECT_NE(problem([](User& u) { u.permissions["/"] = {}; }), "");
  EXPECT_EQ(problem([](User& u) { u.permissions["/closed"] = {}; }), "") << "the way to close a directory";
  EXPECT_EQ(problem([](User& u) { u.permissions["/"] = {"fly"}; }), "permissions: unknown value \"fly\"");
  EXPECT_NE(problem([](User& u) { u.permissions["rel"] = {"list"}; }), "");
  EXPECT_NE(problem([](User& u) { u.permissions.insert({{"/a", {"list"}}, {"/a/", {"upload"}}}); }), "");
  EXPECT_EQ(problem([](User& u) { u.permissions["/a"] = u.permissions["/a/"] = {"list"}; }), "") << "the same";
}

TEST(Validate, PublicKeys) {
  for (const char* key : {"nonsense", "ssh-ed25519", "ssh-ed25519 ???",
                          "ssh-rsa AAAAC3NzaC1lZDI1NTE5AAAAIB6YsCWxDCoIcFKuaOvTFJmlRZhqP5AfvEEgHzuU1vvJ",
                          "ssh-ed25519-cert-v01@openssh.com AAAA", "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5"}) {
    EXPECT_NE(problem([&](User& u) { u.public_keys = {key}; }), "") << key;
  }
  EXPECT_NE(problem([](User& u) { u.public_keys = {std::string(ed25519) + "\nssh-rsa AAAA"}; }), "");
  EXPECT_EQ(problem([](User& u) { u.public_keys = {std::string("from=\"10.0.0.0/8\" ") + ed25519}; }), "");
  // Which of them it is.
  EXPECT_EQ(problem([](User& u) {
              u.public_keys = {ed25519, "", std::string("restrict ") + ed25519};
            }),
            "public_keys: key 2: option restrict is not supported");
}

TEST(Validate, EveryTextHasABound) {
  const auto of = [](std::size_t size) { return std::string(size, 'x'); };
  EXPECT_EQ(problem([&](User& u) { u.description = of(512); }), "");
  EXPECT_EQ(problem([&](User& u) { u.description = of(513); }), "description: longer than 512 characters (513)");
  std::string wide;
  for (int i = 0; i < 512; ++i) wide += "ü";
  EXPECT_EQ(problem([&](User& u) { u.description = wide; }), "") << "characters, not bytes";
  EXPECT_NE(problem([&](User& u) { u.email = of(300) + "@example.com"; }), "");
  EXPECT_EQ(problem([&](User& u) { u.additional_info = of(65535); }), "");
  EXPECT_EQ(problem([&](User& u) { u.additional_info = of(65536); }), "additional_info: longer than 65535 bytes");
  EXPECT_NE(problem([&](User& u) { u.oidc_custom_fields = of(65536); }), "");
  EXPECT_EQ(problem([&](User& u) { u.filters.totp_config.config_name = of(256); }),
            "filters.totp_config.config_name: longer than 255 characters (256)");
  EXPECT_EQ(problem([&](User& u) { u.filesystem.s3config.bucket = of(4097); }),
            "filesystem.s3config.bucket: longer than 4096 characters (4097)");
  EXPECT_NE(problem([&](User& u) { u.filesystem.httpconfig.unknown = of(65536); }), "");
  Admin admin;
  admin.username = "root";
  admin.permissions = {"*"};
  admin.additional_info = of(65536);
  EXPECT_FALSE(validate(admin, {}));
  Folder folder;
  folder.name = "f";
  folder.mapped_path = "/m";
  folder.description = of(513);
  EXPECT_FALSE(validate(folder, {}));
  folder.description.clear();
  folder.used_quota_size = -1;
  EXPECT_FALSE(validate(folder, {})) << "as a dump may bring it";
  Group group;
  group.name = "g";
  group.description = of(513);
  EXPECT_FALSE(validate(group, {}));
  Role role;
  role.name = "r";
  role.description = of(513);
  EXPECT_FALSE(validate(role, {}));
  ApiKey key;
  key.id = "K";
  key.name = of(255);
  key.description = of(65535);
  EXPECT_TRUE(validate(key, {})) << "a long text there";
  key.name = of(256);
  EXPECT_FALSE(validate(key, {}));
}

TEST(Validate, CertificatesOfUsers) {
  const std::string body(96, 'A');
  const auto pem = [](const std::string& base64) {
    return "-----BEGIN CERTIFICATE-----\n" + base64 + "\n-----END CERTIFICATE-----\n";
  };
  EXPECT_EQ(problem([&](User& u) { u.filters.tls_certs = {pem("MIIB" + body)}; }), "");
  for (const std::string& wrong : {std::string("zz"), pem(body), pem("MIIB"), pem("MIIB%" + body), std::string()}) {
    EXPECT_EQ(problem([&](User& u) {
                u.filters.tls_certs = {pem("MIIB" + body), wrong};
              }),
              "filters.tls_certs: certificate 2 is no certificate in PEM form");
  }
}

TEST(Validate, AddressesGetTheirMask) {
  User user = valid_user();
  user.filters.allowed_ip = {"192.0.2.1", "10.1.2.3/8", "2001:DB8::1"};
  user.filters.denied_ip = {"::1"};
  user.filters.bandwidth_limits = {{.sources = {"192.0.2.7"}}};
  ASSERT_TRUE(validate(user, {}));
  EXPECT_EQ(user.filters.allowed_ip, (std::vector<std::string>{"192.0.2.1/32", "10.1.2.3/8", "2001:db8::1/128"}));
  EXPECT_EQ(user.filters.denied_ip, std::vector<std::string>{"::1/128"});
  EXPECT_EQ(user.filters.bandwidth_limits[0].sources, std::vector<std::string>{"192.0.2.7/32"});
  Admin admin;
  admin.username = "root";
  admin.permissions = {"*"};
  admin.filters.allow_list = {"192.0.2.1"};
  ASSERT_TRUE(validate(admin, {}));
  EXPECT_EQ(admin.filters.allow_list, std::vector<std::string>{"192.0.2.1/32"});
}

TEST(Validate, FiltersAndNumbers) {
  EXPECT_NE(problem([](User& u) { u.status = 2; }), "");
  EXPECT_EQ(problem([](User& u) { u.quota_size = u.quota_files = u.max_sessions = -1; }), "");
  EXPECT_EQ(problem([](User& u) { u.filters.max_upload_file_size = -1; }), "");
  EXPECT_EQ(problem([](User& u) { u.uid = u.gid = -1; }), "");
  EXPECT_NE(problem([](User& u) { u.upload_bandwidth = INT64_MAX; }), "");
  EXPECT_NE(problem([](User& u) { u.uid = 1LL << 31; }), "");
  EXPECT_NE(problem([](User& u) { u.email = "x"; }), "");
  EXPECT_NE(problem([](User& u) { u.email = "a@b\r\nBcc: c@d"; }), "");
  EXPECT_EQ(problem([](User& u) { u.filters.allowed_ip = {"10.0.0.0/8", "::1", "1.2.3.4"}; }), "");
  EXPECT_EQ(problem([](User& u) { u.filters.denied_ip = {"10.0.0.0/33"}; }),
            "filters.denied_ip: \"10.0.0.0/33\" is not an IP address or network");
  EXPECT_NE(problem([](User& u) { u.filters.denied_login_methods = {"guess"}; }), "");
  EXPECT_NE(problem([](User& u) { u.filters.denied_protocols = {"SSH", "FTP", "DAV", "HTTP"}; }), "");
  EXPECT_NE(problem([](User& u) {
              u.filters.file_patterns = {{.path = "/a", .allowed_patterns = {}, .denied_patterns = {}}};
            }),
            "");
  EXPECT_EQ(problem([](User& u) {
              u.filters.file_patterns = {{.path = "/a", .allowed_patterns = {}, .denied_patterns = {"*.zip", "[a"}}};
            }),
            "filters.file_patterns: \"[a\": a [ without its ]");
  EXPECT_NE(problem([](User& u) { u.filters.access_time = {{1, "18:00", "08:00"}}; }), "");
  EXPECT_NE(problem([](User& u) { u.filters.access_time = {{1, "08:00", "25:00"}}; }), "");
  EXPECT_EQ(problem([](User& u) { u.filters.start_directory = "rel"; }), "") << "it begins at the root";
  EXPECT_NE(problem([](User& u) { u.groups = {{"a", 1}, {"b", 1}}; }), "");
}

TEST(Validate, AnonymousUsersCanOnlyLookAndFetch) {
  User user = valid_user();
  user.filters.is_anonymous = true;
  ASSERT_TRUE(validate(user, {}));
  EXPECT_EQ(user.permissions, (Permissions{{"/", {"list", "download"}}}));
  EXPECT_EQ(user.filters.denied_protocols, (std::vector<std::string>{"SSH", "HTTP"}));
  EXPECT_EQ(std::ranges::count(user.filters.denied_login_methods, "password"), 0);
  EXPECT_EQ(user.filters.denied_login_methods.size(), known_login_methods().size() - 1);
}

TEST(Validate, VirtualFolders) {
  const auto with = [](VirtualFolder folder) { return problem([&](User& u) { u.virtual_folders = {folder}; }); };
  VirtualFolder folder;
  folder.name = "f";
  folder.virtual_path = "/v";
  EXPECT_EQ(with(folder), "");
  auto other = folder;
  other.virtual_path = "/";
  EXPECT_EQ(with(other), "") << "it takes the place of the home";
  other.virtual_path = "v";
  EXPECT_EQ(with(other), "") << "it is meant from the root";
  other.virtual_path = "";
  EXPECT_NE(with(other), "");
  EXPECT_NE(problem([&](User& u) {
              u.virtual_folders = {folder, folder};
              u.virtual_folders[1].virtual_path = "/w";
            }),
            "")
      << "one folder twice";
  EXPECT_EQ(problem([&](User& u) {
              u.virtual_folders = {folder, folder};
              u.virtual_folders[1].virtual_path = "/w";
              u.virtual_folders[1].subpath = "part";
            }),
            "")
      << "two parts of one folder";
  other = folder;
  other.quota_size = -1;
  EXPECT_NE(with(other), "");
  other.quota_files = -1;
  EXPECT_EQ(with(other), "");
  other.subpath = std::string(191, 's');
  EXPECT_NE(with(other), "");
  other.subpath = std::string(190, 's');
  EXPECT_EQ(with(other), "");
  EXPECT_NE(problem([&](User& u) { u.virtual_folders = {folder, folder}; }), "");
}

TEST(Validate, Filesystems) {
  const auto with = [](FilesystemConfig config) { return problem([&](User& u) { u.filesystem = config; }); };
  const ConfigSecret plain{.status = "Plain", .payload = "x", .key = {}, .additional_data = {}};
  for (const auto provider : {FilesystemProvider::s3, FilesystemProvider::gcs, FilesystemProvider::azure_blob,
                              FilesystemProvider::encrypted, FilesystemProvider::sftp, FilesystemProvider::http}) {
    FilesystemConfig config;
    config.provider = provider;
    EXPECT_NE(with(config), "") << static_cast<int>(provider);
  }
  FilesystemConfig config;
  config.provider = FilesystemProvider::encrypted;
  config.cryptconfig.passphrase = plain;
  EXPECT_EQ(with(config), "");
  config.cryptconfig.passphrase.status = "Redacted";
  EXPECT_NE(with(config), "");
  config.cryptconfig.passphrase.status = "Rot13";
  EXPECT_NE(with(config), "");
  config = {};
  config.provider = FilesystemProvider::s3;
  config.s3config.bucket = "b";
  config.s3config.region = "r";
  config.s3config.key_prefix = "a/../b";
  EXPECT_EQ(with(config), "");
  config.s3config.key_prefix = "/b";
  EXPECT_NE(with(config), "");
}

TEST(Validate, Admins) {
  Admin admin;
  admin.username = "root";
  EXPECT_FALSE(validate(admin, {}));
  admin.permissions = {"add_users", "manage_apikeys"};
  EXPECT_TRUE(validate(admin, {}));
  EXPECT_TRUE(admin.may("add_users"));
  EXPECT_FALSE(admin.may("del_users"));
  admin.permissions = {"add_users", "*"};
  EXPECT_TRUE(validate(admin, {}));
  EXPECT_TRUE(admin.may("del_users"));
  admin.filters.allow_list = {"nowhere"};
  EXPECT_FALSE(validate(admin, {}));
}

TEST(Validate, AnAdminWithARoleReachesNoFurther) {
  Admin admin;
  admin.username = "limited";
  admin.role = "north";
  for (const char* permission :
       {"*", "manage_admins", "manage_system", "manage_event_rules", "manage_roles", "view_events", "manage_apikeys",
        "manage_ip_lists", "retention_checks", "metadata_checks"}) {
    admin.permissions = {"view_users", permission};
    EXPECT_FALSE(validate(admin, {})) << permission;
  }
  admin.permissions = {"view_users", "manage_folders", "manage_groups"};
  EXPECT_TRUE(validate(admin, {}));
}

TEST(Validate, GroupsOfUsersAndAdmins) {
  User user = valid_user();
  user.groups = {{" g ", 1}, {"h", 2}, {"i", 3}};
  EXPECT_TRUE(validate(user, {}));
  EXPECT_EQ(user.groups[0].name, "g");
  EXPECT_NE(problem([](User& u) { u.groups = {{"g", 0}}; }), "");
  EXPECT_NE(problem([](User& u) {
              u.groups = {{"g", 1}};
              u.permissions.clear();
            }),
            "")
      << "those of \"/\" are the user's own";
  EXPECT_NE(problem([](User& u) { u.groups = {{"g", 1}, {"h", 1}}; }), "");
  EXPECT_NE(problem([](User& u) { u.groups = {{"g", 1}, {"g", 2}}; }), "");
  EXPECT_NE(problem([](User& u) { u.groups = {{"g", 4}}; }), "");
  EXPECT_EQ(problem([](User& u) { u.groups.emplace_back().name = "g"; }), "groups.type: must be from 1 to 3");
  EXPECT_NE(problem([](User& u) { u.groups = {{"a/b", 1}}; }), "");
}

TEST(Validate, Groups) {
  const auto problem_of = [](const std::function<void(Group&)>& spoil) {
    Group group;
    group.name = " g ";
    spoil(group);
    const auto result = validate(group, {});
    return result ? std::string() : result.error().message;
  };
  Group group;
  group.name = " g ";
  group.user_settings.home_dir = "/srv//%username%/";
  group.user_settings.permissions = {{"/a//b/", {"list", "*"}}};
  ASSERT_TRUE(validate(group, {}));
  EXPECT_EQ(group.name, "g");
  EXPECT_EQ(group.user_settings.home_dir, "/srv/%username%");
  EXPECT_EQ(group.user_settings.permissions, (Permissions{{"/a/b", {"*"}}}));
  EXPECT_EQ(problem_of([](Group& g) { g.user_settings.permissions = {{"/", {}}, {"/closed", {}}}; }), "");
  EXPECT_EQ(problem_of([](Group& g) { g.user_settings.home_dir = "%username%"; }),
            "home_dir: an absolute path is required");
  EXPECT_NE(problem_of([](Group& g) { g.name = "a/b"; }), "");
  EXPECT_EQ(problem_of([](Group& g) { g.user_settings.max_sessions = g.user_settings.quota_size = -1; }), "");
  EXPECT_EQ(problem_of([](Group& g) { g.user_settings.expires_in = -1; }), "");
  EXPECT_NE(problem_of([](Group& g) { g.user_settings.expires_in = INT64_MAX; }), "");
  EXPECT_NE(problem_of([](Group& g) { g.user_settings.permissions = {{"/", {"fly"}}}; }), "");
  EXPECT_NE(problem_of([](Group& g) { g.user_settings.filters.allowed_ip = {"nowhere"}; }), "");
  EXPECT_NE(problem_of([](Group& g) { g.user_settings.filesystem.provider = FilesystemProvider::s3; }), "");
  EXPECT_NE(problem_of([](Group& g) { g.virtual_folders.resize(1); }), "");
}

TEST(Validate, HostileNamesOfGroupsAndRoles) {
  for (const std::string& name : {std::string(), std::string(".."), std::string("a/b"), std::string("a\0b", 3),
                                  std::string("a\nb"), std::string("\xff"), std::string(256, 'x')}) {
    Group group;
    group.name = name;
    EXPECT_FALSE(validate(group, {})) << name;
    Role role;
    role.name = name;
    EXPECT_FALSE(validate(role, {})) << name;
  }
}

TEST(IpListEntry, OneFormAndTheDocumentedNumbers) {
  IpListEntry entry;
  entry.ipornet = "192.0.2.77/24";
  entry.type = 2;
  entry.mode = 2;
  entry.protocols = 15;
  ASSERT_TRUE(validate(entry));
  EXPECT_EQ(entry.ipornet, "192.0.2.0/24");
  entry.ipornet = "2001:DB8::1";
  ASSERT_TRUE(validate(entry));
  EXPECT_EQ(entry.ipornet, "2001:db8::1/128");
  const auto refused = [](IpListEntry changed, auto change) {
    change(changed);
    return !validate(changed);
  };
  EXPECT_TRUE(refused(entry, [](IpListEntry& e) { e.ipornet = "example.com"; }));
  EXPECT_TRUE(refused(entry, [](IpListEntry& e) { e.ipornet = "10.0.0.0/33"; }));
  EXPECT_TRUE(refused(entry, [](IpListEntry& e) { e.type = 0; }));
  EXPECT_TRUE(refused(entry, [](IpListEntry& e) { e.type = 4; }));
  EXPECT_TRUE(refused(entry, [](IpListEntry& e) { e.mode = 3; }));
  EXPECT_TRUE(refused(entry, [](IpListEntry& e) { e.type = 1; })) << "only the defender's list denies";
  EXPECT_TRUE(refused(entry, [](IpListEntry& e) { e.protocols = 16; }));
  EXPECT_TRUE(refused(entry, [](IpListEntry& e) { e.protocols = -1; }));
}

TEST(NetworkFiles, OfSftpGo22) {
  const auto networks = networks_from_text(R"({"addresses":["192.0.2.1","2001:db8::68"],"networks":["192.0.2.1/24"]})");
  ASSERT_TRUE(networks);
  EXPECT_EQ(networks->size(), 3U);
  EXPECT_EQ(networks->at(2).to_string(), "192.0.2.0/24");
  EXPECT_TRUE(networks_from_text("{}")->empty());
  EXPECT_FALSE(networks_from_text("[]"));
  EXPECT_FALSE(networks_from_text(R"({"addresses":"192.0.2.1"})"));
  EXPECT_FALSE(networks_from_text(R"({"addresses":[1]})"));
  EXPECT_FALSE(networks_from_text(R"({"networks":["192.0.2.0/240"]})"));
}

}  // namespace
}  // namespace ferry::model
