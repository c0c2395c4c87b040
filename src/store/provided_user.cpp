// Accounts that a hook provides at login.
#include <nlohmann/json.hpp>

#include "base/log.h"
#include "model/json.h"
#include "store/accounts.h"
#include "store/store_fields.h"

namespace ferry::store {

namespace {

using Json = nlohmann::json;

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
  restore_store_fields(given, stored);
  given.updated_at = stored.updated_at;
  given.last_password_change = stored.last_password_change;
  given.filters.totp_config = stored.filters.totp_config;
  given.filters.recovery_codes = stored.filters.recovery_codes;
  given.password = stored.password;
  return comparable(std::move(given)) == comparable(stored);
}

// Whether the stored one is the one that was read, but for what the store keeps count of.
bool is_still(const model::User& stored, model::User read) {
  restore_store_fields(read, stored);
  return comparable(std::move(read)) == comparable(stored);
}

// What became of `base` in `given` and in `now`: where `given` leaves it as it was, `now` counts.
Json merged(const Json& base, const Json& given, const Json& now) {
  if (given == base) return now;
  if (!base.is_object() || !given.is_object() || !now.is_object()) return given;
  Json result = now;
  for (const auto& [name, value] : base.items()) {
    if (!given.contains(name)) result.erase(name);
  }
  for (const auto& [name, value] : given.items()) {
    const auto before = base.find(name), current = now.find(name);
    if (before == base.end()) {
      result[name] = value;
    } else if (current != now.end()) {
      result[name] = merged(*before, value, *current);
    } else if (value != *before) {
      result[name] = value;
    }
  }
  return result;
}

Result<model::User> merged(const model::User& base, const model::User& given, const model::User& now) {
  if (is_still(now, base)) return given;
  const auto json = [](const model::User& user) { return model::to_json(user, model::View::storage); };
  return model::user_from_json(merged(json(base), json(given), json(now)));
}

Error changed_meanwhile() { return {ErrorCode::conflict, "the account was changed while the hook ran"}; }

}  // namespace

Result<model::UserPtr> Accounts::provide_user(model::User given, const model::UserPtr& seen) {
  const std::string name = stored_name(given.username);
  if (auto usable = check_imported_password(given.password); !usable) return fail(usable.error());
  const bool locked = lock_if_marked(given.status, given.password);
  if (locked) log::warn("dataprovider", "", "the hook has a lock in place of the password of \"{}\": disabled", name);
  if (!seen) {
    auto added = add_user(given);
    if (added || added.error().code != ErrorCode::already_exists) return added;
  }
  constexpr int tries = 5;
  for (int i = 0; i < tries; ++i) {
    const auto stored = provider_.user(name);
    if (!stored && stored.error().code == ErrorCode::not_found) return fail(changed_meanwhile());
    if (!stored) return fail(stored.error());
    auto user = seen ? merged(*seen, given, **stored) : Result<model::User>(given);
    if (!user) return fail(user.error());
    if (auto valid = check(*user); !valid) return fail(valid.error());
    if (user->has_password() && is_stored_password(**stored, user->password)) user->password.clear();
    const bool has_to_go = locked && (*stored)->has_password();
    if (!user->has_password() && !has_to_go && says_the_same(*user, **stored)) return *stored;
    if (!seen) return fail(changed_meanwhile());  // somebody else was quicker, and says something else
    const auto unchanged = [&](const model::User& now) -> Result<void> {
      if (!is_still(now, **stored)) return fail(changed_meanwhile());
      return {};
    };
    auto updated = update_user_if(name, std::move(*user), locked ? NoPassword::removes : NoPassword::keeps, unchanged);
    if (updated || updated.error().code != ErrorCode::conflict) return updated;
  }
  return fail(changed_meanwhile());
}

}  // namespace ferry::store
