#include "server/storage_checks.h"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <boost/asio/co_spawn.hpp>
#include <filesystem>
#include <fstream>

#include "base/descriptor.h"
#include "tests/support/run.h"
#include "tests/support/temp_directory.h"

namespace ferry::server {
namespace {

using namespace std::chrono_literals;

constexpr StorageCheckLimits quick{.longest = 3'000ms, .grain = 1ms, .most = 2};

std::string summary(const Result<rest::StorageReport>& report) {
  if (!report) return std::string(to_string(report.error().code));
  std::string text;
  for (const auto& step : report->steps) {
    text += std::string(text.empty() ? "" : " ") + std::string(step.name);
    if (!step.problem.empty()) text += ":" + std::string(step.problem);
  }
  return text;
}

rest::StorageCheck check_of(model::FilesystemConfig config, std::string directory = {}, bool write = false) {
  rest::StorageCheck check;
  check.admin = "root";
  check.filesystem = std::move(config);
  check.directory = std::move(directory);
  check.write = write;
  return check;
}

model::ConfigSecret plain(const char* text) {
  model::ConfigSecret secret;
  secret.status = "Plain";
  secret.payload = text;
  return secret;
}

model::FilesystemConfig s3_at(const std::string& endpoint) {
  model::FilesystemConfig config;
  config.provider = model::FilesystemProvider::s3;
  config.s3config.bucket = "bucket";
  config.s3config.region = "us-east-1";
  config.s3config.endpoint = endpoint;
  config.s3config.access_key = "key";
  config.s3config.access_secret = plain("a secret key");
  return config;
}

model::FilesystemConfig sftp_at(const std::string& endpoint) {
  model::FilesystemConfig config;
  config.provider = model::FilesystemProvider::sftp;
  config.sftpconfig.endpoint = endpoint;
  config.sftpconfig.username = "u";
  config.sftpconfig.password = plain("p");
  return config;
}

// Accepts connections, in the kernel, and never answers; or, once closed, refuses them.
class SilentServer {
 public:
  SilentServer() : socket_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    EXPECT_EQ(::bind(socket_.get(), reinterpret_cast<sockaddr*>(&address), size), 0);
    EXPECT_EQ(::listen(socket_.get(), 16), 0);
    ::getsockname(socket_.get(), reinterpret_cast<sockaddr*>(&address), &size);
    port_ = ntohs(address.sin_port);
  }
  void close() { socket_ = Descriptor(); }
  std::string host() const { return "127.0.0.1:" + std::to_string(port_); }

 private:
  Descriptor socket_;
  std::uint16_t port_ = 0;
};

std::size_t entries_in(const std::string& directory) {
  return static_cast<std::size_t>(std::distance(std::filesystem::directory_iterator(directory), {}));
}

TEST(StorageChecks, LocalAndEncryptedStorage) {
  const test::TempDirectory base;
  std::filesystem::create_directories(base / "conf");
  std::filesystem::create_directories(base / "home");
  std::ofstream(base / "file") << "x";
  const auto paths = std::make_shared<const ProtectedPaths>(
      ProtectedPaths::Options{.directory = base / "conf", .data = {}, .own = {}, .base = {}});
  StorageChecks checks({.paths = paths}, quick);
  model::FilesystemConfig encrypted;
  encrypted.provider = model::FilesystemProvider::encrypted;
  encrypted.cryptconfig.passphrase = plain("a passphrase");
  for (const model::FilesystemConfig& config : {model::FilesystemConfig(), encrypted}) {
    const auto found = [&](const char* name, bool write) {
      return summary(test::run(checks.run(check_of(config, base / name, write))));
    };
    EXPECT_EQ(found("home", false), "settings list");
    EXPECT_EQ(found("home", true), "settings list write read remove");
    EXPECT_EQ(found("missing", true), "settings list");
    EXPECT_EQ(found("file", true), "settings:not_a_directory");
    EXPECT_EQ(found("conf", true), "settings:denied");
    EXPECT_EQ(entries_in(base / "home"), 0U);
    EXPECT_FALSE(std::filesystem::exists(base / "missing"));
  }
  const auto missing = test::run(checks.run(check_of({}, base / "missing")));
  ASSERT_TRUE(missing);
  EXPECT_TRUE(missing->ok());
  EXPECT_NE(missing->steps.back().message, "");
}

TEST(StorageChecks, WhatIsWrongOnTheWay) {
  StorageChecks checks({.master_key = crypto::Secret(std::string_view("the master key"))}, quick);
  const auto found = [&](const model::FilesystemConfig& config) {
    return summary(test::run(checks.run(check_of(config, {}, true))));
  };
  SilentServer gone;
  gone.close();
  EXPECT_EQ(found(s3_at("http://" + gone.host())), "settings list:refused");
  EXPECT_EQ(found(s3_at("https://" + gone.host())), "settings list:refused");
  EXPECT_EQ(found(sftp_at(gone.host())), "settings list:refused");
  model::FilesystemConfig azure;
  azure.provider = model::FilesystemProvider::azure_blob;
  azure.azblobconfig.container = "files";
  azure.azblobconfig.account_name = "account";
  azure.azblobconfig.account_key = plain("c2VjcmV0");
  azure.azblobconfig.endpoint = "http://" + gone.host() + "/account";
  EXPECT_EQ(found(azure), "settings list:refused");
  azure.azblobconfig.account_key = plain("not base64!");
  EXPECT_EQ(found(azure), "settings:settings");
  EXPECT_EQ(found(sftp_at("127.0.0.1:x")), "settings:settings");
  model::FilesystemConfig sealed = s3_at("http://" + gone.host());
  model::seal(sealed.s3config.access_secret, "maria", crypto::Secret(std::string_view("another master key")));
  EXPECT_EQ(found(sealed), "settings:bad_key") << "a secret that does not open";
}

// Nothing of it outlives the test: the pool's threads end with the process.
TEST(StorageChecks, TimeAndNumberAreLimited) {
  const test::TempDirectory base;
  SilentServer silent;
  StorageChecks checks({}, {.longest = 500ms, .grain = 400ms, .most = 2});
  const auto of = [&](const char* admin, model::FilesystemConfig config) {
    rest::StorageCheck check = check_of(std::move(config), base.path());
    check.admin = admin;
    return checks.run(std::move(check));
  };
  asio::io_context& io = test::lasting_context();
  std::vector<std::string> ends(5);
  std::vector<std::chrono::milliseconds> times(5);
  const auto start = std::chrono::steady_clock::now();
  const auto begin = [&](std::size_t index, const char* admin, model::FilesystemConfig config) {
    asio::co_spawn(io, of(admin, std::move(config)), [&, index](const std::exception_ptr&, auto report) {
      ends[index] = summary(report);
      times[index] = std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::steady_clock::now() - start);
      if (index != 0) return;
      // The check of the first has been given up, but its connection still stands.
      asio::co_spawn(io, of("root", {}), [&](const std::exception_ptr&, auto again) { ends[4] = summary(again); });
      silent.close();
    });
  };
  begin(0, "root", sftp_at(silent.host()));
  begin(1, "root", {});
  begin(2, "other", {});
  begin(3, "third", {});
  io.run();
  EXPECT_EQ(ends[0], "settings list:timeout");
  EXPECT_EQ(times[0] / 400ms, 2) << "at a multiple of the grain";
  EXPECT_EQ(ends[1], "limit exceeded") << "one of each administrator";
  EXPECT_EQ(ends[2], "settings list");
  EXPECT_EQ(times[2] / 400ms, 1);
  EXPECT_EQ(ends[3], "limit exceeded") << "two of all";
  EXPECT_EQ(ends[4], "limit exceeded");
  // It has ended by now, as the event loop has.
  EXPECT_EQ(summary(test::run(of("root", {}))), "settings list");
}

}  // namespace
}  // namespace ferry::server
