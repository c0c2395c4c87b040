#include "session/patterns.h"

#include "tests/unit/session/support.h"

namespace ferry::session {
namespace {

using test::run;

model::PatternsFilter filter(std::string path, std::vector<std::string> allowed, std::vector<std::string> denied,
                             std::int64_t policy = 0) {
  return {std::move(path), std::move(allowed), std::move(denied), policy};
}

TEST(Patterns, JudgeByTheNearestFilter) {
  const vfs::MountTable mounts(nullptr);
  const Patterns patterns({filter("/", {}, {"*.zip", "private*"}), filter("/in", {"*.csv", "*.d"}, {"bad*"}),
                           filter("/in/any", {"*"}, {}), filter("/quiet", {"*.jpg", "sub"}, {".*"}, 1)});
  const std::pair<const char*, Verdict> rows[] = {
      {"/", Verdict::allowed},
      {"/a.txt", Verdict::allowed},
      {"/a.ZIP", Verdict::denied},
      {"/deep/er/a.zip", Verdict::denied},
      {"/in2/a.zip", Verdict::denied},
      // In a directory that matches a denied pattern, nothing is allowed.
      {"/private", Verdict::denied},
      {"/private/a.txt", Verdict::denied},
      {"/PRIVATE2/deep/a.txt", Verdict::denied},
      // A deeper filter replaces what is above it.
      {"/in/a.csv", Verdict::allowed},
      {"/in/a.zip", Verdict::denied},
      {"/in/bad.csv", Verdict::denied},
      {"/in/sub", Verdict::denied},
      {"/in/sub/a.csv", Verdict::allowed},
      {"/in/any/a.zip", Verdict::allowed},
      {"/in/any/private", Verdict::allowed},
      // The listed directory itself is judged by what holds above it.
      {"/quiet", Verdict::allowed},
      {"/quiet/a.jpg", Verdict::allowed},
      {"/quiet/.a.jpg", Verdict::hidden},
      {"/quiet/a.txt", Verdict::hidden},
      {"/quiet/sub/a.jpg", Verdict::allowed},
      {"/quiet/other/a.jpg", Verdict::hidden},
      {"/quiet/other", Verdict::hidden},
  };
  for (const auto& [path, verdict] : rows) {
    EXPECT_EQ(static_cast<int>(patterns.verdict(at(path), mounts)), static_cast<int>(verdict)) << path;
  }
  EXPECT_TRUE(patterns.alike(at("/a"), at("/b/c")));
  EXPECT_FALSE(patterns.alike(at("/a"), at("/in/a")));
  EXPECT_FALSE(patterns.alike(at("/in"), at("/out")));
  EXPECT_FALSE(Patterns({filter("/a/b", {}, {"x"})}).alike(at("/a"), at("/c")));
  EXPECT_FALSE(Patterns({filter("/a/b", {}, {"x"})}).touch(at("/c")));
  EXPECT_TRUE(Patterns({filter("/a/b", {}, {"x"})}).touch(at("/a")));
}

TEST(Patterns, ExemptMountsAndTheWayToThem) {
  vfs::MountTable mounts(nullptr);
  ASSERT_TRUE(mounts.add(at("/share/in"), nullptr));
  const Patterns patterns({filter("/", {"*.jpg"}, {"share"}, 1)});
  EXPECT_EQ(patterns.verdict(at("/share"), mounts), Verdict::allowed);
  EXPECT_EQ(patterns.verdict(at("/share/in"), mounts), Verdict::allowed);
  EXPECT_EQ(patterns.verdict(at("/share/in/a.jpg"), mounts), Verdict::allowed);
  EXPECT_EQ(patterns.verdict(at("/share/in/share"), mounts), Verdict::hidden);
  EXPECT_EQ(patterns.verdict(at("/share2"), mounts), Verdict::hidden);
}

TEST(Patterns, RefuseEverythingWhenTheyCannotBeUnderstood) {
  const vfs::MountTable mounts(nullptr);
  EXPECT_EQ(Patterns({filter("/", {}, {"[a"})}).verdict(at("/x"), mounts), Verdict::denied);
  EXPECT_EQ(Patterns({filter("/", {"["}, {}, 1)}).verdict(at("/x"), mounts), Verdict::hidden);
}

class PatternSessions : public SessionTest {
 protected:
  void SetUp() override {
    SessionTest::SetUp();
    login();
    for (const char* path : {"/d", "/d/secret.d", "/plain"}) {
      ASSERT_TRUE(run(session->make_directory(at(path), 0755)));
    }
    for (const char* path : {"/d/a.txt", "/d/secret", "/d/secret.d/a.txt", "/plain/f"}) ASSERT_TRUE(put(path, "x"));
    ASSERT_TRUE(run(session->make_symlink("d/secret", at("/link"))));
    ASSERT_TRUE(run(session->make_symlink("d", at("/through"))));
  }
  void deny(std::int64_t policy) {
    user.filters.file_patterns = {filter("/d", {}, {"SECRET*"}, policy)};
    login();
  }
  std::multiset<std::string> listing(const char* path) {
    auto directory = run(session->open_directory(at(path)));
    if (!directory) return {std::string(to_string(directory.error().code))};
    std::multiset<std::string> names;
    while (true) {
      const auto entries = run((*directory)->next(2));
      if (!entries || entries->empty()) return names;
      for (const auto& entry : *entries) names.insert(entry.name);
    }
  }
  // What each operation that names `path` answers.
  std::vector<std::pair<std::string, ErrorCode>> everything(const char* name) {
    const VirtualPath path = at(name);
    const vfs::OpenOptions in_place{.write = true}, exclusive{.write = true, .create = true, .exclusive = true};
    return {{"download", code_of(get(name))},
            {"upload", code_of(put(name, "y"))},
            {"resume", code_of(put(name, "y", in_place))},
            {"create", code_of(put(name, "y", exclusive))},
            {"make_directory", code_of(run(session->make_directory(path, 0755)))},
            {"remove_file", code_of(run(session->remove_file(path)))},
            {"remove_directory", code_of(run(session->remove_directory(path)))},
            {"rename from", code_of(run(session->rename(path, at("/plain/new"), true)))},
            {"rename to", code_of(run(session->rename(at("/plain/f"), path, false)))},
            {"replace", code_of(run(session->rename(at("/plain/f"), path, true)))},
            {"symlink", code_of(run(session->make_symlink("/plain/f", path)))},
            {"symlink to", code_of(run(session->make_symlink(name, at("/plain/l"))))},
            {"link", code_of(run(session->make_hard_link(at("/plain/f"), path)))},
            {"link to", code_of(run(session->make_hard_link(path, at("/plain/l"))))},
            {"chmod", code_of(run(session->set_attributes(path, {.mode = 0600}, true)))},
            {"truncate", code_of(run(session->set_attributes(path, {.size = 0}, true)))}};
  }
  std::vector<std::pair<std::string, ErrorCode>> glances(const char* name) {
    return {{"stat", code_of(run(session->stat(at(name))))},
            {"lstat", code_of(run(session->lstat(at(name))))},
            {"space", code_of(run(session->space(at(name))))},
            {"read_symlink", code_of(run(session->read_symlink(at(name))))},
            {"list", code_of(run(session->open_directory(at(name))))},
            {"change nothing", code_of(run(session->set_attributes(at(name), {}, true)))},
            {"change nothing of a link", code_of(run(session->set_attributes(at(name), {}, false)))}};
  }
};

using Names = std::multiset<std::string>;

TEST_F(PatternSessions, RefuseDeniedNamesThatAreSeen) {
  deny(0);
  for (const char* path : {"/d/secret", "/d/secret.new", "/d/secret.d", "/d/secret.d/a.txt", "/through/secret"}) {
    for (const auto& [what, code] : everything(path)) {
      EXPECT_EQ(code, ErrorCode::permission_denied) << what << ' ' << path;
    }
  }
  EXPECT_EQ(code_of(get("/link")), ErrorCode::permission_denied);
  EXPECT_EQ(listing("/d"), (Names{"a.txt", "secret", "secret.d"}));
  EXPECT_EQ(listing("/d/secret.d"), (Names{"a.txt"}));
  EXPECT_TRUE(run(session->stat(at("/d/secret.d/a.txt"))));
  EXPECT_TRUE(put("/d/a.txt", "y"));
  EXPECT_TRUE(put("/plain/secret", "other rules there"));
  EXPECT_EQ(test::read_file(real("d/secret")), "x");
}

TEST_F(PatternSessions, HaveNoHiddenNames) {
  deny(1);
  // The same answers whether it is there or not, and by whatever way.
  for (const char* path : {"/d/secret", "/d/secret.new", "/d/secret.d", "/d/secret.d/a.txt", "/d/secret.d/new",
                           "/through/secret", "/through/secret.new", "/through/secret.d/a.txt"}) {
    for (const auto& [what, code] : everything(path)) EXPECT_EQ(code, ErrorCode::not_found) << what << ' ' << path;
    for (const auto& [what, code] : glances(path)) EXPECT_EQ(code, ErrorCode::not_found) << what << ' ' << path;
  }
  for (const auto& code :
       {code_of(get("/link")), code_of(put("/link", "y")), code_of(run(session->stat(at("/link"))))}) {
    EXPECT_EQ(code, ErrorCode::not_found);
  }
  EXPECT_EQ(listing("/d"), (Names{"a.txt"}));
  EXPECT_EQ(listing("/through"), (Names{"a.txt"}));
  EXPECT_EQ(test::read_file(real("d/secret")), "x");
  EXPECT_TRUE(put("/d/a.txt", "y"));
}

TEST_F(PatternSessions, HaveNoHiddenNamesForChangesThatAreIgnored) {
  options.setstat_mode = SetstatMode::ignore;
  deny(1);
  for (const char* path : {"/d/secret", "/d/secret.new", "/through/secret", "/through/secret.new"}) {
    for (const bool follow : {true, false}) {
      EXPECT_EQ(code_of(run(session->set_attributes(at(path), {.mode = 0600}, follow))), ErrorCode::not_found) << path;
    }
  }
  EXPECT_TRUE(run(session->set_attributes(at("/through/a.txt"), {.mode = 0600}, true)));
  EXPECT_EQ(code_of(run(session->set_attributes(at("/d/none"), {.mode = 0600}, true))), ErrorCode::not_found);
}

TEST_F(PatternSessions, DoNotTellByFullDirectories) {
  user.filters.file_patterns = {filter("/", {}, {"secret*"}, 1)};
  login();
  ASSERT_TRUE(run(session->remove_file(at("/d/a.txt"))));
  EXPECT_EQ(listing("/d"), Names{});
  EXPECT_EQ(code_of(run(session->remove_directory(at("/d")))), ErrorCode::permission_denied);
  EXPECT_EQ(code_of(run(session->remove_directory(at("/plain")))), ErrorCode::permission_denied);
  EXPECT_EQ(code_of(run(session->rename(at("/plain"), at("/d"), true))), ErrorCode::permission_denied);
}

TEST_F(PatternSessions, DoNotTellByFullDirectoriesThroughALink) {
  for (const char* path : {"/d/sub", "/d/other"}) ASSERT_TRUE(run(session->make_directory(at(path), 0755)));
  ASSERT_TRUE(put("/d/sub/secret", "x"));
  deny(1);
  EXPECT_EQ(listing("/through/sub"), Names{});
  EXPECT_EQ(code_of(run(session->remove_directory(at("/through/sub")))), ErrorCode::permission_denied);
  EXPECT_EQ(code_of(run(session->rename(at("/through/other"), at("/through/sub"), true))),
            ErrorCode::permission_denied);
}

TEST_F(PatternSessions, MoveDirectoriesOnlyWhereTheSameRulesHold) {
  user.filters.file_patterns = {filter("/d", {}, {"secret*"}, 1), filter("/plain/deep", {"*"}, {})};
  login();
  EXPECT_EQ(code_of(run(session->rename(at("/d"), at("/moved"), false))), ErrorCode::permission_denied);
  EXPECT_EQ(code_of(run(session->rename(at("/plain"), at("/moved"), false))), ErrorCode::permission_denied);
  EXPECT_TRUE(run(session->make_directory(at("/free"), 0755)));
  EXPECT_EQ(code_of(run(session->rename(at("/free"), at("/d/free"), false))), ErrorCode::permission_denied);
  EXPECT_TRUE(run(session->rename(at("/free"), at("/moved"), false)));
  EXPECT_TRUE(run(session->make_directory(at("/d/in"), 0755)));
  EXPECT_TRUE(run(session->rename(at("/d/in"), at("/d/in2"), false)));
  EXPECT_TRUE(run(session->rename(at("/d/a.txt"), at("/plain/a.txt"), false)));
}

TEST_F(PatternSessions, KeepProgramsOut) {
  deny(0);
  for (const char* path : {"/", "/d", "/d/sub"}) {
    EXPECT_EQ(code_of(run(session->native_place(at(path)))), ErrorCode::permission_denied) << path;
  }
  EXPECT_TRUE(run(session->native_place(at("/plain"))));
}

// The same answers for programs whether it is there or not, and by whatever way.
TEST_F(PatternSessions, HideNamesFromPrograms) {
  deny(1);
  for (const std::string way : {"/d", "/through"}) {
    for (const char* name : {"/secret.d", "/secret.none", "/secret.d/x", "/secret.none/x", "/secret", "/secret/x"}) {
      EXPECT_EQ(code_of(run(session->native_place(at(way + name)))), ErrorCode::not_found) << way << name;
    }
    for (const char* name : {"", "/a.txt", "/none", "/none/x"}) {
      EXPECT_EQ(code_of(run(session->native_place(at(way + name)))), ErrorCode::permission_denied) << way << name;
    }
  }
}

}  // namespace
}  // namespace ferry::session
