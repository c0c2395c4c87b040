#include "vfs/object/lost_answers.h"

#include <array>

#include "crypto/encoding.h"
#include "crypto/secret.h"
#include "vfs/object/retry.h"

namespace ferry::vfs::object {

std::string new_writing() {
  std::array<std::byte, 16> chosen{};
  crypto::random_bytes(chosen);
  return crypto::hex_encode(chosen);
}

Task<Result<ObjectInfo>> if_written_by(std::shared_ptr<ObjectStore> store, std::string key, std::string writing,
                                       Error error) {
  if (writing.empty()) co_return fail(std::move(error));
  const auto look = [=] { return store->head(key); };
  Result<ObjectInfo> there = fail(ErrorCode::internal);
  // After minutes of tries that all failed one look is enough.
  if (is_passing(error.code)) {
    there = co_await look();
  } else {
    there = co_await retried(store, look);
  }
  if (there && there->writing == writing) co_return there;
  co_return fail(std::move(error));
}

}  // namespace ferry::vfs::object
