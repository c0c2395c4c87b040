// File attributes on the wire (section 5 of the draft).
#pragma once

#include "base/bytes.h"
#include "vfs/file_system.h"

namespace ferry::sftp {

// Size, owner, permissions and times of `info`. Times outside u32 seconds are brought to its nearest end.
void write_attributes(ByteWriter& out, const vfs::FileInfo& info);

// What a client sent; fields it left out stay empty. Extended pairs are read over. A packet that ends too
// early fails the reader.
vfs::AttributeChange read_attributes(ByteReader& in);

}  // namespace ferry::sftp
