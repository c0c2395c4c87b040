// Lists a directory: the entries of the storage, with the mount points, and the directories that lead to mount points,
// in place of stored entries of the same name.
#pragma once

#include <set>
#include <string>
#include <vector>

#include "session/session.h"
#include "session/session_state.h"

namespace ferry::session {

// A directory that exists only because something is mounted below it.
vfs::FileInfo pinned_directory();

class Listing final : public OpenDirectory {
 public:
  // `directory`: as given, its permissions checked already; `real`: with its symlinks resolved.
  static Task<Result<std::unique_ptr<Listing>>> open(std::shared_ptr<SessionState> state, VirtualPath directory,
                                                     VirtualPath real);

  // `stored`: null for a directory that exists only because something is mounted below it. `pinned`: mount points,
  // shown whatever the storage has under these names.
  Listing(std::shared_ptr<SessionState> state, std::unique_ptr<vfs::Directory> stored,
          std::vector<vfs::DirectoryEntry> pinned);

  // Leaves out what `filter` hides; null hides nothing. Called for the directory as given and for the resolved one.
  void hide(const NameFilter* filter);
  // Also lists partial files of uploads: for the server's own work, never for a client.
  void show_partial() { hides_partial_ = false; }

  Task<Result<std::vector<vfs::DirectoryEntry>>> next(std::size_t max) override;

 private:
  OpenHandle state_;
  presence::OpenBudget::Taken taken_;
  std::unique_ptr<vfs::Directory> stored_;
  std::vector<vfs::DirectoryEntry> pinned_;  // still to be shown
  bool left_out(const std::string& name) const;

  std::set<std::string> names_;
  std::vector<const NameFilter*> filters_;  // of state_
  bool hides_partial_ = true;
};

}  // namespace ferry::session
