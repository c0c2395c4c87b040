#include "crypto/ml_kem_ring.h"

#include <algorithm>

#include "crypto/keccak.h"

namespace ferry::crypto::ml_kem {

namespace {

constexpr std::size_t pairs = degree / 2;
constexpr std::uint32_t zeta = 17;  // a primitive 256th root of unity
constexpr std::uint32_t inverse_of_128 = 3303;

constexpr std::uint32_t reverse_7_bits(std::uint32_t value) {
  std::uint32_t reversed = 0;
  for (int i = 0; i < 7; ++i) reversed |= (value >> i & 1) << (6 - i);
  return reversed;
}

constexpr std::uint32_t power_of_zeta(std::uint32_t exponent) {
  std::uint32_t result = 1;
  for (; exponent > 0; --exponent) result = modulo_q(result * zeta);
  return result;
}

// Appendix A: zeta^BitRev7(i), and zeta^(2 BitRev7(i) + 1).
constexpr auto zetas = [] {
  std::array<std::uint16_t, pairs> table{};
  for (std::uint32_t i = 0; i < pairs; ++i) table[i] = static_cast<std::uint16_t>(power_of_zeta(reverse_7_bits(i)));
  return table;
}();
constexpr auto gammas = [] {
  std::array<std::uint16_t, pairs> table{};
  for (std::uint32_t i = 0; i < pairs; ++i) {
    table[i] = static_cast<std::uint16_t>(power_of_zeta(2 * reverse_7_bits(i) + 1));
  }
  return table;
}();

std::uint16_t reduced(std::uint32_t a) { return static_cast<std::uint16_t>(modulo_q(a)); }

// Fills `out` with the 12-bit numbers below q in the stream; how many it found.
std::size_t take_candidates(ByteSpan stream, Polynomial& out) {
  std::size_t count = 0;
  const auto offer = [&](std::uint32_t candidate) {
    if (candidate < q && count < degree) out.c[count++] = static_cast<std::uint16_t>(candidate);
  };
  for (std::size_t i = 0; i + 3 <= stream.size(); i += 3) {
    const auto b0 = std::to_integer<std::uint32_t>(stream[i]);
    const auto b1 = std::to_integer<std::uint32_t>(stream[i + 1]);
    const auto b2 = std::to_integer<std::uint32_t>(stream[i + 2]);
    offer(b0 | (b1 & 15) << 8);
    offer(b1 >> 4 | b2 << 4);
  }
  return count;
}

}  // namespace

void add(Polynomial& to, const Polynomial& other) {
  for (std::size_t i = 0; i < degree; ++i) to.c[i] = reduced(std::uint32_t{to.c[i]} + other.c[i]);
}

void subtract(Polynomial& from, const Polynomial& other) {
  for (std::size_t i = 0; i < degree; ++i) from.c[i] = reduced(from.c[i] + q - other.c[i]);
}

void to_ntt(Polynomial& p) {
  std::size_t next = 1;
  // A layer adds at most q to a coefficient: 8q after the seventh still fits, so one reduction at the end will do.
  for (std::size_t length = pairs; length >= 2; length /= 2) {
    for (std::size_t start = 0; start < degree; start += 2 * length) {
      const std::uint32_t factor = zetas[next++];
      for (std::size_t i = start; i < start + length; ++i) {
        const std::uint32_t turned = modulo_q(factor * p.c[i + length]);
        p.c[i + length] = static_cast<std::uint16_t>(p.c[i] + q - turned);
        p.c[i] = static_cast<std::uint16_t>(p.c[i] + turned);
      }
    }
  }
  for (std::uint16_t& c : p.c) c = reduced(c);
}

void from_ntt(Polynomial& p) {
  std::size_t next = pairs - 1;
  for (std::size_t length = 2; length <= pairs; length *= 2) {
    for (std::size_t start = 0; start < degree; start += 2 * length) {
      const std::uint32_t factor = zetas[next--];
      for (std::size_t i = start; i < start + length; ++i) {
        const std::uint32_t low = p.c[i], high = p.c[i + length];
        p.c[i] = reduced(low + high);
        p.c[i + length] = reduced(factor * (high + q - low));
      }
    }
  }
  for (std::uint16_t& c : p.c) c = reduced(c * inverse_of_128);
}

void ProductSum::add(const Polynomial& a, const Polynomial& b) {
  for (std::size_t i = 0; i < pairs; ++i) {
    const std::uint32_t a0 = a.c[2 * i], a1 = a.c[2 * i + 1], b0 = b.c[2 * i], b1 = b.c[2 * i + 1];
    sums_[2 * i] += a0 * b0 + modulo_q(a1 * b1) * gammas[i];
    sums_[2 * i + 1] += a0 * b1 + a1 * b0;
  }
}

void ProductSum::store(Polynomial& to) const {
  for (std::size_t i = 0; i < degree; ++i) to.c[i] = reduced(sums_[i]);
}

void sample_uniform(ByteSpan seed, std::uint8_t first, std::uint8_t second, Polynomial& out) {
  const std::array<std::byte, 2> indices{std::byte{first}, std::byte{second}};
  // Three of SHAKE128's blocks hold enough candidates 99 times in 100; else it starts over with a longer output.
  constexpr std::size_t three_blocks = 504;
  Bytes stream;
  std::size_t count = 0;
  for (std::size_t size = three_blocks; count < degree; size *= 2) {
    stream.resize(size);
    shake128({seed, indices}, stream);
    count = take_candidates(stream, out);
  }
}

void sample_noise(ByteSpan seed, std::uint8_t counter, Polynomial& out) {
  const std::byte counter_byte{counter};
  std::array<std::byte, degree / 2> stream;
  shake256({seed, ByteSpan(&counter_byte, 1)}, stream);
  const auto bit = [](std::uint32_t from, int at) { return from >> at & 1; };
  for (std::size_t i = 0; i < degree; ++i) {
    const std::uint32_t four = std::to_integer<std::uint32_t>(stream[i / 2]) >> (i % 2 * 4);
    out.c[i] = reduced(q + bit(four, 0) + bit(four, 1) - bit(four, 2) - bit(four, 3));
  }
  wipe(stream);
}

void pack(const Polynomial& p, unsigned bits, MutableByteSpan out) {
  std::uint32_t buffer = 0;
  unsigned filled = 0;
  std::size_t at = 0;
  for (const std::uint16_t c : p.c) {
    buffer |= std::uint32_t{c} << filled;
    for (filled += bits; filled >= 8; filled -= 8) {
      out[at++] = static_cast<std::byte>(buffer);
      buffer >>= 8;
    }
  }
}

void unpack(ByteSpan packed, unsigned bits, Polynomial& out) {
  const std::uint32_t mask = (std::uint32_t{1} << bits) - 1;
  std::uint32_t buffer = 0;
  unsigned filled = 0;
  std::size_t at = 0;
  for (std::uint16_t& c : out.c) {
    for (; filled < bits; filled += 8) buffer |= std::to_integer<std::uint32_t>(packed[at++]) << filled;
    c = static_cast<std::uint16_t>(buffer & mask);
    buffer >>= bits;
    filled -= bits;
  }
}

// round(2^bits c / q) modulo 2^bits: q is odd, so no half ever has to be rounded.
void compress(Polynomial& p, unsigned bits) {
  const std::uint32_t mask = (std::uint32_t{1} << bits) - 1;
  for (std::uint16_t& c : p.c) {
    c = static_cast<std::uint16_t>(divide_by_q((std::uint32_t{c} << bits) + q / 2) & mask);
  }
}

// round(q c / 2^bits)
void decompress(Polynomial& p, unsigned bits) {
  const std::uint32_t half = std::uint32_t{1} << (bits - 1);
  for (std::uint16_t& c : p.c) c = static_cast<std::uint16_t>((c * q + half) >> bits);
}

}  // namespace ferry::crypto::ml_kem
