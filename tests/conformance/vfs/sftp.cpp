// SftpFileSystem under the suite, over OpenSSH's server.
#include <sys/stat.h>

#include "tests/conformance/vfs/suite.h"
#include "tests/support/openssh_server.h"
#include "vfs/sftp/sftp_file_system.h"

namespace ferry::vfs {
namespace {

sftp::Login openssh_login(const test::OpenSshServer& server) {
  sftp::Login login;
  login.endpoint = {.host = "127.0.0.1", .port = server.port()};
  login.username = server.user();
  login.private_key = crypto::Secret(server.private_key());
  login.fingerprints = {server.fingerprint()};
  return login;
}

std::shared_ptr<FileSystem> make_sftp(sftp::TransferOptions transfer) {
  test::OpenSshServer* server = test::OpenSshServer::shared();
  if (server == nullptr) return nullptr;
  struct Holder {
    test::TempDirectory directory{std::filesystem::current_path()};
    std::shared_ptr<FileSystem> storage;
  };
  static sftp::Pools pools;
  auto holder = std::make_shared<Holder>();
  SftpOptions options{.prefix = holder->directory / "root", .transfer = std::move(transfer)};
  holder->storage = SftpFileSystem::open(pools.of(openssh_login(*server)), std::move(options)).value();
  FileSystem* storage = holder->storage.get();
  return {holder, storage};
}

Backend backend(std::string name, sftp::TransferOptions transfer) {
  // The server's system counts its 4096 bytes from its own root.
  return {.name = std::move(name),
          .make = [transfer = std::move(transfer)] { return make_sftp(transfer); },
          .whole_seconds = true,
          .longest_path = 3600};
}

INSTANTIATE_TEST_SUITE_P(Sftp, FileSystemSuite,
                         testing::Values(backend("sftp", {.budget = std::make_shared<ByteBudget>(1 << 20)}),
                                         backend("sftp_one_by_one", {.most_ahead = 1, .concurrent_reads = false})),
                         backend_name);

}  // namespace
}  // namespace ferry::vfs
