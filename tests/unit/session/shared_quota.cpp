// Two users with one folder in their trees, whose quotas count it differently, at the same files at once.
#include <thread>

#include "tests/unit/session/quota_support.h"

namespace ferry::session {
namespace {

using test::run;

// Alice has a limit of her own for /own; in bob's tree the same folder is included in his quota.
class SharedQuota : public QuotaTest {
 protected:
  void SetUp() override {
    QuotaTest::SetUp();
    bob = user;
    bob.username = "bob";
    bob.home_dir = base / "homes/bob";
    bob.quota_size = 2000;
    bob.virtual_folders[0].quota_size = bob.virtual_folders[0].quota_files = -1;
    ASSERT_TRUE(provider->add_user(bob));
    guest = open("bob", bob);
  }
  void TearDown() override {
    guest.reset();
    QuotaTest::TearDown();
  }
  std::unique_ptr<Session> open(const std::string& id, const model::User& who) {
    presence::ConnectionInfo other = info;
    other.id = "SFTP_" + id;
    return run(open_session(std::make_shared<const model::User>(who), other, services())).value();
  }
  // What is not used is free again.
  void expect_nothing_reserved() {
    EXPECT_EQ(ledger->owners_of_home(user).room().size, user.quota_size - stored().size);
    EXPECT_EQ(ledger->owners_of_home(bob).room().size, bob.quota_size - provider->user_quota("bob").value().size);
    const auto own = user.virtual_folders[0];
    EXPECT_EQ(ledger->owners_of_folder(user, own).room().size, own.quota_size - stored_in("own").size);
    EXPECT_EQ(stored_in("own"), on_disk(base / "own"));
  }
  static std::unique_ptr<OpenFile> begin(Session& session, vfs::OpenOptions how) {
    return run(session.open(at("/own/f"), how)).value();
  }

