// A directory being listed: what the storage holds, with mount points and the way to them in their place.
#pragma once

#include <set>
#include <string>
#include <vector>

#include "session/account.h"
#include "session/session.h"

namespace ferry::session {

// A directory that exists only because something is mounted below it.
vfs::FileInfo pinned_directory();

class Listing final : public OpenDirectory {
 public:
  // Of `directory`, which may be listed, and lies at `real` once its symlinks are resolved.
  static Task<Result<std::unique_ptr<Listing>>> open(std::shared_ptr<Account> account, VirtualPath directory,
                                                     VirtualPath real);

  // `stored` is empty for a directory that exists only because something is mounted below it. `pinned` are
  // the entries that the listing shows whatever the storage says of these names.
  Listing(std::shared_ptr<Account> account, std::unique_ptr<vfs::Directory> stored,
          std::vector<vfs::DirectoryEntry> pinned);

  // Leaves out what `filter` hides; nullptr hides nothing. At most two: by the path's text and by where links lead.
  void hide(const NameFilter* filter);
  // What is not complete is listed too: for what the server itself does.
  void show_partial() { hides_partial_ = false; }

  Task<Result<std::vector<vfs::DirectoryEntry>>> next(std::size_t max) override;

 private:
  Handle account_;
  OpenBudget::Taken taken_;
  std::unique_ptr<vfs::Directory> stored_;
  std::vector<vfs::DirectoryEntry> pinned_;  // still to be shown
  bool left_out(const std::string& name) const;

  std::set<std::string> names_;
  std::vector<const NameFilter*> filters_;  // of account_
  bool hides_partial_ = true;
};

}  // namespace ferry::session
