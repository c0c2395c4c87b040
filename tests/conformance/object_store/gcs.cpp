#include "tests/conformance/object_store/suite.h"
#include "tests/support/run.h"
#include "vfs/gcs/gcs_store.h"

namespace ferry::test {
namespace {

using vfs::gcs::GcsStore;

std::unique_ptr<GcsStore> open_bucket(const Emulator& started, std::string bucket) {
  vfs::gcs::StoreOptions options;
  options.bucket = std::move(bucket);
  options.emulator = started.url;
  auto store = GcsStore::make(std::move(options), std::make_shared<http::Client>(http::ClientOptions{}), nullptr);
  return store ? std::move(*store) : nullptr;
}

std::unique_ptr<vfs::object::ObjectStore> make_gcs(const Emulator& started) {
  return open_bucket(started, started.bucket());
}

// fake-gcs-server takes the question for an upload's status for its end (parts()), repeats all prefixes on each page,
// and looks at no generation when it copies and removes. The other emulator knows no conditions, no pages and no
// cancelling.
INSTANTIATE_TEST_SUITE_P(GoogleFake, ObjectStoreTest,
                         testing::Values(Case{.variable = "FERRY_TEST_GCS_FAKE",
                                              .make = make_gcs,
                                              .source_version = false,
                                              .remove_version = false,
                                              .pages = false,
                                              .part_lists = false}));
INSTANTIATE_TEST_SUITE_P(GoogleEmulator, ObjectStoreTest,
                         testing::Values(Case{.variable = "FERRY_TEST_GCS_EMULATOR",
                                              .make = make_gcs,
                                              .conditions = false,
                                              .source_version = false,
                                              .read_version = false,
                                              .remove_version = false,
                                              .pages = false,
                                              .cancels = false}));

class GoogleFake : public testing::Test {
 protected:
  void SetUp() override {
    started_ = emulator("FERRY_TEST_GCS_FAKE");
    if (!started_) GTEST_SKIP() << no_emulator("FERRY_TEST_GCS_FAKE");
  }
  std::optional<Emulator> started_;
};

TEST_F(GoogleFake, AMissingBucketIsNoMissingObject) {
  const auto store = open_bucket(*started_, "not-there");
  ASSERT_NE(store, nullptr);
  const auto checked = run(store->check());
  ASSERT_FALSE(checked);
  EXPECT_EQ(checked.error().code, ErrorCode::invalid_argument) << checked.error().message;
  EXPECT_TRUE(checked.error().message.contains("not-there")) << checked.error().message;
}

}  // namespace
}  // namespace ferry::test
