#include "server/ssh/host_keys.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <fstream>

namespace ferry::server {
namespace {

namespace fs = std::filesystem;

class HostKeysTest : public testing::Test {
 protected:
  void SetUp() override {
    std::string name = (fs::temp_directory_path() / "ferry-keys-XXXXXX").string();
    ASSERT_NE(mkdtemp(name.data()), nullptr);
    directory_ = name;
  }
  void TearDown() override { fs::remove_all(directory_); }
  fs::path directory_;
};

TEST_F(HostKeysTest, TheUsualThreeAreMadeOnceAndPrivate) {
  auto first = load_host_keys(directory_, {});
  ASSERT_TRUE(first) << first.error().message;
  ASSERT_EQ(first->size(), 3U);
  for (const char* name : {"id_rsa", "id_ecdsa", "id_ed25519"}) {
    EXPECT_EQ(fs::status(directory_ / name).permissions(), fs::perms::owner_read | fs::perms::owner_write) << name;
  }
  auto second = load_host_keys(directory_, {});
  ASSERT_TRUE(second);
  for (std::size_t i = 0; i < 3; ++i) {
    EXPECT_EQ((*first)[i].key->public_key().fingerprint(), (*second)[i].key->public_key().fingerprint());
  }
}

TEST_F(HostKeysTest, AbsolutePathsWithTheUsualNamesAreMadeToo) {
  const fs::path file = directory_ / "id_ed25519";
  auto keys = load_host_keys("/nowhere", {file.string()});
  ASSERT_TRUE(keys) << keys.error().message;
  EXPECT_EQ(keys->at(0).path, file.string());
  EXPECT_EQ(keys->at(0).key->public_key().type(), "ssh-ed25519");
}

TEST_F(HostKeysTest, OtherMissingOrBrokenFilesAreErrorsThatNameThem) {
  auto missing = load_host_keys(directory_, {"my_key"});
  ASSERT_FALSE(missing);
  EXPECT_NE(missing.error().message.find("my_key"), std::string::npos);
  EXPECT_FALSE(fs::exists(directory_ / "my_key"));
  std::ofstream(directory_ / "id_ed25519") << "not a key\n";
  auto broken = load_host_keys(directory_, {"id_ed25519"});
  ASSERT_FALSE(broken);
  EXPECT_NE(broken.error().message.find("sftpd.host_keys: "), std::string::npos);
}

}  // namespace
}  // namespace ferry::server
