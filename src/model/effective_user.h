// What a user is once its groups are applied: the account that logs in and that sessions use.
//
//   user + its primary group + its secondary groups, in the order of the user's list; membership groups give nothing.
//
// From the primary group: home directory and file system (they replace the user's), numbers that are 0 for the user,
// switches that are off, start_directory, expires_in. From the primary and the secondary ones: permissions, file
// patterns and virtual folders at paths the user has none for ("/" of a secondary group is ignored), and, added to
// the user's, allowed and denied addresses, bandwidth limits by source, denied methods and protocols, second-factor
// protocols, web client options, access times.
// %username% and %role% are replaced in what comes from a group: paths, prefixes of storage, remote usernames. A folder
// whose subpath names the role is left out for a user without one.
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "base/error.h"
#include "model/group.h"
#include "model/user.h"

namespace ferry::model {

// `groups` holds those the user names, in any order. invalid_argument: one that is not a membership is missing, or a
// path is none after its placeholders were replaced; nobody may log in on a part of the settings.
Result<User> effective_user(User user, std::span<const Group> groups);

// The text with %username% and %role% (nothing when there is no role) replaced, in one pass: a name that looks like a
// placeholder stays what it is.
std::string replace_placeholders(std::string_view text, std::string_view username, std::string_view role);

}  // namespace ferry::model
