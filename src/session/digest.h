// The digest of a part of an open file, without blocking the event loop: reading and hashing go piece by piece.
#pragma once

#include <functional>
#include <limits>

#include "crypto/cipher.h"
#include "session/session.h"

namespace ferry::session {

inline constexpr std::uint64_t to_the_end = std::numeric_limits<std::uint64_t>::max();

// Of `length` bytes from `offset`, fewer where the file ends before. aborted: `given_up` said that nobody waits for
// it any more; it is asked between the pieces.
Task<Result<Bytes>> digest(OpenFile& file, crypto::HashAlgorithm algorithm, std::uint64_t offset, std::uint64_t length,
                           std::function<bool()> given_up);

}  // namespace ferry::session
