// One line of authorized_keys form: the key and what its options say (sshd(8), AUTHORIZED_KEYS FILE FORMAT).
//
//   auto key = model::parse_authorized_key("from=\"10.0.0.0/8\" ssh-ed25519 AAAA... maria");
//   if (!key || !key->options.allow_address("192.0.2.1")) ...
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/bytes.h"
#include "base/error.h"

namespace ferry::model {

// The options that are honoured. Any other makes the line unusable, as ignoring one (command="...", restrict) would
// give the key's owner more than the line says.
struct KeyOptions {
  std::string from;                          // patterns of addresses, separated by commas; "" any
  std::optional<std::int64_t> expires_at{};  // expiry-time: Unix seconds from which on it is refused
  bool verify_required = false;              // security keys: the signature says that the owner was verified (PIN)
  bool no_touch_required = false;            // security keys: the signature need not say that the key was touched

  // Whether `from` lets the address in: one pattern matches, and none that begins with '!'.
  bool allow_address(std::string_view ip) const;
};

struct AuthorizedKey {
  std::string_view type;  // a part of the line
  Bytes blob;             // RFC 4253 section 6.6: string type, then its fields
  KeyOptions options;
};

// [options] type base64 [comment]. invalid_argument: no such key in the line, a line break in it, a blob that names
// another type, an option that is not honoured or malformed; the message names it.
Result<AuthorizedKey> parse_authorized_key(std::string_view line);

// Whether this key can ever log in: a type that SSH logins here know, whole, RSA of 2048 to 16384 bits, its options fit
// for its type. invalid_argument says what is wrong.
Result<void> check_usable(const AuthorizedKey& key);

}  // namespace ferry::model
