// Which user certificates are accepted, and what they allow.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "ssh/keys/certificate.h"
#include "ssh/keys/revocation.h"

namespace ferry::ssh {

struct UserTrust {
  std::vector<PublicKey> authorities;
  RevocationList revoked;
};

// Everything that does not depend on the account: the kind, a trusted authority and its signature, revocation, the
// time, at least one principal, critical options that are known and the address of source-address.
// authentication_failed: the reason, for the log.
Result<void> check_user_certificate(const Certificate& certificate, const UserTrust& trust, std::string_view client_ip,
                                    std::int64_t unix_seconds);

// Signatures with the key must tell that its owner was verified, by a PIN or a finger (critical option
// verify-required). Only security keys can.
bool requires_user_verification(const Certificate& certificate);
// The command that is run whatever the client asks for (critical option force-command).
std::optional<std::string> forced_command(const Certificate& certificate);

// The keys of a file of authorities, one a line; '#' begins a comment. invalid_argument: a line that is no key, or no
// key at all.
Result<std::vector<PublicKey>> parse_authorities(std::string_view text);

}  // namespace ferry::ssh
