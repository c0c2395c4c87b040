// One interface to users and admins, for what both have. Private to src/store.
#pragma once

#include "store/accounts.h"

namespace ferry::store {

template <class Act>
Result<void> Accounts::with_account(Whose whose, std::string_view name, Act act) const {
  if (whose == Whose::user) {
    const auto user = provider_.user(stored_name(name));
    return user ? act(**user) : Result<void>(fail(user.error()));
  }
  const auto admin = provider_.admin(stored_name(name));
  return admin ? act(**admin) : Result<void>(fail(admin.error()));
}

template <class Change>
Result<void> Accounts::change_account(Whose whose, std::string_view name, Change change) {
  const auto checked = [&](auto& account, const auto& rules) -> Result<void> {
    if (auto done = change(account); !done) return done;
    return model::validate(account, rules);
  };
  if (whose == Whose::user) {
    const auto changed =
        provider_.change_user(stored_name(name), [&](model::User& user) { return checked(user, options_.users); });
    return changed ? Result<void>() : Result<void>(fail(changed.error()));
  }
  const auto changed = provider_.change_admin(
      stored_name(name), [&](model::Admin& admin) { return checked(admin, options_.users.naming); });
  return changed ? Result<void>() : Result<void>(fail(changed.error()));
}

}  // namespace ferry::store
