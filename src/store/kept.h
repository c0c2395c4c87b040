// What every engine does alike to an object around a change. Private to src/store.
#pragma once

#include <string>

#include "base/error.h"
#include "model/admin.h"
#include "model/folder.h"
#include "model/group.h"
#include "model/role.h"
#include "model/user.h"
#include "store/provider.h"

namespace ferry::store {

// What the store keeps of a new object, which is given its id later.
void begin(model::User& user, Origin origin);
void begin(model::Admin& admin, Origin origin);
void begin(model::Folder& folder, Origin origin);
void begin(model::Group& group, Origin origin);
void begin(model::Role& role, Origin origin);
void begin(model::IpListEntry& entry, Origin origin);
void begin(model::ApiKey& key, Origin origin);

// Puts back what only the store may change.
void restore_kept(model::User& changed, const model::User& stored);
void restore_kept(model::Admin& changed, const model::Admin& stored);
void restore_kept(model::Folder& changed, const model::Folder& stored);
void restore_kept(model::Group& changed, const model::Group& stored);
void restore_kept(model::Role& changed, const model::Role& stored);
void restore_kept(model::IpListEntry& changed, const model::IpListEntry& stored);
void restore_kept(model::ApiKey& changed, const model::ApiKey& stored);

// Of a mount, what belongs to the mount; the folder's own fields come from the folder when it is read.
model::VirtualFolder mount_only(const model::VirtualFolder& mount);
// `mount` with the details of its folder, but not who else uses it.
model::VirtualFolder mounted(model::VirtualFolder mount, const model::Folder& folder);

// Longer passwords in plain text are refused.
inline constexpr std::size_t max_password = 4096;
// What a dump or a hook gives as a password: text in plain, a whole hash, or a mark that locks the account.
// invalid_argument: a damaged hash, or one of a scheme that is not known.
Result<void> check_imported_password(std::string_view password);
// Of an account that a dump or a hook brings: where a mark that locks accounts (crypto/password_text.h) stands in place
// of the password, the account becomes disabled and has none. Whether it was one.
bool lock_if_marked(std::int64_t& status, std::string& password);

// stored + change, never below 0 and never past the largest number.
std::int64_t add_usage(std::int64_t stored, std::int64_t change);

[[nodiscard]] std::unexpected<Error> fail_missing(std::string_view kind, std::string_view name);
[[nodiscard]] std::unexpected<Error> fail_exists(std::string_view kind, std::string_view name);
// A folder, group or role that `field` names.
[[nodiscard]] std::unexpected<Error> fail_reference(std::string_view field, std::string_view kind,
                                                    std::string_view name);
// `name` cannot go as long as `others` have it.
[[nodiscard]] std::unexpected<Error> fail_in_use(std::string_view kind, std::string_view name, std::string_view others);

}  // namespace ferry::store
