#include "server/first_admin.h"

#include <fmt/format.h>

#include "base/json_text.h"
#include "crypto/token.h"

namespace ferry::server {

namespace {

std::string variable(const config::Environment& environment, std::string_view name) {
  for (const std::string_view prefix : {"FERRY_", "SFTPGO_"}) {
    const auto found = environment.find(std::string(prefix) + std::string(name));
    if (found != environment.end() && !found->second.empty()) return found->second;
  }
  return {};
}

// Inside single quotes of a POSIX shell.
std::string shell_quoted(std::string_view text) {
  std::string out = "'";
  for (const char c : text) {
    if (c == '\'') {
      out += "'\\''";
    } else {
      out += c;
    }
  }
  return out + "'";
}

}  // namespace

Result<std::optional<NewAdmin>> create_first_admin(store::Accounts& accounts, bool from_environment,
                                                   const config::Environment& environment) {
  auto present = accounts.provider().has_admin();
  if (!present) return fail(present.error());
  if (*present) return std::nullopt;
  NewAdmin made{"admin", crypto::random_id(20)};
  if (from_environment) {
    made.username = variable(environment, "DEFAULT_ADMIN_USERNAME");
    made.password = variable(environment, "DEFAULT_ADMIN_PASSWORD");
    if (made.username.empty() || made.password.empty()) {
      return fail(ErrorCode::invalid_argument,
                  "data_provider.create_default_admin: expected FERRY_DEFAULT_ADMIN_USERNAME and "
                  "FERRY_DEFAULT_ADMIN_PASSWORD in the environment");
    }
  }
  model::Admin admin;
  admin.username = made.username;
  admin.password = made.password;
  admin.permissions = {"*"};
  auto added = accounts.add_first_admin(std::move(admin));
  // Another instance on the same data was faster: its administrator counts.
  if (!added && added.error().code == ErrorCode::conflict) return std::nullopt;
  if (!added) return fail(added.error().code, "the first administrator: " + added.error().message);
  if (from_environment) return std::nullopt;
  return made;
}

std::string welcome_text(const Welcome& welcome) {
  std::string text = fmt::format(
      "\nThis is a new installation. The first administrator (shown only this once):\n\n"
      "  username  {}\n  password  {}\n\n",
      welcome.admin.username, welcome.admin.password);
  if (welcome.sftp_port == 0 || welcome.http_url.empty()) return text;
  std::string home;
  append_json_string(home, welcome.home);
  const std::string password = crypto::random_id(12);
  const std::string body = fmt::format(
      R"({{"username":"user","password":"{}","status":1,"home_dir":{},"permissions":{{"/":["*"]}}}})", password, home);
  text += fmt::format(
      "Get a token, create a user (its password is {}), connect:\n\n"
      "TOKEN=$(curl -s -u {}:{} {}/api/v2/token | sed 's/.*\"access_token\":\"\\([^\"]*\\)\".*/\\1/')\n"
      "curl -s -H \"Authorization: Bearer $TOKEN\" -H 'Content-Type: application/json' -d {} {}/api/v2/users\n"
      "sftp -P {} user@{}\n\n",
      password, welcome.admin.username, welcome.admin.password, welcome.http_url, shell_quoted(body), welcome.http_url,
      welcome.sftp_port, welcome.sftp_host);
  return text;
}

}  // namespace ferry::server