  model::User bob;
  std::unique_ptr<Session> guest;
};

const vfs::OpenOptions in_place{.write = true, .create = true};

TEST_F(SharedQuota, WhoeverClosesFirstNothingStaysReserved) {
  for (const bool alice_first : {true, false}) {
    for (const bool truncated : {true, false}) {
      auto one = begin(*session, for_upload);
      ASSERT_TRUE(write(*one, 0, text_of(100)));
      auto other = begin(*guest, truncated ? for_upload : in_place);
      ASSERT_TRUE(write(*other, 0, text_of(200)));
      ASSERT_TRUE(write(*one, 200, text_of(50)));
      if (!alice_first) std::swap(one, other);
      ASSERT_TRUE(run(one->close()));
      ASSERT_TRUE(write(*other, 250, text_of(30)));
      ASSERT_TRUE(run(other->close()));
      EXPECT_EQ(stored_in("own"), (quota::Usage{1, 280}));
      expect_nothing_reserved();
      ASSERT_TRUE(run(session->remove_file(at("/own/f"))));
      expect_nothing_reserved();
    }
  }
}

TEST_F(SharedQuota, WhoHasClosedPaysNoMore) {
  user.virtual_folders[0].quota_size = 0;
  session = open("alice", user);
  auto mine = begin(*session, for_upload), theirs = begin(*guest, in_place);
  ASSERT_TRUE(write(*theirs, 0, text_of(1900)));
  ASSERT_TRUE(run(theirs->close()));
  EXPECT_EQ(provider->user_quota("bob").value().size, 1900);
  ASSERT_TRUE(write(*mine, 1900, text_of(5000)));
  EXPECT_EQ(ledger->owners_of_home(bob).room().size, 100);
  ASSERT_TRUE(run(guest->remove_file(at("/own/f"))));
  ASSERT_TRUE(run(mine->close()));
  EXPECT_EQ(stored_in("own"), quota::Usage{});
  EXPECT_EQ(ledger->owners_of_home(bob).room().size, 2000);

  // Nor has he who only set a size.
  mine = begin(*session, for_upload);
  ASSERT_TRUE(write(*mine, 0, text_of(10)));
  ASSERT_TRUE(run(guest->set_attributes(at("/own/f"), {.size = 1000}, true)));
  auto again = begin(*session, in_place);
  ASSERT_TRUE(run(mine->close()));
  EXPECT_EQ(provider->user_quota("bob").value().size, 1000);
  ASSERT_TRUE(write(*again, 1000, text_of(3000)));
  ASSERT_TRUE(run(again->close()));
  EXPECT_EQ(provider->user_quota("bob").value().size, 1000);
  EXPECT_EQ(stored_in("own"), (quota::Usage{1, 4000}));
  EXPECT_EQ(ledger->owners_of_home(bob).room().size, 1000);
}

TEST_F(SharedQuota, EachIsHeldToItsOwnLimits) {
  auto mine = begin(*session, for_upload), theirs = begin(*guest, in_place);
  EXPECT_EQ(code_of(write(*mine, 0, text_of(501))), ErrorCode::quota_exceeded);
  ASSERT_TRUE(write(*theirs, 500, text_of(1500)));
  EXPECT_EQ(code_of(write(*theirs, 2000, "x")), ErrorCode::quota_exceeded);
  EXPECT_FALSE(run(theirs->close()));
  EXPECT_FALSE(run(mine->close()));
  EXPECT_EQ(stored_in("own"), (quota::Usage{1, 2000}));
  expect_nothing_reserved();
}

// What alice has reserved ahead of her writes is room for her, not for bob.
TEST_F(SharedQuota, NobodyWritesInTheRoomOfOthers) {
  user.virtual_folders[0].quota_size = 0;
  session = open("alice", user);
  auto mine = begin(*session, for_upload);
  ASSERT_TRUE(write(*mine, 0, text_of(100)));
  EXPECT_EQ(code_of(run(guest->set_attributes(at("/own/f"), {.size = 2001}, true))), ErrorCode::quota_exceeded);
  EXPECT_EQ(ledger->owners_of_home(bob).room().size, 2000);
  auto theirs = begin(*guest, in_place);
  ASSERT_TRUE(write(*theirs, 0, text_of(2000)));
  EXPECT_EQ(code_of(write(*theirs, 2000, "x")), ErrorCode::quota_exceeded);
  ASSERT_TRUE(write(*mine, 2000, text_of(500)));
  EXPECT_FALSE(run(theirs->close()));
  ASSERT_TRUE(run(mine->close()));
  EXPECT_EQ(stored_in("own"), (quota::Usage{1, 2500}));
}

TEST_F(SharedQuota, TakenAwayAndResizedByTheOther) {
  auto mine = begin(*session, for_upload);
  ASSERT_TRUE(write(*mine, 0, text_of(100)));
  ASSERT_TRUE(run(guest->set_attributes(at("/own/f"), {.size = 400}, true)));
  ASSERT_TRUE(run(guest->remove_file(at("/own/f"))));
  ASSERT_TRUE(write(*mine, 100, text_of(20)));
  ASSERT_TRUE(run(mine->close()));
  expect_nothing_reserved();
  auto theirs = begin(*guest, for_upload);
  ASSERT_TRUE(write(*theirs, 0, text_of(300)));
  ASSERT_TRUE(put("/own/g", text_of(10)));
  ASSERT_TRUE(run(session->rename(at("/own/g"), at("/own/f"), true)));
  ASSERT_TRUE(write(*theirs, 300, text_of(300)));
  ASSERT_TRUE(run(theirs->close()));
  EXPECT_EQ(stored_in("own"), (quota::Usage{1, 10}));
  expect_nothing_reserved();
}

// From many threads; atomic uploads too.
TEST_F(SharedQuota, RacesLeaveNothingReserved) {
  user.virtual_folders[0].quota_size = 100'000;
  user.virtual_folders[0].quota_files = 0;
  bob.quota_size = 200'000;
  for (const UploadMode mode : {UploadMode::standard, UploadMode::atomic}) {
    options.upload_mode = mode;
    std::vector<std::thread> clients;
    for (unsigned t = 0; t < 6; ++t) {
      clients.emplace_back([&, t] {
        auto own = open("r" + std::to_string(t), t % 2 == 0 ? user : bob);
        unsigned dice = t * 7919 + 1;
        const auto roll = [&](unsigned sides) { return (dice = dice * 1103515245U + 12345U) / 65536U % sides; };
        for (int step = 0; step < 200; ++step) {
          const VirtualPath path = at("/own/f" + std::to_string(roll(2)));
          const unsigned what = roll(8);
          if (what == 0) {
            (void)run(own->remove_file(path));
          } else if (what == 1) {
            (void)run(own->rename(path, at("/own/f" + std::to_string(roll(2))), true));
          } else if (what == 2) {
            (void)run(own->set_attributes(path, {.size = roll(500)}, true));
          } else {
            auto file = run(own->open(path, {.write = true, .create = true, .truncate = roll(2) == 0}));
            if (!file) continue;
            for (unsigned piece = roll(4); piece > 0; --piece) (void)write(**file, roll(300), text_of(roll(300)));
            (void)run((*file)->close());
          }
        }
      });
    }
    for (auto& client : clients) client.join();
    expect_nothing_reserved();
  }
}

}  // namespace
}  // namespace ferry::session
