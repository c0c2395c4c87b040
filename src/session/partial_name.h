// Names under which uploads and copies grow until they are complete: ".ferry-upload.<16 hexadecimal digits>.<name>".
//
// Clients neither see them nor reach them. Whoever could rename one away would keep a file that no quota counts, and
// whoever could put a file of theirs in its place would choose what another upload becomes.
#pragma once

#include <string_view>

#include "base/virtual_path.h"

namespace ferry::session {

// One beside `target` that no other upload uses, short enough for any directory.
VirtualPath partial_path(const VirtualPath& target);

bool is_partial_name(std::string_view name);
// Whether one of the path's components is such a name.
bool has_partial_name(const VirtualPath& path);

}  // namespace ferry::session
