// What one account's session tells of its files (events/stream.h): who did it and where is filled in here, once. Open
// transfers share it, so it outlives the session with them.
#pragma once

#include <atomic>
#include <memory>
#include <string>

#include "base/task.h"
#include "events/stream.h"
#include "model/user.h"
#include "session/ledger.h"
#include "session/operation_log.h"
#include "vfs/mounts.h"

namespace ferry::session {

// A path as events name it.
struct EventPlace {
  VirtualPath path;                        // in the account's terms
  std::string location;                    // where it lies
  const model::FilesystemConfig* storage;  // the account's
};

class FileEvents {
 public:
  // `stream` may be null: nobody listens. `ledger`, too: first transfers are not noted then.
  FileEvents(std::shared_ptr<events::Stream> stream, std::shared_ptr<Ledger> ledger, model::UserPtr user,
             std::shared_ptr<const Identity> who);

  bool wants(model::FileAction action) const { return stream_ && stream_->wants(action); }
  // Whether anything has to be done at the end of an upload or a download.
  bool follows(bool upload) const;
  EventPlace place(const vfs::MountTable& mounts, const VirtualPath& path) const;
  model::FileEvent event(model::FileAction action, const EventPlace& place) const;

  // See events::Stream.
  Task<Result<void>> ask(model::FileEvent event);
  Task<Result<void>> tell(model::FileEvent event);
  // Whether the hook may still refuse what has happened.
  bool may_be_refused(model::FileAction action) const { return stream_ && stream_->is_synchronous(action); }
  // An upload or download went well: if it is the account's first one, that is noted and told, too.
  Task<Result<void>> tell_if_first(model::FileEvent event);

 private:
  Task<bool> is_first(bool upload);

  std::shared_ptr<events::Stream> stream_;
  std::shared_ptr<Ledger> ledger_;
  model::UserPtr user_;
  std::shared_ptr<const Identity> who_;
  std::atomic<bool> uploaded_, downloaded_;  // the first one was noted already
};

// Its milliseconds, as events count them.
std::int64_t elapsed_since(Clock::time_point start);

}  // namespace ferry::session
