// Who is connected now: the list behind REST /connections, and the limits on how many may be.
//
//   Result<Admission> admission = registry.admit(client_ip);         // at accept, kept while the socket lives
//   Result<std::unique_ptr<Registration>> row = registry.enter(...);  // at login, kept while the session lives
//
// Safe from any thread. Limits are checked and counted under one lock: of 200 clients that try at once with a limit of
// 1, exactly one gets in. Admissions and registrations share the registry's state, so they may outlive the Registry
// object.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "presence/connection_info.h"

namespace ferry::presence {

// Milliseconds since the Unix epoch: how REST and the stored objects count time.
std::int64_t now_ms();

// A running upload or download. The session's thread counts, list() reads.
struct TransferRow {
  bool upload = false;
  std::string path;  // as the client sees it
  std::int64_t start_time = 0;
  std::atomic<std::uint64_t> bytes{0};

  // Only the session's own thread adds, so a plain load and store will do.
  void add(std::uint64_t count) {
    bytes.store(bytes.load(std::memory_order_relaxed) + count, std::memory_order_relaxed);
  }
};

struct TransferStatus {
  bool upload = false;  // else a download
  std::string path;
  std::int64_t start_time = 0;
  std::uint64_t size = 0;  // bytes so far
};

// One line of REST /connections. Times in Unix milliseconds.
struct ConnectionStatus {
  std::string username;
  std::string connection_id;
  std::string client_version;
  std::string remote_address;
  std::string protocol;
  std::string command;
  std::int64_t connection_time = 0;
  std::int64_t last_activity = 0;
  std::vector<TransferStatus> active_transfers;
};

struct Limits {
  std::size_t max_total_connections = 0;      // 0: unlimited
  std::size_t max_per_host_connections = 20;  // 0: unlimited
};

struct RegistryState;

// One admitted network connection, which counts against the limits; destroying it frees its place.
class Admission {
 public:
  Admission(std::shared_ptr<RegistryState> state, std::string client_ip);
  Admission(Admission&&) noexcept = default;
  Admission& operator=(Admission&& other) noexcept;
  ~Admission();

 private:
  void give_back();
  std::shared_ptr<RegistryState> state_;  // empty when moved from
  std::string client_ip_;
};

struct ConnectionRow;

// The row of a session in the list of connections; destroying it removes the row.
class Registration {
 public:
  Registration(std::shared_ptr<RegistryState> state, std::shared_ptr<ConnectionRow> row);
  Registration(const Registration&) = delete;
  Registration& operator=(const Registration&) = delete;
  ~Registration();

  // Marks the session as active now.
  void touch();
  // What the client runs: an SSH command line; empty for file protocols.
  void set_command(std::string command);
  // Adds a running transfer; it is listed as long as somebody holds the answer.
  std::shared_ptr<TransferRow> add_transfer(bool upload, std::string path);

 private:
  std::shared_ptr<RegistryState> state_;
  std::shared_ptr<ConnectionRow> row_;
};

class Registry {
 public:
  explicit Registry(Limits limits = {});

  // limit_exceeded when the host has as many as it may, quota_exceeded when the server is full.
  Result<Admission> admit(std::string_view client_ip);

  // limit_exceeded when the account has `max_sessions` already (0: unlimited), conflict when the id is in use. Sessions
  // that are not counted (info.counted) are neither refused for that limit nor refuse others.
  Result<std::unique_ptr<Registration>> enter(std::string username, const ConnectionInfo& info,
                                              std::size_t max_sessions);

  std::vector<ConnectionStatus> list() const;
  std::size_t session_count() const;
  std::size_t connection_count() const;  // admissions that are out

  // Lists a login, which may have no session yet or none any more, so that close_user() and close_idle() can end its
  // connection (info.disconnect) as long as the answer lives. `since`: moment() from before the account was read. Null
  // when close_user() was called after that: an administrator who disables an account calls it, and a login that read
  // the account before must not get in after. Sets info.login_activity; give that to the sessions of the login.
  std::uint64_t moment() const;
  std::shared_ptr<const void> keep_login(std::string username, std::uint64_t since, ConnectionInfo& info);

  // Asks the connection to end (ConnectionInfo::disconnect). False when there is none with this id.
  bool close(std::string_view connection_id);
  std::size_t close_user(std::string_view username);  // how many sessions
  std::size_t close_all();
  // Ends logins none of whose sessions was active for longer than `timeout` (0: never), and such sessions without a
  // login. Answers the number of sessions.
  std::size_t close_idle(std::chrono::milliseconds timeout);

  void set_limits(Limits limits);

 private:
  template <class Wanted>
  std::size_t close_where(Wanted wanted);

  std::shared_ptr<RegistryState> state_;
};

}  // namespace ferry::presence
