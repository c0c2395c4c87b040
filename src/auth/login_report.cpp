#include "auth/login_report.h"

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
              {"protocol", report.protocol},
              {"login_type", report.method},
              {"error", std::string_view(report.why).substr(0, 2 * model::max_name_length)}});
}

}  // namespace ferry::auth
