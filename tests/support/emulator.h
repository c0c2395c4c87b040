// What tests/emulators/emulators.py has started for this run, and told by environment variables:
//
//   const auto moto = test::emulator("FERRY_TEST_S3_MOTO");
//   if (!moto) GTEST_SKIP() << test::no_emulator("FERRY_TEST_S3_MOTO");
#pragma once

#include <cstdlib>
#include <optional>
#include <sstream>
#include <string>
#include <string_view>
#include <vector>

namespace ferry::test {

struct Emulator {
  std::string url;                 // without a slash at its end
  std::vector<std::string> words;  // S3: access, secret, bucket. Google: bucket. Azure: account, key, container
  const std::string& bucket() const { return words.back(); }
};

inline std::optional<Emulator> emulator(const std::string& name) {
  const auto* value = std::getenv(name.c_str());
  if (value == nullptr) return std::nullopt;
  std::istringstream in(value);
  Emulator result;
  in >> result.url;
  for (std::string word; in >> word;) result.words.push_back(word);
  if (result.url.empty() || result.words.empty()) return std::nullopt;
  return result;
}

inline std::string no_emulator(std::string_view name) {
  return "no emulator: " + std::string(name) + " is not set (CONTRIBUTING.md)";
}

}  // namespace ferry::test
