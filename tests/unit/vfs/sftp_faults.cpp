// The storage over SFTP against a server that breaks off, answers nonsense, or floods (tests/support/sftp_filter.py).
#include <gtest/gtest.h>
#include <libssh/libssh.h>
#include <libssh/server.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <fstream>
#include <thread>

#include "tests/support/openssh_server.h"
#include "tests/support/run.h"
#include "vfs/sftp/sftp_file_system.h"

namespace ferry::vfs {
namespace {

using test::run;
using Clock = std::chrono::steady_clock;

VirtualPath remote_path(std::string_view text) { return VirtualPath::parse(text).value(); }

std::uint64_t resident_bytes() {
  std::ifstream file("/proc/self/statm");
  std::uint64_t all = 0, resident = 0;
  file >> all >> resident;
  return resident * static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
}

// A server (libssh's) that lets everybody in and writes `errors` bytes beside the SFTP replies, as programs do to their
// standard error; sshd drops those of its subsystems. Then nothing is there whatever is asked for.
class TalkativeServer {
 public:
  explicit TalkativeServer(std::size_t errors) : errors_(errors) {
    const std::string key = directory_ / "host";
    if (std::system(("ssh-keygen -q -t ed25519 -N '' -f " + key).c_str()) != 0) return;
    bind_ = ::ssh_bind_new();
    // The port is chosen by the system; libssh listens on the socket that it is given.
    const int socket = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    ::bind(socket, reinterpret_cast<sockaddr*>(&address), size);
    ::listen(socket, 8);
    ::getsockname(socket, reinterpret_cast<sockaddr*>(&address), &size);
    port_ = ntohs(address.sin_port);
    ::ssh_bind_set_fd(bind_, socket);
    ::ssh_bind_options_set(bind_, SSH_BIND_OPTIONS_HOSTKEY, key.c_str());
    thread_ = std::thread([this, socket] { serve(socket); });
  }
  ~TalkativeServer() {
    if (thread_.joinable()) thread_.join();
    ::ssh_bind_free(bind_);
  }
  std::uint16_t port() const { return port_; }

 private:
  // One connection, until the client leaves.
  void serve(int socket) {
    const int client = ::accept4(socket, nullptr, nullptr, SOCK_CLOEXEC);
    ssh_session session = ::ssh_new();
    if (::ssh_bind_accept_fd(bind_, session, client) == SSH_OK && ::ssh_handle_key_exchange(session) == SSH_OK) {
      if (ssh_channel channel = let_in(session); channel != nullptr) talk(channel);
    }
    ::ssh_disconnect(session);
    ::ssh_free(session);
  }

  static ssh_channel let_in(ssh_session session) {
    ssh_channel channel = nullptr;
    while (ssh_message message = ::ssh_message_get(session)) {
      const int type = ::ssh_message_type(message);
      bool ready = false;
      if (type == SSH_REQUEST_AUTH) {
        ::ssh_message_auth_reply_success(message, 0);
      } else if (type == SSH_REQUEST_CHANNEL_OPEN) {
        channel = ::ssh_message_channel_request_open_reply_accept(message);
      } else if (type == SSH_REQUEST_CHANNEL) {
        ready = ::ssh_message_channel_request_reply_success(message) == SSH_OK;
      } else {
        ::ssh_message_reply_default(message);
      }
      ::ssh_message_free(message);
      if (ready) return channel;
    }
    return nullptr;
  }

