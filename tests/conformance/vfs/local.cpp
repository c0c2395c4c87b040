// LocalFileSystem under the suite, on a disk and in memory.
#include "tests/conformance/vfs/suite.h"
#include "tests/support/temp_directory.h"
#include "vfs/local/local_file_system.h"

namespace ferry::vfs {
namespace {

// In memory `base` is /dev/shm; the disk's is the build directory, where the tests run.
std::shared_ptr<FileSystem> make_local(const std::string& base) {
  struct Holder {
    explicit Holder(const std::string& parent) : directory(parent) {}
    test::TempDirectory directory;
    std::unique_ptr<LocalFileSystem> storage;
  };
  if (!std::filesystem::exists(base)) return nullptr;
  auto holder = std::make_shared<Holder>(base);
  holder->storage = LocalFileSystem::open({.root = holder->directory.path()}).value();
  FileSystem* storage = holder->storage.get();
  return {holder, storage};
}

INSTANTIATE_TEST_SUITE_P(Local, FileSystemSuite,
                         testing::Values(Backend{.name = "memory", .make = [] { return make_local("/dev/shm"); }},
                                         Backend{.name = "disk",
                                                 .make = [] { return make_local(std::filesystem::current_path()); }}),
                         backend_name);

}  // namespace
}  // namespace ferry::vfs
