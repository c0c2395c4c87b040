// Apache's variant of MD5 crypt, which libcrypt does not have.
#pragma once

#include <string>
#include <string_view>

namespace ferry::crypto {

inline constexpr std::string_view apr1_prefix = "$apr1$";

// $apr1$salt$hash. At most 8 characters of the salt count. Empty for a password longer than 511 bytes, the
// limit of crypt(3): the work grows with it.
std::string apr1(std::string_view password, std::string_view salt);

}  // namespace ferry::crypto
