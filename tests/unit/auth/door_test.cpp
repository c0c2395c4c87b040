// IP rules, the defender and rate limits, with a clock of the test's own.
#include <gtest/gtest.h>

#include <atomic>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <thread>

#include "auth/defender.h"
#include "auth/ip_rules.h"
#include "auth/memory_hosts.h"
#include "auth/rate_limit.h"
#include "auth/recent_hosts.h"
#include "base/log.h"
#include "store/memory/memory_provider.h"
#include "tests/support/lasting_context.h"

namespace ferry::auth {
namespace {

using model::IpListType;
using Verdict = IpRules::Verdict;
using namespace std::chrono_literals;

IpAddress ip(std::string_view text) { return IpAddress::parse(text).value(); }
IpNetwork net(std::string_view text) { return IpNetwork::parse(text).value(); }
IpAddress nth(unsigned n) {
  return ip("10." + std::to_string(n >> 16 & 255U) + "." + std::to_string(n >> 8 & 255U) + "." +
            std::to_string(n & 255U));
}

model::IpListEntry entry(IpListType type, std::string ipornet, int mode, int protocols = 0) {
  model::IpListEntry made;
  made.type = static_cast<std::int64_t>(type);
  made.ipornet = std::move(ipornet);
  made.mode = mode;
  made.protocols = protocols;
  return made;
}

Result<void> wait_for(Task<Result<void>> task) {
  asio::io_context& context = test::lasting_context();
  Result<void> result;
  asio::co_spawn(context, std::move(task), [&](std::exception_ptr e, Result<void> value) {
    if (e) std::rethrow_exception(e);
    result = std::move(value);
  });
  context.run();
  return result;
}

TEST(IpRules, TheSmallestNetworkDecides) {
  const auto provider = store::make_memory_provider();
  IpRules rules;
  const auto verdict = [&](std::string_view address, Protocol protocol = Protocol::ssh) {
    return rules.on(IpListType::defender, ip(address), protocol);
  };
  ASSERT_TRUE(provider->add_ip_list_entry(entry(IpListType::defender, "10.0.0.0/8", 2)));
  ASSERT_TRUE(provider->add_ip_list_entry(entry(IpListType::defender, "10.1.0.0/16", 1)));
  ASSERT_TRUE(provider->add_ip_list_entry(entry(IpListType::defender, "10.1.1.0/24", 2, bit(Protocol::ftp))));
  EXPECT_EQ(verdict("10.2.0.1"), Verdict::none);
  ASSERT_TRUE(rules.reload(*provider));
  EXPECT_EQ(verdict("10.2.0.1"), Verdict::deny);
  EXPECT_EQ(verdict("10.1.0.1"), Verdict::allow);
  EXPECT_EQ(verdict("10.1.1.1"), Verdict::allow) << "that entry is about another protocol";
  EXPECT_EQ(verdict("10.1.1.1", Protocol::ftp), Verdict::deny);
  EXPECT_EQ(verdict("11.0.0.1"), Verdict::none);
  EXPECT_EQ(rules.on(IpListType::allow_list, ip("10.1.0.1"), Protocol::ssh), Verdict::none);
}

TEST(IpRules, FollowTheProvider) {
  const auto provider = store::make_memory_provider();
  IpRules rules;
  const auto verdict = [&] { return rules.on(IpListType::defender, ip("10.0.0.1"), Protocol::ssh); };
  ASSERT_TRUE(provider->add_ip_list_entry(entry(IpListType::defender, "10.0.0.0/8", 2)));
  ASSERT_TRUE(rules.refresh(*provider, IpListType::defender, "10.0.0.0/8"));
  EXPECT_EQ(verdict(), Verdict::deny);
  ASSERT_TRUE(provider->change_ip_list_entry(IpListType::defender, "10.0.0.0/8", [](model::IpListEntry& stored) {
    stored.mode = 1;
    return Result<void>();
  }));
  ASSERT_TRUE(rules.refresh(*provider, IpListType::defender, "10.0.0.0/8"));
  EXPECT_EQ(verdict(), Verdict::allow);
  ASSERT_TRUE(provider->delete_ip_list_entry(IpListType::defender, "10.0.0.0/8"));
  ASSERT_TRUE(rules.refresh(*provider, IpListType::defender, "10.0.0.0/8"));
  EXPECT_EQ(verdict(), Verdict::none);
}

TEST(IpRules, FilesAndListsStandTogether) {
  const auto provider = store::make_memory_provider();
  IpRules rules;
  const auto verdict = [&](std::string_view address) {
    return rules.on(IpListType::defender, ip(address), Protocol::ssh);
  };
  ASSERT_TRUE(provider->add_ip_list_entry(entry(IpListType::defender, "10.1.0.0/16", 1)));
  ASSERT_TRUE(rules.reload(*provider));
  rules.set_files({net("10.2.0.0/16"), net("192.0.2.1")}, {net("10.0.0.0/8"), net("10.1.0.0/16")});
  EXPECT_EQ(verdict("10.1.0.1"), Verdict::deny) << "of two about the same network the one that denies";
  EXPECT_EQ(verdict("10.2.0.1"), Verdict::allow);
  EXPECT_EQ(verdict("10.3.0.1"), Verdict::deny);
  EXPECT_EQ(verdict("192.0.2.1"), Verdict::allow);
  rules.set_files({}, {});
  EXPECT_EQ(verdict("10.3.0.1"), Verdict::none);
  EXPECT_EQ(verdict("10.1.0.1"), Verdict::allow);
}

// Runs with both drivers.
class DefenderTest : public testing::TestWithParam<bool> {
 protected:
  DefenderTest() {
    options_.hosts_block = GetParam();
    options_.threshold = 4;
    options_.ban_time = 30min;
    options_.observation_time = 10min;
  }
  store::DefenderHosts& hosts() { return GetParam() ? static_cast<store::DefenderHosts&>(*provider_) : memory_; }
  void open() {
    defender_ = std::make_unique<Defender>(options_, rules_, hosts(), [this] { return now_.load(); });
  }
  void pass(std::chrono::minutes time) { now_ += std::chrono::milliseconds(time).count(); }
  void fail_times(int count, HostEvent event = HostEvent::wrong_credential, std::string_view who = "192.0.2.1") {
    for (int i = 0; i < count; ++i) defender_->failed(ip(who), event);
    // What goes to a database is on its way.
    for (int i = 0; GetParam() && i < 400; ++i) {
      if (i > 4 && defender_->host(who)) break;
      std::this_thread::sleep_for(5ms);
    }
  }
  bool let_in(std::string_view who = "192.0.2.1") {
    return wait_for(defender_->check(ip(who), Protocol::ssh)).has_value();
  }
  std::int64_t score(std::string_view who = "192.0.2.1") {
    const auto host = defender_->host(who);
    return host ? host->score : 0;
  }

