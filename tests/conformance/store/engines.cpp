#include "store/memory/memory_provider.h"
#include "store/sqlite/sqlite_provider.h"
#include "tests/conformance/store/provider_suite.h"

namespace ferry::store {
namespace {

std::unique_ptr<Provider> open_test_sqlite(const ScratchDirectory& scratch) {
  auto provider = open_sqlite({.path = scratch.file("a b.db")});
  if (!provider) throw std::runtime_error(provider.error().message);
  return std::move(*provider);
}

INSTANTIATE_TEST_SUITE_P(Engines, ProviderTest,
                         testing::Values(Engine{"memory", false,
                                                [](const ScratchDirectory&) { return make_memory_provider(); }},
                                         Engine{"sqlite", true, open_test_sqlite}),
                         [](const testing::TestParamInfo<Engine>& info) { return info.param.name; });

}  // namespace
}  // namespace ferry::store
