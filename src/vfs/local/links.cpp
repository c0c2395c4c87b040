#include "vfs/local/links.h"

#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <vector>

namespace ferry::vfs::local {

namespace {

constexpr std::string_view absolute_mark = ".//";

// Whether `relative`, read in `directory`, climbs above the root.
bool climbs_out(std::string_view relative, const VirtualPath& directory) {
  std::size_t depth = directory.components().size();
  while (!relative.empty()) {
    const std::size_t slash = relative.find('/');
    const std::string_view name = relative.substr(0, slash);
    relative = slash == std::string_view::npos ? std::string_view() : relative.substr(slash + 1);
    if (name.empty() || name == ".") continue;
    if (name != "..") {
      ++depth;
    } else if (depth-- == 0) {
      return true;
    }
  }
  return false;
}

std::string relative_from(const VirtualPath& directory, const VirtualPath& target) {
  const std::vector<std::string_view> here = directory.components(), there = target.components();
  const auto fork = std::mismatch(here.begin(), here.end(), there.begin(), there.end());
  std::string text;
  for (auto name = fork.first; name != here.end(); ++name) text += text.empty() ? ".." : "/..";
  for (auto name = fork.second; name != there.end(); ++name) {
    if (!text.empty()) text += '/';
    text += *name;
  }
  return text.empty() ? "." : text;
}

}  // namespace

Result<void> rename_exclusive(int from_directory, const std::string& from, int to_directory, const std::string& to) {
  if (::renameat2(from_directory, from.c_str(), to_directory, to.c_str(), RENAME_NOREPLACE) == 0) return {};
  if (errno == EXDEV) return fail(ErrorCode::unsupported, "rename between two file systems");
  if (errno != EINVAL) return fail_errno(errno, "rename");
  // NFS and some others do not know RENAME_NOREPLACE. A hard link is exclusive too; a directory takes none, but
  // renaming one replaces nothing except an empty directory.
  if (::linkat(from_directory, from.c_str(), to_directory, to.c_str(), 0) == 0) {
    if (::unlinkat(from_directory, from.c_str(), 0) != 0) return fail_errno(errno, "rename: unlink");
    return {};
  }
  if (errno != EPERM) return fail_errno(errno, "rename: link");
  if (::faccessat(to_directory, to.c_str(), F_OK, AT_SYMLINK_NOFOLLOW) == 0) {
    return fail(ErrorCode::already_exists, "rename: the target exists");
  }
  if (::renameat(from_directory, from.c_str(), to_directory, to.c_str()) != 0) return fail_errno(errno, "rename");
  return {};
}

Result<std::string> stored_target(const Root& root, const std::string& target, const VirtualPath& link) {
  if (target.empty()) return fail(ErrorCode::invalid_argument, "empty symlink target");
  // Of a root that is one directory of another, the kernel will read the text from where that lies.
  const Result<VirtualPath> base = root.where();
  if (!base) return fail(base.error());
  const Result<VirtualPath> absolute = VirtualPath::parse(target, base->join(link.parent()));
  if (!absolute) return fail(absolute.error());
  // The kernel will read the text where the link really is.
  Result<VirtualPath> directory = root.canonical(link.parent(), true);
  if (!directory) return fail(directory.error());
  directory = base->join(*directory);
  if (target.starts_with('/')) return std::string(absolute_mark) + relative_from(*directory, *absolute);
  if (climbs_out(target, *directory)) return fail(ErrorCode::permission_denied, "symlink target outside: " + target);
  std::string stored = target;
  while (stored.starts_with(absolute_mark)) stored.erase(1, 1);  // no client's text is mistaken for a marked one
  return stored;
}

Result<std::string> shown_target(const Root& root, std::string stored, const VirtualPath& link, Lookup& lookup) {
  if (stored.starts_with(absolute_mark)) {
    lookup.would_wait = lookup.cached_only;
    if (lookup.would_wait) return stored;
    const Result<VirtualPath> base = root.where();
    if (!base) return fail(base.error());
    Result<VirtualPath> directory = root.canonical(link.parent(), true);
    if (!directory) return fail(directory.error());
    directory = base->join(*directory);
    if (climbs_out(stored, *directory)) return fail(ErrorCode::permission_denied, "symlink target outside");
    const Result<VirtualPath> meant = VirtualPath::parse(stored, *directory);
    if (!meant) return fail(meant.error());
    return meant->text();
  }
  if (stored.starts_with('/')) {
    const std::optional<VirtualPath> inside = root.inside(stored);
    if (!inside) return fail(ErrorCode::permission_denied, "symlink target outside");
    return inside->text();
  }
  const Result<VirtualPath> base = root.where();
  if (!base) return fail(base.error());
  if (climbs_out(stored, base->join(link.parent()))) {
    return fail(ErrorCode::permission_denied, "symlink target outside");
  }
  return stored;
}

}  // namespace ferry::vfs::local
