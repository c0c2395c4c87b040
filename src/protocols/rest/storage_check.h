// What is checked of a storage, and what came of it: between the REST call and the part of the server that opens
// storages.
#pragma once

#include <algorithm>
#include <string>
#include <string_view>
#include <vector>

#include "model/filesystem.h"

namespace ferry::rest {

struct StorageCheck {
  std::string admin = {};       // who asks: one check of each at a time
  std::string request_id = {};  // for the log
  model::FilesystemConfig filesystem = {};
  std::string directory = {};  // of local and encrypted storage, absolute
  bool write = false;          // also write a small file of a random name, read it and remove it
};

struct StorageReport {
  // Every text is one of a fixed set: nothing that another server said is among them.
  struct Step {
    std::string_view name;     // settings, list, write, read, remove; in this order, up to the first that fails
    std::string_view problem;  // a word; "": none
    std::string_view message;  // the same for people; also a remark where there is no problem
  };
  std::vector<Step> steps;
  bool ok() const { return !steps.empty() && std::ranges::all_of(steps, &std::string_view::empty, &Step::problem); }
};

}  // namespace ferry::rest
