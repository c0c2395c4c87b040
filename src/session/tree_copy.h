// Copies a file, a link or a whole directory on the server, completely or not at all: the copy is made beside its
// target under a hidden name, and renamed into place when it is complete. If something fails the copy is removed.
//
// Memory holds only the directories on the way down to the file that is being copied, not the tree. After each piece
// other connections of the thread get their turn.
#pragma once

#include <optional>
#include <vector>

#include "session/quota_step.h"
#include "session/session.h"
#include "session/session_state.h"
#include "session/tree_manifest.h"

namespace ferry::session {

class TreeCopy {
 public:
  enum class Purpose : std::uint8_t {
    copy,  // checks for each file the rights to read it, to write the copy, and to copy
    move,  // the rights for the whole tree were checked before; keeps modes and times, and removes the source at the
           // end
  };

  TreeCopy(std::shared_ptr<SessionState> state, Purpose purpose, GivenUp given_up)
      : state_(std::move(state)), purpose_(purpose), given_up_(std::move(given_up)) {}

  // Errors: already_exists: `to` exists, and is not a file that a file may replace (overwrite). invalid_argument: onto
  // or into itself, also by another name. limit_exceeded: deeper than 100 directories. unsupported: a device, socket or
  // FIFO, or a link that would lead from one storage to another. aborted: given up. conflict: the source of a move is
  // being written or was changed meanwhile. quota_exceeded. If the source of a move cannot be removed completely, the
  // copy is removed instead, unless it has replaced something already, or somebody has changed it or put something into
  // it: then both stay.
  Task<Result<void>> run(VirtualPath from, VirtualPath to, bool overwrite);

 private:
  struct Item {
    VirtualPath from, to;  // as the client sees them
    VirtualPath made;      // in target_: the hidden name of the copy
    vfs::FileInfo info;
  };
  struct Directory {
    Item item;
    std::unique_ptr<OpenDirectory> listing;
    std::vector<vfs::DirectoryEntry> entries = {};
    std::size_t next = 0;
  };

  // What a link leads to, also in another mount.
  Task<Result<vfs::FileInfo>> behind_links(VirtualPath path);
  Task<Result<Item>> top(VirtualPath from, VirtualPath to, bool overwrite);
  Task<Result<void>> check_target(const Item& top, bool overwrite);
  Task<Result<void>> grow(Item top);
  Task<Result<void>> entry(Item item);
  Result<void> check_item(const Item& item) const;
  Task<Result<void>> file(const Item& item);
  Task<Result<bool>> stored_copy(const Item& item);
  VirtualPath below_top(const Item& item) const;
  Task<Result<void>> note_copied(const Item& item, vfs::File& copy);
  Task<quota::Existing> replaced_before(const Item& item);
  Result<void> note_made(const Item& item, std::uint64_t size);
  Task<Result<void>> data(vfs::File& from, vfs::File& to, std::uint64_t size);
  Task<Result<void>> link(const Item& item);
  Task<Result<void>> enter(Item item);
  Task<Result<void>> leave();
  Task<Result<std::unique_ptr<OpenDirectory>>> list(VirtualPath directory);
  Task<Result<void>> place(const Item& top, bool overwrite);
  Task<Result<void>> hold_place(VirtualPath target);
  // Of a file: somebody writes it. Of a directory: something is on its way into it.
  bool is_busy(const vfs::FileInfo& info, const vfs::FileSystem& storage, const VirtualPath& path) const;
  Result<void> claim(std::uint64_t size);
  Task<Result<void>> hold_target();
  const quota::UploadTable* uploads() const { return state_->ledger ? &state_->ledger->uploads() : nullptr; }
  Task<Result<void>> compare_source(const Item& top);
  Task<Result<void>> check_whole(std::shared_ptr<vfs::FileSystem> storage, VirtualPath at, bool set_aside);
  Task<Result<void>> take_source_away(const Item& top);
  Task<Result<void>> remove_source(const Item& top, std::shared_ptr<vfs::FileSystem> storage, VirtualPath path);
  Task<void> undo(const Item& top);
  Task<void> keep_source(const Item& top);
  Task<Result<void>> take_copy_back(const Item& top);
  Task<Result<void>> pause();

  std::shared_ptr<SessionState> state_;
  Purpose purpose_;
  GivenUp given_up_;
  HeldName place_;                           // the target
  std::shared_ptr<vfs::FileSystem> target_;  // its storage
  const vfs::Mount* target_mount_ = nullptr;
  std::shared_ptr<const void> arrival_;  // of quota::UploadTable
  quota::Owners gaining_, losing_;       // whose quotas count the copy alone, and the removed source alone
  std::optional<quota::Change> change_;
  std::optional<QuotaStep> replaced_;
  vfs::FileInfo placed_;    // of the copy, before it was renamed into place
  bool overwrite_ = false;  // as run() was asked
  bool replaces_ = false;   // the target existed
  bool in_place_ = false;   // the copy is made under its final name: a hidden one could not be renamed, or need not
  bool made_ = false;       // something of the copy is in the storage
  // Part of the source has been removed, or may have been: what is left of it may not be the whole any more.
  bool split_ = false;
  bool removes_singly_ = false;                   // the source is a directory of storage that removes it entry by entry
  TreeManifest moved_, copied_;                   // of a move: what was found of the source, and what was made of it
  TreeEntries found_{TreeFacts::original};        // of the source, where removes_singly_
  TreeEntries made_entries_{TreeFacts::content};  // of the copy of a directory, where in_place_
  TreeFacts copy_facts_ = TreeFacts::content;
  quota::Usage counted_;        // what has been copied; reserved until it is settled
  std::vector<Directory> way_;  // the directories that are being copied, the deepest last
  Bytes buffer_;
};

}  // namespace ferry::session
