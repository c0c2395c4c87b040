// The steps of the login pipeline that need only the account. The message of an error is the reason, for the log.
// Private to src/auth.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "auth/login.h"
#include "base/error.h"
#include "model/admin.h"
#include "model/user.h"

namespace ferry::auth {

// When and from where a login happens.
struct Circumstances {
  std::int64_t now_ms = 0;
  std::string_view client_ip;
  std::string_view protocol;
  bool local_time = false;
};

// The expiry clock forgets at a restart that the system's clock was set back. So it is compared with a time that is
// stored, such as the account's last login. internal: the clock is more than a day behind `seen_ms`, and cannot be used
// to tell what has expired.
Result<void> check_clock(std::int64_t seen_ms, std::int64_t now_ms);
// Status, expiration, access time, addresses, protocol, second factor, in this order.
Result<void> check_user(const model::User& user, Method method, const Circumstances& at);
// Status, allow list.
Result<void> check_admin(const model::Admin& admin, const Circumstances& at);

// What a right credential of `method` leads to, after the methods in `completed`.
struct MethodOutcome {
  bool partial = false;
  std::vector<std::string> remaining;
  std::string name;  // "publickey+password" for a second step
};
// A user whose single-step SSH methods are all denied needs publickey, then one of the methods that
// "publickey+..." still allows. authentication_failed: the method is denied.
Result<MethodOutcome> check_method(const model::User& user, Method method, std::string_view protocol,
                                   const std::vector<Method>& completed);

}  // namespace ferry::auth
