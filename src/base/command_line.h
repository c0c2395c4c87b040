// Splits a command line that a client wrote for a remote shell into words, without running a shell.
//
//   auto words = split_command_line("scp -t 'a file'");   // "scp", "-t", "a file"
//
// Quoting is understood as POSIX shells do it (IEEE 1003.1, 2.2: backslash, single and double quotes). Nothing else of
// a shell is: variables, substitutions, lists and redirections are ordinary characters, so "ls; rm x" is the three
// words "ls;", "rm", "x" and nothing in a line can start a second program.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "base/virtual_path.h"

namespace ferry {

struct Word {
  std::string text;        // without its quoting
  std::string pattern;     // the same as a pattern of fnmatch(3): quoted characters are preceded by a backslash
  bool wildcards = false;  // an unquoted * ? or [ is in it
  bool home = false;       // begins with an unquoted "~", alone or before a '/'
};

inline constexpr std::size_t longest_command_line = 64 * 1024;
inline constexpr std::size_t most_command_words = 1024;

// invalid_argument: an unfinished quotation, a NUL, too long, too many words.
Result<std::vector<Word>> split_command_line(std::string_view line);

// The path that a word names: relative words start at `start`, and "~" means `start` too.
Result<VirtualPath> path_of(const Word& word, const VirtualPath& start);

}  // namespace ferry
