// Quotas and the largest file: refused as such, no torn file, and what is counted is what lies there.
#include "tests/conformance/protocol/suite.h"

namespace ferry::conformance {
namespace {

// What stays of an old file whose replacement was refused in the middle: in mode 0 its bytes are gone when the upload
// begins, and the torn file goes, too.
std::string left_of(std::string old, UploadMode mode) {
  return mode == UploadMode::standard ? std::string() : std::move(old);
}

TEST_P(ProtocolTest, AQuotaOfSizeHolds) {
  user.quota_size = 1000;
  for (const UploadMode mode : upload_modes) {
    SCOPED_TRACE(static_cast<int>(mode));
    log_in(mode);
    ASSERT_EQ(up("/old", "old"), Outcome::done);
    EXPECT_EQ(up("/new", bytes_of(1500)), Outcome::quota);
    EXPECT_FALSE(std::filesystem::exists(real("new")));
    expect_true();
    EXPECT_EQ(up("/old", bytes_of(1500)), Outcome::quota);
    EXPECT_EQ(on_disk_at("old"), left_of("old", mode));
    EXPECT_LE(names_in(user.home_dir).size(), 1U);
    expect_true();
    EXPECT_EQ(up("/old", bytes_of(1000)), Outcome::done) << "to the last byte";
    EXPECT_EQ(up("/one", "x"), Outcome::quota);
    expect_true();
    discard("/old");
  }
}

TEST_P(ProtocolTest, AQuotaOfFilesHolds) {
  user.quota_files = 2;
  for (const UploadMode mode : upload_modes) {
    SCOPED_TRACE(static_cast<int>(mode));
    log_in(mode);
    ASSERT_EQ(up("/a", "x"), Outcome::done);
    ASSERT_EQ(up("/b", ""), Outcome::done);
    EXPECT_EQ(up("/c", "x"), Outcome::quota);
    EXPECT_FALSE(std::filesystem::exists(real("c")));
    EXPECT_EQ(up("/a", "replaced"), Outcome::done) << "that is no further file";
    expect_true();
    discard("/a");
    EXPECT_EQ(up("/c", "x"), Outcome::done);
    expect_true();
    discard("/b");
    discard("/c");
  }
}

TEST_P(ProtocolTest, TheLargestFileHolds) {
  user.filters.max_upload_file_size = 1000;
  for (const UploadMode mode : upload_modes) {
    SCOPED_TRACE(static_cast<int>(mode));
    log_in(mode);
    ASSERT_EQ(up("/old", bytes_of(1000)), Outcome::done);
    EXPECT_EQ(up("/new", bytes_of(1001)), Outcome::quota);
    EXPECT_FALSE(std::filesystem::exists(real("new")));
    EXPECT_EQ(up("/old", bytes_of(1500)), Outcome::quota);
    EXPECT_TRUE(on_disk_at("old") == left_of(bytes_of(1000), mode));
    expect_true();
  }
}

TEST_P(ProtocolTest, AFolderHasItsOwnQuota) {
  for (const UploadMode mode : upload_modes) {
    SCOPED_TRACE(static_cast<int>(mode));
    log_in(mode);
    ASSERT_EQ(up("/own/f", bytes_of(500)), Outcome::done);
    EXPECT_TRUE(test::read_file(base / "own/f") == bytes_of(500));
    EXPECT_TRUE(down("/own/f").second == bytes_of(500));
    EXPECT_EQ(stored_in("own"), (store::QuotaUsage{1, 500}));
    EXPECT_EQ(stored(), store::QuotaUsage{}) << "it is not the account's";
    EXPECT_EQ(up("/own/g", "x"), Outcome::quota);
    EXPECT_FALSE(std::filesystem::exists(base / "own/g"));
    ASSERT_EQ(up("/included/f", "12345"), Outcome::done);
    EXPECT_EQ(stored(), (store::QuotaUsage{1, 5}));
    expect_true();
    if (able().lists) {
      EXPECT_EQ(protocol().list(*session, "/").second, (std::vector<std::string>{"included", "own"}));
    }
    discard("/own/f");
    discard("/included/f");
    expect_true();
  }
}

}  // namespace
}  // namespace ferry::conformance
