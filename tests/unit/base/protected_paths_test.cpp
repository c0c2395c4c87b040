#include "base/protected_paths.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>

#include "tests/support/temp_directory.h"

namespace ferry {
namespace {

namespace fs = std::filesystem;

class ProtectedPathsTest : public testing::Test {
 protected:
  ProtectedPathsTest() {
    for (const char* name : {"etc/env.d", "etc/data", "etc/homes", "var/dumps", "home"})
      fs::create_directories(at(name));
    std::ofstream(at("var/key")) << "a key";
  }
  std::string at(const std::string& name) const { return root_ / name; }
  ProtectedPaths::Options options() const {
    return {.directory = at("etc"),
            .data = {at("etc/data"), at("etc/homes")},
            .own = {{at("var/dumps"), "the dumps"}, {at("var/key"), "a host key"}, {at("etc/env.d"), "env.d"}},
            .base = at("etc/homes")};
  }
  const test::TempDirectory root_;
};

TEST_F(ProtectedPathsTest, WhatIsTheServersOwn) {
  const ProtectedPaths paths(options());
  for (const char* refused : {"etc", "etc/", "etc/x", "etc/env.d", "etc/env.d/x", "etc/data/../x", "var", "var/dumps",
                              "var/dumps/x", "var/key", "", "etc/database", "home/../etc"}) {
    EXPECT_FALSE(paths.check_text(at(refused))) << refused;
    EXPECT_FALSE(paths.check(at(refused))) << refused;
  }
  EXPECT_FALSE(paths.check_text("/"));
  for (const char* free : {"etc/data", "etc/data/x", "etc/homes/x/y", "home", "home/x", "var/dumps2", "etcetera",
                           "var/other", "var/keys"}) {
    EXPECT_TRUE(paths.check_text(at(free))) << free;
    EXPECT_TRUE(paths.check(at(free))) << free;
  }
}

TEST_F(ProtectedPathsTest, TheMessageSaysWhatAndNotWhere) {
  const auto refused = ProtectedPaths(options()).check_text(at("var/dumps/x"));
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::invalid_argument);
  EXPECT_EQ(refused.error().message, "it lies inside the dumps");
}

// A place for data that is, or lies above, the configuration directory opens nothing in it.
TEST_F(ProtectedPathsTest, DataAboveTheConfigurationDirectoryOpensNothing) {
  for (const char* data : {"", "etc"}) {
    ProtectedPaths::Options wide = options();
    wide.data = {at(data)};
    EXPECT_FALSE(ProtectedPaths(wide).check_text(at("etc/x"))) << data;
    EXPECT_TRUE(ProtectedPaths(wide).check_text(at("home/x"))) << data;
  }
}

TEST_F(ProtectedPathsTest, LinksAreFollowed) {
  fs::create_directory_symlink(at("etc"), at("home/link"));
  fs::create_directory_symlink(at("home"), at("etc/data/out"));
  const ProtectedPaths paths(options());
  for (const char* refused : {"home/link", "home/link/x", "home/link/env.d"}) {
    EXPECT_TRUE(paths.check_text(at(refused))) << refused;
    EXPECT_FALSE(paths.check(at(refused))) << refused;
  }
  EXPECT_TRUE(paths.check(at("home/link/data/x")));
  EXPECT_TRUE(paths.check(at("etc/data/out/x")));
  // Of the server's own, what a link leads to is theirs as well.
  fs::create_directory_symlink(at("home"), at("dumps"));
  ProtectedPaths::Options linked = options();
  linked.own.push_back({at("dumps"), "dumps"});
  EXPECT_FALSE(ProtectedPaths(linked).check_text(at("home/x")));
  EXPECT_FALSE(ProtectedPaths(linked).check_text(at("dumps/x")));
}

TEST_F(ProtectedPathsTest, OpenDirectoriesAreJudgedByWhatTheyAre) {
  const ProtectedPaths paths(options());
  const auto open = [&](const std::string& name, const std::string& shown) {
    struct stat facts {};
    EXPECT_EQ(::stat(at(name).c_str(), &facts), 0);
    return paths.check_open(at(shown), facts.st_dev, facts.st_ino).has_value();
  };
  EXPECT_FALSE(open("etc", "mounted elsewhere"));
  EXPECT_FALSE(open("var", "mounted elsewhere"));
  EXPECT_FALSE(open("var/dumps", "mounted elsewhere"));
  EXPECT_TRUE(open("home", "home"));
  EXPECT_TRUE(open("etc/data", "etc/data"));
  EXPECT_FALSE(open("home", "etc/x"));
  // The file was replaced, and a home that was made since has its inode number.
  EXPECT_TRUE(open("var/key", "home"));
}

TEST_F(ProtectedPathsTest, PlaceholdersAreJudgedByWhatIsBeforeThem) {
  const ProtectedPaths paths(options());
  EXPECT_FALSE(paths.check_template(at("etc/%username%")));
  EXPECT_FALSE(paths.check_template(at("var/dumps/a%role%/x")));
  EXPECT_FALSE(paths.check_template(at("etc/x")));
  EXPECT_TRUE(paths.check_template(at("etc/data/%username%")));
  EXPECT_TRUE(paths.check_template(at("%username%"))) << "one of them only would be etc";
  EXPECT_TRUE(paths.check_template(""));
}

TEST_F(ProtectedPathsTest, TheBaseOfAdministratorsWithARole) {
  const ProtectedPaths paths(options());
  fs::create_directory_symlink(at("home"), at("etc/homes/away"));
  EXPECT_TRUE(paths.is_in_base(at("etc/homes/x")));
  for (const char* outside : {"etc/homes", "etc/homes2", "home/x", "etc/homes/../data/x", "etc/homes/away/x"}) {
    EXPECT_FALSE(paths.is_in_base(at(outside))) << outside;
  }
}

}  // namespace
}  // namespace ferry
