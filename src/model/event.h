// What happened: operations on files, changes of stored objects, and what connections did before they had a session.
// Plain values with the documented meaning of their fields (SFTPGo "custom actions", REST schemas FsEvent,
// ProviderEvent and LogEvent).
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace ferry::model {

// As common.actions.execute_on names them. pre_*: before it happens, and may be refused.
enum class FileAction : std::uint8_t {
  download,
  first_download,
  pre_download,
  upload,
  first_upload,
  pre_upload,
  remove,  // "delete"
  pre_remove,
  rename,
  make_directory,
  remove_directory,
  ssh_command,
  copy,
};
inline constexpr std::size_t file_action_count = 13;
std::string_view to_string(FileAction action);
std::optional<FileAction> file_action_of(std::string_view name);
constexpr bool is_question(FileAction action) {
  return action == FileAction::pre_download || action == FileAction::pre_upload || action == FileAction::pre_remove;
}

struct FileEvent {
  static constexpr std::int64_t ok = 1, failed = 2, over_quota = 3;  // of `status`

  FileAction action = FileAction::download;
  std::int64_t timestamp = 0;  // nanoseconds since the Unix epoch, as of all events
  std::string username = {};
  std::string path = {}, target_path = {};                  // where it lies on the storage
  std::string virtual_path = {}, virtual_target_path = {};  // as the user sees it
  std::string ssh_cmd = {};                                 // name of the SSH command
  std::int64_t file_size = 0;    // upload: of the file as it is left; download: bytes that were sent
  std::int64_t elapsed = 0;      // milliseconds
  std::int64_t fs_provider = 0;  // FilesystemProvider
  std::string bucket = {}, endpoint = {};
  std::int64_t status = ok;
  std::string protocol = {}, ip = {}, session_id = {};
  std::int64_t open_flags = 0;  // of pre_upload: open(2)'s
  std::string role = {};        // of the user
  bool operator==(const FileEvent&) const = default;
};

struct ProviderEvent {
  std::string action = {};  // add, update, delete
  std::int64_t timestamp = 0;
  std::string username = {};  // of the admin; "__self__", "__system__"
  std::string ip = {};
  std::string object_type = {}, object_name = {};
  std::string object_data = {};  // JSON, without secrets
  std::string role = {};         // of the admin
  bool operator==(const ProviderEvent&) const = default;
};

enum class LogEventType : std::uint8_t {
  login_failed = 1,
  login_unknown_user = 2,
  no_login_tried = 3,
  not_negotiated = 4,
  login_ok = 5,
};

struct LogEvent {
  LogEventType event = LogEventType::login_failed;
  std::int64_t timestamp = 0;
  std::string protocol = {}, username = {}, ip = {}, message = {};
  std::string role = {};  // of the user
  bool operator==(const LogEvent&) const = default;
};

inline std::int64_t now_ns() {
  return std::chrono::duration_cast<std::chrono::nanoseconds>(std::chrono::system_clock::now().time_since_epoch())
      .count();
}

}  // namespace ferry::model
