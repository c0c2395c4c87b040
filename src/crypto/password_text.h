// What a text is that stands where a password is expected. Imported accounts carry hashes there, and marks that lock
// them; taken for passwords, who can read the file could log in with them.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace ferry::crypto {

enum class PasswordText : std::uint8_t {
  password,  // plain text, to be hashed
  hash,      // a whole hash of a known form (crypto/password.h), to be stored as it is
  lock,      // "!", "!!", "*", "*LK*" and their like, or '!' or "*LK*" before a hash: nobody logs in by password
  unusable,  // a damaged or too costly hash, or one of a scheme that is not known: {SSHA}..., $P$...
};

// By where the text comes from: `imported` ones, of dumps and hooks, may also be hashes without a prefix. Those of DES
// (13 characters) cannot be told from some passwords; whoever brings such passwords brings them hashed.
PasswordText kind_of_password(std::string_view text, bool imported);

// What is wrong with an unusable text, for messages; it tells nothing of the text but the name of its scheme.
std::string problem_of_password(std::string_view text);

}  // namespace ferry::crypto
