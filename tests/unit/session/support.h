// A logged-in account with a home of its own.
#pragma once

#include <gtest/gtest.h>

#include "session/factory.h"
#include "tests/support/run.h"
#include "tests/support/temp_directory.h"
#include "vfs/local/local_file_system.h"

namespace ferry::session {

inline VirtualPath at(std::string_view text) { return VirtualPath::parse(text).value(); }

inline ErrorCode code_of(const auto& result) { return result ? ErrorCode::internal : result.error().code; }

inline const vfs::OpenOptions for_reading{.read = true};
inline const vfs::OpenOptions for_upload{.write = true, .create = true, .truncate = true};

// Local storage and nothing else, as a server with no other backend would give.
inline Result<std::shared_ptr<vfs::FileSystem>> open_storage(const StorageRequest& request) {
  if (request.config.provider != model::FilesystemProvider::local) return fail(ErrorCode::unsupported, "only local");
  auto storage = vfs::LocalFileSystem::open({.root = request.path,
                                             .umask = request.umask,
                                             .create_root = true,
                                             .owner = request.owner,
                                             .cached_only = request.at_once});
  if (!storage) return fail(storage.error());
  return std::shared_ptr<vfs::FileSystem>(std::move(*storage));
}

class SessionTest : public testing::Test {
 protected:
  void SetUp() override {
    user.username = "alice";
    user.home_dir = base / "homes/alice";
    user.permissions["/"] = {"*"};
    options.symlink_mode = 1;
    info = {.id = "SFTP_1",
            .protocol = "SFTP",
            .local_address = "127.0.0.1:2022",
            .remote_address = "127.0.0.1:4711",
            .client_ip = "127.0.0.1",
            .client_version = "SSH-2.0-test"};
  }

  Result<std::unique_ptr<Session>> try_login() {
    return test::run(open_session(std::make_shared<const model::User>(user), info, services()));
  }
  Services services() {
    return {.registry = registry,
            .options = options,
            .storage = storages,
            .ledger = ledger,
            .events = events,
            .budget = budget};
  }
  // Ends the session before it starts the next: the connection's id is the same.
  Session& login() {
    session.reset();
    session = try_login().value();
    return *session;
  }
  std::string real(std::string_view name) { return user.home_dir + '/' + std::string(name); }

  static Result<void> write(OpenFile& file, std::uint64_t offset, std::string_view text) {
    const iovec pieces[] = {{const_cast<char*>(text.data()), text.size()}};
    std::optional<Result<void>> written = file.try_write_at(offset, pieces);
    if (!written) written = test::run(file.write_at(offset, pieces));
    return *written;
  }
  Result<void> put(std::string_view path, std::string_view text, vfs::OpenOptions how = for_upload) {
    Result<std::unique_ptr<OpenFile>> file = test::run(session->open(at(path), how));
    if (!file) return fail(file.error());
    const Result<void> written = write(**file, 0, text);
    const Result<void> closed = test::run((*file)->close());
    return written ? closed : written;
  }
  Result<std::string> get(std::string_view path) {
    Result<std::unique_ptr<OpenFile>> file = test::run(session->open(at(path), for_reading));
    if (!file) return fail(file.error());
    std::string text(4096, 0);
    const Result<std::size_t> count = test::run((*file)->read_at(0, std::as_writable_bytes(std::span(text))));
    if (!count) return fail(count.error());
    text.resize(*count);
    const Result<void> closed = test::run((*file)->close());
    if (!closed) return fail(closed.error());
    return text;
  }
  std::vector<std::string> names_in(const std::string& directory) {
    std::vector<std::string> names;
    for (const auto& entry : std::filesystem::directory_iterator(directory)) names.push_back(entry.path().filename());
    return names;
  }

  test::TempDirectory base{"/dev/shm"};
  model::User user;
  presence::ConnectionInfo info;
  Options options;
  StorageFactory storages = open_storage;
  std::shared_ptr<presence::Registry> registry = std::make_shared<presence::Registry>();
  std::shared_ptr<quota::Ledger> ledger;         // none unless a test makes one
  std::shared_ptr<events::Stream> events;        // neither
  std::shared_ptr<presence::OpenBudget> budget;  // neither
  std::unique_ptr<Session> session;
};

}  // namespace ferry::session
