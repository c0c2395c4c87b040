// Where the bytes of an upload are while it runs, when it ends and when its client goes away.
#include <sys/resource.h>

#include <chrono>
#include <csignal>
#include <thread>

#include "session/partial_name.h"
#include "tests/unit/session/support.h"

namespace ferry::session {
namespace {

using test::run;
using Names = std::vector<std::string>;

// What remains under the target when an upload of "partial" over nothing, and over "old", is broken off.
struct Expected {
  UploadMode mode;
  std::string of_new;
  std::string of_old;
};

class UploadModes : public SessionTest, public testing::WithParamInterface<Expected> {
 protected:
  void SetUp() override {
    SessionTest::SetUp();
    options.upload_mode = GetParam().mode;
    login();
  }
  bool atomic() const { return GetParam().mode != UploadMode::standard; }
  // What a reader finds at the target; "" when there is nothing.
  std::string target(const char* name = "f") { return test::read_file(real(name)); }
  std::unique_ptr<OpenFile> start(const char* path = "/f", vfs::OpenOptions how = for_upload) {
    auto file = run(session->open(at(path), how)).value();
    EXPECT_TRUE(write(*file, 0, "partial"));
    return file;
  }
  // The cleaning up runs on the pool when nobody waits for it: gives it two seconds.
  void expect_soon(const std::string& text) {
    for (int i = 0; i < 400; ++i) {
      if (target() == text && names_in(user.home_dir).size() == (text.empty() ? 0 : 1)) return;
      std::this_thread::sleep_for(std::chrono::milliseconds(5));
    }
    ADD_FAILURE() << "target: \"" << target() << "\", files: " << names_in(user.home_dir).size();
  }
};

TEST_P(UploadModes, FinishAtTheTarget) {
  auto file = start();
  if (atomic()) {
    EXPECT_FALSE(std::filesystem::exists(real("f")));
    const Names names = names_in(user.home_dir);
    ASSERT_EQ(names.size(), 1U);
    EXPECT_TRUE(names[0].starts_with(".ferry-upload.") && names[0].ends_with(".f")) << names[0];
  }
  ASSERT_TRUE(run(file->close()));
  EXPECT_EQ(target(), "partial");
  EXPECT_EQ(names_in(user.home_dir), Names{"f"});
}

TEST_P(UploadModes, ReplaceWhatIsThere) {
  ASSERT_TRUE(put("/f", "old content"));
  ASSERT_TRUE(run(session->set_attributes(at("/f"), {.mode = 0600}, true)));
  auto file = start();
  EXPECT_EQ(target(), atomic() ? "old content" : "partial");
  ASSERT_TRUE(run(file->close()));
  EXPECT_EQ(target(), "partial");
  EXPECT_EQ(run(session->stat(at("/f"))).value().mode, 0600U);
  EXPECT_EQ(names_in(user.home_dir), Names{"f"});
}

TEST_P(UploadModes, ResumeAndAppendInPlace) {
  ASSERT_TRUE(put("/f", "0123456789"));
  auto resumed = run(session->open(at("/f"), {.write = true, .create = true})).value();
  ASSERT_TRUE(write(*resumed, 10, "abc"));
  ASSERT_TRUE(run(resumed->close()));
  EXPECT_EQ(target(), "0123456789abc");
  ASSERT_TRUE(put("/f", "!", {.write = true, .append = true, .create = true}));
  EXPECT_EQ(target(), "0123456789abc!");
}

TEST_P(UploadModes, ReplaceOnlyWhatIsThereWithoutCreate) {
  const vfs::OpenOptions truncating{.write = true, .truncate = true};
  EXPECT_EQ(code_of(run(session->open(at("/f"), truncating))), ErrorCode::not_found);
  ASSERT_TRUE(put("/f", "old content"));
  auto file = start("/f", truncating);
  EXPECT_EQ(target(), atomic() ? "old content" : "partial");
  ASSERT_TRUE(run(file->close()));
  EXPECT_EQ(target(), "partial");
  EXPECT_EQ(names_in(user.home_dir), Names{"f"});
}

TEST_P(UploadModes, AbandonedLeaveWhatTheModeSays) {
  auto file = start();
  run(file->abandon({ErrorCode::connection_lost, "test"}));
  EXPECT_EQ(target(), GetParam().of_new);
  EXPECT_EQ(names_in(user.home_dir).size(), GetParam().of_new.empty() ? 0U : 1U);
  ASSERT_TRUE(put("/f", "old"));
  file = start();
  run(file->abandon({ErrorCode::connection_lost, "test"}));
  EXPECT_EQ(target(), GetParam().of_old);
  EXPECT_EQ(names_in(user.home_dir), Names{"f"});
}

TEST_P(UploadModes, VanishedLeaveTheSame) {
  auto file = start();
  file.reset();
  expect_soon(GetParam().of_new);
  ASSERT_TRUE(put("/f", "old"));
  file = start();
  session.reset();  // first the session, then its file
  file.reset();
  expect_soon(GetParam().of_old);
}

TEST_P(UploadModes, ExclusiveUploadsNeverReplace) {
  const vfs::OpenOptions exclusive{.write = true, .create = true, .exclusive = true};
  auto file = start("/f", exclusive);
  if (atomic()) test::write_file(real("f"), "made meanwhile");
  const Result<void> closed = run(file->close());
  EXPECT_EQ(code_of(closed), atomic() ? ErrorCode::already_exists : ErrorCode::internal);
  EXPECT_EQ(target(), atomic() ? "made meanwhile" : "partial");
  EXPECT_EQ(names_in(user.home_dir), Names{"f"});
  EXPECT_EQ(code_of(run(session->open(at("/f"), exclusive))), ErrorCode::already_exists);
}

TEST_P(UploadModes, WithoutOverwriteARaceIsLost) {
  user.permissions["/"] = {"list", "upload"};
  login();
  auto file = start();
  if (atomic()) {
    test::write_file(real("f"), "made meanwhile");
    EXPECT_FALSE(run(file->close()));
    EXPECT_EQ(target(), "made meanwhile");
  }
  EXPECT_EQ(code_of(run(session->open(at("/f"), for_upload))), ErrorCode::permission_denied);
  EXPECT_EQ(code_of(run(session->open(at("/f"), {.write = true}))), ErrorCode::permission_denied);
  EXPECT_EQ(names_in(user.home_dir), Names{"f"});
}

TEST_P(UploadModes, RefuseTargetsThatAreNoFiles) {
  ASSERT_TRUE(run(session->make_directory(at("/d"), 0755)));
  EXPECT_EQ(code_of(run(session->open(at("/d"), for_upload))), ErrorCode::is_a_directory);
  EXPECT_EQ(code_of(run(session->open(at("/"), for_upload))), ErrorCode::is_a_directory);
  EXPECT_EQ(code_of(run(session->open(at("/none/f"), for_upload))), ErrorCode::not_found);
  ASSERT_EQ(::mkfifo(real("fifo").c_str(), 0600), 0);
  EXPECT_EQ(code_of(run(session->open(at("/fifo"), for_upload))), ErrorCode::permission_denied);
  EXPECT_TRUE(std::filesystem::is_fifo(real("fifo")));
}

TEST_P(UploadModes, TakeTheLongestNames) {
  const std::string name(255, 'n');
  ASSERT_TRUE(put("/" + name, "x"));
  EXPECT_EQ(names_in(user.home_dir), Names{name});
}

// A write that failed makes the upload a failed one, whatever the client does next.
TEST_P(UploadModes, AFailedWriteFailsTheClose) {
  auto file = start();
  const auto old_signal = std::signal(SIGXFSZ, SIG_IGN);
  rlimit old_limit{};
  ASSERT_EQ(::getrlimit(RLIMIT_FSIZE, &old_limit), 0);
  const rlimit small{.rlim_cur = 1000, .rlim_max = old_limit.rlim_max};
  ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &small), 0);
  EXPECT_EQ(code_of(write(*file, 1000, "too far")), ErrorCode::storage_full);
  ::setrlimit(RLIMIT_FSIZE, &old_limit);
  std::signal(SIGXFSZ, old_signal);
  EXPECT_EQ(code_of(run(file->close())), ErrorCode::storage_full);
  EXPECT_EQ(target(), GetParam().of_new);
  EXPECT_EQ(names_in(user.home_dir).size(), GetParam().of_new.empty() ? 0U : 1U);
}

std::string mode_name(const testing::TestParamInfo<Expected>& info) {
  const char* const names[] = {"standard", "atomic", "atomic_with_resume"};
  return names[static_cast<int>(info.param.mode)];
}

INSTANTIATE_TEST_SUITE_P(Modes, UploadModes,
                         testing::Values(Expected{UploadMode::standard, "partial", "partial"},
                                         Expected{UploadMode::atomic, "", "old"},
                                         Expected{UploadMode::atomic_with_resume, "partial", "partial"}),
                         mode_name);

TEST(PartialPath, IsBesideItsTargetAndItsOwn) {
  const VirtualPath target = at("/d/" + std::string(255, 'x'));
  const VirtualPath one = partial_path(target), other = partial_path(target);
  EXPECT_NE(one, other);
  EXPECT_EQ(one.parent(), target.parent());
  EXPECT_LE(one.name().size(), VirtualPath::max_name_length);
}

}  // namespace
}  // namespace ferry::session
