#include "auth/password_cache.h"

#include <gtest/gtest.h>

#include <string>

namespace ferry::auth {
namespace {

TEST(PasswordCache, KnowsExactlyWhatWasAdded) {
  PasswordCache cache;
  cache.add("user:a", "hash", "secret");
  EXPECT_TRUE(cache.contains("user:a", "hash", "secret"));
  EXPECT_FALSE(cache.contains("user:a", "hash", "Secret"));
  EXPECT_FALSE(cache.contains("user:a", "hash2", "secret"));
  EXPECT_FALSE(cache.contains("admin:a", "hash", "secret"));
  EXPECT_FALSE(cache.contains("user:a", "hashs", "ecret"));
  cache.add("user:a", "hash2", "new");
  EXPECT_FALSE(cache.contains("user:a", "hash", "secret"));
  EXPECT_TRUE(cache.contains("user:a", "hash2", "new"));
  cache.remove("user:a");
  EXPECT_FALSE(cache.contains("user:a", "hash2", "new"));
  EXPECT_EQ(cache.size(), 0U);
}

TEST(PasswordCache, ForgetsTheLeastRecentlyUsed) {
  PasswordCache cache(3);
  for (const char* account : {"a", "b", "c"}) cache.add(account, "h", "p");
  EXPECT_TRUE(cache.contains("a", "h", "p"));
  cache.add("d", "h", "p");
  EXPECT_EQ(cache.size(), 3U);
  EXPECT_TRUE(cache.contains("a", "h", "p"));
  EXPECT_FALSE(cache.contains("b", "h", "p"));
  for (int i = 0; i < 1000; ++i) cache.add(std::to_string(i), "h", "p");
  EXPECT_EQ(cache.size(), 3U);
}

}  // namespace
}  // namespace ferry::auth
