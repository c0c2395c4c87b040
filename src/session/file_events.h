// Publishes the file events of one session (events/stream.h), and fills in the fields that are the same for all of
// them: user, address, protocol. Open transfers share it, so it may outlive the session.
#pragma once

#include <atomic>
#include <memory>
#include <string>

#include "base/task.h"
#include "events/stream.h"
#include "model/user.h"
#include "quota/ledger.h"
#include "session/operation_log.h"
#include "vfs/mounts.h"

namespace ferry::session {

// A path as events name it.
struct EventPlace {
  VirtualPath path;                        // as the client sees it
  std::string location;                    // the real path
  const model::FilesystemConfig* storage;  // of the home or the folder; owned by the user
};

class FileEvents {
 public:
  // `stream` null: nothing is published. `ledger` null: an account's first upload and download are not noted.
  FileEvents(std::shared_ptr<events::Stream> stream, std::shared_ptr<quota::Ledger> ledger, model::UserPtr user,
             std::shared_ptr<const Identity> who);

  bool wants(model::FileAction action) const { return stream_ && stream_->wants(action); }
  // Whether the end of an upload (or a download) has to be published or noted.
  bool follows(bool upload) const;
  EventPlace place(const vfs::MountTable& mounts, const VirtualPath& path) const;
  model::FileEvent event(model::FileAction action, const EventPlace& place) const;

  // See events::Stream.
  Task<Result<void>> ask(model::FileEvent event);
  Task<Result<void>> tell(model::FileEvent event);
  // Whether tell() runs a synchronous hook, whose refusal undoes an upload.
  bool may_be_refused(model::FileAction action) const { return stream_ && stream_->is_synchronous(action); }
  // After a successful upload or download: if it is the account's first one, notes that and publishes "first-upload" or
  // "first-download".
  Task<Result<void>> tell_if_first(model::FileEvent event);

 private:
  Task<bool> is_first(bool upload);

  std::shared_ptr<events::Stream> stream_;
  std::shared_ptr<quota::Ledger> ledger_;
  model::UserPtr user_;
  std::shared_ptr<const Identity> who_;
  std::atomic<bool> uploaded_, downloaded_;  // the first one was noted already
};

// Its milliseconds, as events count them.
std::int64_t elapsed_since(Clock::time_point start);

}  // namespace ferry::session
