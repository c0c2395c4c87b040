// A file, a link or a whole directory copied on the server, all of it or nothing: it grows beside its target under a
// name of its own, and is renamed into place when it is complete. What fails on the way is taken away again.
//
// Nothing of a tree is held in memory but the way down to where the copy is. Other connections of the thread get
// their turn after every piece.
#pragma once

#include <optional>
#include <vector>

#include "session/account.h"
#include "session/quota_step.h"
#include "session/session.h"

namespace ferry::session {

class TreeCopy {
 public:
  enum class Purpose : std::uint8_t {
    copy,  // every file needs the rights that reading it there and writing it here need, and the right to copy
    move,  // the rights were checked for the whole; modes and times are kept, and the source goes at the end
  };

  TreeCopy(std::shared_ptr<Account> account, Purpose purpose, GivenUp given_up)
      : account_(std::move(account)), purpose_(purpose), given_up_(std::move(given_up)) {}

  // already_exists: `to` is there, and is no file to be replaced (overwrite) by a file. invalid_argument: onto or into
  // itself, by whatever name. limit_exceeded: deeper than 100 directories. unsupported: a device, socket or FIFO, or
  // a link that would lead from one storage to another. aborted: given up. conflict: the
  // source of a move is being written, or was changed meanwhile. When the source of a move cannot be taken
  // away as a whole the copy is, unless it has replaced something by then. quota_exceeded: no room for the next file.
  Task<Result<void>> run(VirtualPath from, VirtualPath to, bool overwrite);

 private:
  struct Item {
    VirtualPath from, to;  // in the account's terms
    VirtualPath made;      // in target_: where it grows
    vfs::FileInfo info;
  };
  struct Directory {
    Item item;
    std::unique_ptr<OpenDirectory> listing;
    std::vector<vfs::DirectoryEntry> entries = {};
    std::size_t next = 0;
  };

  // What is where its links lead, in whatever mount.
  Task<Result<vfs::FileInfo>> behind_links(VirtualPath path);
  Task<Result<Item>> top(VirtualPath from, VirtualPath to, bool overwrite);
  Task<Result<void>> check_target(const Item& top, bool overwrite);
  Task<Result<void>> grow(Item top);
  Task<Result<void>> entry(Item item);
  Result<void> judge(const Item& item) const;
  Task<Result<void>> file(const Item& item);
  Task<Result<void>> data(vfs::File& from, vfs::File& to, std::uint64_t size);
  Task<Result<void>> link(const Item& item);
  Task<Result<void>> enter(Item item);
  Task<Result<void>> leave();
  Task<Result<std::unique_ptr<OpenDirectory>>> list(VirtualPath directory);
  Task<Result<void>> place(const Item& top, bool overwrite);
  Task<Result<void>> hold_place(VirtualPath target);
  // Of a file: somebody writes it. Of a directory: something is on its way into it.
  bool is_busy(std::uint64_t id) const;
  Result<void> claim(std::uint64_t size);
  Task<void> hold_target();
  Task<Result<void>> take_source_away(const Item& top);
  Task<void> keep_source(const Item& top);
  Task<Result<void>> pause();

  std::shared_ptr<Account> account_;
  Purpose purpose_;
  GivenUp given_up_;
  HeldName place_;                           // the target
  std::shared_ptr<vfs::FileSystem> target_;  // its storage
  const vfs::Mount* target_mount_ = nullptr;
  std::shared_ptr<const void> arrival_;  // of OpenUploads
  Payers gaining_, losing_;              // who pays for the copy, and for the source that goes, but not for both
  std::optional<QuotaChange> change_;
  std::optional<QuotaStep> replaced_;
  vfs::FileInfo placed_;        // what was made, before it was put in its place
  bool replaces_ = false;       // something was there
  QuotaUsage counted_;          // what was copied; reserved until it is settled
  std::vector<Directory> way_;  // the directories that are being filled, the deepest last
  Bytes buffer_;
};

// Takes away what is at `path` with all that is in it, asking for no rights. What was removed before an error is gone.
Task<Result<void>> remove_stored(std::shared_ptr<vfs::FileSystem> storage, VirtualPath path);

}  // namespace ferry::session
