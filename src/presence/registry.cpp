#include "presence/registry.h"

#include <algorithm>
#include <functional>
#include <map>
#include <mutex>
#include <unordered_map>

namespace ferry::presence {

struct ConnectionRow {
  std::string username;
  ConnectionInfo info;
  std::int64_t connection_time = 0;
  std::atomic<std::int64_t> last_activity{0};

  std::mutex mutex;  // guards what follows
  std::string command;
  std::vector<std::weak_ptr<TransferRow>> transfers;

  // Sessions of one login share a connection: while one of them does something, none is idle.
  std::int64_t last_sign() const { return info.login_activity ? info.login_activity->load() : last_activity.load(); }

  // A sign of life, also of the login.
  void touch() {
    const std::int64_t now = now_ms();
    last_activity.store(now, std::memory_order_relaxed);
    if (info.login_activity) info.login_activity->store(now, std::memory_order_relaxed);
  }
};

// Accounts whose connections were closed, and when: logins that were decided before must not begin.
class Closings {
 public:
  std::uint64_t moment() const { return moment_; }
  bool since(std::uint64_t moment, const std::string& username) const {
    const auto found = last_.find(username);
    return found != last_.end() && found->second.moment > moment;
  }
  void add(std::string username) {
    last_.insert_or_assign(std::move(username), Closing{++moment_, Clock::now()});
    if (last_.size() < sweep_at_) return;
    // No login takes that long.
    std::erase_if(last_, [now = Clock::now()](const auto& entry) { return now - entry.second.when > kept; });
    sweep_at_ = std::max(fewest, 2 * last_.size());
  }

