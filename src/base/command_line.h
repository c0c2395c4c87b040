// A command line as clients write it for a remote shell, taken apart without one.
//
//   auto words = split_command_line("scp -t 'a file'");   // "scp", "-t", "a file"
//
// What a POSIX shell's quoting means (IEEE 1003.1, 2.2: backslash, single and double quotes) is understood, and
// nothing else of a shell is: no variables, substitutions, lists, redirections. Their characters stand for
// themselves, so nothing in a line is ever run.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "base/virtual_path.h"

namespace ferry {

struct Word {
  std::string text;        // without its quoting
  std::string pattern;     // the same for fnmatch(3): what was quoted stands behind a backslash
  bool wildcards = false;  // an unquoted * ? or [ is in it
  bool home = false;       // begins with an unquoted "~", alone or before a '/'
};

inline constexpr std::size_t longest_command_line = 64 * 1024;
inline constexpr std::size_t most_command_words = 1024;

// invalid_argument: an unfinished quotation, a NUL, too long, too many words.
Result<std::vector<Word>> split_command_line(std::string_view line);

// The path that a word names for who is in `start`, which also is what "~" stands for.
Result<VirtualPath> path_of(const Word& word, const VirtualPath& start);

}  // namespace ferry
