// ObjectFileSystem on S3 under the suite: against the emulators that this run has started.
#include <atomic>

#include "tests/conformance/vfs/suite.h"
#include "tests/support/emulator.h"
#include "vfs/object/object_file_system.h"
#include "vfs/s3/credentials.h"
#include "vfs/s3/s3_store.h"

namespace ferry::vfs {
namespace {

// Each storage has a prefix of its own in the bucket.
std::shared_ptr<FileSystem> make_s3(const char* variable) {
  static std::atomic<unsigned> count = 0;
  const auto started = test::emulator(variable);
  if (!started) return nullptr;
  auto client = std::make_shared<http::Client>(http::ClientOptions{});
  s3::StoreOptions options;
  options.endpoint.bucket = started->bucket();
  options.endpoint.endpoint = started->url;
  options.endpoint.path_style = true;
  s3::CredentialOptions keys;
  keys.access_key = started->words.at(0);
  keys.access_secret = crypto::Secret(std::string_view(started->words.at(1)));
  auto source = s3::CredentialSources({}, client).of(std::move(keys));
  auto store = s3::S3Store::make(std::move(options), client, std::move(source));
  if (!store) return nullptr;
  object::ObjectOptions how;
  how.key_prefix = "vfs-" + std::to_string(::getpid()) + "-" + std::to_string(++count);
  how.budget = std::make_shared<ByteBudget>(std::uint64_t{64} << 20);
  return object::make_object_file_system(std::move(*store), std::move(how));
}

Backend s3_backend(const char* name, const char* variable) {
  Backend backend;
  backend.name = name;
  backend.make = [variable] { return make_s3(variable); };
  backend.longest_path = 900;  // a key has 1,024 bytes, the prefix among them
  backend.any_bytes = false;
  return backend;
}

INSTANTIATE_TEST_SUITE_P(S3, FileSystemSuite,
                         testing::Values(s3_backend("versitygw", "FERRY_TEST_S3_VERSITYGW"),
                                         s3_backend("moto", "FERRY_TEST_S3_MOTO"),
                                         s3_backend("strict_headers", "FERRY_TEST_S3_STRICT_HEADERS"),
                                         s3_backend("through_faults", "FERRY_TEST_S3_FAULTY")),
                         backend_name);

}  // namespace
}  // namespace ferry::vfs
