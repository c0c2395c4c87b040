// The files that AWS's tools share: ~/.aws/config and ~/.aws/credentials, sections of "name = value". Source: AWS,
// "SDKs and Tools Reference", "Shared config and credentials files".
#pragma once

#include <map>
#include <string>
#include <string_view>

namespace ferry::vfs::s3 {

using Profile = std::map<std::string, std::string>;  // by the name of the setting, in lower case
using Profiles = std::map<std::string, Profile>;     // by the name of the profile

// Adds what a file says to `profiles`; what is there already stays. In the config file sections are called "profile x",
// but "default". Lines that are none of the form are passed over, as AWS's libraries do.
void read_profiles(std::string_view text, bool config_file, Profiles& profiles);

}  // namespace ferry::vfs::s3
