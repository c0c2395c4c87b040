#include "vfs/object/object_store.h"

namespace ferry::vfs::object {

Task<Result<void>> ObjectStore::remove_many(std::vector<std::string> keys) {
  for (std::string& key : keys) {
    auto removed = co_await remove(std::move(key));
    if (!removed) co_return fail(removed.error());
  }
  co_return Result<void>();
}

}  // namespace ferry::vfs::object
