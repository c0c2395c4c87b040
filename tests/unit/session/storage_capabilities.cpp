// What session makes of a storage that takes files in order, publishes them at close and has no links, modes or
// directory renames.
#include "tests/support/memory_storage.h"
#include "tests/unit/session/quota_support.h"

namespace ferry::session {
namespace {

using test::run;

class OnAnObjectStore : public QuotaTest {
 protected:
  void SetUp() override {
    storages = [this](const StorageRequest& r) -> Result<std::shared_ptr<vfs::FileSystem>> {
      auto& m = memories[r.path];
      if (!m) m = std::make_shared<test::MemoryStorage>();
      return std::shared_ptr<vfs::FileSystem>(m);
    };
    QuotaTest::SetUp();
  }
  test::MemoryStorage::State& home() { return memories[user.home_dir]->state; }
  std::map<std::string, std::shared_ptr<test::MemoryStorage>> memories;
};

TEST_F(OnAnObjectStore, OutOfOrder) {
  auto file = start("/f");
  ASSERT_TRUE(write(*file, 0, "abc"));
  EXPECT_EQ(code_of(write(*file, 10, "x")), ErrorCode::unsupported);
  EXPECT_EQ(code_of(write(*file, 3, "def")), ErrorCode::unsupported);  // has failed for good
  EXPECT_EQ(code_of(run(file->close())), ErrorCode::unsupported);
  EXPECT_TRUE(home().objects.empty());
  EXPECT_EQ(stored(), quota::Usage{});
  auto again = start("/f");
  ASSERT_TRUE(write(*again, 0, "abc"));
  EXPECT_EQ(code_of(write(*again, 0, "xyz")), ErrorCode::unsupported);  // overlap
}

TEST_F(OnAnObjectStore, ReadWriteResumeAppend) {
  EXPECT_EQ(code_of(run(session->open(at("/f"), {.read = true, .write = true, .create = true, .truncate = true}))),
            ErrorCode::unsupported);
  ASSERT_TRUE(put("/f", "old"));
  EXPECT_EQ(code_of(run(session->open(at("/f"), {.write = true, .create = true}))), ErrorCode::unsupported);
  EXPECT_EQ(code_of(run(session->open(at("/f"), {.write = true}))), ErrorCode::unsupported);
  EXPECT_EQ(code_of(run(session->open(at("/f"), {.write = true, .append = true, .create = true}))),
            ErrorCode::unsupported);
  ASSERT_TRUE(put("/new", "text", {.write = true, .create = true}));
  auto file = start("/a", {.write = true, .append = true, .create = true});
  ASSERT_TRUE(write(*file, 0, "one"));
  ASSERT_TRUE(write(*file, 0, "two"));
  ASSERT_TRUE(run(file->close()));
  EXPECT_EQ(home().objects["/a"].content, "onetwo");
  EXPECT_EQ(stored(), (quota::Usage{3, 13}));
}

TEST_F(OnAnObjectStore, Setstat) {
  auto file = start("/f");
  EXPECT_TRUE(run(file->set_attributes({.size = 0})));
  EXPECT_EQ(code_of(run(file->set_attributes({.size = 5}))), ErrorCode::unsupported);
  ASSERT_TRUE(write(*file, 0, "abc"));
  EXPECT_TRUE(run(file->set_attributes({.size = 3})));
  ASSERT_TRUE(run(file->close()));
  file.reset();
  EXPECT_TRUE(run(session->set_attributes(at("/f"), {.size = 3}, true)));
  EXPECT_EQ(code_of(run(session->set_attributes(at("/f"), {.size = 0}, true))), ErrorCode::unsupported);
  const vfs::AttributeChange times{.times = vfs::AttributeChange::Times{{1, 0}, {77, 0}}};
  const vfs::AttributeChange both{.mode = 0600, .times = vfs::AttributeChange::Times{{1, 0}, {88, 0}}};
  EXPECT_EQ(code_of(run(session->set_attributes(at("/f"), {.mode = 0600}, true))), ErrorCode::unsupported);
  EXPECT_TRUE(run(session->set_attributes(at("/f"), times, true)));
  EXPECT_EQ(home().objects["/f"].modified.seconds, 77);
  EXPECT_EQ(code_of(run(session->set_attributes(at("/f"), both, true))), ErrorCode::unsupported);
  options.setstat_mode = SetstatMode::ignore_if_unsupported;
  login();
  EXPECT_TRUE(run(session->set_attributes(at("/f"), both, true)));
  EXPECT_EQ(home().objects["/f"].modified.seconds, 88);
  ASSERT_TRUE(run(session->make_directory(at("/d"), 0777)));
  EXPECT_TRUE(run(session->set_attributes(at("/d"), both, true)));
  options.setstat_mode = SetstatMode::ignore;
  login();
  EXPECT_TRUE(run(session->set_attributes(at("/f"), times, true)));
  EXPECT_EQ(home().objects["/f"].modified.seconds, 88);
}

TEST_F(OnAnObjectStore, LinksAndRenames) {
  ASSERT_TRUE(put("/f", "abc"));
  EXPECT_EQ(code_of(run(session->make_symlink("/f", at("/l")))), ErrorCode::unsupported);
  EXPECT_EQ(code_of(run(session->make_hard_link(at("/f"), at("/l")))), ErrorCode::unsupported);
  ASSERT_TRUE(run(session->make_directory(at("/e"), 0777)));
  ASSERT_TRUE(put("/e/x", "abc"));
  EXPECT_EQ(code_of(run(session->rename(at("/e"), at("/g"), false))), ErrorCode::unsupported);
  EXPECT_TRUE(home().objects.contains("/e/x"));
  ASSERT_TRUE(run(session->make_directory(at("/empty"), 0777)));
  EXPECT_TRUE(run(session->rename(at("/empty"), at("/void"), false)));
  EXPECT_TRUE(home().directories.contains("/void"));
  EXPECT_FALSE(home().directories.contains("/empty"));
}

TEST_F(OnAnObjectStore, MoveOntoADirectoryThatIsThere) {
  options.rename_mode = 1;
  login();
  ASSERT_TRUE(run(session->make_directory(at("/e"), 0777)));
  ASSERT_TRUE(put("/e/x", "abc"));
  ASSERT_TRUE(run(session->make_directory(at("/t"), 0777)));
  ASSERT_TRUE(put("/t/keep", "precious"));
  EXPECT_FALSE(run(session->rename(at("/e"), at("/t"), true)));
  EXPECT_EQ(home().objects["/t/keep"].content, "precious");
  EXPECT_EQ(home().objects["/e/x"].content, "abc");
  ASSERT_TRUE(run(session->make_directory(at("/own/d"), 0777)));
  ASSERT_TRUE(put("/own/d/y", "yy"));
  EXPECT_FALSE(run(session->rename(at("/own/d"), at("/t"), true)));
  EXPECT_EQ(home().objects["/t/keep"].content, "precious");
}

TEST_F(OnAnObjectStore, OverQuotaKeepsOld) {
  ASSERT_TRUE(put("/f", text_of(400)));
  auto file = start("/f");
  EXPECT_EQ(stored(), (quota::Usage{1, 400}));
  EXPECT_TRUE(write(*file, 0, text_of(1000)));
  EXPECT_EQ(code_of(write(*file, 1000, "x")), ErrorCode::quota_exceeded);
  EXPECT_FALSE(run(file->close()));
  EXPECT_EQ(home().objects["/f"].content.size(), 400U);
  EXPECT_EQ(stored(), (quota::Usage{1, 400}));
  // Two at once: the sum may not pass.
  auto one = start("/f"), two = start("/g");
  EXPECT_TRUE(write(*one, 0, text_of(700)));
  EXPECT_TRUE(write(*two, 0, text_of(300)));
  EXPECT_FALSE(write(*two, 300, "x"));
  EXPECT_TRUE(run(one->close()));
  EXPECT_FALSE(run(two->close()));
  EXPECT_EQ(stored(), (quota::Usage{1, 700}));
  // Removed while it is overwritten.
  auto three = start("/f");
  EXPECT_TRUE(write(*three, 0, text_of(100)));
  EXPECT_TRUE(run(session->remove_file(at("/f"))));
  EXPECT_EQ(stored(), quota::Usage{});
  EXPECT_TRUE(run(three->close()));
  EXPECT_EQ(stored(), (quota::Usage{1, 100}));
  // Two uploads to one name at once; both end.
  auto four = start("/f"), five = start("/f");
  EXPECT_TRUE(write(*four, 0, text_of(10)));
  EXPECT_TRUE(write(*five, 0, text_of(20)));
  EXPECT_TRUE(run(four->close()));
  EXPECT_EQ(stored(), (quota::Usage{1, 10}));
  EXPECT_TRUE(run(five->close()));
  EXPECT_EQ(stored(), (quota::Usage{1, 20}));
}

}  // namespace
}  // namespace ferry::session
