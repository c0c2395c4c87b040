#include "base/storage_metrics.h"

#include <gtest/gtest.h>

#include <map>
#include <set>

namespace ferry::metrics {
namespace {

// As SFTPGo's telemetry has them.
constexpr const char* names[] = {
    "sftpgo_az_copy_object",
    "sftpgo_az_copy_object_errors",
    "sftpgo_az_delete_object",
    "sftpgo_az_delete_object_errors",
    "sftpgo_az_download_errors_total",
    "sftpgo_az_download_size",
    "sftpgo_az_downloads_total",
    "sftpgo_az_head_object",
    "sftpgo_az_head_object_errors",
    "sftpgo_az_list_objects",
    "sftpgo_az_list_objects_errors",
    "sftpgo_az_upload_errors_total",
    "sftpgo_az_upload_size",
    "sftpgo_az_uploads_total",
    "sftpgo_download_errors_total",
    "sftpgo_download_size",
    "sftpgo_downloads_total",
    "sftpgo_gcs_copy_object",
    "sftpgo_gcs_copy_object_errors",
    "sftpgo_gcs_delete_object",
    "sftpgo_gcs_delete_object_errors",
    "sftpgo_gcs_download_errors_total",
    "sftpgo_gcs_download_size",
    "sftpgo_gcs_downloads_total",
    "sftpgo_gcs_head_object",
    "sftpgo_gcs_head_object_errors",
    "sftpgo_gcs_list_objects",
    "sftpgo_gcs_list_objects_errors",
    "sftpgo_gcs_upload_errors_total",
    "sftpgo_gcs_upload_size",
    "sftpgo_gcs_uploads_total",
    "sftpgo_httpfs_download_errors_total",
    "sftpgo_httpfs_download_size",
    "sftpgo_httpfs_downloads_total",
    "sftpgo_httpfs_upload_errors_total",
    "sftpgo_httpfs_upload_size",
    "sftpgo_httpfs_uploads_total",
    "sftpgo_s3_copy_object",
    "sftpgo_s3_copy_object_errors",
    "sftpgo_s3_delete_object",
    "sftpgo_s3_delete_object_errors",
    "sftpgo_s3_download_errors_total",
    "sftpgo_s3_download_size",
    "sftpgo_s3_downloads_total",
    "sftpgo_s3_head_object",
    "sftpgo_s3_head_object_errors",
    "sftpgo_s3_list_objects",
    "sftpgo_s3_list_objects_errors",
    "sftpgo_s3_upload_errors_total",
    "sftpgo_s3_upload_size",
    "sftpgo_s3_uploads_total",
    "sftpgo_sftpfs_download_errors_total",
    "sftpgo_sftpfs_download_size",
    "sftpgo_sftpfs_downloads_total",
    "sftpgo_sftpfs_upload_errors_total",
    "sftpgo_sftpfs_upload_size",
    "sftpgo_sftpfs_uploads_total",
    "sftpgo_upload_errors_total",
    "sftpgo_upload_size",
    "sftpgo_uploads_total",
};

std::map<std::string, std::uint64_t> now() {
  std::map<std::string, std::uint64_t> values;
  for (const Counter& counter : storage_counters()) values[counter.name] = counter.value;
  return values;
}

// What grew since, by how much.
std::map<std::string, std::uint64_t> grown(const std::map<std::string, std::uint64_t>& before) {
  std::map<std::string, std::uint64_t> more;
  for (const auto& [name, value] : now()) {
    if (value != before.at(name)) more[name] = value - before.at(name);
  }
  return more;
}

using Growth = std::map<std::string, std::uint64_t>;

TEST(StorageMetrics, HaveSftpgosNames) {
  std::set<std::string> own;
  for (const Counter& counter : storage_counters()) EXPECT_TRUE(own.insert(counter.name).second) << counter.name;
  EXPECT_EQ(own, std::set<std::string>(std::begin(names), std::end(names)));
}

TEST(StorageMetrics, TransfersCountForTheirStorageAndForAll) {
  auto before = now();
  count_transfer("s3fs", Transfer::upload, 100, true);
  count_transfer("s3fs", Transfer::upload, 7, false);
  EXPECT_EQ(grown(before), (Growth{{"sftpgo_s3_uploads_total", 1},
                                   {"sftpgo_s3_upload_errors_total", 1},
                                   {"sftpgo_s3_upload_size", 107},
                                   {"sftpgo_uploads_total", 1},
                                   {"sftpgo_upload_errors_total", 1},
                                   {"sftpgo_upload_size", 107}}));
  before = now();
  count_transfer("sftpfs", Transfer::download, 0, true);
  count_transfer("osfs", Transfer::download, 5, true);
  EXPECT_EQ(grown(before),
            (Growth{{"sftpgo_sftpfs_downloads_total", 1}, {"sftpgo_downloads_total", 2}, {"sftpgo_download_size", 5}}));
}

TEST(StorageMetrics, RequestsCountForObjectStores) {
  const auto before = now();
  count_request("azblobfs", Request::head, true);
  count_request("gcsfs", Request::list, false);
  count_request("s3fs", Request::remove, true);
  count_request("s3fs", Request::copy, false);
  count_request("sftpfs", Request::list, true);
  count_request("osfs", Request::list, true);
  EXPECT_EQ(grown(before), (Growth{{"sftpgo_az_head_object", 1},
                                   {"sftpgo_gcs_list_objects_errors", 1},
                                   {"sftpgo_s3_delete_object", 1},
                                   {"sftpgo_s3_copy_object_errors", 1}}));
}

}  // namespace
}  // namespace ferry::metrics
