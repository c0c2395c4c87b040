// Accounts: how objects are written. Checks them, hashes passwords, encrypts secrets, keeps what an update leaves
// out, then stores. REST, dumps and the first administrator write through here, never into the provider.
//
//   auto stored = co_await run_blocking(Lane::database, [&] { return accounts.add_user(std::move(user)); });
//
// Blocking (a password hash takes tens of milliseconds): run through run_blocking. Safe from any thread.
// Errors: those of the provider; invalid_argument with a message for the client.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "crypto/password.h"
#include "crypto/secret.h"
#include "model/validate.h"
#include "store/provider.h"

namespace ferry {
class ProtectedPaths;
}

namespace ferry::store {

struct AccountOptions {
  // Which storages this server has; loading a dump names who uses another. Empty: all.
  std::function<bool(model::FilesystemProvider)> can_open = {};
  model::UserRules users;
  crypto::PasswordHashing hashing;
  crypto::Secret master_key;  // kms.secrets.master_key; empty: secrets carry their own key
  // The least entropy of new passwords in bits (crypto::password_entropy), 0: any. A user's password_strength, or that
  // of its primary group, goes first. Hashes that are brought along are not judged.
  double min_user_entropy = 0;
  double min_admin_entropy = 0;
  // Where no account, group or folder may lie (base/protected_paths.h); none: anywhere.
  std::shared_ptr<const ProtectedPaths> protected_paths = {};
  // The same of new passphrases of encrypted storage. Those of dumps are not judged: their files are encrypted already.
  double min_secret_entropy = 0;
};

// Which of the two kinds of accounts a name belongs to.
enum class Whose : std::uint8_t { user, admin };

// What was done with an object of a dump; kept: one of its name exists and stays as it is.
enum class Restored : std::uint8_t { added, updated, kept };

class Accounts {
 public:
  Accounts(Provider& provider, AccountOptions options);

  Result<model::UserPtr> add_user(model::User user);
  // Replaces the user's settings. Kept from the stored one: what the store keeps, the password when `user` has
  // none (unless it is to be removed then), TOTP and recovery codes, secrets sent back as they were shown: Redacted, or
  // the stored status without payload or key.
  enum class NoPassword : std::uint8_t { keeps, removes };
  Result<model::UserPtr> update_user(std::string_view name, model::User user,
                                     NoPassword no_password = NoPassword::keeps);

  // What a hook makes at a login of the account that it has `seen` (null: none): adds it, or updates the stored one as
  // update_user does. What would change nothing is not written; the stored password is no change, whether it comes as
  // such or as its hash. What others changed while the hook ran, and the hook did not, stays so. A mark that locks
  // accounts ("!") in place of a password disables the account and removes its password.
  // conflict: the account is gone, or another one was made meanwhile.
  Result<model::UserPtr> provide_user(model::User given, const model::UserPtr& seen);

  Result<model::AdminPtr> add_admin(model::Admin admin);
  // conflict: there is an administrator already.
  Result<model::AdminPtr> add_first_admin(model::Admin admin);
  Result<model::AdminPtr> update_admin(std::string_view name, model::Admin admin);

  // --- what an account changes by itself (own_settings.cpp) ---
  // Checks the current password (authentication_failed), then sets the new one; it must differ.
  Result<void> change_password(Whose whose, std::string_view name, std::string_view current,
                               std::string_view replacement);
  // Fields without a value stay as they are.
  struct Profile {
    std::optional<std::string> email, description;
    std::optional<bool> allow_api_key_auth;
    std::optional<std::vector<std::string>> public_keys;  // users only
  };
  // For an administrator who has lost the password; also switches the second factor off.
  Result<void> reset_admin_password(std::string_view name, std::string_view replacement);
  Result<void> update_profile(Whose whose, std::string_view name, Profile profile);

  // --- second factors (second_factors.cpp) ---
  // A Redacted secret keeps the stored one. With a new secret come new recovery codes; when it is not enabled,
  // everything of it goes.
  Result<void> save_totp(Whose whose, std::string_view name, model::TotpConfig totp);
  Result<void> disable_second_factor(Whose whose, std::string_view name);
  // `may` is asked about the administrator as it is stored in the moment of the change; its error is passed on.
  Result<void> disable_admin_second_factor(std::string_view name,
                                           const std::function<Result<void>(const model::Admin&)>& may);
  // The old ones end. invalid_argument: no second factor is set up.
  Result<std::vector<std::string>> new_recovery_codes(Whose whose, std::string_view name);
  struct ShownRecoveryCode {
    std::string code;
    bool used = false;
  };
  Result<std::vector<ShownRecoveryCode>> recovery_codes(Whose whose, std::string_view name) const;

  Result<model::Folder> add_folder(model::Folder folder);
  Result<model::Folder> update_folder(std::string_view name, model::Folder folder);

