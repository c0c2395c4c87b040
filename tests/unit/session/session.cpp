#include "session/session.h"

#include "tests/unit/session/support.h"

namespace ferry::session {
namespace {

using test::run;

class Sessions : public SessionTest {};

TEST_F(Sessions, MakeTheHomePrivate) {
  login();
  EXPECT_EQ(std::filesystem::status(user.home_dir).permissions(), std::filesystem::perms::owner_all);
  EXPECT_EQ(session->user().username, "alice");
  EXPECT_EQ(session->connection().id, "SFTP_1");
  EXPECT_EQ(session->start_directory().text(), "/");
  user.filters.start_directory = "/in/../start";
  EXPECT_EQ(login().start_directory().text(), "/start");
}

TEST_F(Sessions, AreRefusedWithAReason) {
  user.max_sessions = 1;
  login();
  info.id = "SFTP_2";
  EXPECT_EQ(code_of(try_login()), ErrorCode::limit_exceeded);
  session.reset();
  EXPECT_TRUE(try_login());
  user.home_dir = "relative";
  EXPECT_EQ(code_of(try_login()), ErrorCode::invalid_argument);
  user.home_dir = base / "x";
  user.filesystem.provider = model::FilesystemProvider::s3;
  const auto refused = try_login();
  ASSERT_EQ(code_of(refused), ErrorCode::unsupported);
  EXPECT_EQ(refused.error().message, "home directory: only local");
  EXPECT_EQ(registry->session_count(), 0U) << "a refused login keeps no place";
}

TEST_F(Sessions, ShowTransfersWhileTheyRun) {
  login();
  ASSERT_TRUE(put("/f", "0123456789"));
  EXPECT_TRUE(registry->list()[0].active_transfers.empty());
  auto upload = run(session->open(at("/g"), for_upload)).value();
  auto download = run(session->open(at("/f"), for_reading)).value();
  EXPECT_EQ(session->open_handles(), 2U);
  ASSERT_TRUE(write(*upload, 0, "abc"));
  std::string text(4, 0);
  ASSERT_EQ(run(download->read_at(3, std::as_writable_bytes(std::span(text)))), 4U);
  const auto transfers = registry->list()[0].active_transfers;
  ASSERT_EQ(transfers.size(), 2U);
  EXPECT_TRUE(transfers[0].upload);
  EXPECT_EQ(transfers[0].path, "/g");
  EXPECT_EQ(transfers[0].size, 3U);
  EXPECT_FALSE(transfers[1].upload);
  EXPECT_EQ(transfers[1].size, 4U);
  EXPECT_TRUE(run(upload->close()));
  EXPECT_TRUE(run(download->close()));
  EXPECT_TRUE(registry->list()[0].active_transfers.empty());
  EXPECT_EQ(code_of(run(upload->close())), ErrorCode::invalid_argument);
  EXPECT_EQ(code_of(write(*upload, 0, "x")), ErrorCode::invalid_argument);
  EXPECT_EQ(code_of(run(upload->info())), ErrorCode::invalid_argument);
  upload.reset();
  download.reset();
  EXPECT_EQ(session->open_handles(), 0U);
}

TEST_F(Sessions, ChangeAttributesAsSetstatModeSays) {
  options.setstat_mode = SetstatMode::ignore;
  user.permissions["/"] = {"list", "download", "upload", "overwrite"};
  login();
  ASSERT_TRUE(put("/f", "0123456789"));
  const vfs::AttributeChange change{.size = 4, .mode = 0600, .owner = {{1, 1}}, .times = {{{1, 0}, {1, 0}}}};
  EXPECT_TRUE(run(session->set_attributes(at("/f"), change, true)));
  vfs::FileInfo info = run(session->stat(at("/f"))).value();
  EXPECT_EQ(info.size, 4U) << "a size is never ignored";
  EXPECT_EQ(info.mode, 0644U);
  EXPECT_NE(info.modified.seconds, 1);
  for (const SetstatMode mode : {SetstatMode::apply, SetstatMode::ignore_if_unsupported}) {
    options.setstat_mode = mode;
    login();
    EXPECT_EQ(code_of(run(session->set_attributes(at("/f"), {.mode = 0600}, true))), ErrorCode::permission_denied);
  }
  user.permissions["/"] = {"*"};
  login();
  EXPECT_TRUE(run(session->set_attributes(at("/f"), {.mode = 06755, .times = {{{1, 0}, {1, 0}}}}, true)));
  info = run(session->stat(at("/f"))).value();
  EXPECT_EQ(info.mode, 0755U) << "set-user-id is nobody's to give";
  EXPECT_EQ(info.modified.seconds, 1);
}

// A mode that comes with a new file or directory is a chmod: without the right, or where it is ignored, it counts for
// nothing.
TEST_F(Sessions, GiveAModeToWhatIsNewAsTheyMayChangeIt) {
  const std::vector<std::string> all{"*"}, fewer{"list", "upload", "create_dirs"};
  const struct {
    std::vector<std::string> rights;
    SetstatMode mode;
    bool honoured;
  } cases[] = {{all, SetstatMode::apply, true},
               {all, SetstatMode::ignore_if_unsupported, true},
               {all, SetstatMode::ignore, false},
               {fewer, SetstatMode::apply, false}};
  int number = 0;
  for (const auto& [rights, mode, honoured] : cases) {
    for (const UploadMode upload_mode : {UploadMode::standard, UploadMode::atomic}) {
      user.permissions = {{"/", rights}};
      options.setstat_mode = mode;
      options.upload_mode = upload_mode;
      login();
      const std::string name = "/new" + std::to_string(++number);
      const vfs::OpenOptions narrow{.write = true, .create = true, .exclusive = true, .mode = 0600};
      ASSERT_TRUE(put(name, "x", narrow));
      ASSERT_TRUE(run(session->make_directory(at(name + "d"), 0700)));
      EXPECT_EQ(run(session->stat(at(name))).value().mode, honoured ? 0600U : 0644U) << number;
      EXPECT_EQ(run(session->stat(at(name + "d"))).value().mode, honoured ? 0700U : 0755U) << number;
    }
  }
  // The right of the directory where it will lie counts, also behind a link.
  user.permissions = {{"/", all}, {"/d", fewer}};
  options.setstat_mode = SetstatMode::apply;
  login();
  ASSERT_TRUE(run(session->make_directory(at("/d"), 0755)));
  std::filesystem::create_directory_symlink("d", real("l"));
  for (const char* path : {"/d/a", "/l/b"}) {
    ASSERT_TRUE(put(path, "x", {.write = true, .create = true, .exclusive = true, .mode = 0600}));
    EXPECT_EQ(run(session->stat(at(path))).value().mode, 0644U) << path;
  }
}

TEST_F(Sessions, OpenNoMoreThanTheBudgetAllows) {
  budget = std::make_shared<presence::OpenBudget>(presence::OpenBudget::Limits{.each = 4, .all = 6});
  login();  // its home takes one
  ASSERT_TRUE(put("/f", "x"));
  const auto open_file = [&](Session& whose) { return run(whose.open(at("/f"), for_reading)); };
  auto first = open_file(*session).value();
  auto listing = run(session->open_directory(at("/"))).value();
  const vfs::OpenOptions fresh{.write = true, .create = true, .exclusive = true};
  auto upload = run(session->open(at("/g"), fresh)).value();
  EXPECT_EQ(budget->open(), 4U);
  const auto refused = run(session->open(at("/h"), fresh));
  ASSERT_EQ(code_of(refused), ErrorCode::limit_exceeded);
  EXPECT_NE(refused.error().message.find("max_open_files_per_account"), std::string::npos);
  EXPECT_EQ(code_of(run(session->open_directory(at("/")))), ErrorCode::limit_exceeded);
  EXPECT_FALSE(std::filesystem::exists(real("h"))) << "what is refused leaves nothing";
  EXPECT_EQ(code_of(session->begin_flow(at("/"), FlowUse::read)), ErrorCode::limit_exceeded)
      << "a program needs some, too";
  info.id = "SFTP_2";
  EXPECT_EQ(code_of(try_login()), ErrorCode::limit_exceeded) << "the account's sessions share what it has";

  // Another account has what the first may not take; nobody can take what logins need.
  user.username = "bob";
  info.id = "SFTP_3";
  auto other = try_login().value();
  auto second = open_file(*other).value();
  const auto full = open_file(*other);
  ASSERT_EQ(code_of(full), ErrorCode::limit_exceeded);
  EXPECT_NE(full.error().message.find("common.max_open_files)"), std::string::npos);
  user.username = "carol";
  info.id = "SFTP_4";
  auto third = try_login();
  EXPECT_TRUE(third);

  EXPECT_TRUE(run(upload->close()));
  listing.reset();
  auto again = open_file(*other);
  ASSERT_TRUE(again) << "what is closed leaves its place to others";
  for (auto* file : {&first, &second, &*again}) {
    EXPECT_TRUE(run((*file)->close()));
    file->reset();
  }
  upload.reset();
  other.reset();
  third->reset();
  session.reset();
  EXPECT_EQ(budget->open(), 0U);
}

TEST_F(Sessions, MakeLinksAsSymlinkModeSays) {
  for (const unsigned mode : {0U, 1U, 2U, 3U}) {
    options.symlink_mode = mode;
    login();
    ASSERT_TRUE(put("/f", "x"));
    const ErrorCode expected = (mode & 1U) != 0 ? ErrorCode::internal : ErrorCode::permission_denied;
    EXPECT_EQ(code_of(run(session->make_symlink("f", at("/link")))), expected) << mode;
    EXPECT_EQ(code_of(run(session->make_hard_link(at("/f"), at("/hard")))), expected) << mode;
    std::filesystem::remove(real("link"));
    std::filesystem::remove(real("hard"));
    std::filesystem::create_symlink("f", real("link"));
    EXPECT_EQ(get("/link"), "x") << "those that are there are followed";
    EXPECT_EQ(code_of(run(session->copy(at("/link"), at("/copy"), true))), ErrorCode::internal);
    std::filesystem::remove(real("link"));
  }
}

TEST_F(Sessions, CutAFileTheyAreWriting) {
  user.permissions["/"] = {"upload"};
  login();
  auto file = run(session->open(at("/f"), for_upload)).value();
  ASSERT_TRUE(write(*file, 0, "0123456789"));
  EXPECT_TRUE(run(file->set_attributes({.size = 3})));
  EXPECT_EQ(code_of(run(file->set_attributes({.mode = 0600}))), ErrorCode::permission_denied);
  EXPECT_EQ(run(file->info()).value().size, 3U);
  EXPECT_TRUE(run(file->space()));
  EXPECT_TRUE(run(file->sync()));
  EXPECT_TRUE(run(file->close()));
}

class MountedSessions : public SessionTest {
 protected:
  void SetUp() override {
    SessionTest::SetUp();
    folder("share", "/share", base / "share");
    folder("deep", "/a/b/deep", base / "deep");
    folder("inner", "/share/x/inner", base / "inner");
    login();
  }
  void folder(const std::string& name, const std::string& point, const std::string& path) {
    model::VirtualFolder mounted;
    mounted.name = name;
    mounted.virtual_path = point;
    mounted.mapped_path = path;
    user.virtual_folders.push_back(mounted);
  }
  std::multiset<std::string> listing(const char* path, std::size_t batch = 10) {
    auto directory = run(session->open_directory(at(path)));
    if (!directory) return {"error"};
    std::multiset<std::string> names;
    while (true) {
      const auto entries = run((*directory)->next(batch));
      if (!entries || entries->empty()) return names;
      for (const auto& entry : *entries) {
        names.insert(entry.name + (entry.info.type == vfs::FileType::directory ? "/" : ""));
      }
    }
  }
};

using Names = std::multiset<std::string>;

TEST_F(MountedSessions, ShowMountsThatAreOnNoDisk) {
  ASSERT_TRUE(put("/f", "home"));
  EXPECT_EQ(listing("/"), (Names{"a/", "f", "share/"}));
  EXPECT_EQ(listing("/", 1), (Names{"a/", "f", "share/"}));
  EXPECT_EQ(listing("/a"), (Names{"b/"}));
  EXPECT_EQ(listing("/a/b"), (Names{"deep/"}));
  EXPECT_EQ(listing("/share"), (Names{"x/"}));
  EXPECT_EQ(listing("/none"), (Names{"error"}));
  for (const char* path : {"/", "/a", "/a/b", "/a/b/deep", "/share", "/share/x", "/share/x/inner"}) {
    const auto info = run(session->stat(at(path)));
    ASSERT_TRUE(info) << path;
    EXPECT_EQ(info->type, vfs::FileType::directory);
  }
  EXPECT_EQ(code_of(run(session->stat(at("/a/c")))), ErrorCode::not_found);
  // What the disk says of a mounted name is hidden, whatever it is.
  test::write_file(real("a"), "a file in the way");
  std::filesystem::create_directory(real("share"));
  test::write_file(real("share/covered"), "x");
  EXPECT_EQ(listing("/"), (Names{"a/", "f", "share/"}));
  EXPECT_EQ(run(session->stat(at("/a"))).value().type, vfs::FileType::directory);
  EXPECT_EQ(code_of(run(session->stat(at("/share/covered")))), ErrorCode::not_found);
}

TEST_F(MountedSessions, KeepEachFileInItsStorage) {
  ASSERT_TRUE(put("/share/f", "shared"));
  ASSERT_TRUE(put("/a/b/deep/f", "deep"));
  ASSERT_TRUE(put("/share/x/inner/f", "inner"));
  EXPECT_EQ(test::read_file(base / "share/f"), "shared");
  EXPECT_EQ(test::read_file(base / "deep/f"), "deep");
  EXPECT_EQ(test::read_file(base / "inner/f"), "inner");
  EXPECT_TRUE(names_in(user.home_dir).empty());
  EXPECT_EQ(code_of(run(session->make_hard_link(at("/share/f"), at("/f")))), ErrorCode::unsupported);
  EXPECT_EQ(code_of(run(session->make_symlink("/share/f", at("/f")))), ErrorCode::unsupported);
  EXPECT_EQ(code_of(run(session->make_symlink("../f", at("/share/l")))), ErrorCode::unsupported);
  ASSERT_TRUE(run(session->make_directory(at("/share/d"), 0755)));
  ASSERT_TRUE(run(session->make_symlink("/share/f", at("/share/d/l"))));
  EXPECT_EQ(get("/share/d/l"), "shared");
  std::filesystem::create_symlink(base / "share/f", base / "share/foreign");
  EXPECT_EQ(run(session->read_symlink(at("/share/foreign"))), "/share/f");
}

TEST_F(MountedSessions, PinTheirMountPoints) {
  ASSERT_TRUE(put("/f", "x"));
  for (const char* path : {"/", "/a", "/a/b", "/a/b/deep", "/share", "/share/x"}) {
    EXPECT_FALSE(run(session->remove_directory(at(path)))) << path;
    EXPECT_FALSE(run(session->remove_file(at(path)))) << path;
    EXPECT_FALSE(run(session->rename(at(path), at("/moved"), true))) << path;
    EXPECT_FALSE(run(session->rename(at("/f"), at(path), true))) << path;
    EXPECT_EQ(code_of(run(session->make_directory(at(path), 0755))), ErrorCode::already_exists) << path;
    EXPECT_EQ(code_of(run(session->make_symlink("f", at(path)))), ErrorCode::already_exists) << path;
    EXPECT_EQ(code_of(put(path, "x")), ErrorCode::is_a_directory) << path;
  }
  EXPECT_TRUE(std::filesystem::exists(base / "share"));
}

// What the home holds by these names is not the account's to move.
TEST_F(MountedSessions, PinTheirMountPointsThroughLinks) {
  ASSERT_TRUE(put("/f", "x"));
  std::filesystem::create_directories(real("a/b"));
  test::write_file(real("a/b/covered"), "x");
  ASSERT_TRUE(run(session->make_symlink(".", at("/l"))));
  for (const char* path : {"/l/a", "/l/a/b", "/l/l/a/b/deep", "/l/share"}) {
    EXPECT_EQ(code_of(run(session->remove_directory(at(path)))), ErrorCode::permission_denied) << path;
    EXPECT_EQ(code_of(run(session->rename(at(path), at("/moved"), true))), ErrorCode::permission_denied) << path;
    EXPECT_EQ(code_of(run(session->rename(at("/f"), at(path), true))), ErrorCode::permission_denied) << path;
    EXPECT_EQ(code_of(run(session->make_directory(at(path), 0755))), ErrorCode::already_exists) << path;
    EXPECT_EQ(code_of(run(session->copy(at("/f"), at(path), true))), ErrorCode::already_exists) << path;
    EXPECT_EQ(code_of(put(path, "x")), ErrorCode::is_a_directory) << path;
  }
  EXPECT_EQ(listing("/l"), (Names{"a/", "f", "l", "share/"}));
  EXPECT_EQ(test::read_file(real("a/b/covered")), "x");
  EXPECT_FALSE(std::filesystem::exists(real("share")));
  ASSERT_TRUE(put("/l/share/g", "through a link"));
  EXPECT_EQ(test::read_file(base / "share/g"), "through a link");
  ASSERT_TRUE(run(session->rename(at("/l/share/g"), at("/l/share/h"), false)));
  EXPECT_TRUE(run(session->holds_mounts(at("/l/a"))).value());
  EXPECT_FALSE(run(session->holds_mounts(at("/l/f"))).value());
}

TEST_F(MountedSessions, RefuseBadFolders) {
  user.virtual_folders.clear();
  folder("twice", "/share", base / "one");
  folder("twice", "/share/", base / "two");
  EXPECT_EQ(code_of(try_login()), ErrorCode::conflict);
  user.virtual_folders.clear();
  folder("relative", "share", base / "one");
  info.id = "other";
  EXPECT_EQ(code_of(try_login()), ErrorCode::invalid_argument);
  user.virtual_folders.clear();
  folder("climbing", "/share", base / "one");
  user.virtual_folders[0].subpath = "../../etc";
  EXPECT_EQ(code_of(try_login()), ErrorCode::invalid_argument);
  user.virtual_folders[0].subpath = "sub/dir";
  EXPECT_TRUE(try_login());
  EXPECT_TRUE(std::filesystem::is_directory(base / "one/sub/dir"));
}

}  // namespace
}  // namespace ferry::session
