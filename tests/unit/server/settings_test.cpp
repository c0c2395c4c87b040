#include "server/settings.h"

#include <gtest/gtest.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <climits>
#include <fstream>

#include "server/unbuilt.h"

namespace ferry::server {
namespace {

namespace fs = std::filesystem;

class SettingsTest : public testing::Test {
 protected:
  void SetUp() override {
    std::string name = (fs::temp_directory_path() / "ferry-settings-XXXXXX").string();
    ASSERT_NE(mkdtemp(name.data()), nullptr);
    directory_ = name;
  }
  void TearDown() override { fs::remove_all(directory_); }

  fs::path directory_;
  config::Config config_;
};

TEST_F(SettingsTest, DefaultsWarnAboutNothing) { EXPECT_TRUE(unbuilt_warnings(config_).empty()); }

TEST_F(SettingsTest, OneWarningForEachSectionThatIsNotBuilt) {
  config_.ftpd.bindings[0].port = 21;
  config_.ftpd.enable_site = true;
  config_.common.resume_max_size = 5;
  config_.common.idle_timeout = 3;  // built
  config_.httpd.bindings[0].oidc.debug = true;
  EXPECT_EQ(unbuilt_warnings(config_),
            (std::vector<std::string>{"common: not built yet, ignored: resume_max_size", "ftpd: not built yet, ignored",
                                      "httpd: not built yet, ignored: bindings[].oidc.debug"}));
}

TEST_F(SettingsTest, KeysThatWillNeverDoAnythingSaySo) {
  config_.data_provider.credentials_path = "/srv/credentials";
  config_.data_provider.prefer_database_credentials = true;
  config_.data_provider.is_shared = 1;
  EXPECT_EQ(unbuilt_warnings(config_),
            (std::vector<std::string>{
                "data_provider: not built yet, ignored: is_shared",
                "data_provider: of no use in Ferry, ignored: credentials_path, prefer_database_credentials"}));
}

TEST_F(SettingsTest, ANameThatOnlyStartsLikeAnEntryIsNotCovered) {
  config_.common.server_version = "short";
  config_.data_provider.name = "other.db";
  EXPECT_TRUE(unbuilt_warnings(config_).empty());
}

TEST_F(SettingsTest, NamesAndPassphrasesAsTheirKeysSay) {
  EXPECT_EQ(account_options(config_)->min_secret_entropy, 80);
  config_.common.secret_min_entropy = 5;
  EXPECT_EQ(account_options(config_)->min_secret_entropy, 5);
  config_.data_provider.naming_rules = 2;
  EXPECT_FALSE(account_options(config_)->users.naming.check("username", "a b"));
  config_.data_provider.skip_natural_keys_validation = true;
  EXPECT_TRUE(account_options(config_)->users.naming.check("username", "a b"));
  EXPECT_EQ(account_options(config_)->users.naming.convert("A b"), "a b") << "the other rules stay";
  EXPECT_TRUE(unbuilt_warnings(config_).empty());
}

TEST_F(SettingsTest, CompatibilityOffersWhatSftpgoDoes) {
  const auto has = [](const std::vector<std::string>& names, std::string_view name) {
    return std::ranges::find(names, name) != names.end();
  };
  auto options = ssh_options(config_);
  ASSERT_TRUE(options);
  EXPECT_FALSE(has(options->offer.key_agreements, "ecdh-sha2-nistp256"));
  EXPECT_FALSE(has(options->offer.host_key_algorithms, "ecdsa-sha2-nistp256"));
  config_.sftpd.compatibility = "sftpgo";
  options = ssh_options(config_);
  ASSERT_TRUE(options);
  for (const char* name : {"mlkem768x25519-sha256", "ecdh-sha2-nistp256", "ecdh-sha2-nistp384", "ecdh-sha2-nistp521"}) {
    EXPECT_TRUE(has(options->offer.key_agreements, name)) << name;
  }
  EXPECT_TRUE(has(options->offer.host_key_algorithms, "ecdsa-sha2-nistp256"));
  EXPECT_FALSE(has(options->offer.key_agreements, "diffie-hellman-group14-sha1")) << "neither does SFTPGo";
  config_.sftpd.kex_algorithms = {"curve25519-sha256"};
  EXPECT_EQ(ssh_options(config_).value().offer.key_agreements, config_.sftpd.kex_algorithms);
}

TEST_F(SettingsTest, OpenPubkeySshIsRefusedByName) {
  config_.sftpd.opkssh_path = "/usr/bin/opkssh";
  const auto options = ssh_options(config_);
  ASSERT_FALSE(options);
  EXPECT_NE(options.error().message.find("sftpd.opkssh_path"), std::string::npos);
}

TEST_F(SettingsTest, DriversThatAreNotBuiltAreRefused) {
  config_.data_provider.driver = "mysql";
  auto opened = open_provider(config_.data_provider, directory_, true);
  ASSERT_FALSE(opened);
  EXPECT_NE(opened.error().message.find("data_provider.driver: mysql"), std::string::npos);
  config_.data_provider.driver = "sqlite";
  config_.data_provider.name = "";
  EXPECT_FALSE(open_provider(config_.data_provider, directory_, true));
}

TEST_F(SettingsTest, SqliteIsMadeBelowTheDirectoryAndNeededWithoutSchema) {
  EXPECT_FALSE(open_provider(config_.data_provider, directory_, false));
  fs::remove(directory_ / "ferry.db");
  ASSERT_TRUE(open_provider(config_.data_provider, directory_, true));
  EXPECT_TRUE(fs::exists(directory_ / "ferry.db"));
  EXPECT_EQ(fs::status(directory_ / "ferry.db").permissions() & fs::perms::others_all, fs::perms::none);
  EXPECT_TRUE(open_provider(config_.data_provider, directory_, false));
}

TEST_F(SettingsTest, AlgorithmsAreTakenAsConfigured) {
  config_.sftpd.ciphers = {"aes128-cbc", "aes256-ctr"};
  config_.sftpd.public_key_algorithms = {"ssh-rsa"};
  config_.sftpd.max_auth_tries = -1;
  config_.sftpd.login_grace_time = 7;
  auto options = ssh_options(config_);
  ASSERT_TRUE(options);
  EXPECT_EQ(options->offer.ciphers, config_.sftpd.ciphers);
  EXPECT_EQ(options->offer.public_keys, config_.sftpd.public_key_algorithms);
  EXPECT_TRUE(options->offer.macs.empty()) << "left to the library";
  EXPECT_EQ(options->max_auth_tries, INT_MAX);
  EXPECT_EQ(options->login_grace_time, std::chrono::seconds(7));
  EXPECT_TRUE(options->software.starts_with("Ferry_"));
}

TEST_F(SettingsTest, UnknownAlgorithmsAreRefusedWithTheValidOnes) {
  const std::pair<const char*, std::vector<std::string> config::Sftpd::*> lists[] = {
      {"sftpd.kex_algorithms", &config::Sftpd::kex_algorithms},
      {"sftpd.host_key_algorithms", &config::Sftpd::host_key_algorithms},
      {"sftpd.ciphers", &config::Sftpd::ciphers},
      {"sftpd.macs", &config::Sftpd::macs},
      {"sftpd.public_key_algorithms", &config::Sftpd::public_key_algorithms}};
  for (const auto& [key, list] : lists) {
    for (const char* bad : {"no-such-thing", "", "AES256-CTR", " aes256-ctr"}) {
      config_.sftpd = {};
      config_.sftpd.*list = {bad};
      const auto refused = ssh_options(config_);
      ASSERT_FALSE(refused) << key << " " << bad;
      EXPECT_EQ(refused.error().code, ErrorCode::invalid_argument);
      EXPECT_TRUE(refused.error().message.starts_with(key)) << refused.error().message;
      EXPECT_NE(refused.error().message.find(", valid: "), std::string::npos) << refused.error().message;
    }
  }
}

TEST_F(SettingsTest, EcdsaHostKeysAreOfferedWhenNamed) {
  const auto offers = [&] {
    const auto options = ssh_options(config_);
    const auto& names = options.value().offer.host_key_algorithms;
    EXPECT_EQ(std::ranges::count(names, "ssh-rsa"), 0);
    return std::ranges::count(names, "ecdsa-sha2-nistp256") == 1;
  };
  EXPECT_FALSE(offers());
  config_.sftpd.host_keys = {"id_ecdsa"};
  EXPECT_TRUE(offers());
}

TEST_F(SettingsTest, SecretsComeFromFilesToo) {
  std::ofstream(directory_ / "key") << "master\n";
  config_.kms.secrets.master_key_path = (directory_ / "key").string();
  auto options = account_options(config_);
  ASSERT_TRUE(options);
  EXPECT_EQ(options->master_key.text(), "master");
  config_.kms.secrets.master_key_path += ".missing";
  auto missing = account_options(config_);
  ASSERT_FALSE(missing);
  EXPECT_NE(missing.error().message.find("kms.secrets.master_key_path"), std::string::npos);
  config_.httpd.signing_passphrase = "ignored when there is a file";
  config_.httpd.signing_passphrase_file = "key";
  config_.httpd.token_validation = 1;
  auto tokens = token_options(config_, directory_);
  ASSERT_TRUE(tokens);
  EXPECT_EQ(tokens->signing_passphrase.text(), "master");
  EXPECT_FALSE(tokens->check_address);
}

TEST_F(SettingsTest, SettingFilesAreBounded) {
  std::ofstream(directory_ / "big") << std::string(70'000, 'x');
  EXPECT_FALSE(read_setting_file("key", directory_ / "big"));
  EXPECT_FALSE(read_setting_file("key", directory_));
}

// Worked out from the process's limit, so that a quarter of its descriptors is left for connections, logins and REST.
TEST_F(SettingsTest, OpenFilesAreLimitedByTheDescriptors) {
  rlimit before{};
  ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &before), 0);
  ASSERT_GE(before.rlim_max, 1000U);
  rlimit known = before;
  known.rlim_cur = 1000;
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &known), 0);
  const struct {
    std::int64_t all, each;
    std::size_t want_all, want_each;
    bool warns;
  } cases[] = {{0, 0, 375, 187, false},     {100, 0, 100, 50, false},  {0, 300, 375, 300, false},
               {100, 300, 100, 100, false}, {5000, 20, 375, 20, true}, {1, 0, 1, 1, false}};
  for (const auto& [all, each, want_all, want_each, warns] : cases) {
    config_.common.max_open_files = all;
    config_.common.max_open_files_per_account = each;
    std::vector<std::string> warnings;
    const presence::OpenBudget::Limits limits = open_limits(config_.common, warnings);
    EXPECT_EQ(limits.all, want_all) << all;
    EXPECT_EQ(limits.each, want_each) << each;
    EXPECT_EQ(!warnings.empty(), warns) << all;
  }
  EXPECT_EQ(::setrlimit(RLIMIT_NOFILE, &before), 0);
}

