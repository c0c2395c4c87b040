// How the login pipeline says no: the reason goes to the log, the client hears only that it failed.
#pragma once

#include <string>
#include <utility>

#include "base/error.h"

namespace ferry::auth {

[[nodiscard]] inline std::unexpected<Error> refuse(std::string why) {
  return fail(ErrorCode::authentication_failed, std::move(why));
}

}  // namespace ferry::auth
