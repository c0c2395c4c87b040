// Accounts that a hook provides at login.
#include <algorithm>

#include "store/accounts.h"
#include "store/kept.h"

namespace ferry::store {

namespace {

bool is_stored_password(const model::User& stored, std::string_view password) {
  if (password == stored.password) return true;
  if (!stored.has_password() || crypto::is_password_hash(password)) return false;
  return crypto::verify_password(stored.password, password).value_or(false);
}

model::User comparable(model::User user) {
  for (model::VirtualFolder& mount : user.virtual_folders) mount = mount_only(mount);
  return user;
}

// Whether an update of `stored` to `given`, which has passed the check, would change nothing.
bool says_the_same(model::User given, const model::User& stored) {
  restore_kept(given, stored);
  given.updated_at = stored.updated_at;
  given.last_password_change = stored.last_password_change;
  given.filters.totp_config = stored.filters.totp_config;
  given.filters.recovery_codes = stored.filters.recovery_codes;
  given.password = stored.password;
  return comparable(std::move(given)) == comparable(stored);
}

}  // namespace

Result<model::UserPtr> Accounts::provide_user(model::User user) {
  const std::string name = stored_name(user.username);
  auto stored = provider_.user(name);
  if (!stored && stored.error().code == ErrorCode::not_found) {
    auto added = add_user(user);
    if (added || added.error().code != ErrorCode::already_exists) return added;
    stored = provider_.user(name);  // somebody else was quicker
  }
  if (!stored) return fail(stored.error());
  if (auto valid = check(user); !valid) return fail(valid.error());
  if (user.has_password() && is_stored_password(**stored, user.password)) user.password.clear();
  if (!user.has_password() && says_the_same(user, **stored)) return stored;
  return update_user(name, std::move(user));
}

}  // namespace ferry::store
