// An open directory of a remote SFTP server. One READDIR is sent ahead.
#pragma once

#include <deque>

#include "vfs/sftp/file.h"

namespace ferry::vfs::sftp {

class SftpDirectory : public Directory {
 public:
  SftpDirectory(std::unique_ptr<RemoteHandle> handle, std::string path)
      : handle_(std::move(handle)), path_(std::move(path)) {}
  Task<Result<std::vector<DirectoryEntry>>> next(std::size_t max) override;

 private:
  const std::unique_ptr<RemoteHandle> handle_;
  const std::string path_;
  CallPtr call_;
  std::deque<DirectoryEntry> entries_;
  bool ended_ = false;
  bool warned_ = false;
};

}  // namespace ferry::vfs::sftp