  Result<model::Group> add_group(model::Group group);
  Result<model::Group> update_group(std::string_view name, model::Group group);
  Result<model::Role> add_role(model::Role role);
  Result<model::Role> update_role(std::string_view name, model::Role role);

  // The entry of `type` named `ipornet`, which may be written in any form. invalid_argument: it is no network.
  Result<model::IpListEntry> ip_list_entry(model::IpListType type, std::string_view ipornet);
  Result<model::IpListEntry> add_ip_list_entry(model::IpListEntry entry);
  Result<model::IpListEntry> update_ip_list_entry(model::IpListType type, std::string_view ipornet,
                                                  model::IpListEntry entry);
  Result<void> delete_ip_list_entry(model::IpListType type, std::string_view ipornet);
  // Called after every change of an entry, from the changing thread; the provider says what became of it. Set it
  // before anything changes.
  void on_ip_list_change(std::function<void(model::IpListType, const std::string& ipornet)> changed) {
    ip_list_changed_ = std::move(changed);
  }

  // --- API keys (api_key_accounts.cpp) ---
  struct NewApiKey {
    model::ApiKey stored;
    std::string text;  // "id.secret"; the secret is not stored, so it can be shown only now
  };
  Result<NewApiKey> add_api_key(model::ApiKey key);
  // Replaces all but id, hash and times.
  Result<model::ApiKey> update_api_key(std::string_view id, model::ApiKey key);

  // The rules of an object, without storing it; brings it into normal form.
  Result<void> check(model::User& user) const;
  Result<void> check(model::Admin& admin) const;
  Result<void> check(model::Folder& folder) const;
  Result<void> check(model::Group& group) const;
  Result<void> check(model::Role& role) const { return model::validate(role, options_.users.naming); }
  Result<void> check(model::IpListEntry& entry) const { return model::validate(entry); }

  Result<void> check(model::ApiKey& key) const;

  // An object of a dump. It is all that counts: nothing of a stored one of its name is kept but what the store keeps,
  // and an admin's password when the dump has none. Unless `replace`, a stored one stays as it is. An account with a
  // mark that locks it in place of a password is stored disabled and without one.
  Result<Restored> restore(model::User user, bool replace);
  Result<Restored> restore(model::Admin admin, bool replace);
  Result<Restored> restore(model::Folder folder, bool replace);
  Result<Restored> restore(model::Group group, bool replace);
  Result<Restored> restore(model::Role role, bool replace);
  Result<Restored> restore(model::IpListEntry entry, bool replace);
  Result<Restored> restore(model::ApiKey key, bool replace);

  // --- where accounts lie (places.cpp) ---
  // The directories of this machine that the user would have with the settings of its groups: home and folders.
  // Groups and folders that do not exist add nothing: the store refuses them.
  Result<std::vector<std::string>> places(model::User user) const;
  const ProtectedPaths* protected_paths() const { return options_.protected_paths.get(); }

  // A name as it is stored: apply to every name from a path or a login before looking it up.
  std::string stored_name(std::string_view name) const { return options_.users.naming.convert(name); }
  Provider& provider() const { return provider_; }
  // Whether this server has such storage.
  bool can_open(model::FilesystemProvider storage) const { return !options_.can_open || options_.can_open(storage); }

 private:
  // `may` is asked about the stored one in the moment of the change.
  using UserCheck = std::function<Result<void>(const model::User& stored)>;
  Result<model::UserPtr> update_user_if(std::string_view name, model::User user, NoPassword no_password,
                                        const UserCheck& may);
  // invalid_argument: one of places(user) is the server's own.
  Result<void> check_places(const model::User& user) const;
  Result<void> check_home(const model::User& user) const;
  // invalid_argument: a mark that locks accounts, a damaged hash or one of an unknown scheme.
  Result<void> hash_in_place(std::string& password) const;
  Result<void> prepare(model::Admin& admin) const;
  // invalid_argument: a new password that is too easy to guess.
  Result<void> check_strength(const model::User& user, std::string_view password) const;
  Result<void> check_strength(const model::Admin& admin, std::string_view password) const;
  Result<void> check_strength(const model::FilesystemConfig& config) const;
  // Reads, or changes and checks, what both kinds of accounts have: `act(account)`, an error leaves it as it was.
  template <class Act>
  Result<void> with_account(Whose whose, std::string_view name, Act act) const;
  template <class Change>
  Result<void> change_account(Whose whose, std::string_view name, Change change);
  std::vector<model::RecoveryCode> make_recovery_codes(const std::string& owner) const;

  void tell(model::IpListType type, const std::string& ipornet) const {
    if (ip_list_changed_) ip_list_changed_(type, ipornet);
  }

  Provider& provider_;
  AccountOptions options_;
  std::function<void(model::IpListType, const std::string&)> ip_list_changed_;
};

}  // namespace ferry::store
