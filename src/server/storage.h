// Which storage backend an account's configuration means: the one table of backends.
#pragma once

#include "session/factory.h"

namespace ferry::server {

// A session::StorageFactory. unsupported, with the provider's number, for one that is not built in.
Result<std::shared_ptr<vfs::FileSystem>> open_storage(const session::StorageRequest& request);

}  // namespace ferry::server
