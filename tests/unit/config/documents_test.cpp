// docs/keys.md names every key with its default, and nothing else.
#include <gtest/gtest.h>

#include <algorithm>
#include <cctype>
#include <fstream>
#include <map>

#include "config/loader.h"
#include "config/schema.h"

namespace ferry::config {
namespace {

void collect(const Schema& schema, const std::string& path, std::vector<std::string>& keys) {
  for (const Row& row : schema.rows()) {
    const std::string key = path.empty() ? std::string(row.name) : path + "." + std::string(row.name);
    if (row.nested == nullptr) {
      keys.push_back(key);
    } else {
      collect(row.nested(), row.kind == Kind::object_list ? key + "[]" : key, keys);
    }
  }
}

// Key and default of each line "| `key` | `default` | note |".
std::map<std::string, std::string> documented() {
  std::ifstream in(FERRY_TEST_DATA "/../../docs/keys.md");
  std::map<std::string, std::string> found;
  for (std::string line; std::getline(in, line);) {
    if (!line.starts_with("| `")) continue;
    const std::size_t end = line.find("` | ");
    const std::string rest = line.substr(end + 4);
    found[line.substr(3, end - 3)] = rest.starts_with('`') ? rest.substr(1, rest.find("` |") - 1) : "";
  }
  return found;
}

std::string variable_of(const std::string& key) {
  std::string name = "FERRY_";
  for (std::size_t i = 0; i < key.size(); ++i) {
    if (key.compare(i, 2, "[]") == 0) {
      name += "__0";
      ++i;
    } else if (key[i] == '.') {
      name += "__";
    } else {
      name += static_cast<char>(std::toupper(static_cast<unsigned char>(key[i])));
    }
  }
  return name;
}

TEST(Documents, NameEveryKeyAndNoOther) {
  std::vector<std::string> keys, named;
  collect(schema<Config>(), "", keys);
  for (const auto& [key, value] : documented()) named.push_back(key);
  std::ranges::sort(keys);
  EXPECT_EQ(named, keys) << "docs/keys.md and the rows of src/config/sections say different things";
}

TEST(Documents, NameTheRightDefaults) {
  // Lists that have an element by default: of others the first one would be new.
  const std::vector<std::string> filled = {"sftpd.bindings[]", "ftpd.bindings[]",        "webdavd.bindings[]",
                                           "httpd.bindings[]", "common.rate_limiters[]", "mfa.totp[]"};
  std::size_t compared = 0;
  for (const auto& [key, value] : documented()) {
    const std::size_t list = key.find("[]");
    const bool element = list != std::string::npos;
    if (value.empty() || (element && std::ranges::find(filled, key.substr(0, list + 2)) == filled.end())) continue;
    const auto result = load({.directory = FERRY_TEST_DATA, .file = {}, .environment = {{variable_of(key), value}}});
    ASSERT_TRUE(result) << key << ": " << result.error().message;
    EXPECT_EQ(changed_keys(result->config), std::vector<std::string>{}) << key;
    ++compared;
  }
  EXPECT_GT(compared, 100U);
}

}  // namespace
}  // namespace ferry::config
