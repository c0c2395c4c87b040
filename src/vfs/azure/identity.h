// Access tokens of Microsoft Entra ID for Azure Storage, for accounts that have neither a key nor a SAS URL: the
// identity of this server, found as Microsoft's own libraries find it, in this order:
//
//   AZURE_TENANT_ID, AZURE_CLIENT_ID, AZURE_CLIENT_SECRET          client secret
//   AZURE_TENANT_ID, AZURE_CLIENT_ID, AZURE_FEDERATED_TOKEN_FILE   workload identity (Kubernetes)
//   IDENTITY_ENDPOINT, IDENTITY_HEADER                             managed identity in App Service
//   none of them                                                   managed identity of a virtual machine
//
// AZURE_AUTHORITY_HOST and AZURE_POD_IDENTITY_AUTHORITY_HOST replace the hosts that are asked; AZURE_CLIENT_ID chooses
// among several managed identities.
#pragma once

#include <cstdint>
#include <memory>
#include <mutex>
#include <string>

#include "base/error.h"
#include "base/task.h"
#include "crypto/secret.h"
#include "http/client.h"

namespace ferry::vfs::azure {

// "": not set.
struct IdentitySettings {
  std::string tenant = {}, client = {};
  crypto::Secret client_secret = {};
  std::string token_file = {};
  std::string endpoint = {};  // App Service
  crypto::Secret endpoint_header = {};
  std::string authority = "https://login.microsoftonline.com";
  std::string metadata = "http://169.254.169.254";

  static IdentitySettings from_environment();
};

// One for the process: what it has fetched serves until five minutes before it ends. Safe from any thread.
class Identity {
 public:
  Identity(IdentitySettings settings, std::shared_ptr<http::Client> client);

  // A bearer token. While one is valid and another is being fetched, or cannot be had, the valid one goes on serving.
  // permission_denied: the identity was refused; timeout, connection_lost, io_error: ask again later.
  Task<Result<crypto::Secret>> token();

 private:
  struct Held {
    crypto::Secret token;
    std::int64_t expires = 0;  // Unix seconds
    bool fetching = false;
  };

  struct FetchEnds {
    explicit FetchEnds(Identity& identity) : identity_(identity) {}
    FetchEnds(const FetchEnds&) = delete;
    FetchEnds& operator=(const FetchEnds&) = delete;
    ~FetchEnds() {
      const std::scoped_lock lock(identity_.mutex_);
      identity_.held_.fetching = false;
    }
    Identity& identity_;
  };

  Task<Result<crypto::Secret>> fetch_and_keep();
  Result<crypto::Secret> keep(Result<http::ClientResponse> answer, std::int64_t began);
  Task<Result<crypto::Secret>> wait_for_another();
  Task<Result<http::ClientRequest>> request_of();
  http::ClientRequest exchange(std::string form) const;
  http::ClientRequest managed() const;

  const IdentitySettings settings_;
  const std::shared_ptr<http::Client> client_;
  std::mutex mutex_;
  Held held_;
};

}  // namespace ferry::vfs::azure
