// ObjectFileSystem on Azure Blob Storage under the suite: against Azurite, also through faults.
#include <unistd.h>

#include <atomic>

#include "tests/conformance/vfs/suite.h"
#include "tests/support/emulator.h"
#include "vfs/azure/azure_store.h"
#include "vfs/object/object_file_system.h"

namespace ferry::vfs {
namespace {

// Each storage has a prefix of its own in the container.
std::shared_ptr<FileSystem> make_azure(const char* variable) {
  static std::atomic<unsigned> count = 0;
  const auto started = test::emulator(variable);
  if (!started) return nullptr;
  azure::StoreOptions options;
  options.container = started->words.at(2);
  options.account_name = started->words.at(0);
  options.account_key = crypto::Secret(std::string_view(started->words.at(1)));
  options.endpoint = started->url;
  options.use_emulator = true;
  auto client = std::make_shared<http::Client>(http::ClientOptions{});
  auto store = azure::AzureStore::make(std::move(options), std::move(client), nullptr);
  if (!store) return nullptr;
  object::ObjectOptions how;
  how.key_prefix = "vfs-" + std::to_string(::getpid()) + "-" + std::to_string(++count);
  how.budget = std::make_shared<ByteBudget>(std::uint64_t{64} << 20);
  return object::make_object_file_system(std::move(*store), std::move(how));
}

Backend azure_backend(const char* name, const char* variable) {
  Backend backend;
  backend.name = name;
  backend.make = [variable] { return make_azure(variable); };
  backend.longest_path = 900;   // a name has 1,024 bytes, the prefix among them
  backend.backslashes = false;  // the service takes them for slashes, so they are refused
  backend.any_bytes = false;
  return backend;
}

INSTANTIATE_TEST_SUITE_P(Azure, FileSystemSuite,
                         testing::Values(azure_backend("azurite", "FERRY_TEST_AZURITE"),
                                         azure_backend("through_faults", "FERRY_TEST_AZURITE_FAULTY")),
                         backend_name);

}  // namespace
}  // namespace ferry::vfs
