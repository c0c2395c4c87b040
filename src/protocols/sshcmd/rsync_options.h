// What a client's rsync says to ours: `rsync --server [--sender] <options> . <path>...`. Pure functions.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "base/command_line.h"
#include "base/error.h"

namespace ferry::sshcmd {

struct RsyncCall {
  bool sender = false;               // files leave
  std::vector<std::string> options;  // as they came, without --server and --sender
  std::vector<Word> paths;           // one to receive, one or more to send
};

// permission_denied: an option that reaches out of the paths, runs something, hides further arguments from us or
// takes back what rsync_arguments() adds. invalid_argument: not what a client's rsync sends.
Result<RsyncCall> parse_rsync(std::span<const Word> words);

// The arguments for the program. --safe-links keeps links from leading outside; --munge-links makes all of them
// unusable for an account that may not make links.
std::vector<std::string> rsync_arguments(const RsyncCall& call, const std::vector<std::string>& paths, bool may_link);

}  // namespace ferry::sshcmd
