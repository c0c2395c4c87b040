// Who is connected now: the list behind REST /connections, and the limits on how many may be.
//
//   Result<Admission> admission = registry.admit(client_ip);         // at accept, kept while the socket lives
//   Result<std::unique_ptr<Registration>> row = registry.enter(...);  // at login, kept while the session lives
//
// Safe from any thread. Every limit is checked and taken under one lock, so N racing requests against a
// limit of 1 give exactly one. A Registry outlives nothing: whoever holds a ticket shares its state.
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
#include "session/connection_info.h"

namespace ferry::session {

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

// The right of one network connection to be there; given back when destroyed.
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

// A live session's row; leaves the list when destroyed.
class Registration {
 public:
  Registration(std::shared_ptr<RegistryState> state, std::shared_ptr<ConnectionRow> row);
  Registration(const Registration&) = delete;
  Registration& operator=(const Registration&) = delete;
  ~Registration();

  // The client did something just now.
  void touch();
  // What the client runs: an SSH command line; empty for file protocols.
  void set_command(std::string command);
  // Shown in the list until the last owner of the row lets it go.
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

  // Logins, which may have no session yet, or none any more. `since` is a moment() from before the account was read;
  // nothing when close_user() came after it, for what was read holds no more. While the answer lives, close_user() and
  // close_idle() call info.disconnect, as they do those of sessions. Sets info.login_activity, for sessions to be
  // entered with.
  std::uint64_t moment() const;
  std::shared_ptr<const void> keep_login(std::string username, std::uint64_t since, ConnectionInfo& info);

  // Asks the connection to end (ConnectionInfo::disconnect). False when there is none with this id.
  bool close(std::string_view connection_id);
  std::size_t close_user(std::string_view username);  // how many sessions
  std::size_t close_all();
  // Logins none of whose sessions gave a sign of life for longer than `timeout`, and sessions without a login; how many
  // sessions. 0: nobody.
  std::size_t close_idle(std::chrono::milliseconds timeout);

  void set_limits(Limits limits);

 private:
  template <class Wanted>
  std::size_t close_where(Wanted wanted);

  std::shared_ptr<RegistryState> state_;
};

}  // namespace ferry::session
