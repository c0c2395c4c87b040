// How requests to Azure Storage are signed with an account's key: "Authorize with Shared Key" of Microsoft's REST
// reference, the form for blobs of versions from 2015-02-21 on.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "crypto/secret.h"

namespace ferry::vfs::azure {

using Pairs = std::vector<std::pair<std::string, std::string>>;

struct SignedParts {
  std::string method;
  std::string path;    // as sent, percent-encoded, from its first slash; the emulator's begins with the account
  Pairs query = {};    // decoded
  Pairs headers = {};  // all that are sent; x-ms-date or Date among them
  std::uint64_t body_size = 0;  // Content-Length; 0 is signed as ""
};

// What is signed.
std::string string_to_sign(std::string_view account, const SignedParts& parts);

// The value of the Authorization header. `key` is the decoded one.
std::string shared_key_authorization(std::string_view account, const crypto::Secret& key, const SignedParts& parts);

}  // namespace ferry::vfs::azure
