// An access token that serves many requests until shortly before it ends, and is fetched by one of those who need it
// while the others wait. Services differ in how it is fetched.
#pragma once

#include <cstdint>
#include <mutex>

#include "base/error.h"
#include "base/task.h"
#include "crypto/secret.h"

namespace ferry::vfs::object {

struct AccessToken {
  crypto::Secret text;
  std::int64_t expires = 0;  // Unix seconds
};

// Safe from any thread. Lives as long as any call of token().
class CachedToken {
 public:
  CachedToken() = default;
  CachedToken(const CachedToken&) = delete;
  CachedToken& operator=(const CachedToken&) = delete;
  virtual ~CachedToken() = default;

  // Renewed five minutes before it ends. While one is valid and another is being fetched, or cannot be had, the valid
  // one goes on serving. Errors are those of fetch(); timeout when who fetches takes longer than 30 seconds.
  Task<Result<crypto::Secret>> token();

 protected:
  // Asked by one caller at a time. permission_denied: refused; timeout, connection_lost, io_error: ask again later.
  virtual Task<Result<AccessToken>> fetch() = 0;

 private:
  struct FetchEnds;
  Task<Result<crypto::Secret>> fetch_and_keep();
  Task<Result<crypto::Secret>> wait_for_another();

  std::mutex mutex_;
  AccessToken held_;
  bool fetching_ = false;
};

}  // namespace ferry::vfs::object
