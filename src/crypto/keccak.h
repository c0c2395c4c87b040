// SHA-3 and SHAKE in one call each (FIPS 202), over OpenSSL.
#pragma once

#include <initializer_list>

#include "base/bytes.h"

namespace ferry::crypto {

// Each hashes the parts, one after another, and fills `out`: 32 bytes, 64 bytes, any number, any number.
void sha3_256(std::initializer_list<ByteSpan> parts, MutableByteSpan out);
void sha3_512(std::initializer_list<ByteSpan> parts, MutableByteSpan out);
void shake128(std::initializer_list<ByteSpan> parts, MutableByteSpan out);
void shake256(std::initializer_list<ByteSpan> parts, MutableByteSpan out);

}  // namespace ferry::crypto
