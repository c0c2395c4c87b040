// Uploads in parts that are not complete.
#include "tests/conformance/store/provider_suite.h"

namespace ferry::store {
namespace {

OpenUpload test_upload(std::string key) {
  OpenUpload upload;
  upload.account = "maria";
  upload.folder = "it's";
  upload.location = "s3://bucket/" + key;
  upload.key = std::move(key);
  upload.upload = std::string(2000, 'u');
  upload.owner = "a process";
  upload.started_at = 1'700'000'000'123;
  return upload;
}

TEST_P(ProviderTest, OpenUploadsAreKeptUntilTheyAreRemoved) {
  std::vector<OpenUpload> kept;
  for (const char* key : {"one", "' OR 1=1 --", "\xc3\xa4/\xff\x01"}) {
    OpenUpload& upload = kept.emplace_back(test_upload(key));
    const auto id = store_->add_open_upload(upload);
    ASSERT_TRUE(id) << id.error().message;
    upload.id = *id;
  }
  EXPECT_LT(kept[0].id, kept[1].id);
  if (GetParam().persistent) {
    store_.reset();
    store_ = GetParam().open(scratch_);
  }
  EXPECT_EQ(store_->open_uploads(0, 10), kept);
  EXPECT_EQ(store_->open_uploads(0, 2), std::vector(kept.begin(), kept.begin() + 2));
  EXPECT_EQ(store_->open_uploads(kept[1].id, 10), std::vector(kept.begin() + 2, kept.end()));
  EXPECT_TRUE(store_->disown_open_upload(kept[1].id));
  kept[1].owner.clear();
  EXPECT_TRUE(store_->remove_open_upload(kept[0].id));
  EXPECT_TRUE(store_->remove_open_upload(kept[0].id));
  EXPECT_TRUE(store_->disown_open_upload(kept[0].id));
  kept.erase(kept.begin());
  EXPECT_EQ(store_->open_uploads(0, 10), kept);
  // Ids are not used again: somebody may still remove the earlier one.
  EXPECT_TRUE(store_->remove_open_upload(kept[1].id));
  const auto next = store_->add_open_upload(test_upload("next"));
  ASSERT_TRUE(next);
  EXPECT_GT(*next, kept[1].id);
}

}  // namespace
}  // namespace ferry::store
