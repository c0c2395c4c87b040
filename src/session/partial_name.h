// Names under which uploads and copies grow until they are complete: ".ferry-upload.<16 hexadecimal digits>.<name>".
//
// Clients neither see nor reach such names. If a client could rename a partial file, it would keep a file that no quota
// counts; if it could put a file of its own under that name, it would choose the content of somebody else's upload.
#pragma once

#include <string_view>

#include "base/virtual_path.h"

namespace ferry::session {

// A new name beside `target` (64 random bits), cut so that it is no longer than file systems allow.
VirtualPath partial_path(const VirtualPath& target);

bool is_partial_name(std::string_view name);
// Whether one of the path's components is such a name.
bool has_partial_name(const VirtualPath& path);

}  // namespace ferry::session
