// Lets libFuzzer see the coverage that g++ records.
//
// g++ calls __sanitizer_cov_trace_pc() in every basic block (-fsanitize-coverage=trace-pc); libFuzzer counts in
// tables that clang lays out beside the code. So there is one table here, and a block counts in the entry that its
// address hashes to. For comparisons (trace-cmp) libFuzzer has what g++ calls, but for floating-point ones.
#include <array>
#include <cstdint>

extern "C" {

void __sanitizer_cov_8bit_counters_init(std::uint8_t* start, std::uint8_t* stop);

namespace {
constexpr std::size_t table_size = std::size_t{1} << 16;
std::array<std::uint8_t, table_size> counters;
}  // namespace

__attribute__((no_sanitize_coverage)) void __sanitizer_cov_trace_pc() {
  const auto block = reinterpret_cast<std::uintptr_t>(__builtin_return_address(0));
  const std::uint64_t mixed = static_cast<std::uint64_t>(block) * 0x9E3779B97F4A7C15ULL;
  ++counters.data()[mixed >> 48];
}

void __sanitizer_cov_trace_cmpf(float /*left*/, float /*right*/) {}
void __sanitizer_cov_trace_cmpd(double /*left*/, double /*right*/) {}

__attribute__((constructor, no_sanitize_coverage)) static void register_counters() {
  __sanitizer_cov_8bit_counters_init(counters.data(), counters.data() + counters.size());
}

}  // extern "C"