TEST_F(SettingsTest, SftpOptionsFollowTheirKeys) {
  EXPECT_TRUE(sftp_options(config_.sftpd)->rename_replaces) << "as in SFTPGo";
  EXPECT_TRUE(sftp_options(config_.sftpd)->folder_prefix.is_root());
  config_.sftpd.rename_replaces = false;
  config_.sftpd.folder_prefix = "/srv/files/";
  config_.sftpd.max_handles = 7;
  const sftp::Options options = sftp_options(config_.sftpd).value();
  EXPECT_FALSE(options.rename_replaces);
  EXPECT_EQ(options.folder_prefix.text(), "/srv/files");
  EXPECT_EQ(options.max_handles, 7U);
  config_.sftpd.banner = "OpenSSH_9.2p1 Debian-2";
  EXPECT_EQ(ssh_options(config_)->software, "OpenSSH_9.2p1 Debian-2");
}

TEST_F(SettingsTest, SessionOptionsFollowTheirKeys) {
  config_.common.umask = "0027";
  config_.common.upload_mode = 2 + 4;  // the higher bits are for object stores
  config_.common.setstat_mode = 1;
  config_.common.temp_path = "missing";
  EXPECT_FALSE(session_options(config_.common, directory_));
  std::filesystem::create_directory(directory_ / "staged");
  config_.common.temp_path = "staged";
  const session::Options options = session_options(config_.common, directory_).value();
  EXPECT_EQ(options.temp_path, std::filesystem::canonical(directory_ / "staged"));
  EXPECT_EQ(options.umask, 027U);
  EXPECT_EQ(options.upload_mode, session::UploadMode::atomic_with_resume);
  EXPECT_EQ(options.setstat_mode, session::SetstatMode::ignore);
}

TEST_F(SettingsTest, TlsFilesComeFromTheSectionWhereTheBindingHasNone) {
  config_.httpd.certificate_file = "all.crt";
  config_.httpd.certificate_key_file = "all.key";
  config_.httpd.bindings[0].certificate_file = "/own.crt";
  const auto options = tls_options(config_.httpd, config_.httpd.bindings[0], "/etc/ferry");
  EXPECT_EQ(options.certificate_file, "/own.crt");
  EXPECT_EQ(options.key_file, "/etc/ferry/all.key");
}

}  // namespace
}  // namespace ferry::server
