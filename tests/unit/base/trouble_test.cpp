#include "base/trouble.h"

#include <gtest/gtest.h>

#include <set>

namespace ferry {
namespace {

TEST(Trouble, IsReadFromTheEndOfAMessage) {
  std::set<std::string_view> words;
  for (int i = 0; i <= static_cast<int>(Trouble::bad_key); ++i) {
    const auto trouble = static_cast<Trouble>(i);
    EXPECT_TRUE(words.insert(to_string(trouble)).second);
    const Error error = with_trouble({ErrorCode::connection_lost, "a [word] said elsewhere"}, trouble);
    EXPECT_EQ(error.code, ErrorCode::connection_lost);
    EXPECT_EQ(trouble_of(error), trouble);
    EXPECT_EQ(trouble_of({ErrorCode::io_error, "home: " + error.message}), trouble);
  }
  EXPECT_EQ(with_trouble({ErrorCode::io_error, "no way"}, Trouble::refused).message, "no way [refused]");
  for (const char* other :
       {"", "refused", "[refused", "refused]", "[refused] but later", "[]", "[ refused]", "[tls ]"}) {
    EXPECT_FALSE(trouble_of({ErrorCode::io_error, other})) << other;
  }
}

}  // namespace
}  // namespace ferry
