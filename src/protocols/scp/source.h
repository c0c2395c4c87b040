// The sending end (-f).
#pragma once

#include "protocols/scp/scp.h"
#include "protocols/scp/wire.h"

namespace ferry::scp {

// Whether everything that was asked for has been sent and stored.
Task<bool> send(Wire& wire, session::Session& session, const Arguments& arguments);

// The paths a word stands for: itself, or what its wildcards match, sorted as a shell does. A pattern that matches
// nothing stands for itself. limit_exceeded: too many matches.
Task<Result<std::vector<VirtualPath>>> expand(session::Session& session, const Word& word);

}  // namespace ferry::scp
