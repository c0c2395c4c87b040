#include "vfs/mounts.h"

namespace ferry::vfs {

MountTable::MountTable(std::shared_ptr<FileSystem> home) {
  mounts_.push_back(std::make_unique<Mount>(Mount{VirtualPath(), std::move(home), 0}));
}

Result<void> MountTable::add(VirtualPath point, std::shared_ptr<FileSystem> storage) {
  if (point.is_root()) {
    if (home_replaced_) return fail(ErrorCode::conflict, "mounted twice: /");
    home_replaced_ = true;
    mounts_[0]->storage = std::move(storage);
    return {};
  }
  auto mount = std::make_unique<Mount>(Mount{std::move(point), std::move(storage), mounts_.size()});
  if (!by_point_.emplace(mount->point, mount.get()).second) {
    return fail(ErrorCode::conflict, "mounted twice: " + mount->point.text());
  }
  mounts_.push_back(std::move(mount));
  return {};
}

MountTable::Target MountTable::resolve(const VirtualPath& path) const {
  const Mount* const* found = by_point_.nearest(path);
  if (found == nullptr) return {mounts_[0].get(), path};
  return {*found, path.below((*found)->point)};
}

std::vector<std::string> MountTable::names_in(const VirtualPath& directory) const {
  std::vector<std::string> names;
  const auto* node = by_point_.node(directory);
  if (node == nullptr) return names;
  for (const auto& [name, child] : node->children) names.push_back(name);
  return names;
}

}  // namespace ferry::vfs
