// Certificates for host keys (PROTOCOL.certkeys of OpenSSH): proof to clients that trust an authority.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "base/bytes.h"
#include "base/error.h"
#include "ssh/keys/private_key.h"

namespace ferry::ssh {

struct HostCertificate {
  Bytes blob;
  std::shared_ptr<const PrivateKey> key;            // the certified one
  std::uint64_t valid_after = 0, valid_before = 0;  // Unix seconds: from the first until before the second
};

// One line as ssh-keygen -s writes it: type, base64, comment. invalid_argument, saying why: no certificate, one for
// users, one whose authority's signature is wrong. not_found: it certifies none of `keys`.
Result<HostCertificate> parse_host_certificate(std::string_view line,
                                               std::span<const std::shared_ptr<const PrivateKey>> keys);

}  // namespace ferry::ssh
