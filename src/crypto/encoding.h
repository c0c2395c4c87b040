// Text forms of bytes: hex, base64 and base64url (RFC 4648). Decoding is strict: no white space, no foreign
// characters, exact padding, unused trailing bits zero. So one text decodes to one value and back.
#pragma once

#include <string>
#include <string_view>

#include "base/bytes.h"
#include "base/error.h"

namespace ferry::crypto {

// Lower case.
std::string hex_encode(ByteSpan data);
// Upper or lower case, an even number of digits.
Result<Bytes> hex_decode(std::string_view text);

enum class Base64 : std::uint8_t {
  standard,  // '+' and '/', padded with '='
  unpadded,  // '+' and '/', no padding (argon2 hashes, SSH fingerprints)
  url,       // '-' and '_', no padding (JWT, RFC 7515)
};
std::string base64_encode(ByteSpan data, Base64 form = Base64::standard);
// invalid_argument when `text` is not exactly of that form.
Result<Bytes> base64_decode(std::string_view text, Base64 form = Base64::standard);

}  // namespace ferry::crypto
