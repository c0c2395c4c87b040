// One suite over vfs::FileSystem: what every backend must do alike. A backend instantiates it with
//
//   INSTANTIATE_TEST_SUITE_P(Mine, FileSystemSuite, testing::Values(Backend{"mine", make_mine}), backend_name);
#pragma once

#include <gtest/gtest.h>

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "tests/support/run.h"
#include "vfs/file_system.h"

namespace ferry::vfs {

struct Backend {
  std::string name;
  // An empty storage; whatever it needs lives as long as it does.
  std::function<std::shared_ptr<FileSystem>()> make;
  bool whole_seconds = false;                          // of times
  std::size_t longest_path = VirtualPath::max_length;  // below the root
  bool backslashes = true;                             // in names
  bool access_times = true;                            // are told
  bool any_bytes = true;                               // in names; else text in UTF-8 without control characters
};

inline std::string backend_name(const testing::TestParamInfo<Backend>& info) { return info.param.name; }

inline VirtualPath at(std::string_view text) { return VirtualPath::parse(text).value(); }

inline const OpenOptions for_reading{.read = true};
inline const OpenOptions for_upload{.write = true, .create = true, .truncate = true};

class FileSystemSuite : public testing::TestWithParam<Backend> {
 protected:
  void SetUp() override {
    storage = GetParam().make();
    if (!storage) GTEST_SKIP() << "not on this machine";
  }

  Result<void> put(std::string_view path, std::string_view text, OpenOptions options = for_upload);
  Result<std::string> get(std::string_view path);
  ErrorCode code_of(const auto& result) { return result ? ErrorCode::internal : result.error().code; }
  std::vector<std::string> names(std::string_view path, std::size_t batch = 100);

  std::shared_ptr<FileSystem> storage;
};

}  // namespace ferry::vfs