  void talk(ssh_channel channel) const {
    const std::string noise(32 * 1024, 'e');
    for (std::size_t sent = 0; sent < errors_; sent += noise.size()) {
      if (::ssh_channel_write_stderr(channel, noise.data(), static_cast<std::uint32_t>(noise.size())) < 0) return;
    }
    std::string request;
    while (true) {
      std::array<char, 4096> some;
      const int got = ::ssh_channel_read(channel, some.data(), some.size(), 0);
      if (got <= 0) return;
      request.append(some.data(), static_cast<std::size_t>(got));
      while (request.size() >= 9) {
        const std::size_t size = 4 + load_u32(reinterpret_cast<const std::byte*>(request.data()));
        if (request.size() < size) break;
        ByteWriter reply;
        const bool init = request[4] == static_cast<char>(sftp::Packet::init);
        if (init) reply.u32(5).u8(2).u32(3);
        if (!init) reply.u32(17).u8(101).bytes(as_bytes(request.substr(5, 4))).u32(2).u32(0).u32(0);
        ::ssh_channel_write(channel, reply.data().data(), static_cast<std::uint32_t>(reply.size()));
        request.erase(0, size);
      }
    }
  }

  const std::size_t errors_;
  test::TempDirectory directory_;
  ssh_bind bind_ = nullptr;
  std::uint16_t port_ = 0;
  std::thread thread_;
};

class SftpFaults : public testing::Test {
 protected:
  void SetUp() override {
    server = test::OpenSshServer::with_subsystem("/usr/bin/python3 " FERRY_TEST_DATA "/../support/sftp_filter.py " +
                                                 control.path());
    if (!server || ::access("/usr/lib/openssh/sftp-server", X_OK) != 0 || ::access("/usr/bin/python3", X_OK) != 0) {
      GTEST_SKIP() << "needs OpenSSH's sshd and sftp-server, and Python";
    }
    storage = SftpFileSystem::open(pools.of(login()), {.prefix = root.path()}).value();
  }
  sftp::Login login() const {
    sftp::Login login;
    login.endpoint = {.host = "127.0.0.1", .port = server->port()};
    login.username = server->user();
    login.private_key = crypto::Secret(server->private_key());
    login.fingerprints = {server->fingerprint()};
    return login;
  }
  // From the next request on; of a connection that begins after it where the rule is about all of it.
  void rule(const std::string& text) const {
    test::write_file(control / "rule.new", text);
    std::filesystem::rename(control / "rule.new", control / "rule");
  }
  bool rule_was_used() const { return !std::filesystem::exists(control / "rule"); }
  std::size_t lines_of(const std::string& name) const {
    const std::string text = test::read_file(control / name);
    return static_cast<std::size_t>(std::ranges::count(text, '\n'));
  }
  std::vector<std::string> names() const {
    std::vector<std::string> found;
    for (const auto& entry : std::filesystem::directory_iterator(root.path())) found.push_back(entry.path().filename());
    std::ranges::sort(found);
    return found;
  }

