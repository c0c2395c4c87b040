// What a client's rsync says to ours: `rsync --server [--sender] <options> . <path>...`. Pure functions.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "base/command_line.h"
#include "base/error.h"
#include "session/native_place.h"

namespace ferry::sshcmd {

// An option that names a path: its value as the client gave it.
struct RsyncPath {
  std::string name;  // "--link-dest"
  Word value;
};

struct RsyncCall {
  bool sender = false;               // files leave
  std::vector<std::string> options;  // as they came, without --server and --sender and those of `named`
  std::vector<RsyncPath> named;      // those that name a path
  std::vector<Word> paths;           // one to receive, one or more to send

  bool has(std::string_view option) const;  // among `options`
};

// permission_denied: an option that is not known, reaches out of the paths, runs something, hides further arguments
// from us or takes back what rsync_run() adds. invalid_argument: not what a client's rsync sends.
Result<RsyncCall> parse_rsync(std::span<const Word> words);

// Where an option's path leads, which rsync reads from the directory it receives in: `--link-dest=../prev` of a client
// that sends to /backup/new is /backup/prev. "/prev" is in the account's home. permission_denied: above the home.
Result<VirtualPath> rsync_directory(const VirtualPath& target, std::string_view value);

struct RsyncRun {
  std::vector<std::string> arguments;  // for the program
  std::string ignored;                 // options without effect for want of a right, as the client knows them; or empty
};

// What is ready to be run: paths as the program is to see them.
struct RsyncPlaces {
  std::vector<std::string> paths;
  std::vector<std::string> named;  // one for each of RsyncCall::named
};

// --safe-links keeps links from leading outside; --munge-links makes all of them unusable for an account that may not
// make links. No file gets set-user-id or set-group-id. Of what `rights` do not hold, -p, -E, -t, -o and -g (parts of
// -a) have no effect; permission_denied: another option that needs them.
Result<RsyncRun> rsync_run(const RsyncCall& call, const RsyncPlaces& places, const session::NativeRights& rights);

}  // namespace ferry::sshcmd
