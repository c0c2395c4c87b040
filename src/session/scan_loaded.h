// Starts quota scans after a dump was loaded, since a dump does not say how much users and folders use.
#pragma once

#include <cstddef>

#include "session/quota_scan.h"
#include "store/dump.h"

namespace ferry::session {

// Starts a scan for each loaded user (with `only_limited`: only those with a quota) and each loaded folder, unless one
// is running, and answers how many. Blocks for the database, not for the scans.
std::size_t scan_loaded(QuotaScans& scans, store::Provider& provider, const store::LoadReport& loaded,
                        bool only_limited);

}  // namespace ferry::session
