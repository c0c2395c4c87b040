// Which part of a list.
#pragma once

#include <cstddef>

namespace ferry::store {

// Part of a list that is ordered by name, as bytes.
struct Page {
  std::size_t limit = 100;
  std::size_t offset = 0;
  bool descending = false;
};

}  // namespace ferry::store
