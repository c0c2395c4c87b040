// The host keys with which this server answers at the moment. Remote SFTP storage must not lead to the server itself: a
// listing of such a storage would open a session that lists it again, and so on.
#pragma once

#include <algorithm>
#include <mutex>
#include <string>
#include <vector>

namespace ferry::server {

// Safe from any thread.
class OwnHostKeys {
 public:
  // SHA256 fingerprints.
  void set(std::vector<std::string> fingerprints) {
    const std::lock_guard lock(mutex_);
    fingerprints_ = std::move(fingerprints);
  }
  bool contains(const std::string& fingerprint) const {
    const std::lock_guard lock(mutex_);
    return std::ranges::find(fingerprints_, fingerprint) != fingerprints_.end();
  }

 private:
  mutable std::mutex mutex_;
  std::vector<std::string> fingerprints_;
};

}  // namespace ferry::server
