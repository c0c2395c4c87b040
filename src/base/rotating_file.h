// A file that is appended to line by line and replaced by a new one when it grows too large.
//
// "ferry.log" becomes "ferry-2024-05-01T10-11-12.345.log" (UTC); with compress "….log.gz" follows, made by a
// thread of this object's own. Old files beyond the limits are removed by the same thread. Safe from any thread.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <mutex>
#include <string_view>
#include <thread>
#include <vector>

#include "base/error.h"

namespace ferry {

class RotatingFile {
 public:
  struct Limits {
    std::uint64_t max_size = 0;  // bytes; 0: never rotates by itself
    int max_backups = 0;         // old files kept; 0: all
    int max_age_days = 0;        // older ones are removed; 0: never
    bool compress = false;       // gzip old files
  };

  // Opens or creates (mode 0600) the file and its missing parent directories.
  static Result<std::unique_ptr<RotatingFile>> open(std::filesystem::path path, Limits limits);
  ~RotatingFile();
  RotatingFile(const RotatingFile&) = delete;
  RotatingFile& operator=(const RotatingFile&) = delete;

  // Appends whole, or not at all when the device refuses. Rotates first if it would grow past max_size.
  Result<void> append(std::string_view line);
  Result<void> rotate();
  // Waits until compression and removal of old files have caught up.
  void wait_for_housekeeping();

 private:
  RotatingFile(std::filesystem::path path, Limits limits);
  Result<void> open_locked();
  Result<void> rotate_locked();
  void housekeeping();
  void compress_backups() const;
  void remove_old_backups() const;
  // Rotated files of ours, newest first.
  std::vector<std::filesystem::path> backups() const;

  const std::filesystem::path path_;
  const Limits limits_;
  std::mutex mutex_;
  int descriptor_ = -1;
  std::uint64_t size_ = 0;

  std::mutex work_mutex_;
  std::condition_variable work_changed_;
  bool work_waiting_ = false;
  bool working_ = false;
  bool stopping_ = false;
  std::thread worker_;
};

}  // namespace ferry
