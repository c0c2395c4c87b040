// Permissions by directory and file patterns: the same verdict through every protocol.
#include "tests/conformance/protocol/suite.h"

namespace ferry::conformance {
namespace {

TEST_P(ProtocolTest, RightsHoldByDirectory) {
  struct Row {
    const char* directory;
    std::vector<std::string> rights;
    Outcome down, up_new, up_old, list;
  };
  using enum Outcome;
  const std::vector<Row> rows = {
      {"all", {"*"}, done, done, done, done},
      {"closed", {}, denied, denied, denied, denied},
      {"upload", {"upload"}, denied, done, denied, denied},
      {"replace", {"upload", "overwrite"}, denied, done, done, denied},
      {"download", {"download"}, done, denied, denied, denied},
      {"read", {"list", "download"}, done, denied, denied, done},
      {"list", {"list"}, denied, denied, denied, done},
  };
  for (const Row& row : rows) {
    std::filesystem::create_directories(real(row.directory));
    test::write_file(real(row.directory) + "/f", "old");
    user.permissions["/" + std::string(row.directory)] = row.rights;
  }
  log_in();
  for (const Row& row : rows) {
    SCOPED_TRACE(row.directory);
    const std::string directory = "/" + std::string(row.directory), file = real(row.directory) + "/f";
    const bool may_look = row.list == done || !able().downloads_need_list;
    const auto [outcome, bytes] = down(directory + "/f");
    EXPECT_EQ(outcome, may_look ? row.down : denied);
    EXPECT_EQ(bytes, outcome == done ? "old" : "");
    EXPECT_EQ(up(directory + "/new", "new"), row.up_new);
    EXPECT_EQ(test::read_file(real(row.directory) + "/new"), row.up_new == done ? "new" : "");
    EXPECT_EQ(up(directory + "/f", "new"), row.up_old);
    EXPECT_EQ(test::read_file(file), row.up_old == done ? "new" : "old");
    if (able().lists) {
      EXPECT_EQ(protocol().list(*session, directory).first, row.list);
    }
    if (able().stats) {
      EXPECT_EQ(protocol().stat(*session, directory + "/f"), row.list);
    }
  }
}

TEST_P(ProtocolTest, ChangesNeedTheirRight) {
  struct Row {
    const char* directory;
    std::vector<std::string> rights;
    Outcome make, rename, remove;
  };
  using enum Outcome;
  const std::vector<Row> rows = {
      {"make", {"create_dirs"}, done, denied, denied},
      {"rename", {"rename"}, denied, done, denied},
      {"delete", {"delete"}, denied, denied, done},
      {"files", {"delete_files", "rename_files"}, denied, done, done},
      {"dirs", {"delete_dirs", "rename_dirs"}, denied, denied, denied},
      {"transfer", {"list", "download", "upload", "overwrite"}, denied, denied, denied},
  };
  for (const Row& row : rows) {
    std::filesystem::create_directories(real(row.directory));
    for (const char* name : {"/f", "/g"}) test::write_file(real(row.directory) + name, "x");
    user.permissions["/" + std::string(row.directory)] = row.rights;
  }
  log_in();
  for (const Row& row : rows) {
    SCOPED_TRACE(row.directory);
    const std::string directory = "/" + std::string(row.directory), there = real(row.directory);
    if (able().makes_directories) {
      EXPECT_EQ(protocol().make_directory(*session, directory + "/d"), row.make);
      EXPECT_EQ(std::filesystem::is_directory(there + "/d"), row.make == done);
    }
    if (able().renames) {
      EXPECT_EQ(protocol().rename(*session, directory + "/f", directory + "/h"), row.rename);
      EXPECT_EQ(std::filesystem::exists(there + "/h"), row.rename == done);
      EXPECT_EQ(std::filesystem::exists(there + "/f"), row.rename != done);
    }
    if (able().removes) {
      EXPECT_EQ(protocol().remove(*session, directory + "/g"), row.remove);
      EXPECT_EQ(std::filesystem::exists(there + "/g"), row.remove != done);
    }
  }
}

TEST_P(ProtocolTest, WhatIsMadeRenamedAndRemoved) {
  if (able().makes_directories) {
    EXPECT_EQ(protocol().make_directory(*session, "/d"), Outcome::done);
    EXPECT_TRUE(std::filesystem::is_directory(real("d")));
    EXPECT_EQ(protocol().make_directory(*session, "/d"), Outcome::exists);
    EXPECT_EQ(protocol().make_directory(*session, "/none/d"), Outcome::no_such_file);
  }
  ASSERT_EQ(up("/f", "12345"), Outcome::done);
  if (able().stats) {
    EXPECT_EQ(protocol().stat(*session, "/f"), Outcome::done);
    EXPECT_EQ(protocol().stat(*session, "/none"), Outcome::no_such_file);
  }
  if (able().renames) {
    EXPECT_EQ(protocol().rename(*session, "/f", "/own/g"), Outcome::done);
    EXPECT_EQ(test::read_file(base / "own/g"), "12345");
    expect_true();
    EXPECT_EQ(protocol().rename(*session, "/own/g", "/f"), Outcome::done);
    EXPECT_EQ(protocol().rename(*session, "/none", "/g"), Outcome::no_such_file);
    expect_true();
  }
  if (able().removes) {
    EXPECT_EQ(protocol().remove(*session, "/f"), Outcome::done);
    EXPECT_EQ(protocol().remove(*session, "/f"), Outcome::no_such_file);
    EXPECT_FALSE(std::filesystem::exists(real("f")));
    expect_true();
  }
}

TEST_P(ProtocolTest, PatternsHold) {
  for (const char* directory : {"seen", "hidden"}) {
    std::filesystem::create_directories(real(directory));
    for (const char* name : {"/a.zip", "/A.ZIP", "/a.txt"}) test::write_file(real(directory) + name, "old");
  }
  user.filters.file_patterns = {{"/seen", {}, {"*.zip"}, 0}, {"/hidden", {}, {"*.zip"}, 1}};
  log_in();
  struct Row {
    std::string directory;
    Outcome down, up_new;
    std::vector<std::string> names;
  };
  using enum Outcome;
  for (const Row& row : {Row{"seen", denied, denied, {"A.ZIP", "a.txt", "a.zip", "b.txt"}},
                         Row{"hidden", no_such_file, no_such_file, {"a.txt", "b.txt"}}}) {
    SCOPED_TRACE(row.directory);
    const std::string directory = "/" + row.directory;
    EXPECT_EQ(down(directory + "/a.txt"), (std::pair<Outcome, std::string>(done, "old")));
    EXPECT_EQ(down(directory + "/a.zip").first, row.down);
    EXPECT_EQ(down(directory + "/A.ZIP").first, row.down) << "letters of either size";
    EXPECT_EQ(up(directory + "/b.txt", "new"), done);
    EXPECT_EQ(up(directory + "/b.zip", "new"), row.up_new);
    EXPECT_FALSE(std::filesystem::exists(real(row.directory) + "/b.zip"));
    EXPECT_NE(up(directory + "/a.zip", "new"), done);
    EXPECT_EQ(test::read_file(real(row.directory) + "/a.zip"), "old");
    if (able().lists) {
      EXPECT_EQ(protocol().list(*session, directory), (std::pair<Outcome, std::vector<std::string>>(done, row.names)));
    }
    if (able().removes) {
      EXPECT_NE(protocol().remove(*session, directory + "/a.zip"), done);
      EXPECT_TRUE(std::filesystem::exists(real(row.directory) + "/a.zip"));
    }
    if (able().renames) {
      EXPECT_NE(protocol().rename(*session, directory + "/a.txt", directory + "/c.zip"), done);
      EXPECT_TRUE(std::filesystem::exists(real(row.directory) + "/a.txt"));
    }
  }
}

}  // namespace
}  // namespace ferry::conformance
