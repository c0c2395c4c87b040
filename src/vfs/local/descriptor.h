// A file descriptor with an owner.
#pragma once

#include "base/descriptor.h"

namespace ferry::vfs::local {

using ferry::Descriptor;

}  // namespace ferry::vfs::local
