// What the door costs a connection: 10,000 blocked networks, 1,000,000 hosts with a score, 1,000,000 that a rate
// limiter remembers, limits of connections. Build and run: cmake --build build/release --target bench_admission &&
// build/release/bench/bench_admission
#include <benchmark/benchmark.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <random>

#include "auth/memory_hosts.h"
#include "server/connection_gatekeeper.h"
#include "store/provider.h"

namespace {

using namespace ferry;

constexpr std::size_t networks = 10'000, hosts = 1'000'000;

IpAddress v4(std::uint32_t bits) {
  std::array<std::uint8_t, 16> bytes{};
  bytes[10] = bytes[11] = 0xff;
  for (unsigned i = 0; i < 4; ++i) bytes[12 + i] = static_cast<std::uint8_t>(bits >> (24 - 8 * i));
  return IpAddress(bytes);
}

struct Door {
  Door() {
    std::mt19937 random(1);
    std::vector<IpNetwork> blocked;
    for (std::size_t i = 0; i < networks; ++i) {
      const std::string address = v4(0x80000000U | static_cast<std::uint32_t>(random())).to_string();
      blocked.push_back(IpNetwork::parse(address + "/" + std::to_string(16 + random() % 17)).value());
    }
    rules.set_files({}, blocked);
    const std::int64_t now = store::now_ms();
    const auto start = auth::RateLimiters::Clock::now();
    for (std::size_t i = 0; i < hosts; ++i) {
      visitors.push_back(v4(static_cast<std::uint32_t>(random()) & 0x7fffffffU));
      const auto added = memory.add_defender_event({visitors.back().to_string(), 1, 100, 0}, {now, 0});
      if (!added) std::abort();
      limiters.ask(Protocol::ssh, visitors.back(), start);
    }
  }

  static auth::RateLimiterOptions limit() {
    auth::RateLimiterOptions options;
    options.average = 1000;
    options.period = std::chrono::hours(24);
    options.burst = 1'000'000;
    options.protocols = bit(Protocol::ssh);
    options.soft_limit = options.hard_limit = 2 * hosts;
    return options;
  }

  auth::IpRules rules;
  auth::MemoryHosts memory{2 * hosts, 2 * hosts};
  auth::Defender defender{{}, rules, memory, store::now_ms};
  auth::RateLimiters limiters{{limit()}, rules};
  std::shared_ptr<presence::Registry> registry = std::make_shared<presence::Registry>(
      presence::Limits{.max_total_connections = 1000, .max_per_host_connections = 20});
  server::ConnectionGatekeeper keeper{rules, &defender, limiters, registry, {}, false, 128};
  std::vector<IpAddress> visitors;
};

// Known hosts that are let in, one after another, and their places given back.
void admit(benchmark::State& state) {
  static Door door;
  asio::io_context context;
  std::size_t next = 0, refused = 0;
  for (auto _ : state) {
    const IpAddress ip = door.visitors[next++ % door.visitors.size()];
    asio::co_spawn(context, door.keeper.admit({Protocol::ssh, ip}),
                   [&](std::exception_ptr, auto admitted) { refused += !admitted; });
    context.run();
    context.restart();
  }
  if (refused != 0) state.SkipWithError("somebody was refused");
}
BENCHMARK(admit)->Unit(benchmark::kNanosecond);

}  // namespace

BENCHMARK_MAIN();
