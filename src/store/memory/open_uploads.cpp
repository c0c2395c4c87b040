#include "store/memory/engine.h"

namespace ferry::store::memory {

Result<std::int64_t> Engine::add_open_upload(const OpenUpload& upload) {
  const std::unique_lock lock(mutex_);
  const std::int64_t id = ++last_upload_;
  OpenUpload& kept = open_uploads_[id] = upload;
  kept.id = id;
  return id;
}

Result<void> Engine::disown_open_upload(std::int64_t id) {
  const std::unique_lock lock(mutex_);
  const auto found = open_uploads_.find(id);
  if (found != open_uploads_.end()) found->second.owner.clear();
  return {};
}

Result<void> Engine::remove_open_upload(std::int64_t id) {
  const std::unique_lock lock(mutex_);
  open_uploads_.erase(id);
  return {};
}

Result<std::vector<OpenUpload>> Engine::open_uploads(std::int64_t after, std::size_t limit) {
  const std::shared_lock lock(mutex_);
  std::vector<OpenUpload> some;
  for (auto at = open_uploads_.upper_bound(after); at != open_uploads_.end() && some.size() < limit; ++at) {
    some.push_back(at->second);
  }
  return some;
}

}  // namespace ferry::store::memory
