// Quotas of what is copied on the server and of what moves between folders.
#include "tests/unit/session/quota_support.h"

namespace ferry::session {
namespace {

using test::run;

class MovedQuota : public QuotaTest {
 protected:
  void fill(const std::string& directory) {
    ASSERT_TRUE(run(session->make_directory(at(directory), 0755)));
    ASSERT_TRUE(put(directory + "/a", text_of(100)));
    ASSERT_TRUE(put(directory + "/b", text_of(50)));
  }
};

TEST_F(MovedQuota, MovesAreCountedWhereThingsAre) {
  fill("/d");
  expect_true();
  for (const char* to : {"/own/d", "/included/d", "/d", "/included/d", "/own/d", "/d"}) {
    const char* from = "/d";
    for (const char* place : {"/own/d", "/included/d"}) {
      if (run(session->stat(at(place)))) from = place;
    }
    ASSERT_TRUE(run(session->rename(at(from), at(to), false))) << from << " to " << to;
    expect_true();
  }
  EXPECT_EQ(stored(), (quota::Usage{2, 150}));
}

TEST_F(MovedQuota, CopiesAndWhatTheyReplace) {
  fill("/d");
  ASSERT_TRUE(run(session->copy(at("/d"), at("/own/d"), false)));
  ASSERT_TRUE(run(session->copy(at("/d"), at("/included/d"), false)));
  expect_true();
  ASSERT_TRUE(run(session->copy(at("/d/a"), at("/own/d/b"), true)));
  expect_true();
  ASSERT_TRUE(run(session->rename(at("/d/b"), at("/own/d/b"), true)));
  expect_true();
  EXPECT_EQ(stored_in("own"), (quota::Usage{2, 150}));
}

// What is written afterwards would be lost.
TEST_F(MovedQuota, WhatIsBeingWrittenStays) {
  for (const quota::Tracking tracking : {quota::Tracking::all, quota::Tracking::off}) {
    count({.tracking = tracking});
    fill("/d");
    ASSERT_TRUE(put("/own/there", "as it was"));
    for (const char* from : {"/d", "/d/a"}) {
      const char* to = from == std::string("/d") ? "/own/d" : "/own/there";
      auto file = start("/d/a", {.write = true});
      EXPECT_EQ(code_of(run(session->rename(at(from), at(to), true))), ErrorCode::conflict) << from;
      EXPECT_EQ(get("/own/there"), "as it was");
      EXPECT_FALSE(std::filesystem::exists(base / "own/d"));
      ASSERT_TRUE(write(*file, 100, "more"));
      ASSERT_TRUE(run(file->close()));
      EXPECT_EQ(test::read_file(real("d/a")), text_of(100) + "more");
    }
    ASSERT_TRUE(run(session->rename(at("/d"), at("/own/d"), false)));
    EXPECT_EQ(test::read_file(base / "own/d/a"), text_of(100) + "more");
    if (tracking != quota::Tracking::off) expect_true();
    std::filesystem::remove_all(base / "own/d");
  }
}

// The source changes while it is copied: nothing has happened. It changes after it was compared with its copy: both
// stay where the copy has replaced something, and both count; else the copy goes.
TEST_F(MovedQuota, MovesThatKeepTheirSource) {
  const auto touch = [](const std::string& file) {
    std::filesystem::last_write_time(file, std::filesystem::last_write_time(file) - std::chrono::hours(1));
  };
  // Of one file: asked before it, after its only piece, and before the copy is put into its place.
  constexpr int while_copied = 2, before_placed = 3;
  const auto moved = [this, touch](const char* from, const char* to, bool overwrite, const std::string& changed,
                                   int when) {
    int asked = 0;
    const GivenUp meanwhile = [&] {
      if (++asked == when) touch(changed);
      return false;
    };
    return code_of(run(session->rename(at(from), at(to), overwrite, meanwhile)));
  };
  ASSERT_TRUE(put("/f", text_of(200)));
  ASSERT_TRUE(put("/included/f", text_of(60)));
  ASSERT_TRUE(put("/own/f", text_of(30)));
  const std::pair<const char*, std::size_t> targets[] = {{"/included/f", 60}, {"/own/f", 30}};
  for (const auto& [target, size] : targets) {
    EXPECT_EQ(moved("/f", target, true, real("f"), while_copied), ErrorCode::conflict) << target;
    EXPECT_EQ(get("/f"), text_of(200));
    EXPECT_EQ(get(target), text_of(size));
    expect_true();
  }
  for (const auto& [target, size] : targets) {
    EXPECT_EQ(moved("/f", target, true, real("f"), before_placed), ErrorCode::conflict) << target;
    EXPECT_EQ(get("/f"), text_of(200));
    EXPECT_EQ(get(target), text_of(200));
    expect_true();
  }
  for (const int when : {while_copied, before_placed}) {
    for (const bool overwrite : {false, true}) {
      EXPECT_EQ(moved("/f", "/included/new", overwrite, real("f"), when), ErrorCode::conflict);
      EXPECT_EQ(moved("/included/f", "/new", overwrite, base / "included/f", when), ErrorCode::conflict);
      EXPECT_FALSE(std::filesystem::exists(base / "included/new") || std::filesystem::exists(real("new")));
      expect_true();
    }
  }
  fill("/d");
  EXPECT_EQ(moved("/d", "/included/d", false, real("d/a"), while_copied), ErrorCode::conflict);
  EXPECT_FALSE(std::filesystem::exists(base / "included/d"));
  expect_true();
}

TEST_F(MovedQuota, NoRoomMeansNothingHappened) {
  fill("/d");
  ASSERT_TRUE(put("/own/there", text_of(400)));
  EXPECT_EQ(code_of(run(session->rename(at("/d"), at("/own/d"), false))), ErrorCode::quota_exceeded);
  EXPECT_EQ(code_of(run(session->copy(at("/d"), at("/own/d"), false))), ErrorCode::quota_exceeded);
  expect_true();
  EXPECT_FALSE(std::filesystem::exists(base / "own/d"));
  ASSERT_TRUE(put("/big", text_of(700)));
  // Inside one quota a move needs no room, a copy does.
  ASSERT_TRUE(run(session->rename(at("/big"), at("/included/big"), false)));
  EXPECT_EQ(code_of(run(session->copy(at("/included/big"), at("/big"), false))), ErrorCode::quota_exceeded);
  expect_true();
  user.filters.max_upload_file_size = 60;
  login();
  EXPECT_EQ(code_of(run(session->copy(at("/d"), at("/e"), false))), ErrorCode::quota_exceeded);
  EXPECT_TRUE(run(session->rename(at("/d"), at("/included/e"), false)));
  expect_true();
}

}  // namespace
}  // namespace ferry::session
