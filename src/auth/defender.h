// The defender: addresses that fail too often are kept out for a while.
//
//   defender.failed(ip, HostEvent::wrong_credential);       // adds to the score of the address
//   const auto banned = co_await defender.check(ip, Protocol::ssh);
//   if (!banned) ... // refused: banned.error() says why, for the log
//
// Safe from any thread. An address is banned when its score of the observation time is above the threshold. Whoever
// comes while banned stays banned longer. IPv6 addresses of one network share score and ban; who is on the safe list is
// let in all the same.
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
  limit_exceeded,    // of connections of one host, or of a rate limiter that says so
  not_tried,         // left without trying to log in
};

struct DefenderOptions {
  std::chrono::minutes ban_time{30};
  int ban_time_increment = 50;  // percent of ban_time, for each try of a banned address
  int threshold = 15;
  int score_invalid = 2, score_valid = 1, score_limit_exceeded = 3, score_no_auth = 0;
  std::chrono::minutes observation_time{30};
  std::size_t list_limit = 150;                                  // hosts that are listed
  bool hosts_block = false;                                      // the hosts are a database: asked on the blocking pool
  std::chrono::milliseconds success_delay{0}, failure_delay{0};  // before a login is answered
  unsigned ipv6_prefix = 128;  // bits of an IPv6 address that score and ban are about (base/host_of.h)
};

class Defender final : public LoginObserver {
 public:
  // `rules` and `hosts` outlive it. `clock`: Unix milliseconds.
  Defender(DefenderOptions options, const IpRules& rules, store::DefenderHosts& hosts,
           std::function<std::int64_t()> clock);
  // Waits for events that are on their way.
  ~Defender() override;

  // Failed logins are events; answers are delayed.
  std::chrono::milliseconds login_ended(const LoginReport& report) override;
  // Does not block.
  void failed(const IpAddress& address, HostEvent event);
  // An error when the address is on the block list, banned, or nobody can say whether it is.
  Task<Result<void>> check(IpAddress address, Protocol protocol);

  // These may block: through run_blocking. not_found.
  Result<std::vector<store::DefenderHost>> hosts();
  Result<store::DefenderHost> host(std::string_view ip);
  Result<void> remove(std::string_view ip);

  // Drops what no longer counts, every few minutes. Does not block.
  void tick();
  const DefenderOptions& options() const { return options_; }

 private:
  store::DefenderTimes times() const;
  int score_of(HostEvent event) const;
  Result<void> check_ban(const IpAddress& address);
  // The address that score and ban belong to.
  std::string host_text(const IpAddress& address) const;
  void note(const std::string& ip, int score);
  // Runs `work` where it may block.
  void run(std::function<void()> work);
  // Of work on its way. False: there is too much already.
  bool begin();
  void end();

  const DefenderOptions options_;
  const IpRules& rules_;
  store::DefenderHosts& hosts_;
  const std::function<std::int64_t()> clock_;
  std::mutex mutex_;
  std::condition_variable idle_;
  std::size_t running_ = 0;
  std::size_t dropped_ = 0;  // since too many were on their way
  std::int64_t tidied_ = 0;
};

}  // namespace ferry::auth
