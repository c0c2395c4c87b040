#include "vfs/object/object_store.h"

namespace ferry::vfs::object {

Task<Result<void>> ObjectStore::remove_version(std::string key, std::string version) {
  Result<void> removed;
  if (!version.empty()) {
    const Result<ObjectInfo> there = co_await head(key);
    if (!there && there.error().code == ErrorCode::not_found) co_return removed;
    if (!there) co_return fail(there.error());
    if (there->version != version) co_return fail(ErrorCode::conflict, location(key) + " is another object by now");
  }
  removed = co_await remove(std::move(key));
  co_return removed;
}

Task<Result<void>> ObjectStore::remove_many(std::vector<std::string> keys) {
  for (std::string& key : keys) {
    auto removed = co_await remove(std::move(key));
    if (!removed) co_return fail(removed.error());
  }
  co_return Result<void>();
}

}  // namespace ferry::vfs::object
