#include "vfs/mounts.h"

namespace ferry::vfs {

MountTable::MountTable(std::shared_ptr<FileSystem> home) {
  mounts_.push_back(std::make_unique<Mount>(Mount{VirtualPath(), std::move(home), 0}));
}

Result<void> MountTable::add(VirtualPath point, std::shared_ptr<FileSystem> storage) {
  if (point.is_root()) {
    mounts_[0]->storage = std::move(storage);
    return {};
  }
  if (by_point_.contains(point.text())) return fail(ErrorCode::conflict, "mounted twice: " + point.text());
  for (VirtualPath at = point; !at.is_root(); at = at.parent()) {
    names_[at.parent().text()].insert(std::string(at.name()));
  }
  const std::string key = point.text();
  mounts_.push_back(std::make_unique<Mount>(Mount{std::move(point), std::move(storage), mounts_.size()}));
  by_point_.emplace(key, mounts_.back().get());
  return {};
}

MountTable::Target MountTable::resolve(const VirtualPath& path) const {
  // From the path upwards: the cost is the path's depth, however many folders are mounted.
  std::string_view prefix = by_point_.empty() ? std::string_view() : std::string_view(path.text());
  while (prefix.size() > 1) {
    const auto found = by_point_.find(prefix);
    if (found != by_point_.end()) return {found->second, path.below(found->second->point)};
    prefix = prefix.substr(0, prefix.rfind('/'));
  }
  return {mounts_[0].get(), path};
}

bool MountTable::is_pinned(const VirtualPath& path) const {
  return path.is_root() || by_point_.contains(path.text()) || names_.contains(path.text());
}

const std::set<std::string>& MountTable::names_in(const VirtualPath& directory) const {
  static const std::set<std::string> none;
  const auto found = names_.find(directory.text());
  return found == names_.end() ? none : found->second;
}

}  // namespace ferry::vfs
