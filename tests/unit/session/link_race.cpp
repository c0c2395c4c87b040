// Rights by directory, while links change under the operations that were judged by them.
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <thread>

#include "tests/unit/session/support.h"

namespace ferry::session {
namespace {

using test::run;
namespace fs = std::filesystem;

// In /secret the account may only list. /a/x leads there and to /a/ok, in turn; /a/d is a directory and a link to it.
class LinkRace : public SessionTest {
 protected:
  void SetUp() override {
    SessionTest::SetUp();
    user.permissions["/secret"] = {"list"};
    login();
    for (const char* directory : {"a", "a/d", "secret"}) fs::create_directories(real(directory));
    test::write_file(real("a/ok"), "fine");
    test::write_file(real("a/d/f"), "fine");
    test::write_file(real("secret/f"), "secret");
    fs::create_symlink("ok", real("a/x"));
    fs::create_symlink("../secret/f", real("a/y"));
    fs::create_symlink("../secret", real("a/e"));
  }
  // Until something went wrong, or long enough.
  void race(const std::function<void()>& attempt) {
    std::atomic<bool> over = false;
    std::thread swapper([&] {
      while (!over) {
        (void)::renameat2(AT_FDCWD, real("a/x").c_str(), AT_FDCWD, real("a/y").c_str(), RENAME_EXCHANGE);
        (void)::renameat2(AT_FDCWD, real("a/d").c_str(), AT_FDCWD, real("a/e").c_str(), RENAME_EXCHANGE);
      }
    });
    for (int i = 0; i < 1500 && !HasFailure(); ++i) attempt();
    over = true;
    swapper.join();
  }
  void expect_untouched() {
    EXPECT_EQ(names_in(real("secret")), std::vector<std::string>{"f"});
    EXPECT_EQ(test::read_file(real("secret/f")), "secret");
    struct stat facts {};
    ASSERT_EQ(::stat(real("secret/f").c_str(), &facts), 0);
    EXPECT_EQ(facts.st_mode & 0777U, 0644U);
  }
};

TEST_F(LinkRace, ReadsOnlyWhatMayBeRead) {
  ::chmod(real("secret/f").c_str(), 0644);
  for (const char* path : {"/a/x", "/a/d/f"}) {
    int read = 0;
    race([&] {
      const Result<std::string> text = get(path);
      if (!text) return;
      ++read;
      EXPECT_EQ(*text, "fine") << path;
    });
    EXPECT_GT(read, 0) << path;
  }
  expect_untouched();
}

TEST_F(LinkRace, WritesOnlyWhereItMay) {
  ::chmod(real("secret/f").c_str(), 0644);
  for (const UploadMode mode : {UploadMode::standard, UploadMode::atomic}) {
    options.upload_mode = mode;
    login();
    race([&] {
      (void)put("/a/x", "mine");
      (void)put("/a/d/f", "mine");
      (void)put("/a/d/new", "mine");
      (void)run(session->remove_file(at("/a/d/new")));
      (void)run(session->make_directory(at("/a/d/made"), 0755));
      (void)run(session->remove_directory(at("/a/d/made")));
      (void)run(session->rename(at("/a/ok"), at("/a/d/moved"), true));
      (void)run(session->rename(at("/a/d/moved"), at("/a/ok"), true));
      (void)run(session->set_attributes(at("/a/d/f"), {.mode = 0600}, true));
      (void)run(session->set_attributes(at("/a/x"), {.size = 1}, true));
      (void)run(session->make_hard_link(at("/a/d/f"), at("/a/stolen")));
      (void)run(session->remove_file(at("/a/stolen")));
      (void)run(session->make_symlink("f", at("/a/d/link")));
      (void)run(session->remove_file(at("/a/d/link")));
      if (!fs::exists(real("secret/f")) || names_in(real("secret")).size() != 1) expect_untouched();
    });
    expect_untouched();
  }
}

// What lies below where the link leads has rights of its own.
TEST_F(LinkRace, ARenameIsJudgedByWhatLiesBelow) {
  fs::create_directories(real("p/d/locked"));
  fs::create_symlink("p", real("l"));
  user.permissions["/p/d/locked"] = {"list"};
  login();
  EXPECT_EQ(code_of(run(session->rename(at("/l/d"), at("/moved"), false))), ErrorCode::permission_denied);
  EXPECT_EQ(code_of(run(session->rename(at("/p/d"), at("/moved"), false))), ErrorCode::permission_denied);
  EXPECT_TRUE(fs::exists(real("p/d/locked")));
}

}  // namespace
}  // namespace ferry::session
