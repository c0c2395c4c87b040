#include "server/storages.h"

#include <gtest/gtest.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/thread_pool.hpp>
#include <boost/asio/use_future.hpp>
#include <filesystem>

#include "server/own_paths.h"
#include "tests/support/temp_directory.h"

namespace ferry::server {
namespace {

TEST(Storage, KnowsItsProvidersAndRefusesTheOthersByNumber) {
  const test::TempDirectory base;
  const Storages storages;
  model::FilesystemConfig config;
  const auto local = storages.open({.config = config, .path = base / "home"});
  ASSERT_TRUE(local);
  EXPECT_EQ((*local)->name(), "osfs");
}

TEST(Storage, RemoteSftpOpensWithoutAConnection) {
  const Storages storages;
  model::FilesystemConfig config;
  config.provider = model::FilesystemProvider::sftp;
  config.sftpconfig.endpoint = "127.0.0.1:1";  // nobody listens there
  config.sftpconfig.username = "u";
  config.sftpconfig.password = {.status = "Plain", .payload = "p", .key = {}, .additional_data = {}};
  config.sftpconfig.prefix = "/data";
  const auto storage = storages.open({.config = config, .path = {}, .at_once = true});
  ASSERT_TRUE(storage) << storage.error().message;
  EXPECT_EQ((*storage)->name(), "sftpfs");
  EXPECT_EQ((*storage)->location(VirtualPath::parse("/f").value()), "/data/f");
  for (const char* endpoint : {"", ":22", "h:0", "h:65536", "h:x", "[::1", "[::1]x"}) {
    config.sftpconfig.endpoint = endpoint;
    EXPECT_FALSE(storages.open({.config = config, .path = {}, .at_once = true})) << endpoint;
  }
}

TEST(Storage, HttpStorageOpensWithoutAConnection) {
  const Storages storages;
  model::FilesystemConfig config;
  config.provider = model::FilesystemProvider::http;
  config.httpconfig.endpoint = "http://127.0.0.1:1/api/v1";  // nobody listens there
  config.httpconfig.password = {.status = "Plain", .payload = "p", .key = {}, .additional_data = {}};
  const auto storage = storages.open({.config = config, .path = {}, .at_once = true});
  ASSERT_TRUE(storage) << storage.error().message;
  EXPECT_EQ((*storage)->name(), "httpfs");
  for (const char* endpoint : {"", "ftp://host", "http://user@host", "http://unix?socket_path=x", "http://host?x=1"}) {
    config.httpconfig.endpoint = endpoint;
    EXPECT_FALSE(storages.open({.config = config, .path = {}, .at_once = true})) << endpoint;
  }
}

TEST(Storage, OpensBucketsWithoutAskingThem) {
  const crypto::Secret master(std::string_view("the master key of a test"));
  const Storages storages({.master_key = master});
  model::FilesystemConfig config;
  config.provider = model::FilesystemProvider::s3;
  const auto opened = [&] { return storages.open({.config = config, .path = "/unused"}); };
  EXPECT_EQ(opened().error().code, ErrorCode::invalid_argument) << "no bucket";
  config.s3config.bucket = "bucket";
  config.s3config.access_key = "key";
  config.s3config.access_secret = {.status = "Plain", .payload = "secret", .key = "", .additional_data = ""};
  model::seal(config.s3config.access_secret, "maria", master);
  const auto storage = opened();
  ASSERT_TRUE(storage) << storage.error().message;
  EXPECT_EQ((*storage)->name(), "s3fs");
  EXPECT_EQ((*storage)->location(VirtualPath()), "s3://bucket/");
  EXPECT_FALSE(Storages().open({.config = config, .path = "/unused"})) << "without the master key";
  config.s3config.sse_customer_key = {.status = "Plain", .payload = "too short", .key = "", .additional_data = ""};
  EXPECT_EQ(opened().error().code, ErrorCode::invalid_argument);
}

TEST(Storage, OpensContainersWithoutAskingThem) {
  const crypto::Secret master(std::string_view("the master key of a test"));
  const Storages storages({.master_key = master});
  model::FilesystemConfig config;
  config.provider = model::FilesystemProvider::azure_blob;
  const auto opened = [&] { return storages.open({.config = config, .path = "/unused"}); };
  EXPECT_EQ(opened().error().code, ErrorCode::invalid_argument) << "no account";
  config.azblobconfig.container = "files";
  config.azblobconfig.account_name = "account";
  EXPECT_TRUE(opened()) << "by the server's own identity";
  config.azblobconfig.account_key = {.status = "Plain", .payload = "c2VjcmV0", .key = "", .additional_data = ""};
  model::seal(config.azblobconfig.account_key, "maria", master);
  const auto storage = opened();
  ASSERT_TRUE(storage) << storage.error().message;
  EXPECT_EQ((*storage)->name(), "azblobfs");
  EXPECT_EQ((*storage)->location(VirtualPath()), "azblob://files/");
  EXPECT_FALSE(Storages().open({.config = config, .path = "/unused"})) << "without the master key";
  config.azblobconfig.sas_url = {.status = "Plain", .payload = "no URL", .key = "", .additional_data = ""};
  EXPECT_EQ(opened().error().code, ErrorCode::invalid_argument);
}

TEST(Storage, GoogleOpensWithoutAConnection) {
  const crypto::Secret master(std::string_view("the master key of a test"));
  const Storages storages({.master_key = master});
  model::FilesystemConfig config;
  config.provider = model::FilesystemProvider::gcs;
  config.gcsconfig.bucket = "files";
  const auto opened = [&] { return storages.open({.config = config, .path = "/unused"}); };
  EXPECT_EQ(opened().error().code, ErrorCode::invalid_argument) << "no credentials";
  config.gcsconfig.credentials = {.status = "Plain",
                                  .payload = R"({"type":"authorized_user","client_id":"c","client_secret":"s",)"
                                             R"("refresh_token":"r"})",
                                  .key = "",
                                  .additional_data = ""};
  model::seal(config.gcsconfig.credentials, "maria", master);
  const auto storage = opened();
  ASSERT_TRUE(storage) << storage.error().message;
  EXPECT_EQ((*storage)->name(), "gcsfs");
  EXPECT_EQ((*storage)->location(VirtualPath()), "gs://files/");
  EXPECT_FALSE(Storages().open({.config = config, .path = "/unused"})) << "without the master key";
  config.gcsconfig.credentials = {};
  config.gcsconfig.automatic_credentials = 1;
  EXPECT_TRUE(opened()) << "by the server's own identity";
  config.gcsconfig.acl = "not one&";
  EXPECT_EQ(opened().error().code, ErrorCode::invalid_argument);
}

TEST(Storage, AllProvidersAreBuilt) {
  model::User user;
  for (int provider = 0; provider <= 6; ++provider) {
    user.filesystem.provider = static_cast<model::FilesystemProvider>(provider);
    EXPECT_EQ(storage_obstacle(user), "");
  }
}

// A bucket behind a host that takes connections and says nothing.
TEST(Storage, StopEndsWhatAnObjectStoreDoesNotAnswer) {
  asio::io_context context;
  asio::ip::tcp::acceptor silent(context, {asio::ip::address_v4::loopback(), 0});
  const Storages storages;
  model::FilesystemConfig config;
  config.provider = model::FilesystemProvider::s3;
  config.s3config.bucket = "bucket";
  config.s3config.endpoint = "http://127.0.0.1:" + std::to_string(silent.local_endpoint().port());
  config.s3config.access_key = "key";
  config.s3config.access_secret = {.status = "Plain", .payload = "secret", .key = "", .additional_data = ""};
  const auto storage = storages.open({.config = config, .path = "/unused"});
  ASSERT_TRUE(storage) << storage.error().message;
  asio::thread_pool loop(1);
  auto answer = asio::co_spawn(loop, (*storage)->stat(VirtualPath::parse("/f").value()), asio::use_future);
  EXPECT_EQ(answer.wait_for(std::chrono::milliseconds(200)), std::future_status::timeout);
  storages.stop(std::chrono::milliseconds(10));
  ASSERT_EQ(answer.wait_for(std::chrono::seconds(5)), std::future_status::ready);
  const auto stat = answer.get();
  ASSERT_FALSE(stat);
  EXPECT_EQ(stat.error().code, ErrorCode::aborted);
}

TEST(Storage, EncryptedStorageNeedsAPassphraseThatOpens) {
  const test::TempDirectory base;
  const crypto::Secret master(std::string_view("the master key of a test"));
  model::FilesystemConfig config;
  config.provider = model::FilesystemProvider::encrypted;
  const auto opened = [&](const Storages& storages) {
    return storages.open({.config = config, .path = base / "home"});
  };
  EXPECT_FALSE(opened(Storages()));
  config.cryptconfig.passphrase = {.status = "Plain", .payload = "a passphrase", .key = "", .additional_data = ""};
  model::seal(config.cryptconfig.passphrase, "maria", master);
  EXPECT_FALSE(opened(Storages())) << "without the master key";
  EXPECT_FALSE(opened(Storages({.master_key = crypto::Secret(std::string_view("another"))})));
  EXPECT_FALSE(std::filesystem::exists(base / "home"));
  const auto storage = opened(Storages({.master_key = master}));
  ASSERT_TRUE(storage);
  EXPECT_EQ((*storage)->name(), "cryptfs");
  EXPECT_TRUE(std::filesystem::exists(base / "home"));
  const auto paths = std::make_shared<const ProtectedPaths>(
      ProtectedPaths::Options{.directory = base / "home", .data = {}, .own = {}, .base = {}});
  const auto refused = opened(Storages({.master_key = master, .paths = paths}));
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::permission_denied);
}

TEST(Storage, ServersOwnDirectoriesAreNotOpened) {
  const test::TempDirectory base;
  std::filesystem::create_directories(base / "conf/env.d");
  std::filesystem::create_directories(base / "home");
  std::filesystem::create_directory_symlink(base / "conf", base / "home/link");
  const auto paths = std::make_shared<const ProtectedPaths>(
      ProtectedPaths::Options{.directory = base / "conf", .data = {base / "conf/data"}, .own = {}, .base = {}});
  const model::FilesystemConfig config;
  const auto storage =
      factory_of(std::make_shared<Storages>(StorageOptions{.paths = paths, .staging = base / "conf/staging"}));
  const auto opens = [&](const std::string& path) { return storage({.config = config, .path = path}); };
  for (const char* name : {"conf", "conf/new", "conf/env.d", "home/link", "home/link/env.d", ""}) {
    const auto refused = opens(base / name);
    ASSERT_FALSE(refused) << name;
    EXPECT_EQ(refused.error().code, ErrorCode::permission_denied) << name;
  }
  EXPECT_FALSE(std::filesystem::exists(base / "conf/new")) << "it is refused before it is made";
  for (const char* name : {"home", "conf/data/user", "conf/staging", "home/link/data/user"}) {
    EXPECT_TRUE(opens(base / name)) << name;
  }
  // Portable mode protects nothing.
  EXPECT_TRUE(Storages().open({.config = config, .path = base / "conf"}));
}

TEST(OwnPaths, EverythingThatTheConfigurationNames) {
  const test::TempDirectory base;
  config::Config config;
  const auto in = [&](const char* name) { return std::string(base / name); };
  config.data_provider.name = in("db/ferry.db");
  config.data_provider.backups_path = in("dumps");
  config.data_provider.users_base_dir = in("homes");
  config.data_provider.pre_login_hook = in("hooks/pre");
  config.data_provider.external_auth_hook = "https://127.0.0.1/auth";
  config.sftpd.host_keys = {in("keys/host")};
  config.sftpd.trusted_user_ca_keys = {in("ca/keys")};
  config.sftpd.revoked_user_certs_file = in("ca/revoked");
  config.httpd.certificate_key_file = in("tls/key");
  config.kms.secrets.master_key_path = in("kms/key");
  const auto paths = own_paths(config, base / "conf", in("file/ferry.json"), in("log/ferry.log"));
  for (const char* name :
       {"conf", "conf/x", "db", "dumps", "dumps/x", "hooks", "keys", "ca", "tls", "kms", "file", "log"}) {
    EXPECT_FALSE(paths->check_text(base / name)) << name;
  }
  for (const char* name : {"homes", "homes/x", "conf/data/x", "db/other", "keys/other", "elsewhere"}) {
    EXPECT_TRUE(paths->check_text(base / name)) << name;
  }
}

}  // namespace
}  // namespace ferry::server
