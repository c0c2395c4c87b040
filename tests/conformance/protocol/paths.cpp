// One corpus of hostile paths: the same file through every protocol, and nothing outside the home.
#include "tests/conformance/protocol/suite.h"

namespace ferry::conformance {
namespace {

struct Spelling {
  std::string path;
  std::string file;  // below the home; empty: no file can be meant
};

std::vector<Spelling> corpus() {
  const std::string longest(255, 'n');
  return {{"plain", "plain"},
          {"../up", "up"},
          {"../../../../../../../../up8", "up8"},
          {"/a/../../x", "x"},
          {"/../a/./../a/y", "a/y"},
          {"a//b", "a/b"},
          {"//a///b2", "a/b2"},
          {"./a/./b3", "a/b3"},
          {"none/../z", "z"},
          {"line\nbreak", "line\nbreak"},
          {"\x1b[31mred\x07", "\x1b[31mred\x07"},
          {"not utf-8 \xff\xfe", "not utf-8 \xff\xfe"},
          {"back\\slash\\..\\x", "back\\slash\\..\\x"},
          {"%2e%2e%2fx", "%2e%2e%2fx"},
          {" space ", " space "},
          {"-rf", "-rf"},
          {"~", "~"},
          {"~root", "~root"},
          {"*", "*"},
          {"$(id)'\"`id`;", "$(id)'\"`id`;"},
          {"...", "..."},
          {longest, longest},
          {"a/" + longest, "a/" + longest},
          {longest + "n", ""},
          {"a/" + longest + "n", ""},
          {std::string(5000, 'p'), ""},
          {std::string("nul\0x", 5), ""}};
}

TEST_P(ProtocolTest, APathMeansTheSameFile) {
  for (const UploadMode mode : upload_modes) {
    log_in(mode);
    std::filesystem::create_directories(real("a"));
    test::write_file(base / "x", "of another");
    const auto before = outside();
    for (const Spelling& row : corpus()) {
      SCOPED_TRACE(row.path.substr(0, 40));
      const std::string bytes = "in " + row.file;
      EXPECT_EQ(up(row.path, bytes), row.file.empty() ? Outcome::failure : Outcome::done);
      const auto [outcome, read] = down(row.path);
      if (row.file.empty()) {
        EXPECT_EQ(outcome, Outcome::failure);
      } else if (row.file.find('\n') != std::string::npos && !able().sends_line_breaks) {
        EXPECT_EQ(outcome, Outcome::failure);
        EXPECT_EQ(on_disk_at(row.file), bytes);
      } else {
        EXPECT_EQ(outcome, Outcome::done);
        EXPECT_EQ(read, bytes);
        EXPECT_EQ(on_disk_at(row.file), bytes);
      }
      if (!row.file.empty()) {
        EXPECT_TRUE(std::filesystem::remove(real(row.file))) << "it lies elsewhere";
      }
    }
    EXPECT_EQ(names_in(user.home_dir), std::vector<std::string>{"a"}) << "something else was made";
    EXPECT_TRUE(std::filesystem::is_empty(real("a")));
    EXPECT_TRUE(outside() == before);
  }
}

TEST_P(ProtocolTest, ADirectoryIsNoFile) {
  std::filesystem::create_directories(real("a"));
  for (const char* path : {".", "./.", "/", "..", "a/..", "a", "a/", "a/."}) {
    SCOPED_TRACE(path);
    EXPECT_EQ(down(path).first, Outcome::failure);
    if (able().slash_means_directory) continue;  // what is sent goes into it, under its own name
    EXPECT_EQ(up(path, "x"), Outcome::failure);
  }
  const Outcome slash = able().slash_means_directory ? Outcome::failure : Outcome::done;
  EXPECT_EQ(up("f/", "x"), slash);
  EXPECT_EQ(std::filesystem::exists(real("f")), slash == Outcome::done);
}

TEST_P(ProtocolTest, NoLinkLeadsOut) {
  for (const UploadMode mode : upload_modes) {
    SCOPED_TRACE(static_cast<int>(mode));
    log_in(mode);
    std::filesystem::create_directories(base / "outside");
    test::write_file(base / "outside/f", "of another");
    const std::pair<std::string, const char*> links[] = {{base / "outside/f", "absolute"},
                                                         {"../../outside/f", "relative"},
                                                         {base / "outside/new", "dangling"},
                                                         {base / "outside", "directory"},
                                                         {"/proc/self/root", "magic"}};
    for (const auto& [target, name] : links) {
      std::filesystem::remove(real(name));
      std::filesystem::create_symlink(target, real(name));
    }
    const auto before = outside();
    for (const char* path : {"absolute", "relative", "directory/f", "magic/etc/passwd"}) {
      const auto [outcome, bytes] = down(path);
      EXPECT_NE(outcome, Outcome::done) << path;
      EXPECT_EQ(bytes, "") << path;
    }
    for (const char* path : {"absolute", "relative", "dangling", "directory/f", "directory/new", "magic/tmp/ferry"}) {
      EXPECT_NE(up(path, "x"), Outcome::done) << path;
    }
    if (able().lists) {
      EXPECT_NE(protocol().list(*session, "directory").first, Outcome::done);
    }
    if (able().removes) {
      EXPECT_NE(protocol().remove(*session, "directory/f"), Outcome::done);
    }
    if (able().makes_directories) {
      EXPECT_NE(protocol().make_directory(*session, "directory/d"), Outcome::done);
    }
    EXPECT_TRUE(outside() == before);
    for (const auto& [target, name] : links) {
      EXPECT_TRUE(std::filesystem::is_symlink(real(name))) << name;
    }
  }
}

TEST_P(ProtocolTest, ALinkInsideIsFollowed) {
  for (const UploadMode mode : upload_modes) {
    SCOPED_TRACE(static_cast<int>(mode));
    log_in(mode);
    ASSERT_EQ(up("/f", "old"), Outcome::done);
    std::filesystem::remove(real("link"));
    std::filesystem::create_symlink("f", real("link"));
    EXPECT_EQ(down("/link"), (std::pair<Outcome, std::string>(Outcome::done, "old")));
    EXPECT_EQ(up("/link", "new"), Outcome::done);
    EXPECT_TRUE(std::filesystem::is_symlink(real("link")));
    EXPECT_EQ(on_disk_at("f"), "new");
    expect_true();
  }
}

}  // namespace
}  // namespace ferry::conformance
