#include "tests/conformance/object_store/suite.h"
#include "tests/support/run.h"
#include "vfs/s3/credentials.h"
#include "vfs/s3/s3_store.h"

namespace ferry::test {
namespace {

using vfs::s3::S3Store;

Result<std::unique_ptr<S3Store>> open_s3(const Emulator& started, std::string bucket, std::string secret) {
  auto client = std::make_shared<http::Client>(http::ClientOptions{});
  vfs::s3::StoreOptions options;
  options.endpoint = {.bucket = std::move(bucket), .endpoint = started.url, .path_style = true};
  vfs::s3::CredentialOptions keys;
  keys.access_key = started.words.at(0);
  keys.access_secret = crypto::Secret(std::string_view(secret));
  auto source = vfs::s3::CredentialSources({}, client).of(std::move(keys));
  return S3Store::make(std::move(options), client, std::move(source));
}

std::unique_ptr<vfs::object::ObjectStore> make_s3(const Emulator& started) {
  auto store = open_s3(started, started.bucket(), started.words.at(1));
  return store ? std::move(*store) : nullptr;
}

Case s3_case(const char* variable) { return {.variable = variable, .make = make_s3, .control_characters = false}; }

// moto ignores the condition on the source of a copy.
Case moto_case() {
  Case one = s3_case("FERRY_TEST_S3_MOTO");
  one.source_version = false;
  return one;
}

INSTANTIATE_TEST_SUITE_P(Versitygw, ObjectStoreTest, testing::Values(s3_case("FERRY_TEST_S3_VERSITYGW")));
INSTANTIATE_TEST_SUITE_P(Moto, ObjectStoreTest, testing::Values(moto_case()));
// Answers 501 to every x-amz- header that it does not know: checksums are learned not to be sent.
INSTANTIATE_TEST_SUITE_P(StrictHeaders, ObjectStoreTest, testing::Values(s3_case("FERRY_TEST_S3_STRICT_HEADERS")));

}  // namespace
}  // namespace ferry::test
