// A client that costs little, on libssh: what is measured with it is the server.
//
//   bench_client logins <address> <port> <user> <key> <path> <count> <at once>
//       new connection, key exchange, public key, SFTP, one stat of <path>, close; <count> times
//   bench_client hold <address> <port> <user> <key> <path> <count> <at once> [read]
//       opens <count> sessions, with `read` reads <path> whole in each; prints "held", keeps them until its input ends
//   bench_client list <address> <port> <user> <key> <path>
//       reads the directory <path>
//
// Prints one JSON object: seconds, and what was done.
#include <fcntl.h>
#include <libssh/callbacks.h>
#include <libssh/libssh.h>
#include <libssh/sftp.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <vector>

namespace {

struct Target {
  std::string address;
  unsigned port = 0;
  std::string user, path;
  ssh_key key = nullptr;
};

[[noreturn]] void give_up(const char* what, ssh_session session) {
  std::fprintf(stderr, "bench_client: %s: %s\n", what, session != nullptr ? ssh_get_error(session) : "");
  std::_Exit(1);
}

// One logged-in connection with SFTP on it.
class Session {
 public:
  explicit Session(const Target& target) : ssh_(ssh_new()) {
    static const int no = 0, yes = 1;
    ssh_options_set(ssh_, SSH_OPTIONS_HOST, target.address.c_str());
    ssh_options_set(ssh_, SSH_OPTIONS_PORT, &target.port);
    ssh_options_set(ssh_, SSH_OPTIONS_USER, target.user.c_str());
    ssh_options_set(ssh_, SSH_OPTIONS_PROCESS_CONFIG, &no);
    ssh_options_set(ssh_, SSH_OPTIONS_NODELAY, &yes);
    ssh_options_set(ssh_, SSH_OPTIONS_KNOWNHOSTS, "/dev/null");
    ssh_options_set(ssh_, SSH_OPTIONS_GLOBAL_KNOWNHOSTS, "/dev/null");
    // Every server here has these: the cost compared is that of the same work.
    ssh_options_set(ssh_, SSH_OPTIONS_KEY_EXCHANGE, "curve25519-sha256");
    ssh_options_set(ssh_, SSH_OPTIONS_HOSTKEYS, "ssh-ed25519");
    if (ssh_connect(ssh_) != SSH_OK) give_up("connect", ssh_);
    if (ssh_userauth_publickey(ssh_, nullptr, target.key) != SSH_AUTH_SUCCESS) give_up("login", ssh_);
    sftp_ = sftp_new(ssh_);
    if (sftp_ == nullptr || sftp_init(sftp_) != SSH_OK) give_up("sftp", ssh_);
  }
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;
  ~Session() {
    sftp_free(sftp_);
    ssh_disconnect(ssh_);
    ssh_free(ssh_);
  }

  void stat(const std::string& path) {
    sftp_attributes found = sftp_stat(sftp_, path.c_str());
    if (found == nullptr) give_up("stat", ssh_);
    sftp_attributes_free(found);
  }

  void read(const std::string& path) {
    sftp_file file = sftp_open(sftp_, path.c_str(), O_RDONLY, 0);
    if (file == nullptr) give_up("open", ssh_);
    std::vector<char> buffer(32 * 1024);
    ssize_t count = 0;
    while ((count = sftp_read(file, buffer.data(), buffer.size())) > 0) {
    }
    if (count < 0) give_up("read", ssh_);
    sftp_close(file);
  }

  std::size_t list(const std::string& path) {
    sftp_dir directory = sftp_opendir(sftp_, path.c_str());
    if (directory == nullptr) give_up("opendir", ssh_);
    std::size_t count = 0;
    while (sftp_attributes entry = sftp_readdir(sftp_, directory)) {
      ++count;
      sftp_attributes_free(entry);
    }
    if (sftp_dir_eof(directory) == 0) give_up("readdir", ssh_);
    sftp_closedir(directory);
    return count;
  }

 private:
  ssh_session ssh_;
  sftp_session sftp_ = nullptr;
};

// Calls `work(n)` for every n below `count` on `at_once` threads.
void spread(std::size_t count, std::size_t at_once, const std::function<void(std::size_t)>& work) {
  std::atomic<std::size_t> next{0};
  std::vector<std::jthread> threads;
  for (std::size_t i = 0; i < at_once; ++i) {
    threads.emplace_back([&] {
      for (std::size_t n = next++; n < count; n = next++) work(n);
    });
  }
}

double seconds_since(std::chrono::steady_clock::time_point start) {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

void report(const char* what, std::size_t count, std::chrono::steady_clock::time_point start) {
  std::printf("{\"%s\": %zu, \"seconds\": %.4f}\n", what, count, seconds_since(start));
  std::fflush(stdout);
}

int hold(const Target& target, std::size_t count, std::size_t at_once, bool read) {
  std::vector<std::unique_ptr<Session>> sessions(count);
  spread(count, at_once, [&](std::size_t n) {
    sessions[n] = std::make_unique<Session>(target);
    sessions[n]->stat(target.path);
    if (read) sessions[n]->read(target.path);
  });
  std::puts("held");
  std::fflush(stdout);
  char unread[64];
  while (::read(STDIN_FILENO, unread, sizeof unread) > 0) {
  }
  std::_Exit(0);  // thousands of orderly goodbyes are not what is measured
}

}  // namespace

int main(int argc, char** argv) {
  const std::vector<std::string> arguments(argv + 1, argv + argc);
  if (arguments.size() < 6) return std::fputs("usage: see bench/client.cpp\n", stderr), 2;
  ssh_threads_set_callbacks(ssh_threads_get_pthread());
  ssh_init();
  Target target;
  target.address = arguments[1];
  target.port = static_cast<unsigned>(std::strtoul(arguments[2].c_str(), nullptr, 10));
  target.user = arguments[3];
  target.path = arguments[5];
  if (ssh_pki_import_privkey_file(arguments[4].c_str(), nullptr, nullptr, nullptr, &target.key) != SSH_OK) {
    give_up("key", nullptr);
  }
  const auto number = [&](std::size_t at) -> std::size_t {
    return arguments.size() > at ? std::strtoull(arguments[at].c_str(), nullptr, 10) : 1;
  };

  if (arguments[0] == "hold") return hold(target, number(6), number(7), arguments.size() > 8);
  const auto start = std::chrono::steady_clock::now();
  if (arguments[0] == "logins") {
    spread(number(6), number(7), [&target](std::size_t) { Session(target).stat(target.path); });
    report("logins", number(6), start);
  } else if (arguments[0] == "list") {
    Session session(target);
    const auto began = std::chrono::steady_clock::now();
    report("entries", session.list(target.path), began);
  } else {
    return std::fputs("unknown work\n", stderr), 2;
  }
  std::_Exit(0);
}
