#include "auth/defender.h"

#include <exception>
#include <utility>

#include "base/host_of.h"
#include "base/log.h"

namespace ferry::auth {

namespace {

constexpr std::string_view sender = "defender";
constexpr std::int64_t tidy_interval_ms = 5 * 60 * 1000;
// More events than these on their way: the database does not keep up, and later ones are dropped, which is logged.
constexpr std::size_t max_running = 1000;

std::int64_t ms(std::chrono::milliseconds time) { return time.count(); }

}  // namespace

Defender::Defender(DefenderOptions options, const IpRules& rules, store::DefenderHosts& hosts,
                   std::function<std::int64_t()> clock)
    : options_(std::move(options)), rules_(rules), hosts_(hosts), clock_(std::move(clock)), tidied_(clock_()) {}

Defender::~Defender() {
  std::unique_lock lock(mutex_);
  idle_.wait(lock, [this] { return running_ == 0; });
}

store::DefenderTimes Defender::times() const {
  const std::int64_t now = clock_();
  return {.now = now, .since = now - ms(options_.observation_time)};
}

int Defender::score_of(HostEvent event) const {
  switch (event) {
    case HostEvent::unknown_account: return options_.score_invalid;
    case HostEvent::wrong_credential: return options_.score_valid;
    case HostEvent::limit_exceeded: return options_.score_limit_exceeded;
    case HostEvent::not_tried: return options_.score_no_auth;
  }
  return 0;
}

void Defender::run(std::function<void()> work) {
  if (!options_.hosts_block) return work();
  if (!begin()) return;
  asio::post(blocking_pool(Lane::database), [this, work = std::move(work)] {
    try {
      work();
    } catch (const std::exception& error) {
      log::error(sender, "", "{}", error.what());
    }
    end();
  });
}

bool Defender::begin() {
  {
    const std::lock_guard lock(mutex_);
    if (running_ < max_running) {
      ++running_;
      return true;
    }
    if (++dropped_ > 1) return false;
  }
  log::warn(sender, "", "the data provider does not keep up: what hosts do goes unnoticed");
  return false;
}

void Defender::end() {
  std::unique_lock lock(mutex_);
  const std::size_t dropped = running_ == 1 ? std::exchange(dropped_, 0) : 0;
  if (dropped > 0) {
    lock.unlock();
    log::warn(sender, "", "the data provider keeps up again; {} events of hosts were lost", dropped);
    lock.lock();
  }
  if (--running_ == 0) idle_.notify_all();
}

void Defender::failed(const IpAddress& address, HostEvent event) {
  const int score = score_of(event);
  if (score <= 0) return;
  run([this, ip = address.to_string(), score] { note(ip, score); });
}

std::chrono::milliseconds Defender::login_ended(const LoginReport& report) {
  using Outcome = LoginReport::Outcome;
  const auto address = IpAddress::parse(report.client_ip);
  const auto note = [&](HostEvent event) {
    if (address) failed(*address, event);
  };
  // Whoever left has nothing to wait for; by key nobody guesses.
  const bool by_key = report.method == "publickey";
  switch (report.outcome) {
    case Outcome::succeeded: return options_.success_delay;
    case Outcome::refused: note(HostEvent::wrong_credential); break;
    case Outcome::unknown_account: note(HostEvent::unknown_account); break;
    case Outcome::not_tried:
    case Outcome::not_negotiated: note(HostEvent::not_tried); return {};
    case Outcome::undecided: break;
  }
  return by_key ? std::chrono::milliseconds(0) : options_.failure_delay;
}

void Defender::note(const std::string& ip, int score) {
  const auto address = IpAddress::parse(ip);
  // The lists of several protocols may differ: whoever is safe for one of them is not given a score.
  for (const Protocol protocol : {Protocol::ssh, Protocol::ftp, Protocol::webdav, Protocol::http}) {
    if (address && rules_.on(model::IpListType::defender, *address, protocol) == IpRules::Verdict::allow) return;
  }
  const std::string host_ip = address ? host_text(*address) : ip;
  const store::DefenderTimes now = times();
  const std::int64_t until = now.now + ms(options_.ban_time);
  const auto host = hosts_.add_defender_event(
      {.ip = host_ip, .score = score, .threshold = options_.threshold, .ban_until = until}, now);
  if (!host) {
    log::error(sender, "", "an event of {} was not noted: {}", ip, host.error().message);
  } else if (host->banned_until == until) {
    log::info(sender, "", "{} is banned for {} minutes", host_ip, options_.ban_time.count());
  }
}

Result<void> Defender::check_ban(const IpAddress& address) {
  const std::int64_t more = ms(options_.ban_time) * options_.ban_time_increment / 100;
  const auto until = hosts_.extend_ban(host_text(address), clock_(), more);
  if (!until) return fail(ErrorCode::internal, "whether it is banned cannot be said: " + until.error().message);
  if (*until != 0) return fail(ErrorCode::permission_denied, "it is banned");
  return {};
}

Task<Result<void>> Defender::check(IpAddress address, Protocol protocol) {
  const IpRules::Verdict verdict = rules_.on(model::IpListType::defender, address, protocol);
  if (verdict == IpRules::Verdict::deny) co_return fail(ErrorCode::permission_denied, "it is on the block list");
  if (verdict == IpRules::Verdict::allow) co_return Result<void>();
  if (!options_.hosts_block) co_return check_ban(address);
  Result<void> checked = co_await run_blocking(Lane::database, [this, &address] { return check_ban(address); });
  co_return checked;
}

Result<std::vector<store::DefenderHost>> Defender::hosts() {
  return hosts_.defender_hosts(times(), options_.list_limit);
}

std::string Defender::host_text(const IpAddress& address) const {
  return host_of(address, options_.ipv6_prefix).to_string();
}

Result<store::DefenderHost> Defender::host(std::string_view ip) {
  const auto address = IpAddress::parse(ip);
  return hosts_.defender_host(address ? host_text(*address) : std::string(ip), times());
}

Result<void> Defender::remove(std::string_view ip) {
  const auto address = IpAddress::parse(ip);
  return hosts_.delete_defender_host(address ? host_text(*address) : std::string(ip));
}

void Defender::tick() {
  const std::int64_t now = clock_();
  if (now - tidied_ < tidy_interval_ms) return;
  tidied_ = now;
  run([this] {
    const auto tidied = hosts_.forget_defender_hosts(times());
    if (!tidied) log::error(sender, "", "{}", tidied.error().message);
  });
}

}  // namespace ferry::auth
