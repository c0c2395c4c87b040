// Counting again what really lies on a user's or a folder's storage, in the background: after a crash, or when files
// came and went without Ferry.
//
//   QuotaScans scans(services);
//   if (auto started = scans.start_user(user); !started) ...      // conflict: one of it is running
//
// Safe from any thread.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "session/factory.h"

namespace ferry::session {

struct RunningScan {
  std::string name;
  std::string role;             // the user's
  std::int64_t start_time = 0;  // Unix milliseconds
};

class QuotaScans {
 public:
  // Needs services.ledger and services.storage.
  explicit QuotaScans(Services services);
  QuotaScans(const QuotaScans&) = delete;
  QuotaScans& operator=(const QuotaScans&) = delete;
  ~QuotaScans();

  // conflict: the same is being scanned; unsupported: quotas are not tracked.
  Result<void> start_user(model::UserPtr user);
  Result<void> start_folder(model::Folder folder);

  // As start_user, in a moment; one that is running begins again where it is. Does not block.
  void recount(model::UserPtr user);

  std::vector<RunningScan> users() const;
  std::vector<RunningScan> folders() const;
  bool scans_user(const std::string& name) const;
  bool scans_folder(const std::string& name) const;

  // Lets what is running end for `longest`, then gives it up and waits for it.
  void stop(std::chrono::milliseconds longest);

 private:
  struct State;
  static Result<void> start(const std::shared_ptr<State>& state, model::UserPtr user);
  std::shared_ptr<State> state_;
};

// Regular files below `from` and their bytes; a file that is being written counts as the quotas have it. Memory does
// not grow with the number of files. aborted: `given_up` said so. `seen`, if given, is told of each file and its
// directory.
using SeenFile = std::function<void(const VirtualPath& directory, const vfs::DirectoryEntry& file)>;
Task<Result<QuotaUsage>> count_files(std::shared_ptr<vfs::FileSystem> storage, const OpenUploads& uploads,
                                     std::function<bool()> given_up, VirtualPath from = {}, SeenFile seen = {});

}  // namespace ferry::session
