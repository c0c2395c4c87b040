// The rules an object must keep before it is stored. Each function also brings its object into normal form:
// paths cleaned, names as the naming rules say, lists without duplicates.
// invalid_argument with a message fit for the client: "field: what is wrong".
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "base/error.h"
#include "model/admin.h"
#include "model/api_key.h"
#include "model/folder.h"
#include "model/group.h"
#include "model/ip_list.h"
#include "model/role.h"
#include "model/user.h"

namespace ferry::model {

// data_provider.naming_rules: a sum of
//   1  any UTF-8 character (else only ALPHA DIGIT - . _ ~)
//   2  names are lowercased (ASCII letters)
//   4  leading and trailing white space is dropped
// With any of them a name never holds control characters, '/' or '\', and is never "." or "..": names become
// parts of paths (%username%).
struct NamingRules {
  unsigned value = 5;
  // The name as it is stored and looked up.
  std::string convert(std::string_view name) const;
  Result<void> check(std::string_view field, std::string_view name) const;
};

inline constexpr std::size_t max_name_length = 255;
// Texts are bounded as the columns they are kept in elsewhere: 512 characters of a description, 255 of an email address
// or of the name of an API key, this many bytes where the column is a long text.
inline constexpr std::size_t max_text_bytes = 65535;

struct UserRules {
  NamingRules naming;
  std::string users_base_dir;  // home_dir of a user that names none: this and its name; "" it must name one
};

Result<void> validate(User& user, const UserRules& rules);
Result<void> validate(Admin& admin, const NamingRules& naming);
Result<void> validate(Folder& folder, const NamingRules& naming);
Result<void> validate(Group& group, const NamingRules& naming);
Result<void> validate(Role& role, const NamingRules& naming);
Result<void> validate(IpListEntry& entry);
Result<void> validate(ApiKey& key, const NamingRules& naming);

// Whom nobody asks for a password may look and fetch, over the protocols that know anonymous users. Does nothing
// to others. validate() calls it; so must who changes a user after that.
void restrict_anonymous(User& user);

// Whether an administrator's permission is about more than the users of one role: nobody with a role has it.
bool reaches_beyond_a_role(std::string_view permission);

// The known words, in the order of the documentation.
std::span<const std::string_view> known_permissions();
std::span<const std::string_view> known_admin_permissions();
std::span<const std::string_view> known_login_methods();
std::span<const std::string_view> known_protocols();

}  // namespace ferry::model
