#include "server/storage.h"

#include <gtest/gtest.h>

#include "tests/support/temp_directory.h"

namespace ferry::server {
namespace {

TEST(Storage, KnowsTheLocalProviderAndRefusesTheOthersByNumber) {
  const test::TempDirectory base;
  model::FilesystemConfig config;
  const auto local = open_storage({.config = config, .path = base / "home"});
  ASSERT_TRUE(local);
  EXPECT_EQ((*local)->name(), "osfs");
  for (int provider = 1; provider <= 6; ++provider) {
    config.provider = static_cast<model::FilesystemProvider>(provider);
    const auto refused = open_storage({.config = config, .path = base / "home"});
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code, ErrorCode::unsupported);
    EXPECT_EQ(refused.error().message, "storage provider " + std::to_string(provider) + " is not built in");
  }
}

}  // namespace
}  // namespace ferry::server
