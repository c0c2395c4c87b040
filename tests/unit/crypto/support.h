// Small helpers of the cryptographic tests.
#pragma once

#include <gtest/gtest.h>

#include <random>
#include <string>
#include <string_view>

#include "base/bytes.h"
#include "crypto/encoding.h"

namespace ferry::test {

// Bytes written as hex digits; spaces may group them.
inline Bytes hex(std::string_view text) {
  std::string digits;
  for (const char c : text) {
    if (c != ' ' && c != '\n') digits += c;
  }
  Result<Bytes> bytes = crypto::hex_decode(digits);
  if (!bytes) throw std::invalid_argument("bad hex in a test");
  return *bytes;
}

inline std::string to_hex(ByteSpan bytes) { return crypto::hex_encode(bytes); }

// Calls `parse` with every proper prefix of `sample` and with `count` seeded mutations of it: bytes changed,
// removed, inserted and repeated. What it does with them is up to the caller (mostly: not crash under a sanitizer).
template <class Parse>
void mutate(std::string_view sample, int count, Parse parse) {
  for (std::size_t size = 0; size < sample.size(); ++size) parse(std::string(sample.substr(0, size)));
  std::mt19937 random(20240229);
  for (int i = 0; i < count; ++i) {
    std::string text(sample);
    for (unsigned edits = 1 + random() % 4; edits > 0 && !text.empty(); --edits) {
      const std::size_t at = random() % text.size();
      switch (random() % 5) {
        case 0: text[at] = static_cast<char>(random()); break;
        case 1: text[at] = static_cast<char>(text[at] ^ (1 << random() % 8)); break;
        case 2: text.erase(at, 1 + random() % 8); break;
        case 3: text.insert(at, 1 + random() % 8, static_cast<char>(random() % 2 ? random() : 0xff)); break;
        case 4: text.insert(at, text.substr(at / 2, 1 + random() % 16)); break;
      }
    }
    parse(text);
  }
}

}  // namespace ferry::test
