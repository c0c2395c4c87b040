// EncryptedFileSystem under the suite, over a local storage on a disk and in memory.
#include "tests/conformance/vfs/suite.h"
#include "tests/support/temp_directory.h"
#include "vfs/encrypted/encrypted_file_system.h"
#include "vfs/local/local_file_system.h"

namespace ferry::vfs {
namespace {

std::shared_ptr<FileSystem> make_encrypted(const std::string& base) {
  struct EncryptedHolder {
    explicit EncryptedHolder(const std::string& parent) : directory(parent) {}
    test::TempDirectory directory;
    std::unique_ptr<EncryptedFileSystem> storage;
  };
  if (!std::filesystem::exists(base)) return nullptr;
  auto holder = std::make_shared<EncryptedHolder>(base);
  std::shared_ptr<FileSystem> local = LocalFileSystem::open({.root = holder->directory.path()}).value();
  holder->storage = std::make_unique<EncryptedFileSystem>(std::move(local), crypto::Secret(std::string_view("a key")));
  FileSystem* storage = holder->storage.get();
  return {holder, storage};
}

INSTANTIATE_TEST_SUITE_P(Encrypted, FileSystemSuite,
                         testing::Values(Backend{"memory", [] { return make_encrypted("/dev/shm"); }},
                                         Backend{"disk",
                                                 [] { return make_encrypted(std::filesystem::current_path()); }}),
                         backend_name);

}  // namespace
}  // namespace ferry::vfs
