#include "model/event.h"

#include <array>

namespace ferry::model {

namespace {

// In the order of FileAction.
constexpr std::array<std::string_view, file_action_count> names{
    "download",   "first-download", "pre-download", "upload", "first-upload", "pre-upload", "delete",
    "pre-delete", "rename",         "mkdir",        "rmdir",  "ssh_cmd",      "copy"};

}  // namespace

std::string_view to_string(FileAction action) { return names.at(static_cast<std::size_t>(action)); }

std::optional<FileAction> file_action_of(std::string_view name) {
  for (std::size_t i = 0; i < names.size(); ++i) {
    if (names[i] == name) return static_cast<FileAction>(i);
  }
  return std::nullopt;
}

}  // namespace ferry::model
