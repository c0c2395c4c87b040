// What clients see of the size of a stored file.
#pragma once

#include "crypto/dare.h"
#include "vfs/file_system.h"

namespace ferry::vfs::encrypted {

// Of files alone. A size that no encrypted file has stays: clients that read it get an error instead of nothing, which
// they would take for an empty file.
inline void show_plain_size(FileInfo& info) {
  if (info.type != FileType::regular) return;
  info.size = crypto::dare::plain_size(info.size).value_or(info.size);
}

}  // namespace ferry::vfs::encrypted
