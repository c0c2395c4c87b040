// Copying on the server, and renaming from one storage to another: as a whole or not at all.
#include <fcntl.h>
#include <sys/stat.h>

#include "tests/unit/session/support.h"

namespace ferry::session {
namespace {

namespace fs = std::filesystem;
using test::run;

// A local storage that cannot rename in one step, and that fails when it is told to.
class Stubborn : public vfs::FileSystem {
 public:
  explicit Stubborn(std::shared_ptr<vfs::FileSystem> inner) : inner_(std::move(inner)) {
    abilities_ = inner_->capabilities();
  }

  const vfs::Capabilities& capabilities() const override { return abilities_; }
  std::string_view name() const override { return "stubborn"; }
  Task<Result<vfs::FileInfo>> stat(VirtualPath path) override { return inner_->stat(path); }
  Task<Result<vfs::FileInfo>> lstat(VirtualPath path) override { return inner_->lstat(path); }
  Task<Result<std::unique_ptr<vfs::File>>> open(VirtualPath path, vfs::OpenOptions options) override {
    if (options.write && refuses_to_write == path.name()) return refused<std::unique_ptr<vfs::File>>();
    return inner_->open(path, options);
  }
  Task<Result<std::unique_ptr<vfs::Directory>>> open_directory(VirtualPath path) override {
    return inner_->open_directory(path);
  }
  Task<Result<void>> make_directory(VirtualPath path, std::uint32_t mode) override {
    return inner_->make_directory(path, mode);
  }
  Task<Result<void>> remove_file(VirtualPath path) override {
    if (refuses_to_remove == path.name()) return refused<void>();
    return inner_->remove_file(path);
  }
  Task<Result<void>> remove_directory(VirtualPath path) override { return inner_->remove_directory(path); }
  Task<Result<void>> rename(VirtualPath from, VirtualPath to, bool overwrite) override {
    if (refuses_to_rename == from.name() || refuses_to_rename == to.name()) co_return fail(ErrorCode::io_error, "no");
    const Result<vfs::FileInfo> info = co_await inner_->lstat(from);
    const bool directory = info && info->type == vfs::FileType::directory;
    if (directory && !abilities_.directory_rename) co_return fail(ErrorCode::unsupported, "no directories");
    Result<void> renamed = co_await inner_->rename(from, to, overwrite);
    co_return renamed;
  }
  Task<Result<void>> make_symlink(std::string target, VirtualPath link) override {
    return inner_->make_symlink(target, link);
  }
  Task<Result<std::string>> read_symlink(VirtualPath path) override { return inner_->read_symlink(path); }
  Task<Result<void>> make_hard_link(VirtualPath existing, VirtualPath link) override {
    return inner_->make_hard_link(existing, link);
  }
  Task<Result<void>> set_attributes(VirtualPath path, vfs::AttributeChange change, bool follow) override {
    return inner_->set_attributes(path, change, follow);
  }
  Task<Result<vfs::SpaceInfo>> space(VirtualPath path) override { return inner_->space(path); }

  vfs::Capabilities abilities_;
  std::string refuses_to_write, refuses_to_remove, refuses_to_rename;

 private:
  template <class T>
  Task<Result<T>> refused() {
    co_return fail(ErrorCode::io_error, "told to fail");
  }
  std::shared_ptr<vfs::FileSystem> inner_;
};

class Moves : public SessionTest {
 protected:
  void SetUp() override {
    SessionTest::SetUp();
    model::VirtualFolder folder;
    folder.name = "share";
    folder.virtual_path = "/share";
    folder.mapped_path = base / "share";
    user.virtual_folders = {folder};
    storages = [this](const StorageRequest& request) -> Result<std::shared_ptr<vfs::FileSystem>> {
      auto storage = std::make_shared<Stubborn>(open_storage(request).value());
      (request.path == user.home_dir ? home : share) = storage;
      return storage;
    };
    login();
    make_tree(real("tree"));
  }