 private:
  using Clock = std::chrono::steady_clock;
  struct Closing {
    std::uint64_t moment;
    Clock::time_point when;
  };
  static constexpr auto kept = std::chrono::hours(1);
  static constexpr std::size_t fewest = 1024;
  std::uint64_t moment_ = 0;
  std::unordered_map<std::string, Closing> last_;
  std::size_t sweep_at_ = fewest;
};

// What ends it, and when it was active last.
struct Login {
  std::function<void()> disconnect;
  std::shared_ptr<std::atomic<std::int64_t>> last_activity;
};

struct RegistryState {
  std::mutex mutex;
  Closings closings;
  std::multimap<std::string, Login, std::less<>> logins;  // by username
  Limits limits;
  std::size_t connections = 0;
  std::unordered_map<std::string, std::size_t> per_host;
  std::unordered_map<std::string, std::size_t> per_user;
  std::map<std::string, std::shared_ptr<ConnectionRow>, std::less<>> rows;  // by connection id
};

namespace {

// One less; a counter at zero leaves the table, so that it does not grow with every host ever seen.
void count_down(std::unordered_map<std::string, std::size_t>& counters, const std::string& key) {
  const auto found = counters.find(key);
  if (found != counters.end() && --found->second == 0) counters.erase(found);
}

bool at_limit(std::size_t count, std::size_t limit) { return limit != 0 && count >= limit; }

ConnectionStatus status_of(ConnectionRow& row) {
  ConnectionStatus status;
  status.username = row.username;
  status.connection_id = row.info.id;
  status.client_version = row.info.client_version;
  status.remote_address = row.info.remote_address;
  status.protocol = row.info.protocol;
  status.connection_time = row.connection_time;
  status.last_activity = row.last_activity.load(std::memory_order_relaxed);
  const std::lock_guard lock(row.mutex);
  status.command = row.command;
  for (const auto& weak : row.transfers) {
    const std::shared_ptr<TransferRow> transfer = weak.lock();
    if (!transfer) continue;
    status.active_transfers.push_back(
        {transfer->upload, transfer->path, transfer->start_time, transfer->bytes.load(std::memory_order_relaxed)});
  }
  return status;
}

}  // namespace

std::int64_t now_ms() {
  const auto since_epoch = std::chrono::system_clock::now().time_since_epoch();
  return std::chrono::duration_cast<std::chrono::milliseconds>(since_epoch).count();
}

Admission::Admission(std::shared_ptr<RegistryState> state, std::string client_ip)
    : state_(std::move(state)), client_ip_(std::move(client_ip)) {}

Admission& Admission::operator=(Admission&& other) noexcept {
  if (this != &other) {
    give_back();
    state_ = std::move(other.state_);
    client_ip_ = std::move(other.client_ip_);
  }
  return *this;
}

Admission::~Admission() { give_back(); }

void Admission::give_back() {
  if (!state_) return;
  const std::lock_guard lock(state_->mutex);
  --state_->connections;
  count_down(state_->per_host, client_ip_);
}

Registration::Registration(std::shared_ptr<RegistryState> state, std::shared_ptr<ConnectionRow> row)
    : state_(std::move(state)), row_(std::move(row)) {}

Registration::~Registration() {
  row_->touch();
  const std::lock_guard lock(state_->mutex);
  if (row_->info.counted) count_down(state_->per_user, row_->username);
  state_->rows.erase(row_->info.id);
}

void Registration::touch() { row_->touch(); }

void Registration::set_command(std::string command) {
  const std::lock_guard lock(row_->mutex);
  row_->command = std::move(command);
}

std::shared_ptr<TransferRow> Registration::add_transfer(bool upload, std::string path) {
  auto transfer = std::make_shared<TransferRow>();
  transfer->upload = upload;
  transfer->path = std::move(path);
  transfer->start_time = now_ms();
  const std::lock_guard lock(row_->mutex);
  std::erase_if(row_->transfers, [](const auto& weak) { return weak.expired(); });
  row_->transfers.push_back(transfer);
  return transfer;
}

Registry::Registry(Limits limits) : state_(std::make_shared<RegistryState>()) { state_->limits = limits; }

Result<Admission> Registry::admit(std::string_view client_ip) {
  std::string host(client_ip);
  const std::lock_guard lock(state_->mutex);
  if (at_limit(state_->connections, state_->limits.max_total_connections)) {
    return fail(ErrorCode::quota_exceeded, "max_total_connections reached");
  }
  std::size_t& count = state_->per_host[host];
  if (at_limit(count, state_->limits.max_per_host_connections)) {
    return fail(ErrorCode::limit_exceeded, "max_per_host_connections reached for " + host);
  }
  ++count;
  ++state_->connections;
  return Admission(state_, std::move(host));
}

Result<std::unique_ptr<Registration>> Registry::enter(std::string username, const ConnectionInfo& info,
                                                      std::size_t max_sessions) {
  auto row = std::make_shared<ConnectionRow>();
  row->username = std::move(username);
  row->info = info;
  row->command = info.command;
  row->connection_time = now_ms();
  row->touch();
  const std::lock_guard lock(state_->mutex);
  if (state_->rows.contains(info.id)) return fail(ErrorCode::conflict, "connection id in use: " + info.id);
  const auto sessions = state_->per_user.find(row->username);
  if (info.counted && sessions != state_->per_user.end() && at_limit(sessions->second, max_sessions)) {
    return fail(ErrorCode::limit_exceeded, "too many open sessions: " + std::to_string(sessions->second));
  }
  auto registration = std::make_unique<Registration>(state_, row);
  if (info.counted) ++state_->per_user[row->username];
  state_->rows.emplace(info.id, std::move(row));
  return registration;
}

std::vector<ConnectionStatus> Registry::list() const {
  std::vector<std::shared_ptr<ConnectionRow>> rows;
  {
    const std::lock_guard lock(state_->mutex);
    rows.reserve(state_->rows.size());
    for (const auto& [id, row] : state_->rows) rows.push_back(row);
  }
  std::vector<ConnectionStatus> list;
  list.reserve(rows.size());
  for (const auto& row : rows) list.push_back(status_of(*row));
  return list;
}

std::size_t Registry::session_count() const {
  const std::lock_guard lock(state_->mutex);
  return state_->rows.size();
}

std::size_t Registry::connection_count() const {
  const std::lock_guard lock(state_->mutex);
  return state_->connections;
}

// The callbacks run without the lock: they may come back to the registry.
template <class Wanted>
std::size_t Registry::close_where(Wanted wanted) {
  std::vector<std::shared_ptr<ConnectionRow>> closing;
  {
    const std::lock_guard lock(state_->mutex);
    for (const auto& [id, row] : state_->rows) {
      if (wanted(*row)) closing.push_back(row);
    }
  }
  for (const auto& row : closing) {
    if (row->info.disconnect) row->info.disconnect();
  }
  return closing.size();
}

bool Registry::close(std::string_view connection_id) {
  std::shared_ptr<ConnectionRow> row;
  {
    const std::lock_guard lock(state_->mutex);
    const auto found = state_->rows.find(connection_id);
    if (found == state_->rows.end()) return false;
    row = found->second;
  }
  if (row->info.disconnect) row->info.disconnect();
  return true;
}

std::uint64_t Registry::moment() const {
  const std::lock_guard lock(state_->mutex);
  return state_->closings.moment();
}

std::shared_ptr<const void> Registry::keep_login(std::string username, std::uint64_t since, ConnectionInfo& info) {
  info.login_activity = std::make_shared<std::atomic<std::int64_t>>(now_ms());
  const std::lock_guard lock(state_->mutex);
  if (state_->closings.since(since, username)) return nullptr;
  const auto place = state_->logins.emplace(std::move(username), Login{info.disconnect, info.login_activity});
  return std::shared_ptr<const void>(&*place, [state = state_, place](const void*) {
    const std::lock_guard last(state->mutex);
    state->logins.erase(place);
  });
}

std::size_t Registry::close_user(std::string_view username) {
  std::vector<std::function<void()>> logins;
  {
    const std::lock_guard lock(state_->mutex);
    state_->closings.add(std::string(username));
    const auto [first, last] = state_->logins.equal_range(username);
    for (auto login = first; login != last; ++login) logins.push_back(login->second.disconnect);
  }
  for (const auto& disconnect : logins) disconnect();
  return close_where([username](const ConnectionRow& row) { return row.username == username; });
}

std::size_t Registry::close_all() {
  return close_where([](const ConnectionRow&) { return true; });
}

std::size_t Registry::close_idle(std::chrono::milliseconds timeout) {
  if (timeout.count() <= 0) return 0;
  const std::int64_t oldest = now_ms() - timeout.count();
  std::vector<std::function<void()>> logins;
  {
    const std::lock_guard lock(state_->mutex);
    for (const auto& [name, login] : state_->logins) {
      if (*login.last_activity < oldest) logins.push_back(login.disconnect);
    }
  }
  for (const auto& disconnect : logins) disconnect();
  return close_where([oldest](const ConnectionRow& row) { return row.last_sign() < oldest; });
}

void Registry::set_limits(Limits limits) {
  const std::lock_guard lock(state_->mutex);
  state_->limits = limits;
}

}  // namespace ferry::presence
