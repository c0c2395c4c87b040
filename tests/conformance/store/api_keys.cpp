// API keys: what they hold, and that they go with their owner.
#include "tests/conformance/store/provider_suite.h"

namespace ferry::store {
namespace {

model::ApiKey test_key(std::string id) {
  model::ApiKey key;
  key.id = std::move(id);
  key.name = "line\nbreak \" ' \\";
  key.key = "{SHA256}abc";
  return key;
}

TEST_P(ProviderTest, ApiKeyComesBackAsItWasStored) {
  ASSERT_TRUE(store_->add_user(test_user("maria")));
  ASSERT_TRUE(store_->add_admin(test_admin("root")));
  model::ApiKey key = test_key("K1");
  key.scope = model::api_key_scope_user;
  key.expires_at = 1'900'000'000'000;
  key.description = "d";
  key.user = "maria";
  key.last_use_at = 5;  // kept by the store
  const auto added = store_->add_api_key(key);
  ASSERT_TRUE(added) << added.error().message;
  EXPECT_EQ(added->created_at, added->updated_at);
  key.created_at = key.updated_at = added->created_at;
  key.last_use_at = 0;
  EXPECT_EQ(*added, key);
  EXPECT_EQ(*store_->api_key("K1"), key);
  EXPECT_EQ(store_->add_api_key(key).error().code, ErrorCode::already_exists);
  ASSERT_TRUE(store_->set_api_key_last_use("K1", 77));
  const auto changed = store_->change_api_key("K1", [](model::ApiKey& stored) -> Result<void> {
    stored = test_key("other");
    stored.admin = "root";
    return {};
  });
  ASSERT_TRUE(changed) << changed.error().message;
  EXPECT_EQ(changed->id, "K1");
  EXPECT_EQ(changed->admin, "root");
  EXPECT_EQ(changed->user, "");
  EXPECT_EQ(changed->last_use_at, 77);
  EXPECT_EQ(changed->created_at, key.created_at);
  EXPECT_EQ(*store_->api_key("K1"), *changed);
  const auto refused = store_->change_api_key(
      "K1", [](model::ApiKey&) -> Result<void> { return fail(ErrorCode::invalid_argument, "no"); });
  EXPECT_EQ(refused.error().code, ErrorCode::invalid_argument);
  EXPECT_EQ(*store_->api_key("K1"), *changed);
  ASSERT_TRUE(store_->delete_api_key("K1"));
  EXPECT_EQ(store_->api_key("K1").error().code, ErrorCode::not_found);
  EXPECT_EQ(store_->delete_api_key("K1").error().code, ErrorCode::not_found);
  EXPECT_EQ(store_->set_api_key_last_use("K1", 1).error().code, ErrorCode::not_found);
  EXPECT_EQ(store_->change_api_key("K1", [](model::ApiKey&) -> Result<void> { return {}; }).error().code,
            ErrorCode::not_found);
}

TEST_P(ProviderTest, ApiKeysGoWithTheirOwner) {
  ASSERT_TRUE(store_->add_user(test_user("same")));
  ASSERT_TRUE(store_->add_user(test_user("other")));
  ASSERT_TRUE(store_->add_admin(test_admin("same")));
  for (const char* id : {"A", "B", "C", "D"}) {
    model::ApiKey key = test_key(id);
    key.scope = id[0] == 'A' ? model::api_key_scope_admin : model::api_key_scope_user;
    (id[0] == 'A' ? key.admin : key.user) = id[0] == 'C' ? "other" : id[0] == 'D' ? "" : "same";
    ASSERT_TRUE(store_->add_api_key(key));
  }
  const auto ids = [&] {
    std::string text;
    const auto keys = store_->api_keys({});
    for (const model::ApiKey& key : *keys) text += key.id;
    return text;
  };
  EXPECT_EQ(ids(), "ABCD");
  ASSERT_TRUE(store_->delete_user("same"));
  EXPECT_EQ(ids(), "ACD");
  ASSERT_TRUE(store_->delete_admin("same"));
  EXPECT_EQ(ids(), "CD");
  EXPECT_EQ(store_->snapshot()->api_keys.size(), 2U);
}

TEST_P(ProviderTest, ApiKeysOfNobodyThatExists) {
  for (const bool of_user : {true, false}) {
    model::ApiKey key = test_key("K");
    (of_user ? key.user : key.admin) = "' OR 1=1 --";
    EXPECT_EQ(store_->add_api_key(key).error().code, ErrorCode::invalid_argument);
    EXPECT_EQ(store_->api_key("K").error().code, ErrorCode::not_found);
  }
  ASSERT_TRUE(store_->add_api_key(test_key("K")));
  const auto changed = store_->change_api_key("K", [](model::ApiKey& key) -> Result<void> {
    key.user = "nobody";
    return {};
  });
  EXPECT_EQ(changed.error().code, ErrorCode::invalid_argument);
  EXPECT_EQ(store_->api_key("K")->user, "");
}

TEST_P(ProviderTest, ApiKeysInPages) {
  for (const char* id : {"b", "a", "c"}) ASSERT_TRUE(store_->add_api_key(test_key(id)));
  const auto page = store_->api_keys({.limit = 1, .offset = 1, .descending = true});
  ASSERT_EQ(page->size(), 1U);
  EXPECT_EQ(page->front().id, "b");
}

TEST_P(ProviderTest, ApiKeysOfADumpBringTheirTimes) {
  model::ApiKey key = test_key("K");
  key.created_at = 1000;
  key.updated_at = 2000;
  key.last_use_at = 3000;
  EXPECT_EQ(*store_->add_api_key(key, Origin::dump), key);
}

}  // namespace
}  // namespace ferry::store
