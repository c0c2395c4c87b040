// The connections to one account of one SFTP server, shared by all sessions of the process. A call goes over the one
// that has least to do; another is opened when all have open files, up to a bound. One that nobody uses is closed after
// a time. Safe from any thread.
#pragma once

#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "vfs/sftp/connection.h"

namespace ferry::vfs::sftp {

class Pool {
 public:
  static constexpr std::size_t most_connections = 4;
  static constexpr std::chrono::seconds idle_limit{30};

  explicit Pool(Login login) : login_(std::make_shared<const Login>(std::move(login))) {}

  const Login& login() const { return *login_; }

  // A connection for one call, or for a file (which spreads files over connections). It may not be logged in yet.
  // After a failed login the error of that is answered for a time, so that a server is not asked again and again.
  Result<ConnectionPtr> acquire(bool for_file);
  // Sends it and waits. Once more on another connection when the first had broken before it was sent, or where
  // `repeatable`: sent twice it does what it does once.
  Task<Result<Reply>> call(Request request, bool repeatable);
  // What the server offers; connects where that is not known.
  Task<Result<ServerFacts>> facts();
  // What was learned by earlier connections, without waiting; before the first: nothing is offered.
  ServerFacts known() const;

  // Closes connections that have been idle, and tells whether any is left.
  bool close_idle();

 private:
  struct Member {
    ConnectionPtr connection;
    std::chrono::steady_clock::time_point used;
  };
  void drop_broken(std::vector<ConnectionPtr>& dropped);
  void learn(const ServerFacts& facts);

  const std::shared_ptr<const Login> login_;
  mutable std::mutex mutex_;
  std::vector<Member> members_;
  ServerFacts known_;
  std::optional<Error> failure_;
  std::chrono::steady_clock::time_point failed_until_;
};

// All pools of the process.
class Pools {
 public:
  Pools();
  ~Pools();
  // The one for this login, made where there is none.
  std::shared_ptr<Pool> of(Login login);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace ferry::vfs::sftp
