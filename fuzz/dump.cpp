// Dumps of hostile make: loading one ends with all of it or with an error, or with what is valid of it where that is
// asked for; what was loaded can be dumped and loaded again, to the same text.
#include "store/dump.h"

#include "fuzz/input.h"
#include "store/memory/memory_provider.h"

using namespace ferry;

namespace {

store::AccountOptions options() {
  store::AccountOptions options;
  options.hashing.bcrypt_cost = 4;
  return options;
}

std::string dumped(store::Provider& provider) {
  return store::write_dump(provider, store::DumpScopes::everything(), false).value_or("");
}

// Loads what this provider holds into a new one; both must hold the same then.
void require_round_trip(store::Provider& provider) {
  const std::string first = dumped(provider);
  const auto other = store::make_memory_provider();
  store::Accounts other_accounts(*other, options());
  const auto again = store::load_dump(other_accounts, first, {.mode = store::LoadMode::add});
  fuzz::require(again && dumped(*other) == first);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto provider = store::make_memory_provider();
  store::Accounts accounts(*provider, options());
  const std::string before = dumped(*provider);
  if (store::load_dump(accounts, text, {})) {
    require_round_trip(*provider);
    return 0;
  }
  fuzz::require(dumped(*provider) == before);
  if (store::load_dump(accounts, text, {.skip_invalid = true})) require_round_trip(*provider);
  return 0;
}
