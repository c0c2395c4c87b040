// What is wrong with another machine, where more is known than an ErrorCode says: a word in brackets at the end of the
// error's message, as in "connection lost: Couldn't connect to server [refused]". Operators read it in the log, and
// checks of a storage (server/storage_checks.h) answer a fixed text for it, since messages hold what other servers say.
//
// Whoever knows it adds it last; whoever passes the error on may put words in front of the message, not after it.
#pragma once

#include <optional>

#include "base/error.h"

namespace ferry {

enum class Trouble : std::uint8_t {
  host_not_found,
  refused,      // nobody listens there
  unreachable,  // no way there
  certificate,  // it cannot be verified
  tls,          // no TLS connection
  host_key,     // of an SSH server, not one of those that are known
  own_server,   // the endpoint is this server
  clock,        // the clocks are too far apart for signed requests
  no_bucket,    // no such bucket or container
  wrong_region,
  bad_key,  // the service does not know the credentials, or they do not fit
};

std::string_view to_string(Trouble trouble);
Error with_trouble(Error error, Trouble trouble);
std::optional<Trouble> trouble_of(const Error& error);

}  // namespace ferry
