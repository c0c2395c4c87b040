// Reads and writes small files below a directory of the server's own (backups, say) whose names come from a client. No
// name can leave the directory ("../x", an absolute path elsewhere), and symbolic links inside it are refused.
#pragma once

#include <cstddef>
#include <filesystem>
#include <string>
#include <string_view>

#include "base/error.h"

namespace ferry {

// The file's content. `name` is relative to `root`, or an absolute path below it. invalid_argument: no such name;
// not_found; permission_denied: it is no regular file, or a link stands in its way; limit_exceeded: more than `limit`
// bytes.
Result<std::string> read_contained(const std::filesystem::path& root, std::string_view name, std::size_t limit);

// Writes a new file (mode 0600) and renames it over the old one, so that readers see the old content or the new one,
// never a part. Makes `root` and the directories in between. Errors as above.
Result<void> write_contained(const std::filesystem::path& root, std::string_view name, std::string_view content);

// The content of a file that the operator names. Errors as above; links are followed.
Result<std::string> read_file(const std::filesystem::path& path, std::size_t limit);

}  // namespace ferry
