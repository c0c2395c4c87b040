// The dump that is loaded when the server starts.
#pragma once

#include "base/error.h"
#include "server/server.h"
#include "store/dump.h"

namespace ferry::server {

// Errors name --loaddata-from; what the dump had and this server does not keep is in the log.
Result<store::LoadReport> load_data(store::Accounts& accounts, const LoadData& load,
                                    const store::LoadListener& listener);

}  // namespace ferry::server
