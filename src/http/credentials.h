// What the Authorization field carries, and API keys.
#pragma once

#include <optional>
#include <string>

#include "crypto/secret.h"
#include "http/message.h"

namespace ferry::http {

struct BasicCredentials {
  std::string username;  // never empty
  crypto::Secret password;
};

// RFC 7617 section 2. No value: no such field or more than one, another scheme, malformed, longer than 4 KiB.
std::optional<BasicCredentials> basic_credentials(const Request& request);

// RFC 6750 section 2.1. Empty in the same cases; any length the header limit allows.
std::string bearer_token(const Request& request);

// X-SFTPGO-API-KEY, for programs. Empty: none, or more than one field.
std::string api_key(const Request& request);

}  // namespace ferry::http
