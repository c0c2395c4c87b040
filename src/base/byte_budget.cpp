#include "base/byte_budget.h"

#include <sys/sysinfo.h>

#include <algorithm>

namespace ferry {

ByteBudget::ByteBudget(std::uint64_t limit)
    : first_(std::make_shared<Tickets>(limit / 8)),
      parts_(std::make_shared<Tickets>(limit / 2)),
      ahead_(std::make_shared<Tickets>(limit / 8 * 3)) {}

std::uint64_t ByteBudget::default_limit() {
  constexpr std::uint64_t most = std::uint64_t{1} << 30;
  struct sysinfo memory {};
  if (::sysinfo(&memory) != 0) return most;
  return std::min(most, std::uint64_t{memory.totalram} * memory.mem_unit / 4);
}

}  // namespace ferry
