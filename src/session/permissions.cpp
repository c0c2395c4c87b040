#include "session/permissions.h"

#include <array>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace ferry::session {

namespace {

constexpr std::uint32_t bits(Permission permission) { return static_cast<std::uint32_t>(permission); }

template <class... More>
constexpr std::uint32_t bits(Permission first, More... more) {
  return (bits(first) | ... | bits(more));
}

constexpr std::array<std::pair<std::string_view, Permission>, 17> words{{
    {"*", Permission::any},
    {"list", Permission::list},
    {"download", Permission::download},
    {"upload", Permission::upload},
    {"overwrite", Permission::overwrite},
    {"delete", Permission::remove},
    {"delete_files", Permission::delete_files},
    {"delete_dirs", Permission::delete_dirs},
    {"rename", Permission::rename},
    {"rename_files", Permission::rename_files},
    {"rename_dirs", Permission::rename_dirs},
    {"create_dirs", Permission::create_dirs},
    {"create_symlinks", Permission::create_symlinks},
    {"chmod", Permission::chmod},
    {"chown", Permission::chown},
    {"chtimes", Permission::chtimes},
    {"copy", Permission::copy},
}};

// The table: any one of these rights allows the operation.
constexpr std::uint32_t sufficient(Operation operation) {
  switch (operation) {
    case Operation::list: return bits(Permission::list);
    case Operation::download: return bits(Permission::download);
    case Operation::upload: return bits(Permission::upload);
    case Operation::overwrite: return bits(Permission::overwrite);
    case Operation::remove_file: return bits(Permission::remove, Permission::delete_files);
    case Operation::remove_directory: return bits(Permission::remove, Permission::delete_dirs);
    case Operation::rename_file: return bits(Permission::rename, Permission::rename_files);
    case Operation::rename_directory: return bits(Permission::rename, Permission::rename_dirs);
    case Operation::make_directory: return bits(Permission::create_dirs);
    case Operation::make_link: return bits(Permission::create_symlinks);
    case Operation::chmod: return bits(Permission::chmod);
    case Operation::chown: return bits(Permission::chown);
    case Operation::chtimes: return bits(Permission::chtimes);
    case Operation::copy: return bits(Permission::copy);
  }
  return 0;
}

std::uint32_t rights_of(const std::vector<std::string>& names) {
  std::uint32_t rights = 0;
  for (const auto& [word, permission] : words) {
    for (const std::string& name : names) {
      if (name == word) rights |= bits(permission);
    }
  }
  return rights;
}

}  // namespace

Permissions::Permissions(const model::Permissions& by_directory) {
  for (const auto& [directory, names] : by_directory) {
    const Result<VirtualPath> path = VirtualPath::parse(directory);
    if (!path) continue;
    const auto [rights, added] = rights_.emplace(*path, rights_of(names));
    // Two spellings of one directory: the stricter reading of both.
    if (!added) rights &= rights_of(names);
    if (!path->is_root()) uniform_ = false;
  }
}

bool Permissions::allow(Operation operation, const VirtualPath& directory) const {
  const std::uint32_t* rights = rights_.nearest(directory);
  return rights != nullptr && (*rights & sufficient(operation)) != 0;
}

bool Permissions::allow_throughout(Operation operation, const VirtualPath& directory) const {
  const std::uint32_t wanted = sufficient(operation);
  return allow(operation, directory) &&
         rights_.all_below(directory, [wanted](std::uint32_t rights) { return (rights & wanted) != 0; });
}

}  // namespace ferry::session
