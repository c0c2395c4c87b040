#include "vfs/s3/credentials.h"

#include <unistd.h>

#include <algorithm>
#include <optional>

#include "base/bytes.h"
#include "base/tickets.h"
#include "crypto/cipher.h"
#include "crypto/encoding.h"
#include "vfs/s3/providers.h"
#include "vfs/s3/sts.h"

namespace ferry::vfs::s3 {

namespace {

using std::chrono::steady_clock;

constexpr std::int64_t refresh_before = 300;  // seconds
constexpr std::chrono::seconds longest_wait{40};

std::int64_t unix_seconds() { return std::chrono::system_clock::to_time_t(std::chrono::system_clock::now()); }

// Those of an account's configuration.
class FixedSource final : public CredentialSource {
 public:
  explicit FixedSource(Credentials fixed) : fixed_(std::move(fixed)) {}
  Task<Result<Credentials>> credentials() override {
    if (fixed_.secret.empty()) {
      co_return fail(ErrorCode::permission_denied, "S3 credentials: an access key without its secret");
    }
    co_return fixed_;
  }
  bool expired(const Credentials&) override { return false; }

 private:
  const Credentials fixed_;
};

// Holds what was fetched, and how a fetch failed. One asks at a time; the others wait and get the same.
class HeldSource : public CredentialSource {
 public:
  explicit HeldSource(std::shared_ptr<const CredentialSurroundings> surroundings)
      : surroundings_(std::move(surroundings)) {}

  Task<Result<Credentials>> credentials() final {
    if (std::optional<Result<Credentials>> there = look(false)) co_return std::move(*there);
    std::optional<Tickets::Ticket> turn = turn_->try_take(1);
    if (!turn) {
      if (std::optional<Result<Credentials>> there = look(true)) co_return std::move(*there);
      Result<Tickets::Ticket> waited = co_await turn_->take(1, longest_wait);
      if (!waited) co_return fail(ErrorCode::timeout, "S3 credentials: not in time");
      turn = std::move(*waited);
      // Whoever asked before has left what it got, also if that is a failure.
      if (std::optional<Result<Credentials>> there = look(false)) co_return std::move(*there);
    }
    Result<Credentials> found = co_await fetch();
    co_return keep(std::move(found));
  }

  bool expired(const Credentials& given) final {
    const std::scoped_lock lock(mutex_);
    const bool same = held_ && held_->access_key == given.access_key && held_->session_token == given.session_token;
    if (!held_ || !same) return true;  // others are here already
    // Else a service that calls everything expired makes each request a request to STS.
    if (steady_clock::now() < fetched_ + surroundings_->times.after_refusal) return false;
    held_.reset();
    return true;
  }

 protected:
  virtual Task<Result<Credentials>> fetch() = 0;

 private:
  // What can be answered without asking. `while_fetched`: another coroutine is fetching new ones.
  std::optional<Result<Credentials>> look(bool while_fetched) const {
    const std::scoped_lock lock(mutex_);
    const std::int64_t now = unix_seconds();
    const bool valid = held_ && (held_->expires == 0 || held_->expires > now);
    const bool wait = steady_clock::now() < not_before_;
    if (valid && (while_fetched || wait || held_->expires == 0 || now < renew_at_)) return *held_;
    if (wait && failure_) return fail(*failure_);
    return std::nullopt;
  }

  Result<Credentials> keep(Result<Credentials> found) {
    const std::scoped_lock lock(mutex_);
    const std::int64_t now = unix_seconds();
    if (found) {
      held_ = *found;
      failure_.reset();
      fetched_ = steady_clock::now();
      renew_at_ = held_->expires - std::min(refresh_before, std::max<std::int64_t>(held_->expires - now, 0) / 2);
      return found;
    }
    const bool refused = found.error().code == ErrorCode::permission_denied;
    failure_ = found.error();
    not_before_ =
        steady_clock::now() + (refused ? surroundings_->times.after_refusal : surroundings_->times.after_passing);
    if (held_ && held_->expires > now) return *held_;
    return found;
  }

