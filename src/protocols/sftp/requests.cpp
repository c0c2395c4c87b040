#include "protocols/sftp/requests.h"

#include <array>

#include "protocols/sftp/operations/operations.h"

namespace ferry::sftp {

namespace {

constexpr std::array table{
    OperationRow{Packet::open, "open", false, open_file},
    OperationRow{Packet::close, "close", false, close_handle},
    OperationRow{Packet::read, "read", false, read_file, read_at_once},
    OperationRow{Packet::write, "write", true, write_file, write_at_once},
    OperationRow{Packet::lstat, "lstat", false, lstat_path},
    OperationRow{Packet::fstat, "fstat", false, stat_handle},
    OperationRow{Packet::setstat, "setstat", true, set_path_attributes},
    OperationRow{Packet::fsetstat, "fsetstat", true, set_handle_attributes},
    OperationRow{Packet::opendir, "opendir", false, open_directory},
    OperationRow{Packet::readdir, "readdir", false, read_directory},
    OperationRow{Packet::remove, "remove", true, remove_file},
    OperationRow{Packet::mkdir, "mkdir", true, make_directory},
    OperationRow{Packet::rmdir, "rmdir", true, remove_directory},
    OperationRow{Packet::realpath, "realpath", false, real_path},
    OperationRow{Packet::stat, "stat", false, stat_path},
    OperationRow{Packet::rename, "rename", true, rename_path},
    OperationRow{Packet::readlink, "readlink", false, read_link},
    OperationRow{Packet::symlink, "symlink", true, make_link},
    OperationRow{Packet::extended, "extended", false, extended},
};

}  // namespace

const OperationRow* find_operation(Packet type) {
  for (const OperationRow& row : table) {
    if (row.type == type) return &row;
  }
  return nullptr;
}

}  // namespace ferry::sftp
