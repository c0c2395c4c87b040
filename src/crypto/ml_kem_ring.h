// The ring ML-KEM computes in: polynomials of 256 coefficients modulo q = 3329 (FIPS 203 section 4).
//
// Everything here takes the same time and touches the same memory whatever the coefficients are: no branch, index or
// division depends on them. sample_uniform alone does not, and works on public values.
#pragma once

#include <array>
#include <cstdint>

#include "base/bytes.h"
#include "crypto/secret.h"

namespace ferry::crypto::ml_kem {

inline constexpr std::uint32_t q = 3329;
inline constexpr std::size_t degree = 256;

// floor(a / q) for a < 2^28 by a multiplication with the reciprocal (Barrett): the time that a processor takes to
// divide depends on the numbers.
constexpr std::uint32_t divide_by_q(std::uint32_t a) {
  constexpr std::uint64_t reciprocal = ((std::uint64_t{1} << 40) + q - 1) / q;
  return static_cast<std::uint32_t>((a * reciprocal) >> 40);
}
constexpr std::uint32_t modulo_q(std::uint32_t a) { return a - q * divide_by_q(a); }

// Coefficients are below q between calls. Wiped when it goes.
struct Polynomial {
  std::array<std::uint16_t, degree> c{};

  Polynomial() = default;
  Polynomial(const Polynomial&) = default;
  Polynomial& operator=(const Polynomial&) = default;
  ~Polynomial() { wipe(c.data(), sizeof c); }
};

void add(Polynomial& to, const Polynomial& other);
void subtract(Polynomial& from, const Polynomial& other);

// Algorithms 9 and 10.
void to_ntt(Polynomial& p);
void from_ntt(Polynomial& p);

// A sum of up to three products of polynomials in NTT form (algorithm 11).
class ProductSum {
 public:
  ProductSum() = default;
  ProductSum(const ProductSum&) = delete;
  ProductSum& operator=(const ProductSum&) = delete;
  ~ProductSum() { wipe(sums_.data(), sizeof sums_); }
  void add(const Polynomial& a, const Polynomial& b);
  void store(Polynomial& to) const;

 private:
  std::array<std::uint32_t, degree> sums_{};
};

// Algorithm 7, SampleNTT, of the seed and two index bytes.
void sample_uniform(ByteSpan seed, std::uint8_t first, std::uint8_t second, Polynomial& out);
// Algorithm 8, SamplePolyCBD with eta = 2, of PRF(seed, counter).
void sample_noise(ByteSpan seed, std::uint8_t counter, Polynomial& out);

// Algorithms 5 and 6, ByteEncode and ByteDecode: `bits` a coefficient, 32 * bits bytes. unpack does not reduce: with
// 12 bits the coefficients may be q and more.
void pack(const Polynomial& p, unsigned bits, MutableByteSpan out);
void unpack(ByteSpan packed, unsigned bits, Polynomial& out);
// Formulas 4.7 and 4.8, of every coefficient; `bits` at most 10.
void compress(Polynomial& p, unsigned bits);
void decompress(Polynomial& p, unsigned bits);

}  // namespace ferry::crypto::ml_kem
