// The files that are being written now, and how much of each the quotas count already. Two handles of one file share
// a row, so that its bytes are counted once; who removes or scans finds it here.
#pragma once

#include <cstdint>
#include <memory>
#include <mutex>
#include <unordered_map>

#include "store/provider.h"
#include "vfs/file_system.h"

namespace ferry::session {

// Guarded by its mutex. Reserved for it, on top of what is counted: covered - base.
struct UploadRow {
  std::mutex mutex;
  bool begun = false;         // what follows is known
  std::uint64_t counted = 0;  // bytes of it among those used
  std::uint64_t names = 0;    // 1 when it is among the files used
  std::uint64_t base = 0;     // up to here somebody has paid: what is counted, or the file that will be replaced
  std::uint64_t covered = 0;  // up to here it may grow without asking
  std::uint64_t end = 0;      // where the next append goes
  bool gone = false;          // its name was taken away: it frees what it has when it is closed
  unsigned handles = 0;       // guarded by the table
};

// What quotas lose when a name is taken away, and what stays reserved for the file because it is being written.
struct Loss {
  store::QuotaUsage used;  // not positive
  std::int64_t kept = 0;
};

class OpenUploads {
 public:
  // The row of the file with this id (vfs::FileInfo::id), made when there is none; with 0 always a new one.
  std::shared_ptr<UploadRow> join(std::uint64_t id);
  // One handle less; answers whether it was the last.
  bool leave(std::uint64_t id, const std::shared_ptr<UploadRow>& row);
  // Null: nobody writes it.
  std::shared_ptr<UploadRow> find(std::uint64_t id) const;
  std::size_t count() const;
  // The file loses one of its names.
  Loss take_away(const vfs::FileInfo& file);

 private:
  mutable std::mutex mutex_;
  std::unordered_map<std::uint64_t, std::shared_ptr<UploadRow>> rows_;
  std::size_t unnamed_ = 0;
};

}  // namespace ferry::session
