// Counting again, data-transfer quotas, and what is free by quota.
#include <thread>

#include "session/quota_scan.h"
#include "tests/unit/session/quota_support.h"

namespace ferry::session {
namespace {

using test::run;

class Scans : public QuotaTest {
 protected:
  void finish(QuotaScans& scans) {
    for (int i = 0; i < 2000; ++i) {
      if (scans.users().empty() && scans.folders().empty()) return;
      std::this_thread::sleep_for(std::chrono::milliseconds(5));
    }
    FAIL() << "a scan does not end";
  }
  void scan_all() {
    QuotaScans scans(services());
    ASSERT_TRUE(scans.start_user(provider->user("alice").value()));
    for (const char* name : {"own", "included"}) ASSERT_TRUE(scans.start_folder(provider->folder(name).value()));
    finish(scans);
  }
};

TEST_F(Scans, FindWhatCameAndWentWithoutUs) {
  std::filesystem::create_directories(real("a/b/c"));
  test::write_file(real("a/b/c/f"), text_of(70));
  test::write_file(real("g"), text_of(5));
  test::write_file(base / "own/h", text_of(11));
  test::write_file(base / "included/i", text_of(13));
  std::filesystem::create_symlink(real("g"), real("link"));
  std::filesystem::create_directory_symlink(base / "own", real("way"));
  ASSERT_TRUE(ledger->update_user("alice", quota::Usage(7, 7), quota::Update::reset));
  scan_all();
  EXPECT_EQ(stored(), (quota::Usage{3, 88}));
  EXPECT_EQ(stored_in("own"), (quota::Usage{1, 11}));
  EXPECT_EQ(stored_in("included"), (quota::Usage{1, 13}));
}

// What a killed server left under hidden names counts nowhere. It is told, and goes when it is old.
TEST_F(Scans, FindLeftoversOfKilledServers) {
  options.upload_mode = UploadMode::atomic;
  login();
  ASSERT_TRUE(put("/f", text_of(5)));
  const std::string tree = real("d/.ferry-upload.0123456789abcdef.tree"),
                    young = real("d/.ferry-upload.0123456789abcdef.f");
  std::filesystem::create_directories(tree + "/deep");
  test::write_file(tree + "/deep/f", text_of(70));
  test::write_file(young, text_of(30));
  auto running = start("/running");
  ASSERT_TRUE(write(*running, 0, text_of(9)));
  const auto found = [&] {
    return run(count_files(storages({.config = user.filesystem, .path = user.home_dir}).value(), ledger->uploads(),
                           [] { return false; }))
        .value();
  };
  Counted counted = found();
  EXPECT_EQ(counted.usage, (quota::Usage{1, 5}));
  EXPECT_EQ(counted.leftovers.files, 2U);
  EXPECT_EQ(counted.leftovers.size, 100);
  EXPECT_EQ(counted.leftovers.removed, 0U);
  EXPECT_TRUE(counted.leftovers.first == tree || counted.leftovers.first == young) << counted.leftovers.first;
  // Old as a whole it goes; what holds something young stays.
  const auto old = std::filesystem::file_time_type::clock::now() - std::chrono::hours(25);
  for (const std::string& path : {tree + "/deep", tree, young}) std::filesystem::last_write_time(path, old);
  counted = found();
  EXPECT_EQ(counted.leftovers.removed, 1U);
  EXPECT_FALSE(std::filesystem::exists(young));
  EXPECT_TRUE(std::filesystem::exists(tree));
  std::filesystem::last_write_time(tree + "/deep/f", old);
  scan_all();
  EXPECT_FALSE(std::filesystem::exists(tree));
  EXPECT_EQ(stored(), (quota::Usage{1, 5}));
  ASSERT_TRUE(run(running->close()));
  EXPECT_EQ(stored(), (quota::Usage{2, 14}));
  expect_true();
}

TEST_F(Scans, CountAFolderOnceHoweverOftenItIsMounted) {
  std::filesystem::create_directories(base / "included/sub/deep");
  std::filesystem::create_directories(base / "included/sub2");
  test::write_file(base / "included/sub/f", text_of(70));
  test::write_file(base / "included/sub/deep/g", text_of(5));
  test::write_file(base / "included/sub2/h", text_of(3));
  const auto scan = [this](const std::vector<std::string>& subpaths) {
    model::User mounts = user;
    model::VirtualFolder folder = mounts.virtual_folders.back();
    mounts.virtual_folders.clear();
    for (const std::string& subpath : subpaths) {
      folder.virtual_path = "/at" + std::to_string(mounts.virtual_folders.size());
      folder.subpath = subpath;
      mounts.virtual_folders.push_back(folder);
    }
    QuotaScans scans(services());
    EXPECT_TRUE(scans.start_user(std::make_shared<const model::User>(mounts)));
    finish(scans);
    return stored();
  };
  EXPECT_EQ(scan({"sub", "", "sub/deep"}), (quota::Usage{3, 78}));
  EXPECT_EQ(scan({"sub", "sub", "sub2"}), (quota::Usage{3, 78}));
  EXPECT_EQ(scan({"sub/deep", "sub2"}), (quota::Usage{2, 8}));
}

TEST_F(Scans, DoNotCountTwiceWhatIsBeingWritten) {
  for (const UploadMode mode : {UploadMode::standard, UploadMode::atomic}) {
    options.upload_mode = mode;
    login();
    auto fresh = start("/fresh"), over = start("/over");
    ASSERT_TRUE(write(*fresh, 0, text_of(100)));
    ASSERT_TRUE(write(*over, 0, text_of(50)));
    scan_all();
    ASSERT_TRUE(write(*fresh, 100, text_of(100)));
    scan_all();
    ASSERT_TRUE(run(fresh->close()));
    ASSERT_TRUE(run(over->close()));
    expect_true();
    EXPECT_EQ(stored(), (quota::Usage{2, 250}));
  }
}

TEST_F(Scans, OfDeepAndWideTreesStayBounded) {
  std::string deep = user.home_dir;
  for (int i = 0; i < 200; ++i) deep += "/d";
  std::filesystem::create_directories(deep);
  test::write_file(deep + "/f", "deepest");
  for (int i = 0; i < 600; ++i) {
    const std::string place = user.home_dir + "/wide" + std::to_string(i);
    std::filesystem::create_directory(place);
    test::write_file(place + "/f", "x");
  }
  scan_all();
  EXPECT_EQ(stored(), (quota::Usage{601, 607}));
}

TEST_F(Scans, AreOneOfAKind) {
  QuotaScans scans(services());
  for (int i = 0; i < 300; ++i) std::filesystem::create_directories(real("d" + std::to_string(i)));
  ASSERT_TRUE(scans.start_user(provider->user("alice").value()));
  const auto again = scans.start_user(provider->user("alice").value());
  if (!again) {
    EXPECT_EQ(code_of(again), ErrorCode::conflict);
  }
  scans.stop({});
  EXPECT_EQ(code_of(scans.start_user(provider->user("alice").value())), ErrorCode::aborted);
  count({.tracking = quota::Tracking::off});
  QuotaScans untracked(services());
  EXPECT_EQ(code_of(untracked.start_folder(provider->folder("own").value())), ErrorCode::unsupported);
}

TEST_F(Scans, OfWhatAProgramLeftAreMadeBeforeTheEnd) {
  test::write_file(real("f"), text_of(70));
  QuotaScans scans(services());
  scans.recount(provider->user("alice").value());
  scans.stop(std::chrono::minutes(1));
  EXPECT_EQ(stored(), (quota::Usage{1, 70}));
}

TEST_F(Scans, OfWhatCannotBeReadChangeNothing) {
  ASSERT_TRUE(put("/f", text_of(10)));
  QuotaScans scans(services());
  model::User odd = *provider->user("alice").value();
  odd.home_dir = real("f");  // a file
  ASSERT_TRUE(scans.start_user(std::make_shared<const model::User>(odd)));
  finish(scans);
  EXPECT_EQ(stored(), (quota::Usage{1, 10}));
}

class DataTransfer : public QuotaTest {
 protected:
  static constexpr std::int64_t mb = 1024 * 1024;
  void SetUp() override {
    QuotaTest::SetUp();
    user.quota_size = user.quota_files = 0;
  }
  Result<void> move(OpenFile& file, std::size_t count) { return write(file, 0, text_of(count)); }
};

TEST_F(DataTransfer, UploadsStopAtTheLimit) {
  user.upload_data_transfer = 1;
  login();
  auto file = start("/f");
  ASSERT_TRUE(write(*file, 0, text_of(mb - 10)));
  EXPECT_EQ(code_of(write(*file, mb - 10, text_of(30))), ErrorCode::quota_exceeded);
  EXPECT_FALSE(run(file->close()));
  EXPECT_EQ(on_disk(user.home_dir).size, 0);
  EXPECT_EQ(provider->transfer_quota("alice")->upload, mb);
  EXPECT_EQ(code_of(run(session->open(at("/g"), for_upload))), ErrorCode::quota_exceeded);
  ASSERT_TRUE(ledger->update_transfer("alice", quota::TransferUsage(0, 0), quota::Update::reset));
  ASSERT_TRUE(put("/g", "x"));
}

TEST_F(DataTransfer, DownloadsStopAtTheLimitHoweverTheFileIsOpened) {
  user.download_data_transfer = 1;
  test::write_file(real("f"), text_of(2 * mb));
  login();
  for (const vfs::OpenOptions how : {for_reading, vfs::OpenOptions{.read = true, .write = true}}) {
    auto file = run(session->open(at("/f"), how)).value();
    Bytes into(700'000);
    EXPECT_EQ(run(file->read_at(0, into)).value(), into.size());
    EXPECT_EQ(run(file->read_at(0, into)).value(), static_cast<std::size_t>(mb) - into.size());
    EXPECT_EQ(code_of(run(file->read_at(0, into))), ErrorCode::quota_exceeded);
    run(file->abandon({ErrorCode::connection_lost, "enough"}));
    EXPECT_EQ(provider->transfer_quota("alice")->download, mb);
    EXPECT_EQ(code_of(run(session->open(at("/f"), how))), ErrorCode::quota_exceeded);
    ASSERT_TRUE(ledger->update_transfer("alice", quota::TransferUsage(0, 0), quota::Update::reset));
  }
}

TEST_F(DataTransfer, TheTotalCountsBothWays) {
  user.total_data_transfer = 1;
  login();
  ASSERT_TRUE(put("/f", text_of(600'000)));
  auto file = run(session->open(at("/f"), for_reading)).value();
  Bytes into(600'000);
  EXPECT_EQ(run(file->read_at(0, into)).value(), static_cast<std::size_t>(mb) - 600'000);
  run(file->abandon({ErrorCode::connection_lost, "enough"}));
  EXPECT_EQ(code_of(put("/g", "x")), ErrorCode::quota_exceeded);
}

TEST_F(DataTransfer, SmallFilesAreReadToTheirEndNearTheLimit) {
  user.download_data_transfer = 1;
  test::write_file(real("f"), text_of(100));
  login();
  ASSERT_TRUE(ledger->update_transfer("alice", quota::TransferUsage(0, mb - 150), quota::Update::reset));
  EXPECT_EQ(get("/f").value(), text_of(100));
  EXPECT_EQ(provider->transfer_quota("alice")->download, mb - 50);
}

TEST_F(DataTransfer, AFileThatUsesTheQuotaUpIsReadToItsEnd) {
  user.download_data_transfer = 1;
  test::write_file(real("f"), text_of(100));
  login();
  ASSERT_TRUE(ledger->update_transfer("alice", quota::TransferUsage(0, mb - 100), quota::Update::reset));
  auto file = run(session->open(at("/f"), for_reading)).value();
  Bytes into(200);
  EXPECT_EQ(run(file->read_at(0, into)).value(), 100U);
  EXPECT_EQ(run(file->read_at(100, into)).value(), 0U);
  EXPECT_EQ(code_of(run(file->read_at(0, into))), ErrorCode::quota_exceeded);
}

TEST_F(DataTransfer, IsCountedAsTrackingSays) {
  login();
  ASSERT_TRUE(put("/f", text_of(1000)));
  EXPECT_EQ(provider->transfer_quota("alice").value(), quota::TransferUsage{});
  count({.tracking = quota::Tracking::all});
  ASSERT_TRUE(put("/f", text_of(1000)));
  ASSERT_TRUE(get("/f"));
  EXPECT_EQ(provider->transfer_quota("alice").value(), (quota::TransferUsage{1000, 1000}));
}

class FreeSpace : public QuotaTest {};

TEST_F(FreeSpace, IsWhatTheQuotaLeaves) {
  user.quota_size = 1'048'576;
  login();
  ASSERT_TRUE(put("/f", text_of(1024)));
  const vfs::SpaceInfo space = run(session->space(at("/"))).value();
  const std::uint64_t unit = space.fragment_size;
  EXPECT_EQ(space.blocks, 1'048'576 / unit);
  EXPECT_EQ(space.blocks_free, (1'048'576 - 1024) / unit);
  EXPECT_EQ(space.blocks_available, space.blocks_free);
  EXPECT_EQ(space.files, 10U);
  EXPECT_EQ(space.files_free, 9U);
  auto file = run(session->open(at("/f"), for_reading)).value();
  EXPECT_EQ(run(file->space())->files_free, 9U);
  ASSERT_TRUE(run(file->close()));
  file.reset();
  EXPECT_EQ(run(session->space(at("/own")))->files, 3U);
  EXPECT_EQ(run(session->space(at("/included")))->files, 10U);
  user.quota_size = user.quota_files = 0;
  login();
  EXPECT_NE(run(session->space(at("/")))->files, 10U);
}

}  // namespace
}  // namespace ferry::session
