// Opens a Session for a user that has logged in.
//
//   auto registry = std::make_shared<presence::Registry>(limits);
//   session::Services services{.registry = registry, .options = {.upload_mode = UploadMode::atomic},
//                              .storage = open_storage};
//   auto opened = co_await session::open_session(user, info, services);  // user: model::UserPtr
//   if (!opened) ...                       // limit_exceeded, unsupported storage, no home directory
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/task.h"
#include "events/stream.h"
#include "model/user.h"
#include "presence/bandwidth.h"
#include "presence/connection_info.h"
#include "presence/open_budget.h"
#include "presence/registry.h"
#include "quota/ledger.h"
#include "session/session.h"

namespace ferry::session {

// The numbers are those of the configuration key `upload_mode`.
enum class UploadMode : std::uint8_t {
  standard = 0,            // straight to the target; a broken upload leaves what arrived there
  atomic = 1,              // beside the target, renamed at close; a broken upload leaves nothing
  atomic_with_resume = 2,  // the same, but what arrived of a broken upload is kept at the target
};

// `setstat_mode`: what becomes of chmod, chown and chtimes. A change of size is always done.
enum class SetstatMode : std::uint8_t {
  apply = 0,
  ignore = 1,                 // answered with success, not done
  ignore_if_unsupported = 2,  // the same, where the storage cannot do it
};

struct Options {
  UploadMode upload_mode = UploadMode::standard;
  SetstatMode setstat_mode = SetstatMode::apply;
  unsigned symlink_mode = 0;  // where clients may make links: 1 local storage, 2 remote SFTP, 3 both
  std::string temp_path;      // where atomic uploads to local storage grow; empty: beside their targets
  int rename_mode = 0;        // 1: also directories that a storage can only rename by copying what is in them
  std::uint32_t umask = 022;  // of files and directories made for clients
  std::chrono::minutes idle_timeout{15};  // 0: never; presence::Registry::close_idle enforces it
};

// Which storage to open: the home of an account, or a folder.
struct StorageRequest {
  const model::FilesystemConfig& config;
  std::string account = {};  // the user's name: whose memory the buffers of transfers are
  std::string folder = {};   // the virtual folder whose storage it is; "": the home
  std::string path;          // home_dir or mapped_path, with the subpath; for a local provider made when it is missing
  std::uint32_t umask = 022;
  std::optional<vfs::AttributeChange::Owner> owner = {};  // of what is created; none: the server's own account
  bool at_once = false;  // fail instead of blocking; the caller then asks again on the blocking pool
};

// Opens it. May block, unless at_once. unsupported: a provider that is not built in; invalid_argument: a path that
// cannot be used. Given by `server`, which alone knows the backends.
using StorageFactory = std::function<Result<std::shared_ptr<vfs::FileSystem>>(const StorageRequest&)>;

// What every session of the process shares.
struct Services {
  std::shared_ptr<presence::Registry> registry;
  Options options = {};
  StorageFactory storage;
  std::shared_ptr<quota::Ledger> ledger = {};           // none: nothing is counted
  std::shared_ptr<presence::Bandwidth> bandwidth = {};  // none: no limits
  // Counts the user's storage again: after a program of the system worked on it. May be empty.
  std::function<void(const model::UserPtr&)> recount = {};
  std::shared_ptr<events::Stream> events = {};        // none: nobody is told what happens
  std::shared_ptr<presence::OpenBudget> budget = {};  // none: no limits
};

// The storages whose contents count as the user's: its home, and the folders that are included in its quota. May block.
Result<std::vector<std::shared_ptr<vfs::FileSystem>>> open_counted(const model::User& user, const Services& services);

// Enters the account into the registry, makes its home directory and folders when they are missing and
// builds its virtual tree. limit_exceeded: max_sessions, or its share of the budget; unsupported: a storage provider
// not built in; invalid_argument: a path in the account that cannot be used. The message names what is wrong.
Task<Result<std::unique_ptr<Session>>> open_session(model::UserPtr user, presence::ConnectionInfo info,
                                                    Services services);

}  // namespace ferry::session
