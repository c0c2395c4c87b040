// The receiving end (-t).
#pragma once

#include "protocols/scp/scp.h"
#include "protocols/scp/wire.h"

namespace ferry::scp {

// Whether everything arrived and was stored.
Task<bool> receive(Wire& wire, session::Session& session, const Arguments& arguments);

}  // namespace ferry::scp
