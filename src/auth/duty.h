// What an account must do before it may do anything else: change its password, or set up a second factor. Over HTTP it
// can log in and do just that; over other protocols, where that is not possible, the login is refused (auth/login.h).
#pragma once

#include <cstdint>

#include "model/admin.h"
#include "model/user.h"

namespace ferry::auth {

enum class Duty : std::uint8_t { none, change_password, set_up_second_factor };

// `user`: with the settings of its groups. A password expires password_expiration days after it was set. A user without
// a password never has to change it.
Duty duty_of(const model::User& user, std::int64_t now_ms);
Duty duty_of(const model::Admin& admin);

}  // namespace ferry::auth
