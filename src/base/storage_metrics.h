// Counters of what happens with storages on other machines, under the names that SFTPGo's telemetry has for them:
// "sftpgo_s3_uploads_total". They only grow, from 0 at the start of the process.
//
//   metrics::count_transfer("s3fs", metrics::Transfer::upload, bytes, !failure);      // session, at its end
//   metrics::count_request("s3fs", metrics::Request::head, answer.has_value());       // the object stores' seam
//   for (const metrics::Counter& counter : metrics::storage_counters()) ...           // telemetry
//
// Safe from any thread; counting takes no lock.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace ferry::metrics {

enum class Transfer : std::uint8_t { upload, download };
enum class Request : std::uint8_t { list, copy, remove, head };

// `storage`: vfs::FileSystem::name(). Every transfer counts for the server as a whole, too; those of local storage for
// that alone. Bytes count whether it succeeded or not.
void count_transfer(std::string_view storage, Transfer kind, std::uint64_t bytes, bool good);
// Of object stores; of others nothing is counted.
void count_request(std::string_view storage, Request kind, bool good);

struct Counter {
  std::string name;
  std::uint64_t value = 0;
};
// All of them, ordered by name; each is read for itself.
std::vector<Counter> storage_counters();

}  // namespace ferry::metrics
