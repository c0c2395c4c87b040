// Counts again what really lies on the storage of a user or a folder, in the background: after a crash, or when files
// were added or removed without Ferry.
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
#include "session/leftovers.h"

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

  // As start_user, a moment later. A scan of this user that is running begins again. Does not block.
  void recount(model::UserPtr user);

  // After a server that was killed: walks the homes and folders of everybody in the background, one after another, for
  // what it left under hidden names (leftovers.h), and logs what is found. Nothing is counted. The provider must live
  // until stop(). Does not block.
  void look_for_leftovers(store::Provider& provider);

  std::vector<RunningScan> users() const;
  std::vector<RunningScan> folders() const;
  bool scans_user(const std::string& name) const;
  bool scans_folder(const std::string& name) const;

  // Waits up to `longest` for running scans, then makes them give up and waits until they have.
  void stop(std::chrono::milliseconds longest);

 private:
  struct State;
  static Task<void> search_everywhere(std::shared_ptr<State> state, store::Provider& provider);
  static Result<void> start(const std::shared_ptr<State>& state, model::UserPtr user);
  std::shared_ptr<State> state_;
};

struct Counted {
  quota::Usage usage;
  Leftovers leftovers;
};

// Regular files below `from` and their bytes; a file that is being written counts as the quotas have it. Hidden ones do
// not count: those that nobody writes any more are told, and removed when they are old (see leftovers.h). Memory does
// not grow with the number of files. aborted: `given_up` said so. `seen`, if given, is told of each file and its
// directory; then hidden ones are left alone.
using SeenFile = std::function<void(const VirtualPath& directory, const vfs::DirectoryEntry& file)>;
Task<Result<Counted>> count_files(std::shared_ptr<vfs::FileSystem> storage, const quota::UploadTable& uploads,
                                  std::function<bool()> given_up, VirtualPath from = {}, SeenFile seen = {});

}  // namespace ferry::session
