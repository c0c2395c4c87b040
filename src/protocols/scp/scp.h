// The far end of `scp`, the protocol of rcp as OpenSSH's `scp -O` and PuTTY's `pscp -scp` still speak it.
//
//   auto words = split_command_line("scp -r -t 'a folder'");
//   co_await scp::serve(channel, session, *words);       // sends the exit status
//
// Nobody wrote the protocol down. One side, the source, sends control lines and file data; the other, the sink,
// answers each with a byte: 0 done, 1 a warning line, 2 a fatal line. `-t` makes this end the sink, `-f` the source:
//
//   T<mtime> 0 <atime> 0\n    times of the next C or D (-p)
//   C<mode> <size> <name>\n   a file: its data follows the answer, then a 0 byte or a warning line
//   D<mode> 0 <name>\n ... E\n  a directory and what is in it (-r)
//
// What goes wrong with one file is a warning, and the conversation goes on with the next; a line that cannot be
// understood ends it with a fatal line. The exit status is 0 when all went well, else 1.
#pragma once

#include <span>
#include <vector>

#include "base/command_line.h"
#include "base/task.h"
#include "session/session.h"
#include "ssh/channel/channel.h"

namespace ferry::scp {

struct Arguments {
  bool sink = false;              // -t: files come to us; else -f: they leave
  bool recursive = false;         // -r
  bool preserve = false;          // -p: times and modes
  bool target_directory = false;  // -d: the target must be a directory
  std::vector<Word> paths;        // sink: exactly one
};

// `words` begins with the program's name. invalid_argument: neither or both of -t and -f, an unknown option, no path.
Result<Arguments> parse_arguments(std::span<const Word> words);

// Serves one channel to the end of the conversation and sends the exit status.
Task<void> serve(ssh::Channel& channel, session::Session& session, std::span<const Word> words);

}  // namespace ferry::scp
