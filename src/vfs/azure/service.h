// Requests to one container of Azure Blob Storage: their URLs, how they are signed, and what an error of the service
// means. AzureStore knows which requests there are.
#pragma once

#include <atomic>
#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "base/error.h"
#include "base/task.h"
#include "crypto/secret.h"
#include "http/client.h"
#include "vfs/azure/identity.h"
#include "vfs/azure/signing.h"

namespace ferry::vfs::azure {

// One of sas_url, account_key and, where neither is set, this server's identity.
struct StoreOptions {
  std::string container = {};  // "": the SAS URL names it
  std::string account_name = {};
  crypto::Secret account_key = {};  // base64, as the portal shows it
  crypto::Secret sas_url = {};      // of the account or of the container
  // "": blob.core.windows.net. A domain, before which the account's name is put, or the URL of the account.
  std::string endpoint = {};
  std::string access_tier = {};  // "": the account's default
  bool use_emulator = false;     // the account's name stands in the path: Azurite
};

// One request. `key`: "" for one to the container itself.
struct Call {
  std::string method = "GET";
  std::string key = {};
  Pairs query = {};    // not encoded
  Pairs headers = {};  // beside those that every request has
  std::string body = {};
  std::vector<ByteSpan> pieces = {};
  std::optional<MutableByteSpan> into = {};
  std::size_t max_response = std::size_t{1} << 20;
};

class Service {
 public:
  // invalid_argument, with a message for an operator: options that cannot be meant.
  static Result<std::unique_ptr<Service>> make(StoreOptions options, std::shared_ptr<http::Client> client,
                                               std::shared_ptr<Identity> identity);

  // Sends it once. An answer of a status below 300; others as the Error that ObjectStore asks for, its message with the
  // service's own code.
  Task<Result<http::ClientResponse>> send(Call call);

  // Of a blob, without SAS: for "Copy Blob" within the account, which needs none when the request itself is authorized;
  // with a SAS it must be appended.
  crypto::Secret copy_source(std::string_view key) const;

  const std::string& container() const { return options_.container; }
  const std::string& access_tier() const { return options_.access_tier; }
  std::chrono::milliseconds retry_after() const { return std::chrono::milliseconds(retry_after_.load()); }

 private:
  Service(StoreOptions options, std::shared_ptr<http::Client> client, std::shared_ptr<Identity> identity);
  Result<void> use_sas_url();
  Result<void> use_endpoint();
  std::string path_of(std::string_view key) const;
  Task<Result<void>> authorize(http::ClientRequest& request, SignedParts parts);
  Error error_of(const Call& call, const http::ClientResponse& answer);

  StoreOptions options_;
  const std::shared_ptr<http::Client> client_;
  const std::shared_ptr<Identity> identity_;
  std::string host_, base_path_;  // "https://account.blob.core.windows.net"; "" or "/account"
  crypto::Secret key_, sas_;      // decoded; the query of the SAS URL
  std::atomic<std::int64_t> retry_after_ = 0;
};

}  // namespace ferry::vfs::azure
