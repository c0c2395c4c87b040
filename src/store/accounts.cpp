#include "store/accounts.h"

#include <vector>

#include "crypto/password_text.h"
#include "store/store_fields.h"

namespace ferry::store {

namespace {

// Keeps the stored secret where the client sent back what it was shown.
void keep_secret(model::ConfigSecret& given, const model::ConfigSecret& stored) {
  const bool echoed =
      given.is_encrypted() && given.status == stored.status && (given.payload.empty() || given.key.empty());
  if (given.is_redacted() || echoed) given = stored;
}

void keep_secrets(model::FilesystemConfig& given, model::FilesystemConfig stored) {
  std::vector<model::ConfigSecret> kept;
  model::for_each_secret(stored, [&](model::ConfigSecret& secret) { kept.push_back(std::move(secret)); });
  std::size_t next = 0;
  model::for_each_secret(given, [&](model::ConfigSecret& secret) { keep_secret(secret, kept[next++]); });
}

template <class Filters>
void keep_second_factor(Filters& given, const Filters& stored) {
  given.totp_config = stored.totp_config;
  given.recovery_codes = stored.recovery_codes;
}

void seal_second_factor(auto& filters, const std::string& owner, const crypto::Secret& master_key) {
  model::seal(filters.totp_config.secret, owner, master_key);
  for (model::RecoveryCode& code : filters.recovery_codes) model::seal(code.secret, owner, master_key);
}

void seal(model::User& user, const crypto::Secret& master_key) {
  model::for_each_secret(user, [&](model::ConfigSecret& secret) { model::seal(secret, user.username, master_key); });
}

void seal_filesystem(model::FilesystemConfig& config, const std::string& owner, const crypto::Secret& master_key) {
  model::for_each_secret(config, [&](model::ConfigSecret& secret) { model::seal(secret, owner, master_key); });
}

void seal(model::Folder& folder, const crypto::Secret& master_key) {
  seal_filesystem(folder.filesystem, "folder_" + folder.name, master_key);
}

void seal(model::Group& group, const crypto::Secret& master_key) {
  seal_filesystem(group.user_settings.filesystem, "group_" + group.name, master_key);
}

// Adds an object of a dump, or, when its name is taken, changes the stored one to it.
template <class Object, class Add, class ChangeStored>
Result<Restored> add_or_change(Object object, bool replace, Add add, ChangeStored change) {
  if (auto added = add(object); added)
    return Restored::added;
  else if (added.error().code != ErrorCode::already_exists)
    return fail(std::move(added.error()));
  if (!replace) return Restored::kept;
  const auto changed = change([&](Object& stored) -> Result<void> {
    stored = std::move(object);
    return {};
  });
  if (!changed) return fail(changed.error());
  return Restored::updated;
}

}  // namespace

Accounts::Accounts(Provider& provider, AccountOptions options) : provider_(provider), options_(std::move(options)) {}

Result<void> Accounts::hash_in_place(std::string& password) const {
  if (password.empty()) return {};
  switch (crypto::kind_of_password(password, false)) {
    case crypto::PasswordText::hash: return {};
    case crypto::PasswordText::lock:
      return fail(ErrorCode::invalid_argument,
                  "password: a mark that locks accounts; to disable one set its status to 0");
    case crypto::PasswordText::unusable:
      return fail(ErrorCode::invalid_argument, "password: " + crypto::problem_of_password(password));
    case crypto::PasswordText::password: break;
  }
  if (password.size() > max_password) return fail(ErrorCode::invalid_argument, "password: too long");
  std::string hash = crypto::hash_password(password, options_.hashing);
  crypto::wipe(password.data(), password.size());
  password = std::move(hash);
  return {};
}

Result<model::UserPtr> Accounts::add_user(model::User user) {
  if (auto valid = model::validate(user, options_.users); !valid) return fail(valid.error());
  if (auto free = check_places(user); !free) return fail(free.error());
  if (auto strong = check_strength(user, user.password); !strong) return fail(strong.error());
  if (auto strong = check_strength(user.filesystem); !strong) return fail(strong.error());
  // Clients have no say in it; when a hash that is brought along was set is not known.
  const bool set_now = user.has_password() && !crypto::is_password_hash(user.password);
  user.last_password_change = set_now ? now_ms() : 0;
  if (auto hashed = hash_in_place(user.password); !hashed) return fail(hashed.error());
  seal(user, options_.master_key);
  return provider_.add_user(std::move(user));
}

Result<model::UserPtr> Accounts::update_user(std::string_view name, model::User user, NoPassword no_password) {
  return update_user_if(name, std::move(user), no_password, [](const model::User&) { return Result<void>(); });
}

Result<model::UserPtr> Accounts::update_user_if(std::string_view name, model::User user, NoPassword no_password,
                                                const UserCheck& may) {
  const bool new_password = user.has_password() || no_password == NoPassword::removes;
  user.username = stored_name(name);
  if (auto free = check_places(user); !free) return fail(free.error());
  if (auto strong = check_strength(user, user.password); !strong) return fail(strong.error());
  if (auto strong = check_strength(user.filesystem); !strong) return fail(strong.error());
  if (auto hashed = hash_in_place(user.password); !hashed) return fail(hashed.error());
  return provider_.change_user(stored_name(name), [&](model::User& stored) -> Result<void> {
    if (auto good = may(stored); !good) return good;
    user.username = stored.username;
    if (!new_password) user.password = stored.password;
    user.last_password_change = new_password ? now_ms() : stored.last_password_change;
    keep_second_factor(user.filters, stored.filters);
    keep_secrets(user.filesystem, stored.filesystem);
    if (auto valid = model::validate(user, options_.users); !valid) return valid;
    seal(user, options_.master_key);
    stored = std::move(user);
    return {};
  });
}

Result<model::AdminPtr> Accounts::add_admin(model::Admin admin) {
  if (auto ready = prepare(admin); !ready) return fail(ready.error());
  return provider_.add_admin(std::move(admin));
}

Result<model::AdminPtr> Accounts::add_first_admin(model::Admin admin) {
  if (auto ready = prepare(admin); !ready) return fail(ready.error());
  return provider_.add_first_admin(std::move(admin));
}

Result<void> Accounts::prepare(model::Admin& admin) const {
  if (auto valid = model::validate(admin, options_.users.naming); !valid) return valid;
  if (admin.password.empty()) return fail(ErrorCode::invalid_argument, "password: please set a password");
  if (auto strong = check_strength(admin, admin.password); !strong) return strong;
  if (auto hashed = hash_in_place(admin.password); !hashed) return hashed;
  seal_second_factor(admin.filters, admin.username, options_.master_key);
  return {};
}

Result<model::AdminPtr> Accounts::update_admin(std::string_view name, model::Admin admin) {
  if (auto strong = check_strength(admin, admin.password); !strong) return fail(strong.error());
  if (auto hashed = hash_in_place(admin.password); !hashed) return fail(hashed.error());
  return provider_.change_admin(stored_name(name), [&](model::Admin& stored) -> Result<void> {
    admin.username = stored.username;
    if (admin.password.empty()) admin.password = stored.password;
    keep_second_factor(admin.filters, stored.filters);
    if (auto valid = model::validate(admin, options_.users.naming); !valid) return valid;
    stored = std::move(admin);
    return {};
  });
}

Result<model::Folder> Accounts::add_folder(model::Folder folder) {
  if (auto strong = check_strength(folder.filesystem); !strong) return fail(strong.error());
  if (auto valid = check(folder); !valid) return fail(valid.error());
  seal(folder, options_.master_key);
  return provider_.add_folder(std::move(folder));
}

Result<model::Folder> Accounts::update_folder(std::string_view name, model::Folder folder) {
  if (auto strong = check_strength(folder.filesystem); !strong) return fail(strong.error());
  return provider_.change_folder(stored_name(name), [&](model::Folder& stored) -> Result<void> {
    folder.name = stored.name;
    keep_secrets(folder.filesystem, stored.filesystem);
    if (auto valid = check(folder); !valid) return valid;
    seal(folder, options_.master_key);
    stored = std::move(folder);
    return {};
  });
}

Result<model::Group> Accounts::add_group(model::Group group) {
  if (auto strong = check_strength(group.user_settings.filesystem); !strong) return fail(strong.error());
  if (auto valid = check(group); !valid) return fail(valid.error());
  seal(group, options_.master_key);
  return provider_.add_group(std::move(group));
}

Result<model::Group> Accounts::update_group(std::string_view name, model::Group group) {
  if (auto strong = check_strength(group.user_settings.filesystem); !strong) return fail(strong.error());
  return provider_.change_group(stored_name(name), [&](model::Group& stored) -> Result<void> {
    group.name = stored.name;
    keep_secrets(group.user_settings.filesystem, stored.user_settings.filesystem);
    if (auto valid = check(group); !valid) return valid;
    seal(group, options_.master_key);
    stored = std::move(group);
    return {};
  });
}

Result<model::Role> Accounts::add_role(model::Role role) {
  if (auto valid = model::validate(role, options_.users.naming); !valid) return fail(valid.error());
  return provider_.add_role(std::move(role));
}

Result<model::Role> Accounts::update_role(std::string_view name, model::Role role) {
  return provider_.change_role(stored_name(name), [&](model::Role& stored) -> Result<void> {
    role.name = stored.name;
    if (auto valid = model::validate(role, options_.users.naming); !valid) return valid;
    stored = std::move(role);
    return {};
  });
}

Result<void> Accounts::check(model::User& user) const {
  if (auto usable = check_imported_password(user.password); !usable) return usable;
  if (auto valid = model::validate(user, options_.users); !valid) return valid;
  return check_home(user);
}

Result<void> Accounts::check(model::Admin& admin) const {
  if (auto usable = check_imported_password(admin.password); !usable) return usable;
  return model::validate(admin, options_.users.naming);
}

Result<Restored> Accounts::restore(model::User user, bool replace) {
  lock_if_marked(user.status, user.password);
  if (auto valid = check(user); !valid) return fail(valid.error());
  if (auto hashed = hash_in_place(user.password); !hashed) return fail(hashed.error());
  seal(user, options_.master_key);
  const std::string name = user.username;
  return add_or_change(
      std::move(user), replace, [&](const model::User& o) { return provider_.add_user(o, Origin::dump); },
      [&](const Change<model::User>& change) { return provider_.change_user(name, change); });
}

Result<Restored> Accounts::restore(model::Admin admin, bool replace) {
  const bool locked = lock_if_marked(admin.status, admin.password);
  if (auto valid = check(admin); !valid) return fail(valid.error());
  if (auto hashed = hash_in_place(admin.password); !hashed) return fail(hashed.error());
  seal_second_factor(admin.filters, admin.username, options_.master_key);
  const std::string name = admin.username;
  if (admin.password.empty() && !locked) {
    const auto stored = provider_.admin(name);
    if (stored) {
      admin.password = (*stored)->password;
    } else if (admin.status != 0) {
      return fail(ErrorCode::invalid_argument, "password: please set a password");
    }
  }
  return add_or_change(
      std::move(admin), replace, [&](const model::Admin& o) { return provider_.add_admin(o, Origin::dump); },
      [&](const Change<model::Admin>& change) { return provider_.change_admin(name, change); });
}

Result<Restored> Accounts::restore(model::Folder folder, bool replace) {
  if (auto valid = check(folder); !valid) return fail(valid.error());
  seal(folder, options_.master_key);
  const std::string name = folder.name;
  return add_or_change(
      std::move(folder), replace, [&](const model::Folder& o) { return provider_.add_folder(o, Origin::dump); },
      [&](const Change<model::Folder>& change) { return provider_.change_folder(name, change); });
}

Result<Restored> Accounts::restore(model::Group group, bool replace) {
  if (auto valid = check(group); !valid) return fail(valid.error());
  seal(group, options_.master_key);
  const std::string name = group.name;
  return add_or_change(
      std::move(group), replace, [&](const model::Group& o) { return provider_.add_group(o, Origin::dump); },
      [&](const Change<model::Group>& change) { return provider_.change_group(name, change); });
}

Result<Restored> Accounts::restore(model::ApiKey key, bool replace) {
  if (auto valid = check(key); !valid) return fail(valid.error());
  const std::string id = key.id;
  return add_or_change(
      std::move(key), replace, [&](const model::ApiKey& o) { return provider_.add_api_key(o, Origin::dump); },
      [&](const Change<model::ApiKey>& change) { return provider_.change_api_key(id, change); });
}

Result<Restored> Accounts::restore(model::Role role, bool replace) {
  if (auto valid = check(role); !valid) return fail(valid.error());
  const std::string name = role.name;
  return add_or_change(
      std::move(role), replace, [&](const model::Role& o) { return provider_.add_role(o, Origin::dump); },
      [&](const Change<model::Role>& change) { return provider_.change_role(name, change); });
}

Result<Restored> Accounts::restore(model::IpListEntry entry, bool replace) {
  if (auto valid = check(entry); !valid) return fail(valid.error());
  const auto type = static_cast<model::IpListType>(entry.type);
  const std::string ipornet = entry.ipornet;
  const auto restored = add_or_change(
      std::move(entry), replace,
      [&](const model::IpListEntry& o) { return provider_.add_ip_list_entry(o, Origin::dump); },
      [&](const Change<model::IpListEntry>& change) { return provider_.change_ip_list_entry(type, ipornet, change); });
  if (restored) tell(type, ipornet);
  return restored;
}

}  // namespace ferry::store
