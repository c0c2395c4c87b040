// How hard a password is to guess, as a number that operators set a minimum for.
#pragma once

#include <string_view>

namespace ferry::crypto {

// Bits: length x log2(size of the character sets in use), as github.com/wagslane/go-password-validator documents it,
// which the documentation of password_validation refers to. Sets: lower case 26, upper case 26, digits 10, "!@$&*" 5,
// "_-., " 5, other ASCII punctuation 22; every other character adds one. Of a run of one character, and of a run along
// the alphabet, the digits or a row of the keyboard (either way), two characters count.
double password_entropy(std::string_view utf8);

}  // namespace ferry::crypto
