#include "crypto/crc32c.h"

#include <array>
#include <cstring>

#if defined(__x86_64__)
#include <nmmintrin.h>
#endif

namespace ferry::crypto {

namespace {

constexpr std::uint32_t polynomial = 0x82F63B78;  // reflected

constexpr std::array<std::uint32_t, 256> make_table() {
  std::array<std::uint32_t, 256> table{};
  for (std::uint32_t byte = 0; byte < table.size(); ++byte) {
    std::uint32_t crc = byte;
    for (int bit = 0; bit < 8; ++bit) crc = (crc >> 1) ^ ((crc & 1U) != 0 ? polynomial : 0);
    table[byte] = crc;
  }
  return table;
}

constexpr std::array<std::uint32_t, 256> crc_table = make_table();

std::uint32_t crc_by_table(ByteSpan data, std::uint32_t crc) {
  for (const std::byte byte : data) crc = (crc >> 8) ^ crc_table[(crc ^ static_cast<std::uint32_t>(byte)) & 0xffU];
  return crc;
}

#if defined(__x86_64__)
__attribute__((target("sse4.2"))) std::uint32_t crc_by_processor(ByteSpan data, std::uint32_t crc) {
  std::uint64_t wide = crc;
  while (data.size() >= sizeof(std::uint64_t)) {
    std::uint64_t word;
    std::memcpy(&word, data.data(), sizeof word);
    wide = _mm_crc32_u64(wide, word);
    data = data.subspan(sizeof word);
  }
  crc = static_cast<std::uint32_t>(wide);
  for (const std::byte byte : data) crc = _mm_crc32_u8(crc, static_cast<std::uint8_t>(byte));
  return crc;
}
#endif

}  // namespace

std::uint32_t crc32c(ByteSpan data, std::uint32_t before) {
  const std::uint32_t crc = ~before;
#if defined(__x86_64__)
  if (__builtin_cpu_supports("sse4.2")) return ~crc_by_processor(data, crc);
#endif
  return ~crc_by_table(data, crc);
}

}  // namespace ferry::crypto