  std::atomic<std::int64_t> now_{1'000'000'000};
  std::unique_ptr<store::Provider> provider_ = store::make_memory_provider();
  MemoryHosts memory_{100, 150};
  IpRules rules_;
  DefenderOptions options_;
  std::unique_ptr<Defender> defender_;
};

INSTANTIATE_TEST_SUITE_P(Drivers, DefenderTest, testing::Bool(),
                         [](const auto& info) { return info.param ? "provider" : "memory"; });

TEST_P(DefenderTest, BansAboveTheThresholdForTheBanTime) {
  open();
  fail_times(4);
  EXPECT_EQ(score(), 4);
  EXPECT_TRUE(let_in());
  fail_times(1);
  EXPECT_EQ(score(), 0) << "a banned host has no score";
  EXPECT_TRUE(let_in("192.0.2.2"));
  EXPECT_EQ(defender_->hosts()->size(), 1U);
  EXPECT_EQ(defender_->host("192.0.2.1")->banned_until, now_ + 30 * 60'000);
  pass(30min);
  EXPECT_TRUE(let_in());
  EXPECT_FALSE(defender_->host("192.0.2.1"));
}

TEST_P(DefenderTest, EachTryOfABannedHostBansItLonger) {
  open();
  fail_times(5);
  EXPECT_FALSE(let_in());
  EXPECT_FALSE(let_in());
  EXPECT_EQ(defender_->host("192.0.2.1")->banned_until, now_ + (30 + 15 + 15) * 60'000);
  pass(59min);
  EXPECT_FALSE(let_in());
  pass(16min);
  EXPECT_TRUE(let_in());
}

TEST_P(DefenderTest, OnlyTheObservationTimeCounts) {
  open();
  fail_times(4);
  pass(11min);
  EXPECT_EQ(score(), 0);
  fail_times(1);
  EXPECT_EQ(score(), 1);
  EXPECT_TRUE(let_in());
}

TEST_P(DefenderTest, EachEventHasItsScore) {
  options_.threshold = 100;
  open();
  fail_times(1, HostEvent::unknown_account);
  EXPECT_EQ(score(), 2);
  fail_times(1, HostEvent::not_tried);
  EXPECT_EQ(score(), 2) << "0 by default";
  defender_->failed(ip("192.0.2.9"), HostEvent::limit_exceeded);
  fail_times(0, HostEvent::limit_exceeded, "192.0.2.9");
  EXPECT_EQ(score("192.0.2.9"), 3);
}

TEST_P(DefenderTest, HostsCanBeRemoved) {
  open();
  fail_times(5);
  EXPECT_FALSE(let_in());
  EXPECT_TRUE(defender_->remove("192.0.2.1"));
  EXPECT_TRUE(let_in());
  EXPECT_EQ(defender_->remove("192.0.2.1").error().code, ErrorCode::not_found);
  EXPECT_EQ(defender_->host("nobody").error().code, ErrorCode::not_found);
}

TEST_P(DefenderTest, NetworksOfIpv6AreOneHost) {
  rules_.set_files({net("2001:db8:0:1::9/128")}, {});
  options_.ipv6_prefix = 64;
  open();
  for (int i = 0; i < 5; ++i) fail_times(1, HostEvent::wrong_credential, "2001:db8:0:1::" + std::to_string(i + 1));
  EXPECT_FALSE(let_in("2001:db8:0:1:ffff::1"));
  EXPECT_TRUE(let_in("2001:db8:0:2::1"));
  EXPECT_TRUE(let_in("2001:db8:0:1::9")) << "it is on the safe list";
  ASSERT_EQ(defender_->hosts()->size(), 1U);
  EXPECT_EQ(defender_->hosts()->front().ip, "2001:db8:0:1::");
  EXPECT_TRUE(defender_->host("2001:db8:0:1::77"));
  EXPECT_TRUE(defender_->remove("2001:db8:0:1::77"));
  EXPECT_TRUE(let_in("2001:db8:0:1:ffff::1"));
}

TEST_P(DefenderTest, ListsDecideBeforeScores) {
  rules_.set_files({net("192.0.2.0/24")}, {net("198.51.100.0/24")});
  open();
  for (int i = 0; i < 50; ++i) defender_->failed(ip("192.0.2.1"), HostEvent::unknown_account);
  EXPECT_TRUE(let_in());
  EXPECT_FALSE(let_in("198.51.100.7"));
  EXPECT_TRUE(defender_->hosts()->empty());
}

TEST_P(DefenderTest, ManyAtOnceAreAllCounted) {
  options_.threshold = 10'000;
  open();
  std::vector<std::thread> threads;
  for (int i = 0; i < 8; ++i) {
    threads.emplace_back([&] {
      for (int n = 0; n < 25; ++n) defender_->failed(ip("192.0.2.1"), HostEvent::wrong_credential);
    });
  }
  for (auto& thread : threads) thread.join();
  for (int i = 0; i < 2000 && score() < 200; ++i) std::this_thread::sleep_for(5ms);
  EXPECT_EQ(score(), 200);
}

// A check that fails refuses.
class BrokenHosts final : public store::DefenderHosts {
 public:
  Result<std::vector<store::DefenderHost>> defender_hosts(store::DefenderTimes, std::size_t) override {
    return broken();
  }
  Result<store::DefenderHost> defender_host(std::string_view, store::DefenderTimes) override { return broken(); }
  Result<store::DefenderHost> add_defender_event(const store::DefenderEvent&, store::DefenderTimes) override {
    return broken();
  }
  Result<std::int64_t> extend_ban(std::string_view, std::int64_t, std::int64_t) override { return broken(); }
  Result<void> delete_defender_host(std::string_view) override { return broken(); }
  Result<void> forget_defender_hosts(store::DefenderTimes) override { return broken(); }

 private:
  static std::unexpected<Error> broken() { return fail(ErrorCode::io_error, "the database is down"); }
};

TEST(DefenderFault, NobodyComesInWhenBansCannotBeRead) {
  for (const bool block : {false, true}) {
    BrokenHosts hosts;
    IpRules rules;
    DefenderOptions options;
    options.hosts_block = block;
    Defender defender(options, rules, hosts, [] { return std::int64_t{1}; });
    defender.failed(ip("192.0.2.1"), HostEvent::unknown_account);
    EXPECT_FALSE(wait_for(defender.check(ip("192.0.2.1"), Protocol::ssh)));
  }
}

// As a database that answers when it is let go.
class SlowHosts final : public store::DefenderHosts {
 public:
  Result<std::vector<store::DefenderHost>> defender_hosts(store::DefenderTimes, std::size_t) override { return {}; }
  Result<store::DefenderHost> defender_host(std::string_view, store::DefenderTimes) override { return {}; }
  Result<store::DefenderHost> add_defender_event(const store::DefenderEvent&, store::DefenderTimes) override {
    go_on.wait(false);
    return {};
  }
  Result<std::int64_t> extend_ban(std::string_view, std::int64_t, std::int64_t) override { return 0; }
  Result<void> delete_defender_host(std::string_view) override { return {}; }
  Result<void> forget_defender_hosts(store::DefenderTimes) override { return {}; }
  std::atomic<bool> go_on = false;
};

TEST(DefenderFault, LostEventsAreLogged) {
  const std::string path = testing::TempDir() + "/defender.log";
  std::filesystem::remove(path);
  log::Options to_file;
  to_file.file_path = path;
  ASSERT_TRUE(log::open(to_file));
  {
    SlowHosts hosts;
    IpRules rules;
    DefenderOptions options;
    options.hosts_block = true;
    Defender defender(options, rules, hosts, [] { return std::int64_t{1}; });
    for (int i = 0; i < 1042; ++i) defender.failed(ip("192.0.2.1"), HostEvent::unknown_account);
    hosts.go_on = true;
    hosts.go_on.notify_all();
  }
  log::flush();
  ASSERT_TRUE(log::open({}));
  std::ifstream file(path);
  const std::string text{std::istreambuf_iterator<char>(file), {}};
  EXPECT_NE(text.find("does not keep up"), std::string::npos) << text;
  EXPECT_NE(text.find(" 42 events of hosts were lost"), std::string::npos) << text;
}

TEST(RecentHosts, NobodyWaitsForAllThatIsForgotten) {
  RecentHosts<int> hosts(10'000, 20'000);
  for (unsigned i = 0; i < 20'000; ++i) hosts.see(nth(i));
  EXPECT_EQ(hosts.size(), 20'000U);
  std::size_t before = hosts.size();
  for (unsigned i = 20'000; i < 20'200; ++i) {
    hosts.see(nth(i)) = 7;
    EXPECT_LE(before, hosts.size() + Thinning::at_once);
    EXPECT_GE(hosts.size(), 10'000U);
    before = hosts.size();
  }
  EXPECT_LT(hosts.size(), 10'200U) << "it comes down all the same";
  EXPECT_EQ(*hosts.find(nth(20'199)), 7);
  EXPECT_EQ(hosts.find(nth(9'000)), nullptr);
}

TEST(MemoryHosts, AFloodOfAddressesStaysWithinTheLimits) {
  MemoryHosts hosts(100, 150);
  const store::DefenderTimes times{.now = 1000, .since = 0};
  std::size_t most = 0;
  for (unsigned i = 0; i < 20'000; ++i) {
    ASSERT_TRUE(hosts.add_defender_event({nth(i).to_string(), 1, 4, 5000}, times));
    if (i % 37 == 0) most = std::max(most, hosts.defender_hosts(times, 100'000)->size());
  }
  EXPECT_LE(most, 150U);
  EXPECT_GE(hosts.defender_hosts(times, 100'000)->size(), 100U);
  EXPECT_TRUE(hosts.defender_host(nth(19'999).to_string(), times)) << "the newest is kept";
  EXPECT_FALSE(hosts.defender_host(nth(0).to_string(), times));
  for (unsigned i = 0; i < 20'000; ++i) {
    ASSERT_TRUE(hosts.add_defender_event({nth(i).to_string(), 9, 4, 5000 + i}, times));
  }
  const auto banned = hosts.defender_hosts(times, 100'000);
  EXPECT_LE(banned->size(), 300U);
  EXPECT_NE(hosts.defender_host(nth(19'999).to_string(), times)->banned_until, 0) << "the longest ban is kept";
  ASSERT_TRUE(hosts.forget_defender_hosts({.now = 100'000, .since = 90'000}));
  EXPECT_TRUE(hosts.defender_hosts({.now = 100'000, .since = 0}, 100'000)->empty());
}

using Clock = RateLimiters::Clock;

RateLimiterOptions limit(std::int64_t average, std::chrono::milliseconds period, std::int64_t burst, bool per_source) {
  RateLimiterOptions options;
  options.average = average;
  options.period = period;
  options.burst = burst;
  options.per_source = per_source;
  options.protocols = bit(Protocol::ssh);
  return options;
}

TEST(RateLimits, ABucketIsFullAtFirstAndRefills) {
  IpRules rules;
  RateLimiters limiters({limit(10, 10s, 3, true)}, rules);
  Clock::time_point now = Clock::now();
  const auto ask = [&](std::string_view who) { return limiters.ask(Protocol::ssh, ip(who), now); };
  for (int i = 0; i < 3; ++i) EXPECT_TRUE(ask("192.0.2.1").admitted && ask("192.0.2.2").wait == 0ns) << i;
  EXPECT_FALSE(ask("192.0.2.1").admitted) << "a second is more than anyone may wait";
  EXPECT_EQ(ask("192.0.2.1").wait, 1s) << "what is refused takes nothing";
  now += 600ms;
  const auto soon = ask("192.0.2.1");
  EXPECT_TRUE(soon.admitted);
  EXPECT_EQ(soon.wait, 400ms);
  EXPECT_FALSE(ask("192.0.2.1").admitted) << "the next place is taken";
  now += 1s;
  EXPECT_TRUE(ask("192.0.2.1").admitted);
  now += 1h;
  for (int i = 0; i < 3; ++i) EXPECT_EQ(ask("192.0.2.1").wait, 0ns) << "never more than the burst";
  EXPECT_FALSE(ask("192.0.2.1").admitted);
}

TEST(RateLimits, OfAllSourcesTogether) {
  IpRules rules;
  RateLimiters limiters({limit(1, 10s, 2, false)}, rules);
  const auto now = Clock::now();
  EXPECT_TRUE(limiters.ask(Protocol::ssh, ip("192.0.2.1"), now).admitted);
  EXPECT_TRUE(limiters.ask(Protocol::ssh, ip("192.0.2.2"), now).admitted);
  EXPECT_FALSE(limiters.ask(Protocol::ssh, ip("192.0.2.3"), now).admitted);
  EXPECT_TRUE(limiters.ask(Protocol::http, ip("192.0.2.3"), now).admitted) << "another protocol";
}

TEST(RateLimits, AllOfThemHold) {
  IpRules rules;
  RateLimiters limiters({limit(100, 1s, 100, false), limit(1, 10s, 1, true)}, rules);
  const auto now = Clock::now();
  EXPECT_TRUE(limiters.ask(Protocol::ssh, ip("192.0.2.1"), now).admitted);
  EXPECT_FALSE(limiters.ask(Protocol::ssh, ip("192.0.2.1"), now).admitted);
  EXPECT_TRUE(limiters.ask(Protocol::ssh, ip("192.0.2.2"), now).admitted);
}

TEST(RateLimits, NetworksOfIpv6AreOneSource) {
  IpRules rules;
  RateLimiters limiters({limit(1, 10s, 1, true)}, rules, 64);
  const auto now = Clock::now();
  const auto admits = [&](std::string_view who) { return limiters.ask(Protocol::ssh, ip(who), now).admitted; };
  EXPECT_TRUE(admits("2001:db8:0:1::1"));
  EXPECT_FALSE(admits("2001:db8:0:1:1:2:3:4"));
  EXPECT_TRUE(admits("2001:db8:0:2::1"));
  EXPECT_TRUE(admits("192.0.2.1"));
  EXPECT_TRUE(admits("192.0.2.2")) << "IPv4 addresses are hosts of their own";
}

TEST(RateLimits, WhoIsLeftAloneAndWhoIsReported) {
  const auto provider = store::make_memory_provider();
  ASSERT_TRUE(provider->add_ip_list_entry(entry(IpListType::rate_limiter_safe_list, "192.0.2.0/24", 1)));
  IpRules rules;
  ASSERT_TRUE(rules.reload(*provider));
  RateLimiterOptions options = limit(1, 10s, 1, true);
  options.allow_list = NetworkSet::of(std::vector<std::string>{"198.51.100.0/24"});
  options.tells_defender = true;
  RateLimiters limiters({options}, rules);
  const auto now = Clock::now();
  for (int i = 0; i < 9; ++i) {
    EXPECT_TRUE(limiters.ask(Protocol::ssh, ip("192.0.2.1"), now).admitted);
    EXPECT_TRUE(limiters.ask(Protocol::ssh, ip("198.51.100.1"), now).admitted);
  }
  EXPECT_FALSE(limiters.ask(Protocol::ssh, ip("203.0.113.1"), now).for_the_defender);
  const auto second = limiters.ask(Protocol::ssh, ip("203.0.113.1"), now);
  EXPECT_FALSE(second.admitted);
  EXPECT_TRUE(second.for_the_defender);
}

TEST(RateLimits, AFloodOfSourcesForgetsTheOldestOnly) {
  IpRules rules;
  RateLimiters limiters({limit(1, 3600s, 1, true)}, rules);
  const auto now = Clock::now();
  for (unsigned i = 0; i < 20'000; ++i) EXPECT_TRUE(limiters.ask(Protocol::ssh, nth(i), now).admitted);
  EXPECT_FALSE(limiters.ask(Protocol::ssh, nth(19'999), now).admitted);
  EXPECT_FALSE(limiters.ask(Protocol::ssh, nth(19'950), now).admitted);
}

TEST(RateLimits, OneOf200AtOnce) {
  IpRules rules;
  RateLimiters limiters({limit(1, 3600s, 1, true)}, rules);
  std::atomic<int> admitted{0};
  std::vector<std::thread> threads;
  for (int i = 0; i < 8; ++i) {
    threads.emplace_back([&] {
      for (int n = 0; n < 25; ++n) admitted += limiters.ask(Protocol::ssh, ip("192.0.2.1"), Clock::now()).admitted;
    });
  }
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(admitted, 1);
}

}  // namespace
}  // namespace ferry::auth
