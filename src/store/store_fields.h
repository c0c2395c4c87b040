// The fields of an object that only the store may set (id, times, used quota, ...), and what else all engines do in the
// same way. Private to src/store.
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

// Sets these fields of a new object; its id is set when it is stored.
void set_store_fields(model::User& user, Origin origin);
void set_store_fields(model::Admin& admin, Origin origin);
void set_store_fields(model::Folder& folder, Origin origin);
void set_store_fields(model::Group& group, Origin origin);
void set_store_fields(model::Role& role, Origin origin);
void set_store_fields(model::IpListEntry& entry, Origin origin);
void set_store_fields(model::ApiKey& key, Origin origin);

// Sets these fields of `changed` back to those of the stored object, whatever a change has done to them.
void restore_store_fields(model::User& changed, const model::User& stored);
void restore_store_fields(model::Admin& changed, const model::Admin& stored);
void restore_store_fields(model::Folder& changed, const model::Folder& stored);
void restore_store_fields(model::Group& changed, const model::Group& stored);
void restore_store_fields(model::Role& changed, const model::Role& stored);
void restore_store_fields(model::IpListEntry& changed, const model::IpListEntry& stored);
void restore_store_fields(model::ApiKey& changed, const model::ApiKey& stored);

// A mount without the fields of its folder, which are read from the folder itself.
model::VirtualFolder mount_only(const model::VirtualFolder& mount);
// `mount` with the fields of its folder, except the names of its users and groups.
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
// invalid_argument: `field` names a folder, group or role that does not exist.
[[nodiscard]] std::unexpected<Error> fail_reference(std::string_view field, std::string_view kind,
                                                    std::string_view name);
// invalid_argument: `name` cannot be deleted as long as `others` use it.
[[nodiscard]] std::unexpected<Error> fail_in_use(std::string_view kind, std::string_view name, std::string_view others);

}  // namespace ferry::store
