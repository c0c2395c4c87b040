// Size and file quotas: what is counted after every operation is what lies on the disk, and no limit is overrun.
#include <atomic>
#include <thread>

#include "tests/unit/session/quota_support.h"

namespace ferry::session {
namespace {

using test::run;

vfs::AttributeChange sized(std::uint64_t size) { return {.size = size}; }

class Quota : public QuotaTest {};

// Every test of what is counted runs in each upload mode.
class QuotaCounting : public QuotaTest, public testing::WithParamInterface<UploadMode> {
 protected:
  void SetUp() override {
    options.upload_mode = GetParam();
    QuotaTest::SetUp();
  }
};

TEST_P(QuotaCounting, UploadsAndOverwritesAndRemovals) {
  ASSERT_TRUE(put("/f", text_of(100)));
  expect_true();
  EXPECT_EQ(stored(), (quota::Usage{1, 100}));
  ASSERT_TRUE(put("/f", text_of(30)));
  EXPECT_EQ(stored(), (quota::Usage{1, 30}));
  ASSERT_TRUE(put("/f", text_of(300)));
  EXPECT_EQ(stored(), (quota::Usage{1, 300}));
  ASSERT_TRUE(put("/empty", ""));
  ASSERT_TRUE(put("/own/f", text_of(10)));
  ASSERT_TRUE(put("/included/f", text_of(20)));
  expect_true();
  EXPECT_EQ(stored(), (quota::Usage{3, 320}));
  EXPECT_EQ(stored_in("own"), (quota::Usage{1, 10}));
  EXPECT_EQ(stored_in("included"), (quota::Usage{1, 20}));
  for (const char* path : {"/f", "/empty", "/own/f", "/included/f"}) {
    ASSERT_TRUE(run(session->remove_file(at(path))));
  }
  expect_true();
  EXPECT_EQ(stored(), quota::Usage{});
  EXPECT_EQ(stored_in("own"), quota::Usage{});
}

TEST_P(QuotaCounting, WritesInPlace) {
  ASSERT_TRUE(put("/f", text_of(100)));
  const vfs::OpenOptions in_place{.write = true, .create = true};
  ASSERT_TRUE(put("/f", text_of(50), in_place));
  EXPECT_EQ(stored(), (quota::Usage{1, 100}));
  ASSERT_TRUE(put("/f", text_of(150), in_place));
  EXPECT_EQ(stored(), (quota::Usage{1, 150}));
  const vfs::OpenOptions at_end{.write = true, .append = true};
  ASSERT_TRUE(put("/f", text_of(7), at_end));
  EXPECT_EQ(stored(), (quota::Usage{1, 157}));
  auto sparse = start("/sparse");
  ASSERT_TRUE(write(*sparse, 600, "end"));
  ASSERT_TRUE(run(sparse->close()));
  EXPECT_EQ(stored(), (quota::Usage{2, 760}));
  expect_true();
}

TEST_P(QuotaCounting, SizesThatAreSet) {
  ASSERT_TRUE(put("/f", text_of(100)));
  ASSERT_TRUE(run(session->set_attributes(at("/f"), sized(40), true)));
  EXPECT_EQ(stored(), (quota::Usage{1, 40}));
  ASSERT_TRUE(run(session->set_attributes(at("/f"), sized(900), true)));
  EXPECT_EQ(stored(), (quota::Usage{1, 900}));
  EXPECT_EQ(code_of(run(session->set_attributes(at("/f"), sized(1001), true))), ErrorCode::quota_exceeded);
  auto file = start("/f", {.write = true});
  ASSERT_TRUE(run(file->set_attributes(sized(10))));
  EXPECT_EQ(code_of(run(file->set_attributes(sized(1001)))), ErrorCode::quota_exceeded);
  ASSERT_TRUE(run(session->set_attributes(at("/f"), sized(20), true)));  // while it is open
  ASSERT_TRUE(run(file->set_attributes(sized(500))));
  ASSERT_TRUE(run(file->close()));
  EXPECT_EQ(stored(), (quota::Usage{1, 500}));
  expect_true();
}

TEST_P(QuotaCounting, RenamesAndLinks) {
  ASSERT_TRUE(put("/a", text_of(100)));
  ASSERT_TRUE(put("/b", text_of(30)));
  ASSERT_TRUE(run(session->rename(at("/a"), at("/c"), false)));
  EXPECT_EQ(stored(), (quota::Usage{2, 130}));
  EXPECT_FALSE(run(session->rename(at("/c"), at("/b"), false)));
  ASSERT_TRUE(run(session->rename(at("/c"), at("/b"), true)));
  EXPECT_EQ(stored(), (quota::Usage{1, 100}));
  ASSERT_TRUE(run(session->rename(at("/b"), at("/b"), true)));
  EXPECT_EQ(stored(), (quota::Usage{1, 100}));
  ASSERT_TRUE(run(session->make_hard_link(at("/b"), at("/second"))));
  EXPECT_EQ(stored(), (quota::Usage{2, 200}));
  ASSERT_TRUE(run(session->rename(at("/b"), at("/second"), true)));  // both names stay: rename(2)
  expect_true();
  ASSERT_TRUE(run(session->make_symlink("b", at("/link"))));
  expect_true();
  ASSERT_TRUE(run(session->remove_file(at("/link"))));
  ASSERT_TRUE(run(session->remove_file(at("/second"))));
  EXPECT_EQ(stored(), (quota::Usage{1, 100}));
  expect_true();
}

// It counts once for each name, but would grow for all of them at once.
TEST_P(QuotaCounting, AFileWithSeveralNamesKeepsItsSize) {
  const vfs::OpenOptions in_place{.write = true}, at_end{.write = true, .append = true};
  ASSERT_TRUE(put("/f", "x"));
  auto open = start("/f", in_place);
  EXPECT_EQ(code_of(run(session->make_hard_link(at("/f"), at("/g")))), ErrorCode::conflict);
  ASSERT_TRUE(run(open->close()));
  ASSERT_TRUE(run(session->make_hard_link(at("/f"), at("/g"))));
  for (const vfs::OpenOptions& how : {in_place, at_end}) {
    EXPECT_EQ(code_of(put("/f", text_of(900), how)), ErrorCode::permission_denied);
  }
  for (const std::uint64_t size : {0, 900}) {
    EXPECT_EQ(code_of(run(session->set_attributes(at("/g"), sized(size), true))), ErrorCode::permission_denied);
  }
  EXPECT_EQ(code_of(put("/g", "replaced")),
            GetParam() == UploadMode::standard ? ErrorCode::permission_denied : ErrorCode::internal);
  EXPECT_EQ(test::read_file(real("f")), "x");
  expect_true();
  ASSERT_TRUE(run(session->remove_file(at("/g"))));
  ASSERT_TRUE(put("/f", text_of(900), at_end));
  EXPECT_EQ(stored(), (quota::Usage{1, 901}));
  expect_true();
}

TEST_P(QuotaCounting, UploadsThatBreakOff) {
  ASSERT_TRUE(put("/old", text_of(100)));
  for (const char* path : {"/new", "/old", "/own/new"}) {
    auto file = start(path);
    ASSERT_TRUE(write(*file, 0, text_of(60)));
    run(file->abandon({ErrorCode::connection_lost, "gone"}));
    expect_true();
  }
  if (GetParam() == UploadMode::atomic) {
    EXPECT_EQ(stored(), (quota::Usage{1, 100}));
  } else {
    EXPECT_EQ(stored(), (quota::Usage{2, 120}));
  }
}

TEST_P(QuotaCounting, FilesThatAreReplacedOrRemovedWhileTheyAreWritten) {
  auto one = start("/f"), other = start("/f");
  ASSERT_TRUE(write(*one, 0, text_of(100)));
  ASSERT_TRUE(write(*other, 0, text_of(40)));
  ASSERT_TRUE(run(one->close()));
  expect_true();
  ASSERT_TRUE(run(other->close()));
  expect_true();
  auto in_place = start("/f", {.write = true});
  ASSERT_TRUE(write(*in_place, 0, text_of(300)));
  ASSERT_TRUE(run(session->remove_file(at("/f"))));
  expect_true();
  ASSERT_TRUE(write(*in_place, 300, text_of(50)));
  ASSERT_TRUE(put("/f", text_of(5)));
  ASSERT_TRUE(run(in_place->close()));
  expect_true();
  auto replaced = start("/f", {.write = true});
  ASSERT_TRUE(write(*replaced, 0, text_of(200)));
  ASSERT_TRUE(put("/g", text_of(9)));
  ASSERT_TRUE(run(session->rename(at("/g"), at("/f"), true)));
  expect_true();
  ASSERT_TRUE(run(replaced->close()));
  expect_true();
  EXPECT_EQ(stored(), (quota::Usage{1, 9}));
  ASSERT_TRUE(put("/f", text_of(1000)));  // nothing of them is reserved any more
}

TEST_P(QuotaCounting, StopsAtTheLimit) {
  ASSERT_TRUE(put("/first", text_of(400)));
  auto file = start("/f");
  ASSERT_TRUE(write(*file, 0, text_of(500)));
  EXPECT_EQ(code_of(write(*file, 500, text_of(200))), ErrorCode::quota_exceeded);
  EXPECT_EQ(code_of(write(*file, 600, "x")), ErrorCode::quota_exceeded);
  const Result<void> closed = run(file->close());
  EXPECT_EQ(code_of(closed), ErrorCode::quota_exceeded);
  expect_true();
  EXPECT_EQ(stored(), (quota::Usage{1, 400}));
  EXPECT_FALSE(std::filesystem::exists(real("f")));
  ASSERT_TRUE(put("/f", text_of(600)));
  EXPECT_EQ(code_of(put("/more", "x")), ErrorCode::quota_exceeded);
  ASSERT_TRUE(put("/f", text_of(600)));  // in the place of what is there
  EXPECT_EQ(code_of(put("/f", text_of(601))), ErrorCode::quota_exceeded);
  // Where the old bytes are gone when it is opened, nothing is left that could be taken for a whole file.
  const bool gone = GetParam() == UploadMode::standard;
  EXPECT_EQ(test::read_file(real("f")), gone ? "" : text_of(600));
  EXPECT_EQ(std::filesystem::exists(real("f")), !gone);
  expect_true();
  ASSERT_TRUE(run(session->remove_file(at("/first"))));
  ASSERT_TRUE(put("/more", "x"));
  expect_true();
}

// What is only gone on with keeps what was there.
TEST_P(QuotaCounting, AResumedUploadIsCutBack) {
  ASSERT_TRUE(put("/f", text_of(400)));
  auto file = start("/f", {.write = true, .create = true});
  ASSERT_TRUE(write(*file, 400, text_of(500)));
  EXPECT_EQ(code_of(write(*file, 900, text_of(200))), ErrorCode::quota_exceeded);
  EXPECT_EQ(code_of(run(file->close())), ErrorCode::quota_exceeded);
  EXPECT_EQ(get("/f"), text_of(400));
  EXPECT_EQ(stored(), (quota::Usage{1, 400}));
  ASSERT_TRUE(put("/g", text_of(600)));  // nothing of it is reserved any more
  expect_true();
}

// Two write one file: what the other one brought to its end is not taken away because of the first.
TEST_P(QuotaCounting, WhatOthersWroteStays) {
  if (GetParam() != UploadMode::standard) GTEST_SKIP() << "each has a file of its own";
  auto over = start("/f"), other = start("/f", {.write = true});
  ASSERT_TRUE(write(*other, 0, text_of(500)));
  ASSERT_TRUE(run(other->close()));
  EXPECT_EQ(code_of(write(*over, 0, text_of(1200))), ErrorCode::quota_exceeded);
  EXPECT_EQ(code_of(run(over->close())), ErrorCode::quota_exceeded);
  EXPECT_EQ(get("/f").value_or("").substr(0, 500), text_of(500));
  expect_true();
}

// Renamed while it was written: the file is not at its name any more, and another one there is not taken for it.
TEST_P(QuotaCounting, AnotherFileAtItsNameStays) {
  if (GetParam() != UploadMode::standard) GTEST_SKIP();
  auto file = start("/f");
  ASSERT_TRUE(write(*file, 0, text_of(100)));
  ASSERT_TRUE(run(session->rename(at("/f"), at("/g"), false)));
  ASSERT_TRUE(put("/f", "another"));
  EXPECT_EQ(code_of(write(*file, 100, text_of(1000))), ErrorCode::quota_exceeded);
  EXPECT_FALSE(run(file->close()));
  EXPECT_EQ(get("/f"), "another");
  EXPECT_EQ(get("/g"), "");
  expect_true();
}

// Where an append lands is decided by whoever else writes the file.
TEST_P(QuotaCounting, AppendsBesideOtherWritesStopAtTheLimit) {
  ASSERT_TRUE(put("/f", "x"));
  const vfs::OpenOptions at_end{.write = true, .append = true};
  for (const bool second_appends : {false, true}) {
    ASSERT_TRUE(run(session->set_attributes(at("/f"), sized(1), true)));
    auto appending = start("/f", at_end),
         other = start("/f", second_appends ? at_end : vfs::OpenOptions{.write = true});
    ASSERT_TRUE(write(*other, 0, text_of(800)));
    ASSERT_TRUE(write(*appending, 0, text_of(90)));
    EXPECT_EQ(code_of(write(*appending, 0, text_of(200))), ErrorCode::quota_exceeded);
    EXPECT_FALSE(run(appending->close()));
    ASSERT_TRUE(run(other->close()));
    EXPECT_LE(std::filesystem::file_size(real("f")), 1000U);
    expect_true();
  }
  auto appending = start("/f", at_end);
  ASSERT_TRUE(run(session->set_attributes(at("/f"), sized(950), true)));
  EXPECT_EQ(code_of(write(*appending, 0, text_of(51))), ErrorCode::quota_exceeded);
  EXPECT_FALSE(run(appending->close()));
  EXPECT_LE(std::filesystem::file_size(real("f")), 1000U);
  expect_true();
}

TEST_P(QuotaCounting, EachLimitOfAFolder) {
  EXPECT_EQ(code_of(put("/own/large", text_of(501))), ErrorCode::quota_exceeded);
  EXPECT_FALSE(std::filesystem::exists(base / "own/large"));
  for (const char* path : {"/own/1", "/own/2", "/own/3"}) {
    ASSERT_TRUE(put(path, "x"));
  }
  EXPECT_EQ(code_of(put("/own/4", "")), ErrorCode::quota_exceeded);
  EXPECT_FALSE(std::filesystem::exists(base / "own/4"));
  EXPECT_EQ(code_of(run(session->make_hard_link(at("/own/1"), at("/own/4")))), ErrorCode::quota_exceeded);
  ASSERT_TRUE(put("/own/3", "over"));
  ASSERT_TRUE(put("/4", "the home has room"));
  EXPECT_EQ(code_of(put("/included/f", text_of(990))), ErrorCode::quota_exceeded);
  expect_true();
}

std::string mode_name(const testing::TestParamInfo<UploadMode>& mode) {
  constexpr const char* names[] = {"Standard", "Atomic", "AtomicWithResume"};
  return names[static_cast<int>(mode.param)];
}

INSTANTIATE_TEST_SUITE_P(Modes, QuotaCounting,
                         testing::Values(UploadMode::standard, UploadMode::atomic, UploadMode::atomic_with_resume),
                         mode_name);

TEST_F(Quota, FoldersAreSharedByTheirUsers) {
  model::User bob = user;
  bob.username = "bob";
  bob.home_dir = base / "homes/bob";
  bob.virtual_folders[0].quota_size = 100;
  ASSERT_TRUE(provider->add_user(bob));
  ASSERT_TRUE(put("/own/a", text_of(90)));
  info.id = "SFTP_2";
  auto second = run(open_session(std::make_shared<const model::User>(bob), info, services())).value();
  std::swap(session, second);
  EXPECT_EQ(code_of(put("/own/b", text_of(11))), ErrorCode::quota_exceeded);  // of bob's 100
  EXPECT_EQ(stored_in("own"), (quota::Usage{1, 90}));
  std::swap(session, second);
  ASSERT_TRUE(put("/own/c", text_of(20)));  // of alice's 500
  EXPECT_EQ(stored_in("own"), (quota::Usage{2, 110}));
}

TEST_F(Quota, MaxUploadFileSizeHoldsWithoutAnyQuota) {
  const vfs::OpenOptions at_end{.write = true, .append = true};
  user.filters.max_upload_file_size = 100;
  for (const quota::Tracking tracking : {quota::Tracking::off, quota::Tracking::all}) {
    count({.tracking = tracking});
    EXPECT_EQ(code_of(put("/f", text_of(101))), ErrorCode::quota_exceeded);
    EXPECT_FALSE(std::filesystem::exists(real("f")));
    ASSERT_TRUE(put("/f", text_of(100)));
    EXPECT_EQ(code_of(put("/f", "x", at_end)), ErrorCode::quota_exceeded);
    EXPECT_EQ(code_of(run(session->set_attributes(at("/f"), sized(101), true))), ErrorCode::quota_exceeded);
  }
}

// Of an account that nobody counts, too: what several handles append adds up.
TEST_F(Quota, AppendsTogetherKeepToTheLargestFile) {
  const vfs::OpenOptions at_end{.write = true, .append = true, .create = true};
  user.filters.max_upload_file_size = 100;
  for (const quota::Tracking tracking : {quota::Tracking::off, quota::Tracking::all}) {
    count({.tracking = tracking});
    auto one = start("/f", at_end), other = start("/f", at_end);
    for (int i = 0; i < 5; ++i) {
      EXPECT_TRUE(write(*one, 0, text_of(10)));
      EXPECT_TRUE(write(*other, 0, text_of(10)));
    }
    EXPECT_EQ(code_of(write(*one, 0, "x")), ErrorCode::quota_exceeded);
    EXPECT_EQ(code_of(write(*other, 0, "x")), ErrorCode::quota_exceeded);
    EXPECT_FALSE(run(one->close()));
    EXPECT_FALSE(run(other->close()));
    EXPECT_EQ(test::read_file(real("f")), text_of(100));

    ASSERT_TRUE(put("/f", text_of(10)));
    one = start("/f", at_end);
    ASSERT_TRUE(run(session->set_attributes(at("/f"), sized(90), true)));
    EXPECT_TRUE(write(*one, 0, text_of(10)));
    EXPECT_EQ(code_of(write(*one, 0, "x")), ErrorCode::quota_exceeded);
    EXPECT_FALSE(run(one->close()));

    ASSERT_TRUE(put("/f", text_of(10)));
    one = start("/f", at_end);
    other = start("/f", {.write = true});
    EXPECT_TRUE(write(*other, 0, text_of(95)));
    EXPECT_EQ(code_of(write(*one, 0, text_of(10))), ErrorCode::quota_exceeded);
    EXPECT_FALSE(run(one->close()));
    EXPECT_TRUE(run(other->close()));
    EXPECT_LE(std::filesystem::file_size(real("f")), 100U);
    ASSERT_TRUE(run(session->remove_file(at("/f"))));
    EXPECT_EQ(ledger->uploads().count(), 0U);
  }
}

TEST_F(Quota, TrackingIsAsConfigured) {
  count({.tracking = quota::Tracking::off});
  ASSERT_TRUE(put("/large", text_of(2000)));
  ASSERT_TRUE(put("/own/large", text_of(2000)));
  EXPECT_EQ(stored(), quota::Usage{});
  EXPECT_EQ(stored_in("own"), quota::Usage{});

  user.quota_size = user.quota_files = 0;
  count({.tracking = quota::Tracking::limited});
  ASSERT_TRUE(put("/more", text_of(2000)));
  ASSERT_TRUE(put("/included/more", text_of(300)));
  EXPECT_EQ(stored(), quota::Usage{});
  EXPECT_EQ(stored_in("included"), (quota::Usage{1, 300}));

  count({.tracking = quota::Tracking::all});
  ASSERT_TRUE(put("/again", text_of(2000)));
  EXPECT_EQ(stored(), (quota::Usage{1, 2000}));
}

TEST_F(Quota, UpdatesArePutOff) {
  count({.tracking = quota::Tracking::limited, .delay = std::chrono::hours(1)});
  ASSERT_TRUE(put("/f", text_of(100)));
  EXPECT_EQ(stored(), quota::Usage{});
  ledger->tick();
  EXPECT_EQ(stored(), quota::Usage{});
  EXPECT_EQ(code_of(put("/g", text_of(901))), ErrorCode::quota_exceeded);  // though the store does not know yet
  ASSERT_TRUE(put("/g", text_of(900)));
  login();
  EXPECT_EQ(code_of(put("/h", "x")), ErrorCode::quota_exceeded);
  session.reset();
  ledger->close();
  EXPECT_EQ(stored(), (quota::Usage{2, 1000}));
}

TEST_F(Quota, WhatTheAdministratorSetsCountsAtOnce) {
  ASSERT_TRUE(ledger->update_user("alice", quota::Usage(10, 5), quota::Update::reset));
  EXPECT_EQ(code_of(put("/f", "x")), ErrorCode::quota_exceeded);
  ASSERT_TRUE(ledger->update_user("alice", quota::Usage(-1, 985), quota::Update::add));
  ASSERT_TRUE(put("/f", text_of(10)));
  EXPECT_EQ(stored(), (quota::Usage{10, 1000}));
  EXPECT_EQ(code_of(ledger->update_user("nobody", {}, quota::Update::add)), ErrorCode::not_found);
  EXPECT_EQ(code_of(ledger->update_folder("nothing", {}, quota::Update::reset)), ErrorCode::not_found);
  ASSERT_TRUE(run(session->remove_file(at("/f"))));
  for (const char* path : {"/1", "/2"}) test::write_file(real(path), text_of(5000));
  ASSERT_TRUE(run(session->remove_file(at("/1"))));  // was never counted
  EXPECT_EQ(stored(), (quota::Usage{8, 0}));
}

// Pitfall: a limit is checked, then used.
TEST_F(Quota, ParallelUploadsDoNotOvershootTogether) {
  user.quota_files = 0;
  user.quota_size = 1000;
  login();
  constexpr int threads = 8, each = 25;
  std::atomic<int> stored_whole = 0;
  std::vector<std::thread> clients;
  for (int t = 0; t < threads; ++t) {
    clients.emplace_back([&, t] {
      presence::ConnectionInfo mine = info;
      mine.id = "SFTP_t" + std::to_string(t);
      auto own = run(open_session(std::make_shared<const model::User>(user), mine, services())).value();
      std::vector<std::unique_ptr<OpenFile>> files;
      for (int i = 0; i < each; ++i) {
        auto file = run(own->open(at("/" + std::to_string(t * each + i)), for_upload));
        if (file) files.push_back(std::move(*file));
      }
      for (auto& file : files) {
        bool whole = true;
        for (int piece = 0; piece < 6 && whole; ++piece) {
          whole = write(*file, static_cast<std::uint64_t>(piece) * 100, text_of(100)).has_value();
        }
        if (run(file->close()) && whole) ++stored_whole;
      }
    });
  }
  for (auto& client : clients) client.join();
  EXPECT_LE(stored_whole, 1);
  EXPECT_LE(on_disk(user.home_dir).size, 1000);
  EXPECT_EQ(stored(), on_disk(user.home_dir));
}

TEST_F(Quota, TwoHundredUploadsWithRoomForOneFileGiveOne) {
  user.quota_files = 1;
  user.quota_size = 0;
  login();
  constexpr int threads = 8, each = 25;
  std::atomic<int> created = 0;
  std::vector<std::thread> clients;
  for (int t = 0; t < threads; ++t) {
    clients.emplace_back([&, t] {
      presence::ConnectionInfo mine = info;
      mine.id = "SFTP_t" + std::to_string(t);
      auto own = run(open_session(std::make_shared<const model::User>(user), mine, services())).value();
      for (int i = 0; i < each; ++i) {
        auto file = run(own->open(at("/" + std::to_string(t * each + i)), for_upload));
        if (!file) continue;
        ++created;
        EXPECT_TRUE(run((*file)->close()));
      }
    });
  }
  for (auto& client : clients) client.join();
  EXPECT_EQ(created, 1);
  EXPECT_EQ(stored(), (quota::Usage{1, 0}));
  EXPECT_EQ(on_disk(user.home_dir), (quota::Usage{1, 0}));
}

// Names that all fight for, from many threads: whatever happens, what is counted is what is there.
TEST_F(Quota, RacesOnSharedNamesLeaveTheTruth) {
  user.quota_files = 0;
  user.quota_size = 100'000;
  user.virtual_folders[0].quota_size = user.virtual_folders[0].quota_files = 0;
  for (const UploadMode mode : {UploadMode::standard, UploadMode::atomic}) {
    options.upload_mode = mode;
    login();
    std::vector<std::thread> clients;
    for (unsigned t = 0; t < 6; ++t) {
      clients.emplace_back([&, t] {
        presence::ConnectionInfo mine = info;
        mine.id = "SFTP_r" + std::to_string(t);
        auto own = run(open_session(std::make_shared<const model::User>(user), mine, services())).value();
        unsigned dice = t * 7919 + 1;
        const auto roll = [&](unsigned sides) { return (dice = dice * 1103515245U + 12345U) / 65536U % sides; };
        const auto name = [&] {
          constexpr const char* places[] = {"/", "/own/", "/included/"};
          return at(std::string(places[roll(3)]) + "f" + std::to_string(roll(3)));
        };
        for (int step = 0; step < 300; ++step) {
          const VirtualPath path = name();
          const unsigned what = roll(6);
          if (what == 0) {
            (void)run(own->remove_file(path));
          } else if (what == 1) {
            (void)run(own->rename(path, at(path.parent().text() + "/f" + std::to_string(roll(3))), true));
          } else if (what == 2) {
            (void)run(own->set_attributes(path, sized(roll(200)), true));
          } else {
            vfs::OpenOptions how{.write = true, .create = true, .truncate = roll(2) == 0};
            auto file = run(own->open(path, how));
            if (!file) continue;
            (void)write(**file, roll(100), text_of(roll(400)));
            if (roll(4) == 0) (void)run(own->remove_file(path));
            (void)write(**file, roll(100), text_of(roll(400)));
            if (roll(5) == 0) {
              run((*file)->abandon({ErrorCode::connection_lost, "gone"}));
            } else {
              (void)run((*file)->close());
            }
          }
        }
      });
    }
    for (auto& client : clients) client.join();
    expect_true();
  }
}

}  // namespace
}  // namespace ferry::session
