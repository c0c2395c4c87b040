// The object store of unit tests keeps the contract that it stands for.
#include "tests/conformance/object_store/suite.h"
#include "tests/support/memory_object_store.h"

namespace ferry::test {
namespace {

std::unique_ptr<vfs::object::ObjectStore> make_memory(const Emulator&) { return std::make_unique<MemoryObjectStore>(); }

INSTANTIATE_TEST_SUITE_P(Memory, ObjectStoreTest, testing::Values(Case{.variable = "", .make = make_memory}));

}  // namespace
}  // namespace ferry::test
