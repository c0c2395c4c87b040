// What only a local storage has: things that others put into its root, and the machine's limits.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <malloc.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/un.h>
#include <unistd.h>

#include <csignal>
#include <set>

#include "tests/support/run.h"
#include "tests/support/temp_directory.h"
#include "vfs/local/local_file_system.h"

namespace ferry::vfs {
namespace {

using test::run;

VirtualPath at(std::string_view text) { return VirtualPath::parse(text).value(); }
const OpenOptions for_reading{.read = true};
const OpenOptions for_upload{.write = true, .create = true, .truncate = true};

ErrorCode code_of(const auto& result) { return result ? ErrorCode::internal : result.error().code; }

class LocalStorage : public testing::Test {
 protected:
  void SetUp() override {
    std::filesystem::create_directory(base / "root");
    std::filesystem::create_directory(base / "outside");
    test::write_file(base / "outside/secret", "SECRET");
    storage = LocalFileSystem::open({.root = base / "root"}).value();
  }
  std::string real(std::string_view name) { return base / ("root/" + std::string(name)); }
  void plant_link(const std::string& target, std::string_view name) {
    ASSERT_EQ(::symlink(target.c_str(), real(name).c_str()), 0);
  }

  test::TempDirectory base;
  std::unique_ptr<LocalFileSystem> storage;
};

TEST_F(LocalStorage, RefusesSpecialFilesWithoutBlocking) {
  ASSERT_EQ(::mkfifo(real("fifo").c_str(), 0666), 0);
  const int socket = ::socket(AF_UNIX, SOCK_STREAM, 0);
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  real("socket").copy(address.sun_path, sizeof address.sun_path - 1);
  ASSERT_EQ(::bind(socket, reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
  ::close(socket);
  std::vector<std::string> names = {"/fifo", "/socket"};
  if (::mknod(real("null").c_str(), S_IFCHR | 0666, makedev(1, 3)) == 0) names.push_back("/null");
  for (const std::string& name : names) {
    EXPECT_EQ(code_of(run(storage->open(at(name), for_reading))), ErrorCode::permission_denied) << name;
    EXPECT_EQ(code_of(run(storage->open(at(name), for_upload))), ErrorCode::permission_denied) << name;
    EXPECT_EQ(code_of(run(storage->open(at(name), {.read = true, .write = true}))), ErrorCode::permission_denied);
    EXPECT_EQ(code_of(run(storage->set_attributes(at(name), {.size = 0}, true))), ErrorCode::permission_denied);
    EXPECT_EQ(code_of(run(storage->make_hard_link(at(name), at("/copy")))), ErrorCode::permission_denied);
    EXPECT_EQ(run(storage->stat(at(name))).value().type, FileType::other);
    struct stat facts {};
    ASSERT_EQ(::lstat(real(name.substr(1)).c_str(), &facts), 0);
    EXPECT_EQ(run(storage->lstat(at(name))).value().posix_mode(), facts.st_mode) << "shown as what it is";
  }
}

TEST_F(LocalStorage, RefusesLinksThatLeadOutside) {
  plant_link(base / "outside/secret", "absolute");
  plant_link("../outside/secret", "relative");
  plant_link(base / "outside", "directory");
  plant_link("/proc/self/cwd", "magic");
  plant_link("/", "everything");
  const ErrorCode refused = ErrorCode::permission_denied;
  for (const std::string path : {"/absolute", "/relative", "/directory/secret", "/magic/x", "/everything/etc/passwd"}) {
    EXPECT_EQ(code_of(run(storage->stat(at(path)))), refused) << path;
    EXPECT_EQ(code_of(run(storage->open(at(path), for_reading))), refused) << path;
    EXPECT_EQ(code_of(run(storage->open(at(path), for_upload))), refused) << path;
    EXPECT_EQ(code_of(run(storage->set_attributes(at(path), {.size = 0, .mode = 0777}, true))), refused) << path;
    EXPECT_EQ(code_of(run(storage->canonical(at(path), true))), refused) << path;
  }
  for (const std::string path : {"/directory/new", "/everything/tmp/new"}) {
    EXPECT_EQ(code_of(run(storage->open(at(path), for_upload))), refused) << path;
    EXPECT_EQ(code_of(run(storage->make_directory(at(path), 0755))), refused) << path;
    EXPECT_EQ(code_of(run(storage->rename(at("/absolute"), at(path), true))), refused) << path;
    EXPECT_EQ(code_of(run(storage->make_symlink("x", at(path)))), refused) << path;
  }
  EXPECT_EQ(code_of(run(storage->remove_file(at("/directory/secret")))), refused);
  EXPECT_EQ(code_of(run(storage->open_directory(at("/directory")))), refused);
  EXPECT_EQ(code_of(run(storage->space(at("/directory")))), refused);
  // The text of such a link would tell a real path.
  EXPECT_EQ(code_of(run(storage->read_symlink(at("/absolute")))), refused);
  EXPECT_EQ(code_of(run(storage->read_symlink(at("/relative")))), refused);
  EXPECT_EQ(test::read_file(base / "outside/secret"), "SECRET");
  // The link itself is the account's own.
  EXPECT_TRUE(run(storage->lstat(at("/absolute"))));
  EXPECT_TRUE(run(storage->remove_file(at("/absolute"))));
}

TEST_F(LocalStorage, FollowsAbsoluteLinksThatOthersMadeIntoTheRoot) {
  std::filesystem::create_directories(real("a/b"));
  test::write_file(real("a/b/f"), "found");
  plant_link(real("a/b/f"), "file");
  plant_link(real("a"), "dir");
  plant_link(real(""), "a/root");
  for (const std::string path : {"/file", "/dir/b/f", "/a/root/file", "/dir/root/dir/root/a/b/f"}) {
    Result<std::unique_ptr<File>> file = run(storage->open(at(path), for_reading));
    ASSERT_TRUE(file) << path;
    EXPECT_EQ(run((*file)->info()).value().size, 5U);
  }
  EXPECT_EQ(run(storage->read_symlink(at("/file"))), "/a/b/f");
  ASSERT_TRUE(run(storage->make_directory(at("/dir/new"), 0755)));
  EXPECT_TRUE(std::filesystem::is_directory(real("a/new")));
  plant_link(base.path() + "/root2", "sibling");
  EXPECT_EQ(code_of(run(storage->stat(at("/sibling")))), ErrorCode::permission_denied);
}

TEST_F(LocalStorage, MaskAndModeDecideOverTheProcess) {
  storage = LocalFileSystem::open({.root = base / "root", .umask = 007}).value();
  const mode_t before = ::umask(0777);
  EXPECT_TRUE(run(storage->open(at("/f"), for_upload)));
  EXPECT_TRUE(run(storage->open(at("/bits"), {.write = true, .create = true, .mode = 06777})));
  EXPECT_TRUE(run(storage->make_directory(at("/d"), 0777)));
  ::umask(before);
  EXPECT_EQ(run(storage->stat(at("/f"))).value().mode, 0660U);
  EXPECT_EQ(run(storage->stat(at("/bits"))).value().mode, 0770U);
  EXPECT_EQ(run(storage->stat(at("/d"))).value().mode, 0770U);
}

TEST_F(LocalStorage, GivesWhatItCreatesToTheOwner) {
  if (::geteuid() != 0) GTEST_SKIP() << "only root gives files away";
  storage = LocalFileSystem::open(
                {.root = base / "owned/home", .create_root = true, .owner = AttributeChange::Owner{1234, 4321}})
                .value();
  ASSERT_TRUE(run(storage->open(at("/f"), for_upload)));
  ASSERT_TRUE(run(storage->make_directory(at("/d"), 0755)));
  ASSERT_TRUE(run(storage->make_symlink("f", at("/l"))));
  for (const char* path : {"/", "/f", "/d", "/l"}) {
    const FileInfo info = run(storage->lstat(at(path))).value();
    EXPECT_EQ(info.uid, 1234U) << path;
    EXPECT_EQ(info.gid, 4321U) << path;
  }
}

TEST_F(LocalStorage, MakesItsRootOnlyForItself) {
  EXPECT_EQ(code_of(LocalFileSystem::open({.root = base / "new/home"})), ErrorCode::not_found);
  ASSERT_TRUE(LocalFileSystem::open({.root = base / "new/home", .create_root = true}));
  for (const char* made : {"new", "new/home"}) {
    EXPECT_EQ(std::filesystem::status(base / made).permissions(), std::filesystem::perms::owner_all);
  }
  for (const std::string& bad : {std::string(), std::string("relative"), base / "a/../b", base / "./a",
                                 base.path() + std::string("/nul\0x", 6)}) {
    EXPECT_EQ(code_of(LocalFileSystem::open({.root = bad, .create_root = true})), ErrorCode::invalid_argument) << bad;
  }
  EXPECT_EQ(code_of(LocalFileSystem::open({.root = base / "outside/secret"})), ErrorCode::not_a_directory);
  EXPECT_EQ(storage->location(at("/x/y")), real("x/y"));
}

TEST_F(LocalStorage, OpensWhatIsCachedWithoutWaiting) {
  EXPECT_FALSE(LocalFileSystem::open({.root = base / "missing", .create_root = true, .cached_only = true}));
  EXPECT_FALSE(std::filesystem::exists(base / "missing"));
  ASSERT_TRUE(LocalFileSystem::open({.root = base / "root"}));  // the device is known now, and local
  auto cached = LocalFileSystem::open({.root = base / "root/", .cached_only = true});
  ASSERT_TRUE(cached) << cached.error().message;
  EXPECT_EQ((*cached)->location(VirtualPath()), base / "root");
  EXPECT_TRUE(run((*cached)->make_directory(VirtualPath::parse("/made").value(), 0755)));
  EXPECT_TRUE(std::filesystem::is_directory(base / "root/made"));
  EXPECT_FALSE(LocalFileSystem::open({.root = "relative", .cached_only = true}));
  EXPECT_FALSE(LocalFileSystem::open({.root = "/proc/self", .cached_only = true}));  // no device of ours
}

TEST_F(LocalStorage, ChangesALinkItself) {
  test::write_file(real("f"), "x");
  plant_link("f", "l");
  const FileTime then{1'500'000'000, 0};
  ASSERT_TRUE(run(storage->set_attributes(at("/l"), {.times = {{then, then}}}, false)));
  EXPECT_EQ(run(storage->lstat(at("/l"))).value().modified, then);
  EXPECT_NE(run(storage->stat(at("/l"))).value().modified, then);
  EXPECT_EQ(code_of(run(storage->set_attributes(at("/l"), {.mode = 0600}, false))), ErrorCode::unsupported);
  const FileTime later{1'200'000'000, 0};
  EXPECT_EQ(code_of(run(storage->set_attributes(at("/l"), {.mode = 0600, .times = {{later, later}}}, false))),
            ErrorCode::unsupported);
  EXPECT_EQ(run(storage->lstat(at("/l"))).value().modified, later) << "what can be set is set";
  EXPECT_FALSE(run(storage->set_attributes(at("/l"), {.size = 0}, false)));
  EXPECT_EQ(test::read_file(real("f")), "x");
}

// Listing 100,000 entries may not hold them all.
TEST_F(LocalStorage, ListsAHugeDirectoryInBoundedMemory) {
  test::TempDirectory big("/dev/shm");
  constexpr int count = 100'000;
  for (int i = 0; i < count; ++i) ::close(::open((big / std::to_string(i)).c_str(), O_CREAT | O_WRONLY, 0600));
  storage = LocalFileSystem::open({.root = big.path()}).value();
  std::vector<bool> seen(count, false);
  Result<std::unique_ptr<Directory>> directory = run(storage->open_directory(at("/")));
  ASSERT_TRUE(directory);
  const std::size_t before = ::mallinfo2().uordblks;
  std::size_t most = before;
  while (true) {
    const Result<std::vector<DirectoryEntry>> entries = run((*directory)->next(200));
    ASSERT_TRUE(entries);
    if (entries->empty()) break;
    ASSERT_LE(entries->size(), 200U);
    most = std::max(most, ::mallinfo2().uordblks);
    for (const DirectoryEntry& entry : *entries) {
      const auto index = static_cast<std::size_t>(std::stoi(entry.name));
      EXPECT_FALSE(seen[index]) << "listed twice: " << entry.name;
      seen[index] = true;
    }
  }
  EXPECT_EQ(std::count(seen.begin(), seen.end(), true), count);
  EXPECT_LT(most - before, 1U << 20);
}

// A file system with room for 64 KiB where root may mount one, else a limit on the size of files.
class FullStorage : public testing::Test {
 protected:
  void SetUp() override {
    mounted_ = ::mount("tmpfs", base_.path().c_str(), "tmpfs", 0, "size=65536") == 0;
    if (!mounted_) {
      old_signal_ = std::signal(SIGXFSZ, SIG_IGN);
      ASSERT_EQ(::getrlimit(RLIMIT_FSIZE, &old_limit_), 0);
      rlimit small = old_limit_;
      small.rlim_cur = 65536;
      ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &small), 0);
    }
    storage = LocalFileSystem::open({.root = base_.path()}).value();
  }
  void TearDown() override {
    storage.reset();
    if (mounted_) {
      ::umount2(base_.path().c_str(), MNT_DETACH);
    } else {
      ::setrlimit(RLIMIT_FSIZE, &old_limit_);
      std::signal(SIGXFSZ, old_signal_);
    }
  }
  std::unique_ptr<LocalFileSystem> storage;

 private:
  test::TempDirectory base_;
  bool mounted_ = false;
  rlimit old_limit_{};
  void (*old_signal_)(int) = SIG_DFL;
};

TEST_F(FullStorage, SaysThatItIsFull) {
  Result<std::unique_ptr<File>> file = run(storage->open(at("/f"), for_upload));
  ASSERT_TRUE(file);
  std::string text(100'000, 'x');
  const iovec pieces[] = {{text.data(), 10'000}, {text.data() + 10'000, 90'000}};
  const Result<void> written = run((*file)->write_at(0, pieces));
  EXPECT_EQ(code_of(written), ErrorCode::storage_full);
  EXPECT_TRUE(run((*file)->close()));
  EXPECT_TRUE(run(storage->remove_file(at("/f"))));
}

}  // namespace
}  // namespace ferry::vfs
