// The whole REST API over HTTP on loopback, on the memory provider.
#pragma once

#include <gtest/gtest.h>

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <thread>

#include "base/protected_paths.h"
#include "crypto/encoding.h"
#include "http/server.h"
#include "model/json.h"
#include "protocols/rest/rest.h"
#include "store/memory/memory_provider.h"
#include "tests/support/temp_directory.h"
#include "tests/unit/http/raw_client.h"
#include "vfs/local/local_file_system.h"

namespace ferry::test {

using nlohmann::json;

struct Answer {
  int status = 0;
  std::string head;
  std::string body;
  // Null when the body is no JSON.
  json parsed() const {
    json value = json::parse(body, nullptr, false);
    return value.is_discarded() ? json() : value;
  }
  std::string header(const std::string& name) const {
    const std::size_t at = head.find("\r\n" + name + ": ");
    if (at == std::string::npos) return {};
    const std::size_t start = at + name.size() + 4;
    return head.substr(start, head.find("\r\n", start) - start);
  }
};

class RestTest : public testing::Test {
 protected:
  static constexpr const char* root_password = "root's first password";

  explicit RestTest(rest::StorageCheckParts storage_checks = {}) {
    http::Router router;
    rest::add_routes(router, {.accounts = accounts_,
                              .logins = {.authenticator = authenticator_, .tokens = tokens_, .api_keys = api_keys_},
                              .sessions = {.registry = registry_, .ledger = ledger_, .scans = scans_},
                              .server = {.version = {"1.2.3", "2026-01-02T03:04:05Z", "abcdef", {"+memory"}},
                                         .status = [] { return some_status(); }},
                              .storage_checks = std::move(storage_checks),
                              .backups = backups_.path() + "/dumps"});
    server_ = std::make_unique<http::Server>(std::vector<asio::io_context*>{&context_}, std::move(router),
                                             http::ServerOptions{});
    auto port = server_->listen({.address = "127.0.0.1", .port = 0});
    if (!port) throw std::runtime_error(port.error().message);
    port_ = *port;
    thread_ = std::thread([this] { context_.run(); });
    model::Admin root;
    root.username = "root";
    root.password = root_password;
    root.permissions = {"*"};
    if (!accounts_.add_first_admin(root)) throw std::runtime_error("no first administrator");
    token_ = log_in("root", root_password);
  }
  ~RestTest() override {
    server_->close();
    guard_.reset();
    const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(5);
    while (server_->connections() > 0 && std::chrono::steady_clock::now() < end) {
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
    context_.stop();
    thread_.join();
  }

  static rest::ServicesStatus some_status() {
    rest::ServicesStatus status;
    status.ssh.is_active = true;
    status.ssh.bindings = {{"127.0.0.1", 2022, true}};
    status.ssh.host_keys = {{"id_ed25519", "SHA256:abc", {"ssh-ed25519"}}};
    status.ssh.ciphers = {"aes128-gcm@openssh.com"};
    return status;
  }

  static crypto::PasswordHashing cheap() {
    crypto::PasswordHashing hashing;
    hashing.bcrypt_cost = 4;
    return hashing;
  }

  static std::vector<auth::TotpConfiguration> totp() {
    return {{"Default", crypto::HashAlgorithm::sha1, "Ferry & Co"}, {"Strong", crypto::HashAlgorithm::sha512, "Ferry"}};
  }

  Answer raw(std::string_view method, std::string_view target, std::string_view fields, std::string_view body = {}) {
    RawClient client(port_);
    std::string text = std::string(method) + " " + std::string(target) +
                       " HTTP/1.1\r\nHost: x\r\nConnection: close\r\n" + std::string(fields);
    if (!body.empty()) text += "Content-Length: " + std::to_string(body.size()) + "\r\n";
    client.send(text + "\r\n" + std::string(body));
    const std::string all = client.read_all();
    Answer answer;
    const std::size_t end = std::min(all.find("\r\n\r\n"), all.size());
    answer.head = all.substr(0, end) + "\r\n";
    answer.body = all.substr(std::min(end + 4, all.size()));
    if (all.starts_with("HTTP/1.1 ")) answer.status = std::stoi(all.substr(9, 3));
    return answer;
  }

  // With root's token unless another one is given.
  Answer call(std::string_view method, const std::string& path, const json& body = nullptr, std::string token = {}) {
    return raw(method, "/api/v2" + path, "Authorization: Bearer " + (token.empty() ? token_ : token) + "\r\n",
               body.is_null() ? std::string() : body.dump());
  }

  Answer ask_token(const std::string& username, const std::string& password, const std::string& code = {},
                   const char* path = "/api/v2/token") {
    const std::string pair = username + ":" + password;
    const std::string otp = code.empty() ? "" : "X-SFTPGO-OTP: " + code + "\r\n";
    return raw("GET", path, "Authorization: Basic " + crypto::base64_encode(as_bytes(pair)) + "\r\n" + otp);
  }
  // Empty when refused.
  std::string log_in(const std::string& username, const std::string& password) {
    const json answer = ask_token(username, password).parsed();
    return answer.is_object() ? answer.value("access_token", "") : std::string();
  }

  std::string log_in_user(const std::string& username, const std::string& password, const std::string& code = {}) {
    const json answer = ask_token(username, password, code, "/api/v2/user/token").parsed();
    return answer.is_object() ? answer.value("access_token", "") : std::string();
  }

  static json user(const std::string& name) {
    return {{"username", name},
            {"password", "a user's password"},
            {"status", 1},
            {"home_dir", "/srv/homes/" + name},
            {"permissions", {{"/", {"*"}}}}};
  }
  static json admin(const std::string& name, const json& permissions = {"*"}) {
    return {{"username", name}, {"password", "an admin's password"}, {"status", 1}, {"permissions", permissions}};
  }
  static json folder(const std::string& name) { return {{"name", name}, {"mapped_path", "/srv/folders/" + name}}; }

  // A new administrator with these permissions; the token of it.
  std::string token_with(const json& permissions, const std::string& role = {}) {
    const std::string name = "admin" + std::to_string(++admins_);
    json body = admin(name, permissions);
    if (!role.empty()) body["role"] = role;
    EXPECT_EQ(call("POST", "/admins", body).status, 201);
    return log_in(name, "an admin's password");
  }

  static Result<std::shared_ptr<vfs::FileSystem>> open_local(const session::StorageRequest& request) {
    auto storage = vfs::LocalFileSystem::open({.root = request.path, .umask = request.umask, .create_root = true});
    if (!storage) return fail(storage.error());
    return std::shared_ptr<vfs::FileSystem>(std::move(*storage));
  }

  TempDirectory backups_;
  const std::string conf_ = backups_.path() + "/conf";  // the server's own
  const std::shared_ptr<const ProtectedPaths> protected_paths_ = std::make_shared<const ProtectedPaths>(
      ProtectedPaths::Options{.directory = conf_, .data = {conf_ + "/data", "/srv"}, .own = {}, .base = "/srv"});
  std::unique_ptr<store::Provider> provider_ = store::make_memory_provider();
  store::Accounts accounts_{*provider_,
                            {.users = {}, .hashing = cheap(), .master_key = {}, .protected_paths = protected_paths_}};
  auth::Authenticator authenticator_{*provider_, {.naming = {}, .hashing = cheap(), .totp = totp()}};
  auth::Tokens tokens_{*provider_, {.signing_passphrase = crypto::Secret(std::string_view("a signing passphrase"))}};
  auth::ApiKeyChecker api_keys_{*provider_, {}, false};
  std::shared_ptr<presence::Registry> registry_ = std::make_shared<presence::Registry>();
  std::shared_ptr<quota::Ledger> ledger_ = std::make_shared<quota::Ledger>(*provider_, quota::Options{});
  std::shared_ptr<session::QuotaScans> scans_ = std::make_shared<session::QuotaScans>(
      session::Services{.registry = registry_, .options = {}, .storage = open_local, .ledger = ledger_});
  asio::io_context context_;
  asio::executor_work_guard<asio::io_context::executor_type> guard_ = asio::make_work_guard(context_);
  std::unique_ptr<http::Server> server_;
  std::uint16_t port_ = 0;
  std::thread thread_;
  std::string token_;
  int admins_ = 0;
};

}  // namespace ferry::test
