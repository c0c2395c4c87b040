#include "auth/login_report.h"

#include <vector>

#include "base/log.h"
#include "model/validate.h"

namespace ferry::auth {

LoginReport::Outcome outcome_of(const Error& error) {
  if (error.code == ErrorCode::not_found) return LoginReport::Outcome::unknown_account;
  if (error.code == ErrorCode::authentication_failed) return LoginReport::Outcome::refused;
  return LoginReport::Outcome::undecided;
}

void log_connection_failed(const LoginReport& report) {
  // When nobody could decide, the operator has something to mend.
  const bool undecided = report.outcome == LoginReport::Outcome::undecided;
  // What a client sends must not fill the log; the error may repeat the name.
  log::write(undecided ? log::Level::warn : log::Level::debug, "connection_failed",
             {{"client_ip", report.client_ip},
              {"username", std::string_view(report.username).substr(0, model::max_name_length)},
              {"login_type", report.method},
              {"protocol", report.protocol},
              {"error", std::string_view(report.why).substr(0, 2 * model::max_name_length)}});
}

void log_login(const LoginLine& login) {
  constexpr std::size_t most_logged = 512;  // of what the client says
  std::vector<log::Field> fields{
      {"ip", login.client_ip}, {"username", login.username}, {"method", login.method}, {"protocol", login.protocol}};
  if (!login.connection_id.empty()) fields.push_back({"connection_id", login.connection_id});
  fields.push_back({"client", login.client.substr(0, most_logged)});
  fields.push_back({"encrypted", login.encrypted});
  if (!login.info.empty()) fields.push_back({"info", login.info});
  log::write(log::Level::info, "login", fields);
}

}  // namespace ferry::auth
