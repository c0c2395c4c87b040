// The connections to one account of one SFTP server, shared by all sessions of the process. A call goes over the one
// that has least to do; another is opened when all have open files, up to a bound. One that nobody uses is closed after
// a time. Safe from any thread.
#pragma once

#include <atomic>
#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "vfs/sftp/connection.h"

namespace ferry::vfs::sftp {

struct PoolRules {
  std::chrono::milliseconds login_limit{45'000};  // from the lookup of the server's name to the first request
  std::size_t most_connections = 256;             // of all pools together; each has a thread
};

// Counts the connections of all pools.
class ConnectionSlots : public std::enable_shared_from_this<ConnectionSlots> {
 public:
  explicit ConnectionSlots(std::size_t most) : most_(most) {}
  // Null: all are taken. Given back with the last copy.
  std::shared_ptr<void> take();
  // More than three quarters are taken.
  bool are_short() const { return used_ > most_ / 4 * 3; }

 private:
  const std::size_t most_;
  std::atomic<std::size_t> used_ = 0;
};

class Pool {
 public:
  static constexpr std::size_t most_connections = 4;
  static constexpr std::chrono::seconds idle_limit{30};
  static constexpr std::chrono::seconds short_idle_limit{2};  // when slots are short

  Pool(Login login, const PoolRules& rules, std::shared_ptr<ConnectionSlots> slots)
      : login_(std::make_shared<const Login>(std::move(login))), rules_(rules), slots_(std::move(slots)) {}

  const Login& login() const { return *login_; }

  // A connection for one call, or for a file (which spreads files over connections). It may not be logged in yet.
  // After a failed login the error of that is answered for a time, so that a server is not asked again and again.
  // limit_exceeded: there is none, and all pools together have as many as they may.
  Result<ConnectionPtr> acquire(bool for_file);
  // Sends it and waits. Once more on another connection when the first had broken before it was sent, or where
  // `repeatable`: sent twice it does what it does once.
  Task<Result<Reply>> call(Request request, bool repeatable);
  // What the server offers; connects where that is not known.
  Task<Result<ServerFacts>> facts();
  // What was learned by earlier connections, without waiting; before the first: nothing is offered.
  ServerFacts known() const;

  // Closes connections that have been idle or do not come to be, and tells whether any is left.
  bool close_idle();

 private:
  struct Member {
    ConnectionPtr connection;
    std::chrono::steady_clock::time_point used;
  };
  void drop_broken();
  Result<ConnectionPtr> connect();
  void learn(const ServerFacts& facts);

  const std::shared_ptr<const Login> login_;
  const PoolRules rules_;
  const std::shared_ptr<ConnectionSlots> slots_;
  mutable std::mutex mutex_;
  std::vector<Member> members_;
  std::vector<ConnectionPtr> leaving_;  // broken; destroyed by close_idle(), because that may wait for their threads
  ServerFacts known_;
  std::optional<Error> failure_;
  std::chrono::steady_clock::time_point failed_until_;
};

// All pools of the process.
class Pools {
 public:
  explicit Pools(PoolRules rules = {});
  ~Pools();
  // The one for this login, made where there is none.
  std::shared_ptr<Pool> of(Login login);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace ferry::vfs::sftp
