#include "protocols/sftp/extensions/extensions.h"

#include <array>

namespace ferry::sftp {

namespace {

constexpr std::array table{
    ExtensionRow{"posix-rename@openssh.com", "1", true, posix_rename},
    ExtensionRow{"statvfs@openssh.com", "2", false, statvfs},
    ExtensionRow{"fstatvfs@openssh.com", "2", false, statvfs_handle},
    ExtensionRow{"hardlink@openssh.com", "1", true, hard_link},
    ExtensionRow{"fsync@openssh.com", "1", true, sync_file},
    ExtensionRow{"lsetstat@openssh.com", "1", true, set_link_attributes},
    ExtensionRow{"limits@openssh.com", "1", false, limits},
    ExtensionRow{"expand-path@openssh.com", "1", false, expand_path},
    ExtensionRow{"copy-data", "1", true, copy_data},
    ExtensionRow{"copy-file", "", true, copy_file},
    ExtensionRow{"home-directory", "1", false, home_directory},
    ExtensionRow{"users-groups-by-id@openssh.com", "1", false, users_groups_by_id},
    ExtensionRow{"check-file", "", false, check_file},
    ExtensionRow{"check-file-handle", "", false, check_file_handle},
    ExtensionRow{"check-file-name", "", false, check_file_name},
    ExtensionRow{"md5-hash", "", false, md5_hash},
    ExtensionRow{"md5-hash-handle", "", false, md5_hash_handle},
    ExtensionRow{"space-available", "", false, space_available},
    ExtensionRow{"version-select", "", false, version_select, false},
    ExtensionRow{"vendor-id", "", false, vendor_id, false},
};

}  // namespace

std::span<const ExtensionRow> extensions() { return table; }

const ExtensionRow* find_extension(std::string_view name) {
  for (const ExtensionRow& row : table) {
    if (row.name == name) return &row;
  }
  return nullptr;
}

}  // namespace ferry::sftp
