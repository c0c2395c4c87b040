// Which one-time codes have been used: the latest time step of each account, so that a code serves once, also after a
// restart and for several servers on one database.
#pragma once

#include <cstdint>
#include <string_view>

#include "base/error.h"

namespace ferry::store {

class UsedCodes {
 public:
  virtual ~UsedCodes() = default;
  // Whether `step` comes after every step that `account` ("user:name", "admin:name") has claimed; it is claimed then.
  // Nothing is ever forgotten: a clock that goes back must not make a used code good again.
  virtual Result<bool> claim_code_step(std::string_view account, std::int64_t step) = 0;
};

}  // namespace ferry::store
