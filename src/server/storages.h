// Which storage backend an account's configuration means: the one table of backends.
#pragma once

#include <memory>
#include <string>

#include "base/protected_paths.h"
#include "session/factory.h"

namespace ferry::server {

// A session::StorageFactory. unsupported, with the provider's number, for one that is not built in.
Result<std::shared_ptr<vfs::FileSystem>> open_storage(const session::StorageRequest& request);

// The same, but permission_denied for a directory of the server's own, also where links lead to one: the directory that
// was opened is judged, not its name. `staging` (common.temp_path) is the operator's choice and may lie anywhere.
session::StorageFactory guarded_storage(std::shared_ptr<const ProtectedPaths> paths, std::string staging);

}  // namespace ferry::server
