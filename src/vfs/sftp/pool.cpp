#include "vfs/sftp/pool.h"

#include <algorithm>
#include <condition_variable>
#include <system_error>

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

std::shared_ptr<void> ConnectionSlots::take() {
  std::size_t used = used_;
  do {
    if (used >= most_) return nullptr;
  } while (!used_.compare_exchange_weak(used, used + 1));
  return {static_cast<void*>(this), [self = shared_from_this()](void*) { --self->used_; }};
}

void Pool::drop_broken() {
  std::erase_if(members_, [&](Member& member) {
    member.connection->expire(rules_.login_limit);
    const std::optional<Error> error = member.connection->broken();
    if (!error) return false;
    if (!failure_ && !member.connection->was_ready()) {
      failure_ = error;
      failed_until_ = SteadyClock::now() + pause_after(error->code);
    }
    leaving_.push_back(std::move(member.connection));
    return true;
  });
}

Result<ConnectionPtr> Pool::connect() {
  std::shared_ptr<void> slot = slots_->take();
  if (!slot) {
    return fail(ErrorCode::limit_exceeded, "there are " + std::to_string(rules_.most_connections) +
                                               " connections to SFTP servers already, no other is opened");
  }
  try {
    return std::make_shared<Connection>(login_, std::move(slot));
  } catch (const std::system_error& error) {
    return fail(ErrorCode::limit_exceeded, std::string("a thread for an SFTP connection: ") + error.what());
  }
}

Result<ConnectionPtr> Pool::acquire(bool for_file) {
  const std::lock_guard lock(mutex_);
  drop_broken();
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
  Result<ConnectionPtr> made = connect();
  if (made) {
    members_.push_back({*made, now});
    return made;
  }
  if (least == members_.end()) return made;
  least->used = now;
  return least->connection;
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
  Request none;
  auto reply = co_await call(std::move(none), true);
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
  std::vector<ConnectionPtr> dropped;  // destroyed after the lock
  const std::lock_guard lock(mutex_);
  drop_broken();
  dropped.swap(leaving_);
  const auto now = SteadyClock::now();
  const auto limit = slots_->are_short() ? short_idle_limit : idle_limit;
  std::erase_if(members_, [&](Member& member) {
    // Whoever got it from acquire() and has not used it yet holds it too.
    const bool used = member.connection->in_flight() > 0 || member.connection->held() > 0;
    if (used) member.used = now;
    if (now - member.used < limit || member.connection.use_count() > 1) return false;
    dropped.push_back(std::move(member.connection));
    return true;
  });
  return !members_.empty();
}

struct Pools::State {
  std::mutex mutex;
  std::condition_variable stop;
  bool stopping = false;
  PoolRules rules;
  std::shared_ptr<ConnectionSlots> slots;
  std::map<std::string, std::shared_ptr<Pool>> pools;
  std::thread janitor;

  void run() {
    std::unique_lock lock(mutex);
    while (!stop.wait_for(lock, 1s, [this] { return stopping; })) {
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

Pools::Pools(PoolRules rules) : state_(std::make_unique<State>()) {
  state_->rules = rules;
  state_->slots = std::make_shared<ConnectionSlots>(rules.most_connections);
}

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
    pool = std::make_shared<Pool>(std::move(login), state_->rules, state_->slots);
  }
  return pool;
}

}  // namespace ferry::vfs::sftp
