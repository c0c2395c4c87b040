// Counting what the users and folders of a dump really use: a dump does not say.
#pragma once

#include <cstddef>

#include "session/quota_scan.h"
#include "store/dump.h"

namespace ferry::session {

// Begins a scan of each loaded user (with `only_limited` of those with a quota) and of each loaded folder; how many
// were begun. One that is running already goes on. Blocking; the scans are not waited for.
std::size_t scan_loaded(QuotaScans& scans, store::Provider& provider, const store::LoadReport& loaded,
                        bool only_limited);

}  // namespace ferry::session
