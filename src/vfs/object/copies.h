// Copies inside an object store, also of objects that are too large for one request.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "vfs/object/object_file_system.h"

namespace ferry::vfs::object {

// `source`: as it was looked at; conflict: it is another by now. `properties`: instead of those of the source.
// `exclusive`: already_exists when there is something at `to`, as far as the service knows this condition.
Task<Result<void>> copy_object(std::shared_ptr<ObjectStore> store, std::shared_ptr<UploadJournal> journal,
                               ObjectInfo source, std::string to, std::optional<ObjectProperties> properties,
                               bool exclusive);

}  // namespace ferry::vfs::object
