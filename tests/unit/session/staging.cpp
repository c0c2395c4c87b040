// Uploads that grow under another name: out of the clients' reach, and in temp_path.
#include "session/staging.h"

#include <thread>

#include "session/partial_name.h"
#include "tests/support/memory_storage.h"
#include "tests/unit/session/quota_support.h"

namespace ferry::session {
namespace {

using test::run;
using Names = std::vector<std::string>;

TEST(PartialName, IsToldFromOthers) {
  EXPECT_TRUE(is_partial_name(".ferry-upload.0123456789abcdef.name"));
  EXPECT_TRUE(is_partial_name(partial_path(at("/a/b")).name()));
  for (const char* other : {".ferry-upload.mine", ".ferry-upload.0123456789abcdef", ".ferry-upload.", "name",
                            ".ferry-upload.0123456789abcdeX.name", ".ferry-upload.0123456789abcde.name"}) {
    EXPECT_FALSE(is_partial_name(other)) << other;
  }
  EXPECT_TRUE(has_partial_name(at("/a/.ferry-upload.0123456789abcdef.name/b")));
  EXPECT_TRUE(has_partial_name(at("/.ferry-upload.x/.ferry-upload.0123456789abcdef.")));
  EXPECT_FALSE(has_partial_name(at("/a.ferry-upload.0123456789abcdef.name/.ferry-upload.mine")));
}

class Partial : public QuotaTest {
 protected:
  void SetUp() override {
    options.upload_mode = UploadMode::atomic;
    QuotaTest::SetUp();
  }
};

// Renamed away it would be a file that no quota counts.
TEST_F(Partial, IsOutOfReach) {
  auto file = start("/f");
  ASSERT_TRUE(write(*file, 0, text_of(900)));
  const Names there = names_in(user.home_dir);
  ASSERT_EQ(there.size(), 1U);
  const std::string hidden = "/" + there[0];
  EXPECT_EQ(code_of(run(session->rename(at(hidden), at("/mine"), true))), ErrorCode::not_found);
  ASSERT_TRUE(put("/other", "x"));
  EXPECT_EQ(code_of(run(session->rename(at("/other"), at(hidden), true))), ErrorCode::not_found);
  EXPECT_EQ(code_of(run(session->copy(at(hidden), at("/mine"), true))), ErrorCode::not_found);
  EXPECT_EQ(code_of(run(session->remove_file(at(hidden)))), ErrorCode::not_found);
  EXPECT_EQ(code_of(run(session->stat(at(hidden)))), ErrorCode::not_found);
  EXPECT_EQ(code_of(run(session->open(at(hidden), for_reading))), ErrorCode::not_found);
  EXPECT_EQ(code_of(run(session->open(at(hidden), {.write = true}))), ErrorCode::not_found);
  EXPECT_EQ(code_of(run(session->make_hard_link(at(hidden), at("/mine")))), ErrorCode::not_found);
  EXPECT_EQ(code_of(run(session->set_attributes(at(hidden), {}, false))), ErrorCode::not_found);
  EXPECT_EQ(code_of(run(session->make_symlink(hidden, at("/mine")))), ErrorCode::not_found);
  EXPECT_EQ(code_of(run(session->make_directory(at(hidden + "/d"), 0755))), ErrorCode::not_found);
  EXPECT_EQ(code_of(run(session->open_directory(at(hidden)))), ErrorCode::not_found);
  auto listing = run(session->open_directory(at("/"))).value();
  Names seen;
  for (auto some = run(listing->next(100)).value(); !some.empty(); some = run(listing->next(100)).value()) {
    for (const auto& entry : some) seen.push_back(entry.name);
  }
  EXPECT_EQ((std::set<std::string>(seen.begin(), seen.end())), (std::set<std::string>{"included", "other", "own"}));
  ASSERT_TRUE(run(file->close()));
  EXPECT_EQ(stored(), (quota::Usage{2, 901}));
  expect_true();
}

// With temp_path on the same file system, and on another one.
class Staged : public QuotaTest, public testing::WithParamInterface<UploadMode> {
 protected:
  void SetUp() override {
    options.upload_mode = GetParam();
    options.temp_path = base / "staged";
    QuotaTest::SetUp();
  }
  Names staged() { return names_in(options.temp_path); }
  void expect_uploads();
};

void Staged::expect_uploads() {
  auto file = start("/f");
  ASSERT_TRUE(write(*file, 0, text_of(300)));
  ASSERT_TRUE(run(file->set_attributes({.mode = 0640})));
  EXPECT_EQ(staged().size(), 1U);
  EXPECT_EQ(names_in(user.home_dir), Names{});
  EXPECT_TRUE(run(file->space()));
  ASSERT_TRUE(run(file->close()));
  EXPECT_EQ(names_in(user.home_dir), Names{"f"});
  EXPECT_EQ(run(session->stat(at("/f"))).value().mode, 0640U);
  EXPECT_EQ(get("/f"), text_of(300));
  ASSERT_TRUE(put("/f", text_of(20)));
  EXPECT_EQ(get("/f"), text_of(20));
  ASSERT_TRUE(put("/own/f", text_of(7)));
  EXPECT_EQ(code_of(put("/missing/f", "x")), ErrorCode::not_found);
  EXPECT_EQ(code_of(put("/f/below", "x")), ErrorCode::not_a_directory);
  expect_true();
  auto lost = start("/lost");
  ASSERT_TRUE(write(*lost, 0, text_of(50)));
  run(lost->abandon({ErrorCode::connection_lost, "gone"}));
  EXPECT_EQ(std::filesystem::exists(real("lost")), GetParam() == UploadMode::atomic_with_resume);
  EXPECT_EQ(code_of(put("/large", text_of(1001))), ErrorCode::quota_exceeded);
  EXPECT_EQ(staged(), Names{});
  expect_true();
  (void)run(session->remove_file(at("/large")));
}

TEST_P(Staged, OnTheSameFileSystem) {
  expect_uploads();
  // Exclusive: whatever came there meanwhile stays.
  auto file = start("/new", {.write = true, .create = true, .exclusive = true});
  test::write_file(real("new"), "another's");
  EXPECT_FALSE(run(file->close()));
  EXPECT_EQ(test::read_file(real("new")), "another's");
  EXPECT_EQ(staged(), Names{});
}

TEST_P(Staged, OnAnotherFileSystem) {
  const test::TempDirectory elsewhere{std::filesystem::current_path().string()};
  options.temp_path = elsewhere / "staged";
  login();
  expect_uploads();
}

INSTANTIATE_TEST_SUITE_P(Modes, Staged, testing::Values(UploadMode::atomic, UploadMode::atomic_with_resume),
                         [](const auto& mode) {
                           return std::string(mode.param == UploadMode::atomic ? "Atomic" : "AtomicWithResume");
                         });

// The source goes after it was copied: a copy that is shorter must not be taken for the whole.
TEST(StagingAcrossStorages, AShortCopyIsNotPutInPlace) {
  const test::TempDirectory base{std::filesystem::current_path()};
  test::write_file(base / "source", text_of(3 << 20));
  const std::shared_ptr<vfs::FileSystem> local = vfs::LocalFileSystem::open({.root = base.path()}).value();
  vfs::Capabilities at_once = test::of_an_object_store();
  at_once.published_at_close = false;
  at_once.attributes = true;
  const auto target = std::make_shared<test::MemoryStorage>(at_once);
  asio::io_context& io = test::lasting_context();
  std::optional<Result<void>> placed;
  HeldName from{.storage = local, .path = at("/source")}, to{.storage = target, .path = at("/target")};
  asio::co_spawn(io, put_in_place(std::move(from), std::move(to), true),
                 [&](std::exception_ptr, Result<void> result) { placed = std::move(result); });
  bool cut = false;
  while (!placed && io.run_one() > 0) {
    if (cut || target->state.objects.empty() || target->state.objects.begin()->second.content.empty()) continue;
    cut = true;
    std::filesystem::resize_file(base / "source", 1 << 20);
  }
  ASSERT_TRUE(cut && placed);
  EXPECT_FALSE(*placed);
  EXPECT_TRUE(std::filesystem::exists(base / "source"));
  EXPECT_TRUE(target->state.objects.empty());
}

}  // namespace
}  // namespace ferry::session
