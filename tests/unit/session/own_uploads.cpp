// A file that its session is uploading, asked for by its path; and uploads onto symbolic links.
#include "session/partial_name.h"
#include "tests/unit/session/quota_support.h"

namespace ferry::session {
namespace {

using test::run;
namespace fs = std::filesystem;

struct Way {
  UploadMode mode;
  bool temp_path;
};

std::string name_of_way(const testing::TestParamInfo<Way>& way) {
  const char* const names[] = {"Standard", "Atomic", "AtomicWithResume"};
  return names[static_cast<int>(way.param.mode)] + std::string(way.param.temp_path ? "InTempPath" : "");
}

const auto all_ways = testing::Values(Way{UploadMode::standard, false}, Way{UploadMode::atomic, false},
                                      Way{UploadMode::atomic_with_resume, false}, Way{UploadMode::atomic, true});

class OwnUploads : public QuotaTest, public testing::WithParamInterface<Way> {
 protected:
  void SetUp() override {
    options.upload_mode = GetParam().mode;
    if (GetParam().temp_path) options.temp_path = base / "staged";
    QuotaTest::SetUp();
    file_ = start("/f");
    EXPECT_TRUE(write(*file_, 0, text_of(100)));
  }
  void expect_nothing_hidden() {
    for (const auto& entry : fs::recursive_directory_iterator(base.path())) {
      EXPECT_FALSE(is_partial_name(entry.path().filename().string())) << entry.path();
    }
    expect_true();
  }
  std::unique_ptr<OpenFile> file_;
};

TEST_P(OwnUploads, AreSeen) {
  EXPECT_EQ(run(session->stat(at("/f"))).value().size, 100U);
  EXPECT_EQ(run(session->lstat(at("/f"))).value().type, vfs::FileType::regular);
  ASSERT_TRUE(run(session->make_symlink("f", at("/link"))));
  EXPECT_EQ(run(session->stat(at("/link"))).value().size, 100U);
  EXPECT_EQ(run(session->lstat(at("/link"))).value().type, vfs::FileType::symlink);
  EXPECT_EQ(get("/f"), text_of(100));
  info.id = "SFTP_2";
  auto other = try_login().value();
  if (GetParam().mode != UploadMode::standard) {
    EXPECT_EQ(code_of(run(other->stat(at("/f")))), ErrorCode::not_found);  // nobody else sees it
  }
  ASSERT_TRUE(run(file_->close()));
  EXPECT_EQ(run(other->stat(at("/f"))).value().size, 100U);
  expect_nothing_hidden();
}

TEST_P(OwnUploads, AreChanged) {
  ASSERT_TRUE(run(session->set_attributes(at("/f"), {.mode = 0600}, true)));
  EXPECT_EQ(run(session->stat(at("/f"))).value().mode, 0600U);
  ASSERT_TRUE(run(session->set_attributes(at("/f"), {.size = 40}, true)));
  EXPECT_EQ(code_of(run(session->set_attributes(at("/f"), {.size = 1001}, true))), ErrorCode::quota_exceeded);
  ASSERT_TRUE(run(file_->close()));
  EXPECT_EQ(get("/f"), text_of(40));
  EXPECT_EQ(run(session->stat(at("/f"))).value().mode, 0600U);
  expect_nothing_hidden();
}

TEST_P(OwnUploads, NeedTheSameRights) {
  ASSERT_TRUE(run(file_->close()));
  file_.reset();
  user.permissions["/"] = {"list", "upload", "download"};
  login();
  file_ = start("/mine");
  EXPECT_TRUE(run(session->stat(at("/mine"))));
  EXPECT_EQ(code_of(run(session->set_attributes(at("/mine"), {.mode = 0600}, true))), ErrorCode::permission_denied);
  EXPECT_EQ(code_of(run(session->remove_file(at("/mine")))), ErrorCode::permission_denied);
  EXPECT_EQ(code_of(run(session->rename(at("/mine"), at("/other"), false))), ErrorCode::permission_denied);
  ASSERT_TRUE(run(file_->close()));
}

TEST_P(OwnUploads, AreRenamed) {
  fs::create_directories(real("d"));
  ASSERT_TRUE(put("/there", text_of(30)));
  EXPECT_EQ(code_of(run(session->rename(at("/f"), at("/there"), false))), ErrorCode::already_exists);
  ASSERT_TRUE(run(session->rename(at("/f"), at("/d/g"), false)));
  EXPECT_EQ(code_of(run(session->stat(at("/f")))), ErrorCode::not_found);
  EXPECT_EQ(run(session->stat(at("/d/g"))).value().size, 100U);
  ASSERT_TRUE(write(*file_, 100, text_of(50)));
  ASSERT_TRUE(run(session->rename(at("/d/g"), at("/there"), true)));
  EXPECT_TRUE(run(session->remove_directory(at("/d"))));
  ASSERT_TRUE(run(file_->close()));
  EXPECT_EQ(get("/there"), text_of(150));
  EXPECT_EQ(stored(), (quota::Usage{1, 150}));
  expect_nothing_hidden();
}

// As git does through sshfs: `index.lock` is made with EXCL and renamed onto `index` while it is open.
TEST_P(OwnUploads, ThatWereMadeExclusivelyReplaceWhatTheyAreRenamedOnto) {
  ASSERT_TRUE(run(file_->close()));
  ASSERT_TRUE(put("/index", text_of(30)));
  file_ = start("/index.lock", {.write = true, .create = true, .exclusive = true});
  ASSERT_TRUE(write(*file_, 0, text_of(50)));
  ASSERT_TRUE(run(session->rename(at("/index.lock"), at("/index"), true)));
  ASSERT_TRUE(run(file_->close()));
  EXPECT_EQ(get("/index"), text_of(50));
  EXPECT_EQ(code_of(run(session->stat(at("/index.lock")))), ErrorCode::not_found);
  expect_nothing_hidden();
}

TEST_P(OwnUploads, AreRemoved) {
  ASSERT_TRUE(run(session->remove_file(at("/f"))));
  EXPECT_EQ(code_of(run(session->stat(at("/f")))), ErrorCode::not_found);
  EXPECT_EQ(code_of(run(session->remove_file(at("/f")))), ErrorCode::not_found);
  ASSERT_TRUE(write(*file_, 100, text_of(50)));
  ASSERT_TRUE(run(file_->close()));
  EXPECT_FALSE(fs::exists(real("f")));
  EXPECT_EQ(stored(), (quota::Usage{0, 0}));
  ASSERT_TRUE(put("/g", text_of(1000)));  // nothing of it is reserved any more
  expect_nothing_hidden();
}

// As sshfs does: made by one handle, gone on with by another, which may stay open longer.
TEST_P(OwnUploads, AreOpenedOnceMore) {
  const vfs::OpenOptions going_on{.write = true, .create = true};
  EXPECT_EQ(code_of(run(session->open(at("/f"), {.write = true, .create = true, .exclusive = true}))),
            ErrorCode::already_exists);
  auto second = start("/f", going_on);
  ASSERT_TRUE(write(*second, 100, text_of(50)));
  ASSERT_TRUE(run(file_->close()));
  EXPECT_EQ(get("/f"), text_of(150));
  ASSERT_TRUE(write(*second, 150, text_of(50)));
  EXPECT_EQ(code_of(write(*second, 200, text_of(900))), ErrorCode::quota_exceeded);
  EXPECT_FALSE(run(second->close()));
  expect_nothing_hidden();
  ASSERT_TRUE(run(session->remove_file(at("/f"))));
  file_ = start("/other");
  second = start("/other", going_on);
  ASSERT_TRUE(write(*second, 0, text_of(10)));
  ASSERT_TRUE(run(second->close()));
  ASSERT_TRUE(run(file_->close()));
  EXPECT_EQ(get("/other"), text_of(10));
  expect_nothing_hidden();
}

INSTANTIATE_TEST_SUITE_P(Modes, OwnUploads, all_ways, name_of_way);

// The same for an account with one entry of permissions and for one with rules by directory.
class UploadsOntoLinks : public SessionTest, public testing::WithParamInterface<Way> {
 protected:
  void SetUp() override {
    SessionTest::SetUp();
    options.upload_mode = GetParam().mode;
    if (GetParam().temp_path) options.temp_path = base / "staged";
    login();
    fs::create_directories(real("d"));
    test::write_file(real("d/file"), "old");
    fs::create_symlink("d/file", real("link"));
    fs::create_symlink("d/new", real("dangling"));
    fs::create_symlink("../outside", real("out"));
    fs::create_symlink("closed/new", real("forbidden"));
  }
  void expect_followed() {
    ASSERT_TRUE(put("/link", "content"));
    EXPECT_TRUE(fs::is_symlink(real("link")));
    EXPECT_EQ(test::read_file(real("d/file")), "content");
    ASSERT_TRUE(put("/dangling", "made"));
    EXPECT_TRUE(fs::is_symlink(real("dangling")));
    EXPECT_EQ(test::read_file(real("d/new")), "made");
    EXPECT_EQ(names_in(real("d")).size(), 2U);
    EXPECT_EQ(code_of(put("/out", "x")), ErrorCode::permission_denied);
    EXPECT_FALSE(fs::exists(base / "homes/outside"));
    // A file of its own is asked for: the link is what is there.
    fs::remove(real("d/new"));
    EXPECT_EQ(code_of(put("/dangling", "x", {.write = true, .create = true, .exclusive = true})),
              ErrorCode::already_exists);
    EXPECT_EQ(code_of(put("/link", "x", {.write = true, .create = true, .exclusive = true})),
              ErrorCode::already_exists);
    EXPECT_FALSE(fs::exists(real("d/new")));
  }
};

TEST_P(UploadsOntoLinks, FollowThem) { expect_followed(); }

TEST_P(UploadsOntoLinks, FollowThemWithRulesByDirectory) {
  user.permissions["/closed"] = {"list"};
  fs::create_directories(real("closed"));
  login();
  expect_followed();
  EXPECT_EQ(code_of(put("/forbidden", "x")), ErrorCode::permission_denied);
  EXPECT_EQ(names_in(real("closed")), std::vector<std::string>{});
}

TEST_P(UploadsOntoLinks, MakeWhatIsMissingWithoutTheRightToOverwrite) {
  user.permissions["/"] = {"list", "upload", "download"};
  login();
  ASSERT_TRUE(put("/dangling", "made"));
  EXPECT_EQ(test::read_file(real("d/new")), "made");
  EXPECT_EQ(code_of(put("/link", "x")), ErrorCode::permission_denied);
  EXPECT_EQ(test::read_file(real("d/file")), "old");
}

INSTANTIATE_TEST_SUITE_P(Modes, UploadsOntoLinks, all_ways, name_of_way);

}  // namespace
}  // namespace ferry::session
