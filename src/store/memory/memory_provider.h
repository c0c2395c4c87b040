// A provider that lives and ends with the process.
#pragma once

#include <memory>

#include "store/provider.h"

namespace ferry::store {

std::unique_ptr<Provider> make_memory_provider();

}  // namespace ferry::store
