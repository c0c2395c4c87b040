// Which one-time codes have been used: the latest time step of each account. So a code can be used only once, also
// after a restart and with several servers on one database.
#pragma once

#include <cstdint>
#include <string_view>

#include "base/error.h"

namespace ferry::store {

class UsedCodes {
 public:
  virtual ~UsedCodes() = default;
  // Claims the time step for `account` ("user:name", "admin:name"). False: the account has claimed this step or a later
  // one before. Steps are never removed: if the clock goes back a used code must not become valid again.
  virtual Result<bool> claim_code_step(std::string_view account, std::int64_t step) = 0;
};

}  // namespace ferry::store
