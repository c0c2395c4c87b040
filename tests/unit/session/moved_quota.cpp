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
  EXPECT_EQ(stored(), (QuotaUsage{2, 150}));
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
  EXPECT_EQ(stored_in("own"), (QuotaUsage{2, 150}));
}

// What is written afterwards would be lost.
TEST_F(MovedQuota, WhatIsBeingWrittenStays) {
  for (const QuotaTracking tracking : {QuotaTracking::all, QuotaTracking::off}) {
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
    if (tracking != QuotaTracking::off) expect_true();
    std::filesystem::remove_all(base / "own/d");
  }
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
