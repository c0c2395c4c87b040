// Dumps of hostile make: loading one ends with all of it or with an error, and what was loaded can be dumped and
// loaded again, to the same text.
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

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto provider = store::make_memory_provider();
  store::Accounts accounts(*provider, options());
  const std::string before = dumped(*provider);
  const auto report = store::load_dump(accounts, text, store::LoadMode::update);
  const std::string first = dumped(*provider);
  if (!report) {
    fuzz::require(first == before);
    return 0;
  }
  const auto other = store::make_memory_provider();
  store::Accounts other_accounts(*other, options());
  const auto again = store::load_dump(other_accounts, first, store::LoadMode::add);
  fuzz::require(again && dumped(*other) == first);
  return 0;
}