  const std::shared_ptr<const CredentialSurroundings> surroundings_;
  const std::shared_ptr<Tickets> turn_ = std::make_shared<Tickets>(1);
  mutable std::mutex mutex_;
  std::optional<Credentials> held_;
  std::optional<Error> failure_;
  std::int64_t renew_at_ = 0;  // Unix seconds
  steady_clock::time_point not_before_ = {}, fetched_ = {};
};

class OwnSource final : public HeldSource {
 public:
  explicit OwnSource(std::shared_ptr<const CredentialSurroundings> surroundings)
      : HeldSource(surroundings), surroundings_(std::move(surroundings)) {}

 private:
  Task<Result<Credentials>> fetch() override {
    Result<Credentials> found = co_await own_credentials(surroundings_);
    co_return found;
  }
  const std::shared_ptr<const CredentialSurroundings> surroundings_;
};

class RoleSource final : public HeldSource {
 public:
  RoleSource(std::shared_ptr<const CredentialSurroundings> surroundings, std::shared_ptr<CredentialSource> base,
             Role role)
      : HeldSource(surroundings),
        surroundings_(std::move(surroundings)),
        base_(std::move(base)),
        role_(std::move(role)) {}

 private:
  Task<Result<Credentials>> fetch() override {
    for (bool first = true;; first = false) {
      Result<Credentials> with = co_await base_->credentials();
      if (!with) co_return fail(with.error());
      bool over = false;
      Result<Credentials> found = co_await assume_role(surroundings_, *with, role_, &over);
      if (found || !over || !first || !base_->expired(*with)) co_return found;
    }
  }

  const std::shared_ptr<const CredentialSurroundings> surroundings_;
  const std::shared_ptr<CredentialSource> base_;
  const Role role_;
};

}  // namespace

Environment aws_environment() {
  Environment found;
  for (char** entry = environ; *entry != nullptr; ++entry) {
    const std::string_view text(*entry);
    const std::size_t equals = text.find('=');
    if (equals == std::string_view::npos) continue;
    if (!text.starts_with("AWS_") && !text.starts_with("HOME=")) continue;
    found.emplace(text.substr(0, equals), text.substr(equals + 1));
  }
  return found;
}

CredentialSources::CredentialSources(Environment environment, std::shared_ptr<http::Client> client,
                                     CredentialTimes times)
    : surroundings_(std::make_shared<CredentialSurroundings>(std::move(environment), std::move(client), times)),
      own_(std::make_shared<OwnSource>(surroundings_)) {}

std::shared_ptr<CredentialSource> CredentialSources::of(CredentialOptions options) {
  std::shared_ptr<CredentialSource> base = own_;
  ByteWriter identity;
  for (const std::string* text : {&options.role_arn, &options.region, &options.access_key, &options.session_token}) {
    identity.string(*text);
  }
  identity.string(options.access_secret.text());
  Bytes text = identity.take();
  const std::string digest = crypto::hex_encode(crypto::hash(crypto::HashAlgorithm::sha256, {text}));
  crypto::wipe(text);
  if (!options.access_key.empty()) {
    Credentials fixed;
    fixed.access_key = options.access_key;
    fixed.secret = std::move(options.access_secret);
    fixed.session_token = options.session_token;
    base = std::make_shared<FixedSource>(std::move(fixed));
  }
  if (options.role_arn.empty()) return base;
  const std::scoped_lock lock(mutex_);
  std::shared_ptr<CredentialSource> role = roles_[digest].lock();
  if (role) return role;
  std::erase_if(roles_, [](const auto& entry) { return entry.second.expired(); });
  role = std::make_shared<RoleSource>(surroundings_, std::move(base),
                                      Role{.arn = options.role_arn, .region = options.region});
  roles_[digest] = role;
  return role;
}

}  // namespace ferry::vfs::s3
