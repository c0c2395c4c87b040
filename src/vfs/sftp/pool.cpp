#include "vfs/sftp/pool.h"

#include <algorithm>
#include <condition_variable>

#include "base/log.h"
#include "crypto/encoding.h"
#include "crypto/hasher.h"

namespace ferry::vfs::sftp {

namespace {

using namespace std::chrono_literals;
using SteadyClock = std::chrono::steady_clock;

// How long a failure to connect is answered without trying again. A refused login more seldom becomes a good one, and
// servers ban those who repeat it.
std::chrono::milliseconds pause_after(ErrorCode code) {
  const bool refused = code == ErrorCode::authentication_failed || code == ErrorCode::permission_denied;
  return refused ? 5000ms : 500ms;
}

void put(crypto::Hasher& hasher, ByteSpan part) {
  ByteWriter length;
  hasher.update(length.u64(part.size()).data());
  hasher.update(part);
}

// Names a login without holding its secrets.
std::string key_of(const Login& login) {
  crypto::Hasher hasher(crypto::HashAlgorithm::sha256);
  put(hasher, as_bytes(login.endpoint.host));
  put(hasher, as_bytes(std::to_string(login.endpoint.port)));
  put(hasher, as_bytes(login.username));
  put(hasher, login.password.bytes());
  put(hasher, login.private_key.bytes());
  put(hasher, login.key_passphrase.bytes());
  for (const std::string& one : login.fingerprints) put(hasher, as_bytes(one));
  return crypto::hex_encode(hasher.finish());
}

}  // namespace

void Pool::drop_broken(std::vector<ConnectionPtr>& dropped) {
  std::erase_if(members_, [&](Member& member) {
    const std::optional<Error> error = member.connection->broken();
    if (!error) return false;
    if (!failure_ && !member.connection->was_ready()) {
      failure_ = error;
      failed_until_ = SteadyClock::now() + pause_after(error->code);
    }
    dropped.push_back(std::move(member.connection));
    return true;
  });
}

Result<ConnectionPtr> Pool::acquire(bool for_file) {
  std::vector<ConnectionPtr> dropped;  // destroyed after the lock: that waits for their threads
  const std::lock_guard lock(mutex_);
  drop_broken(dropped);
  const auto now = SteadyClock::now();
  if (failure_ && now >= failed_until_) failure_.reset();
  const auto load = [](const Member& member) {
    return member.connection->held() * 1000 + member.connection->in_flight();
  };
  const auto least = std::ranges::min_element(members_, {}, load);
  const bool all_busy = least == members_.end() || (for_file && least->connection->held() > 0);
  if (!all_busy || (least != members_.end() && (members_.size() >= most_connections || failure_))) {
    least->used = now;
    return least->connection;
  }
  if (failure_) return fail(*failure_);
  members_.push_back({std::make_shared<Connection>(login_), now});
  return members_.back().connection;
}

Task<Result<Reply>> Pool::call(Request request, bool repeatable) {
  Request again = request;
  for (int attempt = 0;; ++attempt) {
    const Result<ConnectionPtr> connection = acquire(false);
    if (!connection) co_return fail(connection.error());
    auto call = std::make_shared<Call>(std::move(request));
    (*connection)->submit(call);
    auto reply = co_await wait(call);
    if (reply) {
      learn((*connection)->facts());
      co_return reply;
    }
    // A connection that never came to be is not tried again: the pause after failures is there for that.
    const bool may = (*connection)->was_ready() && (repeatable || !call->was_sent());
    if (attempt > 0 || !may) co_return reply;
    request = std::move(again);
  }
}

Task<Result<ServerFacts>> Pool::facts() {
  auto reply = co_await call({}, true);
  if (!reply) co_return fail(reply.error());
  co_return known();
}

void Pool::learn(const ServerFacts& facts) {
  const std::lock_guard lock(mutex_);
  known_ = facts;
}

ServerFacts Pool::known() const {
  const std::lock_guard lock(mutex_);
  return known_;
}

bool Pool::close_idle() {
  std::vector<ConnectionPtr> dropped;
  const std::lock_guard lock(mutex_);
  drop_broken(dropped);
  const auto now = SteadyClock::now();
  std::erase_if(members_, [&](Member& member) {
    // Whoever got it from acquire() and has not used it yet holds it too.
    const bool used = member.connection->in_flight() > 0 || member.connection->held() > 0;
    if (used) member.used = now;
    if (now - member.used < idle_limit || member.connection.use_count() > 1) return false;
    dropped.push_back(std::move(member.connection));
    return true;
  });
  return !members_.empty();
}

struct Pools::State {
  std::mutex mutex;
  std::condition_variable stop;
  bool stopping = false;
  std::map<std::string, std::shared_ptr<Pool>> pools;
  std::thread janitor;

  void run() {
    std::unique_lock lock(mutex);
    while (!stop.wait_for(lock, 5s, [this] { return stopping; })) {
      const auto all = pools;
      lock.unlock();
      std::vector<std::string> empty;
      for (const auto& [key, pool] : all) {
        if (!pool->close_idle()) empty.push_back(key);
      }
      lock.lock();
      for (const std::string& key : empty) {
        // Held by the map and by `all`: by no storage.
        const auto found = pools.find(key);
        if (found != pools.end() && found->second.use_count() == 2) pools.erase(found);
      }
    }
  }
};

Pools::Pools() : state_(std::make_unique<State>()) {}

Pools::~Pools() {
  {
    const std::lock_guard lock(state_->mutex);
    state_->stopping = true;
  }
  state_->stop.notify_all();
  if (state_->janitor.joinable()) state_->janitor.join();
}

std::shared_ptr<Pool> Pools::of(Login login) {
  const std::string key = key_of(login);
  const std::lock_guard lock(state_->mutex);
  if (!state_->janitor.joinable()) state_->janitor = std::thread([state = state_.get()] { state->run(); });
  std::shared_ptr<Pool>& pool = state_->pools[key];
  if (!pool) {
    if (login.fingerprints.empty()) {
      log::warn("sftpfs", "", "{}:{} as \"{}\": no fingerprints are configured, any host key is accepted",
                login.endpoint.host, login.endpoint.port, login.username);
    }
    pool = std::make_shared<Pool>(std::move(login));
  }
  return pool;
}

}  // namespace ferry::vfs::sftp
