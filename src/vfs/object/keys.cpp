#include "vfs/object/keys.h"

namespace ferry::vfs::object {

Keys::Keys(std::string_view prefix) {
  while (prefix.starts_with('/')) prefix.remove_prefix(1);
  while (prefix.ends_with('/')) prefix.remove_suffix(1);
  prefix_ = prefix;
  if (!prefix_.empty()) prefix_ += '/';
}

std::string Keys::file(const VirtualPath& path) const { return prefix_ + path.text().substr(1); }

std::string Keys::directory(const VirtualPath& path) const {
  return path.is_root() ? prefix_ : prefix_ + path.text().substr(1) + '/';
}

std::optional<std::string> Keys::name_in(std::string_view directory, std::string_view key) {
  if (!key.starts_with(directory)) return std::nullopt;
  key.remove_prefix(directory.size());
  if (key.ends_with('/')) key.remove_suffix(1);
  if (key.find('/') != std::string_view::npos) return std::nullopt;
  const VirtualPath root;
  const auto path = root.child(key);
  if (!path || path->name() != key) return std::nullopt;
  return std::string(key);
}

}  // namespace ferry::vfs::object
