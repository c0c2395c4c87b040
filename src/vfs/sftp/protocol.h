// The words and numbers of draft-ietf-secsh-filexfer-02 (SFTP version 3) as a client needs them, and our limits.
#pragma once

#include <cstddef>
#include <cstdint>

namespace ferry::vfs::sftp {

// Section 3.
enum class Packet : std::uint8_t {
  init = 1,
  version = 2,
  open = 3,
  close = 4,
  read = 5,
  write = 6,
  lstat = 7,
  fstat = 8,
  setstat = 9,
  fsetstat = 10,
  opendir = 11,
  readdir = 12,
  remove = 13,
  mkdir = 14,
  rmdir = 15,
  stat = 17,
  rename = 18,
  readlink = 19,
  symlink = 20,
  status = 101,
  handle = 102,
  data = 103,
  name = 104,
  attrs = 105,
  extended = 200,
  extended_reply = 201,
};

// Section 7; those above 8 are of later versions, which some servers send to clients of version 3 too.
enum class Status : std::uint32_t {
  ok = 0,
  eof = 1,
  no_such_file = 2,
  permission_denied = 3,
  failure = 4,
  bad_message = 5,
  no_connection = 6,
  connection_lost = 7,
  op_unsupported = 8,
  no_such_path = 10,
  file_already_exists = 11,
  write_protect = 12,
  no_space_on_filesystem = 14,
  quota_exceeded = 15,
  dir_not_empty = 18,
  not_a_directory = 19,
  file_is_a_directory = 24,
};

// Section 6.3, pflags.
inline constexpr std::uint32_t open_read = 0x01;
inline constexpr std::uint32_t open_write = 0x02;
inline constexpr std::uint32_t open_append = 0x04;
inline constexpr std::uint32_t open_create = 0x08;
inline constexpr std::uint32_t open_truncate = 0x10;
inline constexpr std::uint32_t open_exclusive = 0x20;

// Section 5.
inline constexpr std::uint32_t attr_size = 0x00000001;
inline constexpr std::uint32_t attr_uid_gid = 0x00000002;
inline constexpr std::uint32_t attr_permissions = 0x00000004;
inline constexpr std::uint32_t attr_times = 0x00000008;
inline constexpr std::uint32_t attr_extended = 0x80000000;

inline constexpr std::size_t most_reply = std::size_t{1} << 20;  // bytes of one packet; OpenSSH sends at most 256 KiB
inline constexpr std::size_t most_handle = 256;                  // section 6.3
inline constexpr std::uint64_t plain_transfer = 32 * 1024;       // of one READ or WRITE, where the server says no more
inline constexpr std::uint64_t most_transfer = 255 * 1024;
inline constexpr std::size_t most_requests = 64;  // of one file in flight

}  // namespace ferry::vfs::sftp
