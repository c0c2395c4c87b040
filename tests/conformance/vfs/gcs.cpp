// ObjectFileSystem on Google Cloud Storage under the suite: against fake-gcs-server, also through faults.
#include <unistd.h>

#include <atomic>

#include "tests/conformance/vfs/suite.h"
#include "tests/support/emulator.h"
#include "vfs/gcs/gcs_store.h"
#include "vfs/object/object_file_system.h"

namespace ferry::vfs {
namespace {

// Each storage has a prefix of its own in the bucket.
std::shared_ptr<FileSystem> make_gcs(const char* variable) {
  static std::atomic<unsigned> count = 0;
  const auto started = test::emulator(variable);
  if (!started) return nullptr;
  gcs::StoreOptions options;
  options.bucket = started->bucket();
  options.emulator = started->url;
  auto client = std::make_shared<http::Client>(http::ClientOptions{});
  auto store = gcs::GcsStore::make(std::move(options), std::move(client), nullptr);
  if (!store) return nullptr;
  object::ObjectOptions how;
  how.key_prefix = "vfs-" + std::to_string(::getpid()) + "-" + std::to_string(++count);
  how.budget = std::make_shared<ByteBudget>(std::uint64_t{64} << 20);
  return object::make_object_file_system(std::move(*store), std::move(how));
}

Backend gcs_backend(const char* name, const char* variable) {
  Backend backend;
  backend.name = name;
  backend.make = [variable] { return make_gcs(variable); };
  backend.longest_path = 900;  // a name has 1,024 bytes, the prefix among them
  backend.any_bytes = false;   // names are UTF-8
  return backend;
}

INSTANTIATE_TEST_SUITE_P(Google, FileSystemSuite,
                         testing::Values(gcs_backend("fake", "FERRY_TEST_GCS_FAKE"),
                                         gcs_backend("through_faults", "FERRY_TEST_GCS_FAULTY")),
                         backend_name);

}  // namespace
}  // namespace ferry::vfs
