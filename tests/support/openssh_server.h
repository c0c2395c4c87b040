// OpenSSH's sshd on a free port of this machine, for tests of what is a client of it. It accepts one key, and the
// account that runs the tests.
#pragma once

#include <arpa/inet.h>
#include <netinet/in.h>
#include <pwd.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdint>
#include <cstdlib>
#include <memory>
#include <sstream>
#include <string>

#include "tests/support/temp_directory.h"

namespace ferry::test {

class OpenSshServer {
 public:
  // The one of this process; null: sshd is not installed, or does not start.
  static OpenSshServer* shared() {
    static const std::unique_ptr<OpenSshServer> server = [] {
      std::unique_ptr<OpenSshServer> made(new OpenSshServer);
      return made->start() ? std::move(made) : nullptr;
    }();
    return server.get();
  }

  // One of its own that runs `command` as its SFTP subsystem; null as above.
  static std::unique_ptr<OpenSshServer> with_subsystem(std::string command) {
    std::unique_ptr<OpenSshServer> made(new OpenSshServer);
    made->subsystem_ = std::move(command);
    return made->start() ? std::move(made) : nullptr;
  }

  ~OpenSshServer() { stop(); }

  std::uint16_t port() const { return port_; }
  const std::string& user() const { return user_; }
  std::string private_key() const { return read_file(directory_ / "key"); }
  const std::string& fingerprint() const { return fingerprint_; }  // of the host key, "SHA256:..."

  // Its connections are cut; it goes on listening.
  void cut_connections() const {
    for (const auto& entry : std::filesystem::directory_iterator("/proc")) {
      const int process = std::atoi(entry.path().filename().c_str());
      if (process <= 0) continue;
      std::istringstream fields(read_file(entry.path() / "stat"));
      std::string number, name, state;
      int parent = 0;
      fields >> number >> name >> state >> parent;
      if (parent == pid_) ::kill(process, SIGKILL);
    }
  }

  void stop() {
    if (pid_ <= 0) return;
    cut_connections();
    ::kill(pid_, SIGKILL);
    ::waitpid(pid_, nullptr, 0);
    pid_ = -1;
  }

  // On the same port, with the same host key.
  bool run() {
    const std::string file = directory_ / "config", log = directory_ / "log";
    pid_ = ::fork();
    if (pid_ == 0) {
      ::prctl(PR_SET_PDEATHSIG, SIGKILL);
      ::execl("/usr/sbin/sshd", "/usr/sbin/sshd", "-D", "-f", file.c_str(), "-E", log.c_str(), nullptr);
      ::_exit(127);
    }
    for (int i = 0; i < 500; ++i) {
      if (listens()) return true;
      ::usleep(20'000);
    }
    return false;
  }

 private:
  OpenSshServer() = default;

  static int bound(std::uint16_t& port) {
    const int socket = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    ::bind(socket, reinterpret_cast<sockaddr*>(&address), size);
    ::getsockname(socket, reinterpret_cast<sockaddr*>(&address), &size);
    port = ntohs(address.sin_port);
    return socket;
  }

  bool listens() const {
    const int socket = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    address.sin_port = htons(port_);
    const bool yes = ::connect(socket, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0;
    ::close(socket);
    return yes;
  }

  bool start() {
    if (::access("/usr/sbin/sshd", X_OK) != 0) return false;
    user_ = ::getpwuid(::getuid())->pw_name;
    if (::getuid() == 0) std::filesystem::create_directories("/run/sshd");  // where it locks its children in
    const auto make = [&](const char* name) {
      return std::system(("ssh-keygen -q -t ed25519 -N '' -f " + (directory_ / name)).c_str()) == 0;
    };
    if (!make("key") || !make("host")) return false;
    const std::string print = "ssh-keygen -l -f " + (directory_ / "host") + " > " + (directory_ / "print");
    if (std::system(print.c_str()) != 0) return false;
    std::istringstream(read_file(directory_ / "print")) >> user_key_bits_ >> fingerprint_;
    ::close(bound(port_));
    write_file(directory_ / "config", "ListenAddress 127.0.0.1\nPort " + std::to_string(port_) + "\nHostKey " +
                                          (directory_ / "host") + "\nAuthorizedKeysFile " + (directory_ / "key.pub") +
                                          "\nStrictModes no\nUsePAM no\nPidFile none\nPermitRootLogin yes\n"
                                          "PasswordAuthentication no\nMaxStartups 100\nSubsystem sftp " +
                                          subsystem_ + "\n");
    return run();
  }

  TempDirectory directory_;
  std::string user_, fingerprint_, user_key_bits_;
  std::string subsystem_ = "internal-sftp";
  std::uint16_t port_ = 0;
  int pid_ = -1;
};

}  // namespace ferry::test
