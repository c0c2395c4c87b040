// The words and numbers of draft-ietf-secsh-filexfer-02 and this server's limits.
#pragma once

#include <cstddef>
#include <cstdint>

namespace ferry::sftp {

inline constexpr std::uint32_t protocol_version = 3;

// What limits@openssh.com answers. A request may be a little longer than max_packet: clients that never ask
// put 256 KiB of data into one WRITE.
inline constexpr std::size_t max_packet = 256 * 1024;
inline constexpr std::size_t max_transfer = 255 * 1024;  // data of one READ or WRITE
inline constexpr std::size_t max_request = max_packet + 1024;

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
  realpath = 16,
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

// Section 7. NO_CONNECTION and CONNECTION_LOST are for clients alone.
enum class Status : std::uint32_t {
  ok = 0,
  eof = 1,
  no_such_file = 2,
  permission_denied = 3,
  failure = 4,
  bad_message = 5,
  op_unsupported = 8,
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

}  // namespace ferry::sftp