  static void make_tree(const fs::path& top) {
    fs::create_directories(top / "sub/deeper");
    fs::create_directories(top / "empty");
    test::write_file(top / "a", "of a");
    test::write_file(top / "sub/b", std::string(3 * 1024 * 1024 + 5, 'b'));
    test::write_file(top / "sub/deeper/none", "");
    fs::create_symlink("../a", top / "sub/link");
    fs::permissions(top / "a", fs::perms(0640));
    fs::permissions(top / "sub", fs::perms(0550));
    const timespec times[] = {{1000, 5}, {2000, 7}};
    ::utimensat(AT_FDCWD, (top / "a").c_str(), times, 0);
    ::utimensat(AT_FDCWD, (top / "sub").c_str(), times, 0);
  }
  // Everything below `top`: type, mode, time of change unless it moves by itself, content.
  static std::map<std::string, std::string> told(const fs::path& top, bool times = true) {
    std::map<std::string, std::string> all;
    for (const auto& entry : fs::recursive_directory_iterator(top)) {
      struct stat facts {};
      ::lstat(entry.path().c_str(), &facts);
      std::string line = std::to_string(facts.st_mode);
      if (times && !S_ISLNK(facts.st_mode)) line += ' ' + std::to_string(facts.st_mtim.tv_sec);
      if (entry.is_symlink()) line += fs::read_symlink(entry.path());
      if (entry.is_regular_file() && !entry.is_symlink()) {
        const std::string text = test::read_file(entry.path());
        line += ' ' + std::to_string(text.size()) + ' ' + std::to_string(std::hash<std::string>{}(text));
      }
      all[entry.path().lexically_relative(top)] = line;
    }
    return all;
  }
  // Nothing but what is named lies there: no half copy, nothing set aside.
  void expect_only(const fs::path& directory, const std::set<std::string>& names) {
    std::set<std::string> found;
    for (const auto& entry : fs::directory_iterator(directory)) found.insert(entry.path().filename());
    EXPECT_EQ(found, names) << directory;
  }

