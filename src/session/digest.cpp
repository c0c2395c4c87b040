#include "session/digest.h"

#include <algorithm>

#include "crypto/hasher.h"

namespace ferry::session {

namespace {

constexpr std::size_t piece = 1024 * 1024;
// Less is hashed faster than another thread could be asked to.
constexpr std::size_t hashed_here = 32 * 1024;

}  // namespace

Task<Result<Bytes>> digest(OpenFile& file, crypto::HashAlgorithm algorithm, std::uint64_t offset, std::uint64_t length,
                           std::function<bool()> given_up) {
  crypto::Hasher hasher(algorithm);
  Bytes buffer;
  while (length > 0) {
    if (given_up && given_up()) co_return fail(ErrorCode::aborted, "nobody waits for the digest");
    const auto wanted = static_cast<std::size_t>(std::min<std::uint64_t>(piece, length));
    if (buffer.size() < wanted) buffer.resize(wanted);
    const Result<std::size_t> got = co_await file.read_at(offset, MutableByteSpan(buffer).first(wanted));
    if (!got) co_return fail(got.error());
    if (*got == 0) break;
    const ByteSpan data = ByteSpan(buffer).first(*got);
    if (data.size() <= hashed_here) {
      hasher.update(data);
    } else {
      auto update = [&hasher, data] { hasher.update(data); };
      co_await run_blocking(Lane::compute, update);
    }
    offset += *got;
    length -= *got;
  }
  co_return hasher.finish();
}

}  // namespace ferry::session
