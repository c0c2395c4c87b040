#include <array>

#include "tests/conformance/object_store/suite.h"
#include "tests/support/run.h"
#include "vfs/azure/azure_store.h"

namespace ferry::test {
namespace {

using vfs::azure::AzureStore;
using vfs::azure::StoreOptions;

StoreOptions options_of(const Emulator& started) {
  StoreOptions options;
  options.container = started.words.at(2);
  options.account_name = started.words.at(0);
  options.account_key = crypto::Secret(started.words.at(1));
  options.endpoint = started.url;
  options.use_emulator = true;
  return options;
}

Result<std::unique_ptr<AzureStore>> open(StoreOptions options) {
  return AzureStore::make(std::move(options), std::make_shared<http::Client>(http::ClientOptions{}), nullptr);
}

std::unique_ptr<vfs::object::ObjectStore> make(const Emulator& started) {
  auto store = open(options_of(started));
  return store ? std::move(*store) : nullptr;
}

INSTANTIATE_TEST_SUITE_P(
    Azurite, ObjectStoreTest,
    testing::Values(Case{
        .variable = "FERRY_TEST_AZURITE", .make = make, .backslashes = false, .control_characters = false}));

class Azurite : public testing::Test {
 protected:
  void SetUp() override {
    const auto started = emulator("FERRY_TEST_AZURITE");
    if (!started) GTEST_SKIP() << no_emulator("FERRY_TEST_AZURITE");
    options_ = options_of(*started);
  }
  ErrorCode check() {
    auto store = open(options_);
    if (!store) return store.error().code;
    const auto checked = run((*store)->check());
    message_ = checked ? "" : checked.error().message;
    return checked ? ErrorCode::internal : checked.error().code;
  }

  StoreOptions options_;
  std::string message_;
};

TEST_F(Azurite, AWrongKeyIsRefused) {
  options_.account_key = crypto::Secret("AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=");
  EXPECT_EQ(check(), ErrorCode::permission_denied);
  EXPECT_TRUE(message_.contains("Auth")) << message_;
  EXPECT_FALSE(message_.contains("AAAAAAAA")) << message_;
}

TEST_F(Azurite, AMissingContainerIsNoMissingObject) {
  options_.container = "not-there";
  EXPECT_EQ(check(), ErrorCode::invalid_argument);
  EXPECT_TRUE(message_.contains("ContainerNotFound")) << message_;
}

// The service would read "x\\y" as x/y, for which other permissions may hold.
TEST_F(Azurite, ABackslashIsNoSlash) {
  auto opened = open(options_);
  ASSERT_TRUE(opened);
  AzureStore& store = **opened;
  const std::string text = "content";
  const vfs::object::Payload content{.pieces = {as_bytes(text)}, .size = text.size()};
  ASSERT_TRUE(run(store.put("guarded/x", content, {}, {})));
  const auto refused = [](const auto& result) { return !result && result.error().code == ErrorCode::invalid_argument; };
  std::array<std::byte, 10> into{};
  EXPECT_TRUE(refused(run(store.get("guarded\\x", 0, into, ""))));
  EXPECT_TRUE(refused(run(store.head("guarded\\x"))));
  EXPECT_TRUE(refused(run(store.put("guarded\\x", content, {}, {}))));
  EXPECT_TRUE(refused(run(store.remove("guarded\\x"))));
  EXPECT_TRUE(refused(run(store.copy("guarded\\x", "y", std::nullopt, "", {}))));
  EXPECT_TRUE(refused(run(store.copy("guarded/x", "y\\z", std::nullopt, "", {}))));
  EXPECT_TRUE(run(store.head("guarded/x")));
  EXPECT_TRUE(run(store.remove("guarded/x")));
}

TEST_F(Azurite, AnUploadThatWasOvertakenConflicts) {
  auto opened = open(options_);
  ASSERT_TRUE(opened);
  AzureStore& store = **opened;
  const std::string text = "content";
  const vfs::object::Payload content{.pieces = {as_bytes(text)}, .size = text.size()};
  const auto first = run(store.begin_upload("overtaken", {}, {}));
  const auto second = run(store.begin_upload("overtaken", {}, {}));
  const auto part_of_first = run(store.put_part(*first, 1, 0, content));
  const auto part_of_second = run(store.put_part(*second, 1, 0, content));
  ASSERT_TRUE(part_of_first && part_of_second);
  const auto published = run(store.complete(*first, {*part_of_first}, {}, {}));
  ASSERT_TRUE(published) << published.error().message;
  // The answer was lost, and the request is sent again.
  const auto again = run(store.complete(*first, {*part_of_first}, {}, {}));
  ASSERT_TRUE(again) << again.error().message;
  EXPECT_EQ(again->version, published->version);
  const auto late = run(store.complete(*second, {*part_of_second}, {}, {}));
  ASSERT_FALSE(late);
  EXPECT_EQ(late.error().code, ErrorCode::conflict) << late.error().message;
  EXPECT_TRUE(run(store.remove("overtaken")));
}

}  // namespace
}  // namespace ferry::test
