#include "store/memory/engine.h"

namespace ferry::store::memory {

Result<bool> Engine::claim_code_step(std::string_view account, std::int64_t step, std::int64_t oldest) {
  std::unique_lock lock(mutex_);
  std::erase_if(used_codes_, [oldest](const auto& entry) { return entry.second < oldest; });
  const auto [entry, first] = used_codes_.try_emplace(std::string(account), step);
  if (first) return true;
  if (step <= entry->second) return false;
  entry->second = step;
  return true;
}

}  // namespace ferry::store::memory
