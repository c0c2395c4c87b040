// What an account must do before it may do anything else. Over HTTP it can log in to do that and nothing more; over the
// other protocols, where it cannot be done, the login is refused (auth/login.h).
#pragma once

#include <cstdint>

#include "model/admin.h"
#include "model/user.h"

namespace ferry::auth {

enum class Duty : std::uint8_t { none, change_password, set_up_second_factor };

// `user`: with the settings of its groups. A password expires password_expiration days after it was set; one without
// a password has none to change.
Duty duty_of(const model::User& user, std::int64_t now_ms);
Duty duty_of(const model::Admin& admin);

}  // namespace ferry::auth
