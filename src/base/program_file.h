// What the kernel loads beside a program when it is run.
#pragma once

#include <string>

#include "base/error.h"

namespace ferry {

// The dynamic loader that an ELF program of this machine's kind names ("/lib64/ld-linux-x86-64.so.2"); empty: it needs
// none. unsupported: the file is something else, a script for instance. Blocks.
Result<std::string> interpreter_of(const std::string& program);

}  // namespace ferry
