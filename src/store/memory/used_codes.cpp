#include "store/memory/engine.h"

namespace ferry::store::memory {

Result<bool> Engine::claim_code_step(std::string_view account, std::int64_t step) {
  std::unique_lock lock(mutex_);
  const auto [entry, first] = used_codes_.try_emplace(std::string(account), step);
  if (first) return true;
  if (step <= entry->second) return false;
  entry->second = step;
  return true;
}

}  // namespace ferry::store::memory
