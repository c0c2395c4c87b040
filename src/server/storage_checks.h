// Checks whether a storage works, for POST /storage-checks: opens it as a session would, lists its root and, where that
// is asked for, writes a small file, reads it and removes it.
//
//   StorageChecks checks({.master_key = key, .paths = paths});
//   Result<rest::StorageReport> report = co_await checks.run({.admin = "root", .filesystem = config});
//
// It is made to be of little use to whoever would explore a network with it: one check of each administrator at a time
// and `most` of all, answers at full seconds, no words of other servers. Each check opens connections of its own, so
// that what users' connections have learned (a bucket that answered a minute ago, a login that was refused) says
// nothing, and users wait for no check. Directories are not made. Safe from any thread.
#pragma once

#include <chrono>
#include <memory>

#include "protocols/rest/storage_check.h"
#include "server/storages.h"

namespace ferry::server {

struct StorageCheckLimits {
  std::chrono::milliseconds longest{10'000};  // until the answer; what is not done by then is a timeout
  std::chrono::milliseconds grain{1'000};     // answers come at a multiple of it
  std::size_t most = 4;                       // at once
};

class StorageChecks {
 public:
  explicit StorageChecks(StorageOptions options, StorageCheckLimits limits = {});

  // limit_exceeded: the administrator's last check has not ended, or there are too many. One that has run into its time
  // limit ends in the background, which takes a minute at most.
  Task<Result<rest::StorageReport>> run(rest::StorageCheck check);

 private:
  struct Shared;
  std::shared_ptr<Shared> shared_;
};

}  // namespace ferry::server
