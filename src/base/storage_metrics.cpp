#include "base/storage_metrics.h"

#include <algorithm>
#include <array>
#include <atomic>

namespace ferry::metrics {

namespace {

using Number = std::atomic<std::uint64_t>;

struct Transfers {
  Number good = 0, failed = 0, bytes = 0;
};
struct Requests {
  Number good = 0, failed = 0;
};

struct Storage {
  std::string_view name;  // of vfs::FileSystem
  std::string_view word;  // in counters
  bool is_object_store;
  std::array<Transfers, 2> transfers = {};
  std::array<Requests, 4> requests = {};
};

Storage storages[] = {{"s3fs", "s3_", true},
                      {"gcsfs", "gcs_", true},
                      {"azblobfs", "az_", true},
                      {"sftpfs", "sftpfs_", false},
                      {"httpfs", "httpfs_", false}};
std::array<Transfers, 2> all_transfers;

constexpr std::string_view prefix = "sftpgo_";
constexpr std::array<std::string_view, 2> transfer_words{"upload", "download"};
constexpr std::array<std::string_view, 4> request_words{"list_objects", "copy_object", "delete_object", "head_object"};

Storage* find(std::string_view name) {
  auto* const found = std::ranges::find(storages, name, &Storage::name);
  return found == std::end(storages) ? nullptr : found;
}

void add(Number& number, std::uint64_t count) { number.fetch_add(count, std::memory_order_relaxed); }

void add(Transfers& transfers, std::uint64_t bytes, bool good) {
  add(good ? transfers.good : transfers.failed, 1);
  add(transfers.bytes, bytes);
}

void append(std::vector<Counter>& counters, std::string_view word, const std::array<Transfers, 2>& transfers) {
  for (std::size_t i = 0; i < transfers.size(); ++i) {
    const std::string name = std::string(prefix) + std::string(word) + std::string(transfer_words[i]);
    counters.push_back({name + "s_total", transfers[i].good});
    counters.push_back({name + "_errors_total", transfers[i].failed});
    counters.push_back({name + "_size", transfers[i].bytes});
  }
}

void append(std::vector<Counter>& counters, std::string_view word, const std::array<Requests, 4>& requests) {
  for (std::size_t i = 0; i < requests.size(); ++i) {
    const std::string name = std::string(prefix) + std::string(word) + std::string(request_words[i]);
    counters.push_back({name, requests[i].good});
    counters.push_back({name + "_errors", requests[i].failed});
  }
}

}  // namespace

void count_transfer(std::string_view storage, Transfer kind, std::uint64_t bytes, bool good) {
  const auto index = static_cast<std::size_t>(kind);
  add(all_transfers[index], bytes, good);
  if (Storage* own = find(storage); own != nullptr) add(own->transfers[index], bytes, good);
}

void count_request(std::string_view storage, Request kind, bool good) {
  Storage* own = find(storage);
  if (own == nullptr || !own->is_object_store) return;
  Requests& requests = own->requests[static_cast<std::size_t>(kind)];
  add(good ? requests.good : requests.failed, 1);
}

std::vector<Counter> storage_counters() {
  std::vector<Counter> counters;
  append(counters, "", all_transfers);
  for (const Storage& storage : storages) {
    append(counters, storage.word, storage.transfers);
    if (storage.is_object_store) append(counters, storage.word, storage.requests);
  }
  std::ranges::sort(counters, {}, &Counter::name);
  return counters;
}

}  // namespace ferry::metrics
