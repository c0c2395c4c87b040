// An object store whose requests are counted (base/storage_metrics.h). Uploads and downloads are not: they are many
// requests each, and whoever makes them counts them as one.
#pragma once

#include <memory>

#include "vfs/object/object_store.h"

namespace ferry::vfs::object {

std::shared_ptr<ObjectStore> make_counted(std::shared_ptr<ObjectStore> store);

}  // namespace ferry::vfs::object
