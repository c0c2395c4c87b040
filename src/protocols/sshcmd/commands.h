// The table of commands: one row each.
#pragma once

#include <string>
#include <string_view>

#include "protocols/sshcmd/sshcmd.h"

namespace ferry::sshcmd {

struct Invocation {
  ssh::Channel& channel;
  session::Session& session;
  std::span<const Word> words;  // words[0] is the name

  std::string_view name() const { return words.front().text; }
  // The path a word names, read from the account's start directory.
  Result<VirtualPath> path(const Word& word) const;
  Task<void> print(std::string text) const;
  // "<name>: <text>\n" on stderr, control characters replaced.
  Task<void> complain(std::string text) const;
  Task<void> complain(const Word& about, const Error& error) const;
};

// Answers the exit status.
using Command = Task<int> (*)(Invocation call);

struct CommandRow {
  std::string_view name;
  std::string_view alias;  // empty: none
  Command run;
};

// Null: no such command.
const CommandRow* find_command(std::string_view word);

// digests.cpp
Task<int> md5sum(Invocation call);
Task<int> sha1sum(Invocation call);
Task<int> sha256sum(Invocation call);
Task<int> sha384sum(Invocation call);
Task<int> sha512sum(Invocation call);
// programs.cpp
Task<int> git(Invocation call);
Task<int> rsync(Invocation call);
// trees.cpp
Task<int> copy(Invocation call);
Task<int> remove(Invocation call);
// directory.cpp
Task<int> change_directory(Invocation call);
Task<int> print_directory(Invocation call);

}  // namespace ferry::sshcmd