  std::shared_ptr<Stubborn> home, share;
};

TEST_F(Moves, FilesFromStorageToStorage) {
  ASSERT_TRUE(put("/f", "content"));
  EXPECT_TRUE(run(session->rename(at("/f"), at("/share/g"), false)));
  EXPECT_EQ(test::read_file(base / "share/g"), "content");
  expect_only(user.home_dir, {"tree"});
  expect_only(base / "share", {"g"});
  ASSERT_TRUE(put("/f", "second"));
  EXPECT_EQ(code_of(run(session->rename(at("/f"), at("/share/g"), false))), ErrorCode::already_exists);
  EXPECT_EQ(test::read_file(base / "share/g"), "content");
  EXPECT_EQ(get("/f"), "second");
  EXPECT_TRUE(run(session->rename(at("/f"), at("/share/g"), true)));
  EXPECT_EQ(test::read_file(base / "share/g"), "second");
  EXPECT_EQ(code_of(run(session->rename(at("/none"), at("/share/x"), true))), ErrorCode::not_found);
}

TEST_F(Moves, TreesWithAllThatBelongsToThem) {
  const auto before = told(real("tree"));
  EXPECT_TRUE(run(session->rename(at("/tree"), at("/share/moved"), false)));
  EXPECT_EQ(told(base / "share/moved"), before);
  expect_only(user.home_dir, {});
  expect_only(base / "share", {"moved"});
  EXPECT_TRUE(run(session->rename(at("/share/moved"), at("/back"), false)));
  EXPECT_EQ(told(real("back")), before);
}

TEST_F(Moves, AllOrNothing) {
  const auto before = told(real("tree"));
  const auto nothing_happened = [&](const char* how, ErrorCode expected = ErrorCode::io_error) {
    EXPECT_EQ(code_of(run(session->rename(at("/tree"), at("/share/moved"), false))), expected) << how;
    EXPECT_EQ(told(real("tree")), before) << how;
    expect_only(user.home_dir, {"tree"});
    expect_only(base / "share", {});
    share->refuses_to_write.clear();
    share->refuses_to_rename.clear();
    home->refuses_to_rename.clear();
  };
  share->refuses_to_write = "b";
  nothing_happened("a write in the middle");
  share->refuses_to_rename = "moved";
  nothing_happened("putting it in its place");
  home->refuses_to_rename = "tree";
  nothing_happened("setting the source aside");
  test::write_file(real("tree/sub/deeper/x"), "");
  fs::create_symlink("/outside", real("tree/abs"));
  fs::remove(real("tree/sub/deeper/x"));
  EXPECT_EQ(code_of(run(session->rename(at("/tree"), at("/share/moved"), false))), ErrorCode::permission_denied);
  expect_only(base / "share", {});
  fs::remove(real("tree/abs"));
  ::mkfifo(real("tree/pipe").c_str(), 0600);
  EXPECT_EQ(code_of(run(session->rename(at("/tree"), at("/share/moved"), false))), ErrorCode::unsupported);
  expect_only(base / "share", {});
  EXPECT_TRUE(fs::exists(real("tree/sub/b")));
}

// By somebody else, in the middle of it: a move that cannot take it along does not happen.
TEST_F(Moves, WhatIsWrittenMeanwhileIsNotLost) {
  const std::string large(3'000'000, 'x');
  const auto changed_by = [&](const std::string& from, const std::function<void()>& change, int when) {
    int asked = 0;
    const GivenUp meanwhile = [&] {
      if (asked++ == when) change();
      return false;
    };
    const auto moved = run(session->rename(at(from), at("/share/moved"), false, meanwhile));
    EXPECT_GT(asked, when);
    EXPECT_EQ(code_of(moved), ErrorCode::conflict) << from;
    expect_only(base / "share", {});
    expect_only(user.home_dir, {"tree", "f"});
  };
  test::write_file(real("f"), large);
  changed_by(
      "/f", [&] { test::write_file(real("f"), large + "more"); }, 3);
  EXPECT_EQ(test::read_file(real("f")), large + "more");
  test::write_file(real("tree/0"), large);
  const auto entries = [&] { return std::distance(fs::recursive_directory_iterator(real("tree")), {}); };
  const auto before = entries();
  // The last time it asks is after the last piece of the last file, when no directory is read any more.
  int steps = 0;
  ASSERT_TRUE(run(session->rename(at("/tree"), at("/share/moved"), false, [&] { return ++steps < 0; })));
  ASSERT_TRUE(run(session->rename(at("/share/moved"), at("/tree"), false)));
  changed_by(
      "/tree", [&] { test::write_file(real("tree/sub/late"), "late"); }, steps - 1);
  EXPECT_EQ(entries(), before + 1);
  EXPECT_EQ(test::read_file(real("tree/sub/late")), "late");
}

TEST_F(Moves, EndWhenNobodyWaits) {
  const auto before = told(real("tree"));
  for (int after = 0; after < 8; ++after) {
    int asked = 0;
    const GivenUp given_up = [&asked, after] { return asked++ >= after; };
    const auto moved = run(session->rename(at("/tree"), at("/share/moved"), false, given_up));
    if (moved) break;
    EXPECT_EQ(code_of(moved), ErrorCode::aborted);
    EXPECT_EQ(told(real("tree")), before);
    expect_only(base / "share", {});
  }
}

TEST_F(Moves, NeedTheRightToRenameAtBothEnds) {
  user.permissions["/share"] = {"list", "upload", "download", "delete", "create_dirs"};
  login();
  EXPECT_EQ(code_of(run(session->rename(at("/tree"), at("/share/moved"), false))), ErrorCode::permission_denied);
  user.permissions["/share"] = {"rename"};
  user.permissions["/tree/sub"] = {"list"};
  login();
  EXPECT_EQ(code_of(run(session->rename(at("/tree"), at("/share/moved"), false))), ErrorCode::permission_denied);
  user.permissions.erase("/tree/sub");
  user.filters.file_patterns = {{"/tree/sub", {}, {"x"}, 0}};
  login();
  EXPECT_EQ(code_of(run(session->rename(at("/tree"), at("/share/moved"), false))), ErrorCode::permission_denied);
  user.filters.file_patterns.clear();
  login();
  EXPECT_TRUE(run(session->rename(at("/tree"), at("/share/moved"), false))) << "no other right is asked for";
}

TEST_F(Moves, NothingOntoOrIntoItselfByAnotherName) {
  user.virtual_folders[0].mapped_path = real("tree");  // the folder shows what the home holds too
  storages = open_storage;
  login();
  const auto before = told(real("tree"), false);
  EXPECT_EQ(code_of(run(session->rename(at("/tree/a"), at("/share/a"), true))), ErrorCode::invalid_argument);
  EXPECT_EQ(code_of(run(session->rename(at("/share/a"), at("/tree/a"), true))), ErrorCode::invalid_argument);
  EXPECT_EQ(code_of(run(session->rename(at("/tree"), at("/share/inside"), true))), ErrorCode::invalid_argument);
  EXPECT_EQ(code_of(run(session->copy(at("/tree"), at("/share/inside"), true))), ErrorCode::invalid_argument);
  EXPECT_EQ(told(real("tree"), false), before);
}

TEST_F(Moves, LinksKeepTheirMeaningOrStay) {
  ASSERT_TRUE(run(session->make_symlink("/tree/a", at("/tree/empty/absolute"))));
  const std::string content = test::read_file(real("tree/a"));
  EXPECT_TRUE(run(session->rename(at("/tree"), at("/share/moved"), false)));
  EXPECT_EQ(run(session->read_symlink(at("/share/moved/empty/absolute"))), "/share/moved/a");
  EXPECT_EQ(test::read_file(base / "share/moved/empty/absolute"), content) << "it leads to what was moved with it";
  ASSERT_TRUE(run(session->copy(at("/share/moved"), at("/share/copy"), false)));
  EXPECT_EQ(run(session->read_symlink(at("/share/copy/empty/absolute"))), "/share/copy/a");
  fs::create_symlink(base / "share/moved/a", base / "share/foreign");
  EXPECT_EQ(code_of(run(session->rename(at("/share/foreign"), at("/foreign"), false))), ErrorCode::unsupported);
  EXPECT_TRUE(fs::is_symlink(base / "share/foreign"));
}

TEST_F(Moves, DirectoriesOfStoragesThatCannotAsRenameModeSays) {
  options.rename_mode = 0;
  login();
  home->abilities_.directory_rename = false;
  EXPECT_EQ(code_of(run(session->rename(at("/tree"), at("/moved"), false))), ErrorCode::unsupported);
  EXPECT_TRUE(run(session->rename(at("/tree/empty"), at("/tree/void"), false)));
  EXPECT_TRUE(run(session->rename(at("/tree/a"), at("/tree/b"), false)));
  options.rename_mode = 1;
  login();
  home->abilities_.directory_rename = false;
  const auto before = told(real("tree"));
  EXPECT_TRUE(run(session->rename(at("/tree"), at("/moved"), false)));
  EXPECT_EQ(told(real("moved")), before);
  expect_only(user.home_dir, {"moved"});
  home->refuses_to_write = "b";
  EXPECT_EQ(code_of(run(session->rename(at("/moved"), at("/again"), false))), ErrorCode::io_error);
  expect_only(user.home_dir, {"moved"});
}

TEST_F(Moves, CopiesNeedTheirRightsForEveryFile) {
  EXPECT_TRUE(run(session->copy(at("/tree"), at("/share/copy"), false)));
  EXPECT_EQ(told(base / "share/copy", false), told(real("tree"), false));
  EXPECT_EQ(code_of(run(session->copy(at("/tree"), at("/share/copy"), true))), ErrorCode::already_exists);
  for (const char* right : {"list", "download", "copy"}) {
    user.permissions["/tree/sub/deeper"] = {"list", "download", "copy"};
    std::erase(user.permissions["/tree/sub/deeper"], right);
    login();
    EXPECT_EQ(code_of(run(session->copy(at("/tree"), at("/share/again"), false))), ErrorCode::permission_denied)
        << right;
    expect_only(base / "share", {"copy"});
  }
  user.permissions.erase("/tree/sub/deeper");
  for (const char* right : {"upload", "create_dirs", "create_symlinks", "copy"}) {
    user.permissions["/share"] = {"list", "upload", "create_dirs", "create_symlinks", "copy"};
    std::erase(user.permissions["/share"], right);
    login();
    EXPECT_EQ(code_of(run(session->copy(at("/tree"), at("/share/again"), false))), ErrorCode::permission_denied)
        << right;
    expect_only(base / "share", {"copy"});
  }
  user.permissions["/share"] = {"list", "upload", "copy"};
  login();
  EXPECT_EQ(code_of(run(session->copy(at("/tree/a"), at("/share/copy/a"), true))), ErrorCode::permission_denied);
  user.filters.file_patterns = {{"/tree", {}, {"b"}, 1}};
  user.permissions.erase("/share");
  login();
  EXPECT_TRUE(run(session->copy(at("/tree"), at("/share/seen"), false)));
  EXPECT_FALSE(fs::exists(base / "share/seen/sub/b"));
  user.filters.file_patterns[0].deny_policy = 0;
  login();
  EXPECT_EQ(code_of(run(session->copy(at("/tree"), at("/share/denied"), false))), ErrorCode::permission_denied);
  EXPECT_FALSE(fs::exists(base / "share/denied"));
}

TEST_F(Moves, CopiesTakeMountedFoldersAlong) {
  ASSERT_TRUE(put("/share/f", "mounted"));
  EXPECT_EQ(code_of(run(session->copy(at("/"), at("/all"), false))), ErrorCode::invalid_argument);
  model::VirtualFolder inner;
  inner.name = "inner";
  inner.virtual_path = "/tree/inner";
  inner.mapped_path = base / "inner";
  user.virtual_folders.push_back(inner);
  storages = open_storage;
  login();
  ASSERT_TRUE(put("/tree/inner/f", "inner"));
  EXPECT_TRUE(run(session->copy(at("/tree"), at("/share/copy"), false)));
  EXPECT_EQ(test::read_file(base / "share/copy/inner/f"), "inner");
  EXPECT_EQ(code_of(run(session->rename(at("/tree"), at("/share/moved"), false))), ErrorCode::permission_denied);
}

// Where the links on the way lead into another mount, what is there decides, not what they cover.
TEST_F(Moves, CopiesOfLinksToFilesThroughOtherMounts) {
  storages = open_storage;
  login();
  test::write_file(base / "share/f", "in the folder");
  fs::create_symlink("f", base / "share/to-file");
  fs::create_symlink("share/f", real("into"));
  fs::create_symlink(".", real("l"));
  fs::create_directories(real("share/f"));  // covered
  for (const char* path : {"/share/to-file", "/l/share/to-file", "/l/share/f", "/into", "/l/into"}) {
    const std::string copy = "/copy" + std::to_string(std::hash<std::string_view>{}(path));
    EXPECT_TRUE(run(session->copy(at(path), at(copy), false))) << path;
    EXPECT_FALSE(fs::is_symlink(real(copy.substr(1)))) << path;
    EXPECT_EQ(get(copy), "in the folder") << path;
  }
  EXPECT_EQ(get("/l/share/to-file"), "in the folder");
  EXPECT_EQ(code_of(run(session->copy(at("/share/f"), at("/into"), true))), ErrorCode::invalid_argument);
  EXPECT_EQ(get("/share/f"), "in the folder");
}

TEST_F(Moves, CopiesReplaceAFileAtOnce) {
  ASSERT_TRUE(put("/f", "new"));
  ASSERT_TRUE(put("/share/g", "old"));
  share->refuses_to_rename = "g";
  EXPECT_EQ(code_of(run(session->copy(at("/f"), at("/share/g"), true))), ErrorCode::io_error);
  EXPECT_EQ(get("/share/g"), "old");
  share->refuses_to_rename.clear();
  EXPECT_EQ(code_of(run(session->copy(at("/f"), at("/share/g"), false))), ErrorCode::already_exists);
  EXPECT_TRUE(run(session->copy(at("/f"), at("/share/g"), true)));
  EXPECT_EQ(get("/share/g"), "new");
  EXPECT_EQ(code_of(run(session->copy(at("/f"), at("/share"), true))), ErrorCode::already_exists);
  EXPECT_EQ(code_of(run(session->copy(at("/f"), at("/tree"), true))), ErrorCode::is_a_directory);
  expect_only(base / "share", {"g"});
}

}  // namespace
}  // namespace ferry::session
