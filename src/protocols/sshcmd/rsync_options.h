// What a client's rsync says to ours: `rsync --server [--sender] <options> . <path>...`. Pure functions.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "base/command_line.h"
#include "base/error.h"
#include "session/native_place.h"

namespace ferry::sshcmd {

struct RsyncCall {
  bool sender = false;               // files leave
  std::vector<std::string> options;  // as they came, without --server and --sender
  std::vector<Word> paths;           // one to receive, one or more to send
};

// permission_denied: an option that reaches out of the paths, runs something, hides further arguments from us or
// takes back what rsync_run() adds. invalid_argument: not what a client's rsync sends.
Result<RsyncCall> parse_rsync(std::span<const Word> words);

struct RsyncRun {
  std::vector<std::string> arguments;  // for the program
  std::string ignored;                 // options without effect for want of a right, as the client knows them; or empty
};

// --safe-links keeps links from leading outside; --munge-links makes all of them unusable for an account that may not
// make links. No file gets set-user-id or set-group-id. Of what `rights` do not hold, -p, -E, -t, -o and -g (parts of
// -a) have no effect; permission_denied: another option that needs them.
Result<RsyncRun> rsync_run(const RsyncCall& call, const std::vector<std::string>& paths,
                           const session::NativeRights& rights);

}  // namespace ferry::sshcmd
