#include "crypto/encoding.h"

#include "tests/unit/crypto/support.h"

namespace ferry::crypto {
namespace {

std::string decoded(std::string_view text, Base64 form = Base64::standard) {
  const Result<Bytes> data = base64_decode(text, form);
  return data ? std::string(as_text(*data)) : "refused";
}

TEST(Encoding, Rfc4648Vectors) {
  const std::pair<const char*, const char*> vectors[] = {{"", ""},
                                                         {"f", "Zg=="},
                                                         {"fo", "Zm8="},
                                                         {"foo", "Zm9v"},
                                                         {"foob", "Zm9vYg=="},
                                                         {"fooba", "Zm9vYmE="},
                                                         {"foobar", "Zm9vYmFy"}};
  for (const auto& [plain, encoded] : vectors) {
    EXPECT_EQ(base64_encode(as_bytes(plain)), encoded);
    EXPECT_EQ(decoded(encoded), plain);
    const std::string bare(encoded, std::string_view(encoded).find_last_not_of('=') + 1);
    EXPECT_EQ(base64_encode(as_bytes(plain), Base64::unpadded), bare);
    EXPECT_EQ(decoded(bare, Base64::unpadded), plain);
    EXPECT_EQ(decoded(bare, Base64::url), plain);
  }
}

TEST(Encoding, AlphabetsDiffer) {
  const Bytes data = test::hex("fbefff");
  EXPECT_EQ(base64_encode(data), "++//");
  EXPECT_EQ(base64_encode(data, Base64::url), "--__");
  EXPECT_EQ(decoded("--__"), "refused");
  EXPECT_EQ(decoded("++//", Base64::url), "refused");
}

TEST(Encoding, Base64IsStrict) {
  for (const char* bad : {"Z", "Zg", "Zg=", "Zg===", "Zh==", "Zm9=", "Zm9v=", "Zm9v====", "=", "====", "Zm 9v",
                          "Zm9v\n", "Z=g=", "Zm\xff"}) {
    EXPECT_EQ(decoded(bad), "refused") << bad;
  }
  for (const char* bad : {"Z", "Zg==", "Zm8=", "Zh", "Zm9vZ", "Zm9"}) {
    EXPECT_EQ(decoded(bad, Base64::url), "refused") << bad;
  }
}

TEST(Encoding, Hex) {
  EXPECT_EQ(hex_encode(test::hex("00ff10Ab")), "00ff10ab");
  EXPECT_FALSE(hex_decode("0"));
  EXPECT_FALSE(hex_decode("0g"));
  EXPECT_FALSE(hex_decode(" 0"));
  EXPECT_TRUE(hex_decode("")->empty());
}

// Whatever decodes encodes to the very same text again, so no two texts stand for one value.
TEST(Encoding, OneTextForOneValue) {
  for (const Base64 form : {Base64::standard, Base64::unpadded, Base64::url}) {
    const std::string sample = base64_encode(as_bytes("the quick brown fox jumps over\xff\xfe it"), form);
    test::mutate(sample, 10'000, [&](const std::string& text) {
      const Result<Bytes> data = base64_decode(text, form);
      if (data) {
        EXPECT_EQ(base64_encode(*data, form), text);
      }
    });
  }
}

}  // namespace
}  // namespace ferry::crypto
