// A file of the configuration directory that is there while a server runs. One that is there at the start tells that
// the last server was killed: it may have left uploads that nobody will complete.
#pragma once

#include <filesystem>

namespace ferry::server {

class RunningMark {
 public:
  // Makes the file. Where that cannot be done (a directory that is read only) nothing is known of the last server.
  explicit RunningMark(const std::filesystem::path& directory);
  bool last_was_killed() const { return last_was_killed_; }
  // The server has ended well.
  void remove() const;

 private:
  std::filesystem::path file_;
  bool last_was_killed_ = false;
};

}  // namespace ferry::server
