// The defender: bans addresses whose logins fail too often.
//
//   defender.failed(ip, HostEvent::wrong_credential);       // adds to the score of the address
//   const auto banned = co_await defender.check(ip, Protocol::ssh);
//   if (!banned) ... // refused: banned.error() says why, for the log
//
// Each failure adds a score. An address is banned for ban_time when its scores of the last observation_time add up to
// more than the threshold; with the defaults: 8 logins with unknown names (2 each) within 30 minutes. Each connection
// of a banned address makes the ban longer by ban_time_increment percent. IPv6 addresses of one network (/64, say)
// share score and ban; an address on the safe list is let in all the same. Safe from any thread.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <mutex>
#include <string>
#include <vector>

#include "auth/ip_rules.h"
#include "auth/login_report.h"
#include "base/task.h"
#include "store/defender_hosts.h"

namespace ferry::auth {

enum class HostEvent : std::uint8_t {
  unknown_account,   // score_invalid
  wrong_credential,  // score_valid: the account exists
  limit_exceeded,    // too many connections of one host, or a rate limiter with generate_defender_events
  not_tried,         // left without trying to log in
};

struct DefenderOptions {
  std::chrono::minutes ban_time{30};
  int ban_time_increment = 50;  // percent of ban_time, for each try of a banned address
  int threshold = 15;
  int score_invalid = 2, score_valid = 1, score_limit_exceeded = 3, score_no_auth = 0;
  std::chrono::minutes observation_time{30};
  std::size_t list_limit = 150;  // hosts that are listed
  bool hosts_block = false;      // the scores are in a database: it is asked on the blocking pool
  std::chrono::milliseconds success_delay{0}, failure_delay{0};  // before a login is answered
  unsigned ipv6_prefix = 128;  // bits of an IPv6 address that score and ban are about (base/host_of.h)
};

class Defender final : public LoginObserver {
 public:
  // `rules` and `hosts` outlive it. `clock`: Unix milliseconds.
  Defender(DefenderOptions options, const IpRules& rules, store::DefenderHosts& hosts,
           std::function<std::int64_t()> clock);
  // Waits until events that are being stored have been stored.
  ~Defender() override;

  // Counts a failed login. Answers success_delay or failure_delay.
  std::chrono::milliseconds login_ended(const LoginReport& report) override;
  // Does not block.
  void failed(const IpAddress& address, HostEvent event);
  // permission_denied: the address is on the block list, or banned. Any other error: the store failed, so it is not
  // known whether it is; the client is refused then, too.
  Task<Result<void>> check(IpAddress address, Protocol protocol);

  // For REST. These block. not_found: the address has no score and no ban.
  Result<std::vector<store::DefenderHost>> hosts();
  Result<store::DefenderHost> host(std::string_view ip);
  Result<void> remove(std::string_view ip);

  // Called every few seconds; every few minutes removes scores and bans that are over. Does not block.
  void tick();
  const DefenderOptions& options() const { return options_; }

 private:
  store::DefenderTimes times() const;
  int score_of(HostEvent event) const;
  Result<void> check_ban(const IpAddress& address);
  // The address that score and ban belong to.
  std::string host_text(const IpAddress& address) const;
  void note(const std::string& ip, int score);
  // Runs `work` on the blocking pool if hosts_block, else at once.
  void run(std::function<void()> work);
  // Counts work given to the pool. False: too much waits already, drop the event.
  bool begin();
  void end();

  const DefenderOptions options_;
  const IpRules& rules_;
  store::DefenderHosts& hosts_;
  const std::function<std::int64_t()> clock_;
  std::mutex mutex_;
  std::condition_variable idle_;
  std::size_t running_ = 0;
  std::size_t dropped_ = 0;  // events, because too many waited
  std::int64_t tidied_ = 0;
};

}  // namespace ferry::auth