  test::TempDirectory control{std::filesystem::current_path()}, root{std::filesystem::current_path()};
  std::unique_ptr<test::OpenSshServer> server;
  sftp::Pools pools;
  std::shared_ptr<FileSystem> storage;
};

using Names = std::vector<std::string>;

// RENAME is 18, REMOVE 13. Whichever step breaks, and whether it was done or not, one whole version is at the target.
TEST_F(SftpFaults, AReplacementThatBreaksAnywhereIsDoneToItsEnd) {
  for (const char* fault : {"before 18 1", "after 18 1", "before 18 2", "after 18 2", "before 13 1", "after 13 1"}) {
    test::write_file(root / "old", "old");
    test::write_file(root / "new", "new");
    sftp::Pools fresh;  // the filter counts the requests of each connection
    storage = SftpFileSystem::open(fresh.of(login()), {.prefix = root.path()}).value();
    rule(fault);
    const Result<void> renamed = run(storage->rename(remote_path("/new"), remote_path("/old"), true));
    EXPECT_TRUE(rule_was_used()) << fault;
    if (std::string_view(fault) == "before 18 1") {
      EXPECT_FALSE(renamed);
      EXPECT_EQ(names(), (Names{"new", "old"})) << fault;
      EXPECT_EQ(test::read_file(root / "old"), "old");
      continue;
    }
    EXPECT_TRUE(renamed) << fault << ": " << renamed.error().message;
    EXPECT_EQ(names(), Names{"old"}) << fault;
    EXPECT_EQ(test::read_file(root / "old"), "new") << fault;
  }
}

TEST_F(SftpFaults, AReplacementThatIsRefusedIsUndone) {
  test::write_file(root / "old", "old");
  test::write_file(root / "new", "new");
  rule("refuse 18 2");
  EXPECT_FALSE(run(storage->rename(remote_path("/new"), remote_path("/old"), true)));
  EXPECT_EQ(names(), (Names{"new", "old"}));
  EXPECT_EQ(test::read_file(root / "old"), "old");
}

// What is replaced must not lie where a sweep of leftovers would remove it, and the error names it.
TEST_F(SftpFaults, WhatCannotBePutBackKeepsANameThatClientsSee) {
  test::write_file(root / "old", "old");
  test::write_file(root / "new", "new");
  rule("before 18 2 for-good");
  const Result<void> renamed = run(storage->rename(remote_path("/new"), remote_path("/old"), true));
  ASSERT_FALSE(renamed);
  const Names left = names();
  ASSERT_EQ(left.size(), 2U);
  EXPECT_EQ(left[0], "new");
  EXPECT_TRUE(left[1].starts_with("old.before-rename-")) << left[1];
  EXPECT_NE(renamed.error().message.find(left[1]), std::string::npos) << renamed.error().message;
  EXPECT_EQ(test::read_file(root / left[1]), "old");
}

TEST_F(SftpFaults, AReplyWithoutBytesIsNotTheEndOfTheFile) {
  test::write_file(root / "f", std::string(100'000, 'x'));
  rule("empty");
  auto file = run(storage->open(remote_path("/f"), {.read = true}));
  ASSERT_TRUE(file);
  std::string text(1000, 0);
  const auto got = run((*file)->read_at(0, std::as_writable_bytes(std::span(text))));
  ASSERT_FALSE(got);
  EXPECT_EQ(got.error().code, ErrorCode::protocol_error);
}

TEST_F(SftpFaults, ADownloadSurvivesItsConnection) {
  std::string content(3'000'000, 0);
  for (std::size_t i = 0; i < content.size(); ++i) content[i] = static_cast<char>((i * 31 + 7) % 251);
  test::write_file(root / "f", content);
  for (const bool changed : {false, true}) {
    sftp::Pools fresh;
    storage = SftpFileSystem::open(fresh.of(login()), {.prefix = root.path()}).value();
    auto file = run(storage->open(remote_path("/f"), {.read = true}));
    ASSERT_TRUE(file);
    if (changed) test::write_file(root / "f", content + "more");
    rule("before 5 4");  // READ
    std::string text(content.size(), 0);
    Result<std::size_t> got = 0;
    for (std::size_t at = 0; got && at < text.size(); at += *got) {
      const MutableByteSpan rest = std::as_writable_bytes(std::span(text)).subspan(at);
      got = run((*file)->read_at(at, rest.first(std::min<std::size_t>(rest.size(), 100'000))));
      ASSERT_TRUE(!got || *got > 0);
    }
    EXPECT_TRUE(rule_was_used());
    EXPECT_EQ(got.has_value(), !changed);
    if (!changed) {
      EXPECT_TRUE(text == content);
    }
  }
}

TEST_F(SftpFaults, ALongPathIsLookedAtInGroups) {
  std::string path;
  for (int i = 0; i < 1000; ++i) path += "/a";
  const auto found = run(storage->lstat(remote_path(path)));
  ASSERT_FALSE(found);
  EXPECT_EQ(found.error().code, ErrorCode::not_found);
  EXPECT_EQ(lines_of("looks"), 64U);
  // All groups of a path that is there.
  std::filesystem::create_directories(root.path() + path.substr(0, 260));
  EXPECT_TRUE(run(storage->lstat(remote_path(path.substr(0, 260)))));
  EXPECT_EQ(lines_of("looks"), 64U + 130U);
}

// The server does not take what was written: that goes on to count against the budget when the file is gone.
TEST_F(SftpFaults, WhatWaitsToBeSentIsPaidFor) {
  const auto budget = std::make_shared<ByteBudget>(8 << 20);
  {
    sftp::Pools fresh;
    storage = SftpFileSystem::open(fresh.of(login()), {.prefix = root.path(), .transfer = {.budget = budget}}).value();
    auto file = run(storage->open(remote_path("/f"), {.write = true, .create = true}));
    ASSERT_TRUE(file);
    rule("stall");
    std::string text(1 << 20, 'x');
    const iovec pieces[] = {{text.data(), text.size()}};
    for (std::uint64_t at = 0; at < 4; ++at) ASSERT_TRUE(run((*file)->write_at(at << 20, pieces)));
    file->reset();
    EXPECT_GE(budget->taken(), 3U << 20);
    storage.reset();
  }
  EXPECT_EQ(budget->taken(), 0U);
}

TEST_F(SftpFaults, ConnectionsOfAllAccountsAreBounded) {
  sftp::Pools bounded({.most_connections = 1});
  sftp::Login second = login();
  second.fingerprints.push_back("SHA256:another");  // another login for the pools
  storage = SftpFileSystem::open(bounded.of(login()), {.prefix = root.path()}).value();
  const auto other = SftpFileSystem::open(bounded.of(second), {.prefix = root.path()}).value();
  test::write_file(root / "f", "content");
  {
    auto file = run(storage->open(remote_path("/f"), {.read = true}));
    ASSERT_TRUE(file);
    const auto refused = run(other->lstat(remote_path("/f")));
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code, ErrorCode::limit_exceeded);
    // The account that has one shares it among its files.
    EXPECT_TRUE(run(storage->open(remote_path("/f"), {.read = true})));
  }
  const Clock::time_point until = Clock::now() + std::chrono::seconds(20);
  bool let_in = false;
  while (!let_in && Clock::now() < until) {
    let_in = run(other->lstat(remote_path("/f"))).has_value();
    ::usleep(100'000);
  }
  EXPECT_TRUE(let_in) << "idle connections are closed soon where there are many";
}

// Accepts connections and says nothing.
TEST(SftpTarpit, ALoginHasADeadline) {
  const int listener = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  ASSERT_EQ(::bind(listener, reinterpret_cast<sockaddr*>(&address), size), 0);
  ASSERT_EQ(::listen(listener, 8), 0);
  ::getsockname(listener, reinterpret_cast<sockaddr*>(&address), &size);
  const Clock::time_point begin = Clock::now();
  {
    sftp::Pools pools({.login_limit = std::chrono::seconds(1)});
    sftp::Login login;
    login.endpoint = {.host = "127.0.0.1", .port = ntohs(address.sin_port)};
    login.username = "alice";
    login.password = crypto::Secret(std::string("secret"));
    const auto storage = SftpFileSystem::open(pools.of(login), {}).value();
    const auto found = run(storage->lstat(remote_path("/f")));
    ASSERT_FALSE(found);
    EXPECT_EQ(found.error().code, ErrorCode::timeout);
  }
  EXPECT_LT(Clock::now() - begin, std::chrono::seconds(12));
  ::close(listener);
}

TEST(SftpErrors, WhatAServerWritesBesideItsRepliesTakesNoMemory) {
  constexpr std::size_t errors = 100'000'000;
  TalkativeServer server(errors);
  sftp::Pools pools;
  sftp::Login login;
  login.endpoint = {.host = "127.0.0.1", .port = server.port()};
  login.username = "alice";
  const auto storage = SftpFileSystem::open(pools.of(login), {}).value();
  [[maybe_unused]] const std::uint64_t before = resident_bytes();
  const auto found = run(storage->lstat(remote_path("/f")));
  ASSERT_FALSE(found);
  EXPECT_EQ(found.error().code, ErrorCode::not_found) << found.error().message;
#ifndef __SANITIZE_ADDRESS__  // which keeps what was freed for a while
  EXPECT_LT(resident_bytes(), before + errors / 2);
#endif
}

}  // namespace
}  // namespace ferry::vfs
