// Which directories of this machine no account may be given: where the server keeps its own files. Whoever could read
// or write there would have the database, the host keys or the configuration.
//
//   ProtectedPaths paths({.directory = "/etc/ferry", .data = {"/etc/ferry/data"}, .own = {{"/var/log/ferry.log", "the
//   log"}}}); paths.check_text("/etc/ferry/env.d/x");   // refused: inside the configuration directory
//   paths.check_text("/etc");                 // refused: above it
//   paths.check_text("/etc/ferry/data/maria") // allowed: below the data
//
// Refused is what is, or lies above, something of the server's, and what lies inside a directory of the server's unless
// it lies below one of `data` there. Errors: invalid_argument, whose message names what is protected and not where it
// is. Nothing changes after construction: safe from any thread.
#pragma once

#include <sys/types.h>

#include <filesystem>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/error.h"

namespace ferry {

class ProtectedPaths {
 public:
  struct Own {
    std::filesystem::path path;  // a file or a directory, absolute; need not exist
    std::string what;            // as in "it is, or lies above, WHAT"
  };
  struct Options {
    std::filesystem::path directory;          // of the configuration, absolute
    std::vector<std::filesystem::path> data;  // where accounts lie even if that is in a directory of the server's
    std::vector<Own> own;                     // everything else of the server's
    // Where administrators with a role may place accounts and folders: one of `data`.
    std::filesystem::path base;
  };

  // Blocks: asks where the paths' links lead.
  explicit ProtectedPaths(Options options);

  // By the text of an absolute path alone. Does not block.
  Result<void> check_text(std::string_view path) const;
  // The same, and where the links in it lead. Blocks.
  Result<void> check(std::string_view path) const;
  // Of a directory that is open: `real` is its name without links. Finds what is mounted a second time, too.
  Result<void> check_open(std::string_view real, dev_t device, ino_t inode) const;
  // A path with %username% or %role%: by the part before them, which is all that is known. Blocks.
  Result<void> check_template(std::string_view path) const;

  // Whether the path, with its links resolved, lies below the place for administrators with a role. Blocks.
  bool is_in_base(std::string_view path) const;

 private:
  // Both the text of a path and what it is without links.
  struct Place {
    std::string text, real;
    std::string what;
  };
  bool is_data_in(const std::string& path, const Place& own) const;
  Result<void> judge(const std::string& path) const;
  void add(const std::filesystem::path& path, std::string what);

  std::vector<Place> own_;
  std::vector<Place> data_;
  Place base_;
  // Of everything that is the server's or lies above it, as far as it exists.
  std::set<std::pair<dev_t, ino_t>> above_;
};

}  // namespace ferry
