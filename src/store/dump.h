// Dumps: what the provider holds as one JSON object, and back. The format is SFTPGo's; what it writes from version 2.2
// on can be loaded. Passwords and secrets travel as they are stored.
//
//   auto text = write_dump(provider, DumpScopes::everything(), false);
//   auto report = load_dump(accounts, *text, {.mode = LoadMode::update});
//
// Blocking: run through run_blocking.
#pragma once

#include <cstddef>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "model/event.h"
#include "store/accounts.h"
#include "store/provider.h"

namespace ferry::store {

inline constexpr std::int64_t dump_version = 17;        // SFTPGo 2.7; written, and the newest that is known
inline constexpr std::int64_t oldest_dump_version = 9;  // SFTPGo 2.2; others are read as far as they go

// Which lists a dump has.
struct DumpScopes {
  bool users = false, groups = false, folders = false, admins = false, roles = false, ip_lists = false,
       api_keys = false;
  // Of features that this server does not have: their lists are empty.
  bool shares = false, actions = false, rules = false, configs = false;
  static DumpScopes everything() { return {true, true, true, true, true, true, true, true, true, true, true}; }
  // The documented words, separated by commas; "" is everything. invalid_argument: another word.
  static Result<DumpScopes> parse(std::string_view words);
};

// One moment of the provider, the objects ordered by name, without ids. A list out of scope is null.
Result<std::string> write_dump(Provider& provider, const DumpScopes& scopes, bool indent);

enum class LoadMode : std::uint8_t {
  update,  // new objects are added, existing ones become what the dump says
  add,     // new objects are added, existing ones stay as they are
};

struct LoadReport {
  std::size_t added = 0, updated = 0, kept = 0;
  std::vector<std::string> users;          // added or updated
  std::vector<std::string> updated_users;  // of these, who was there before
  std::vector<std::string> folders;        // added or updated
  // What the dump has and this server does not keep: "shares (3)", "users.filters.data_transfer_limits (1)".
  std::vector<std::string> left_out;
  // The rest names objects; of very long lists the beginning, then how many more there are.
  std::vector<std::string> skipped;   // not valid: users[3] "maria": permissions: please grant some permissions
  std::vector<std::string> locked;    // a mark that locks the account in place of its password: it is disabled
  std::vector<std::string> unusable;  // nobody can use them: they are on storage that this server does not have

  // "2 added, 1 updated, 0 left as they were; not kept by this server: shares (3)"
  std::string text() const;
  // Nothing was in the dump.
  bool empty() const;
};

// Hears of each object when it is stored. The event says all but who did it. Empty: nobody listens.
struct LoadListener {
  std::function<bool(std::string_view action, std::string_view type)> wants;
  std::function<void(model::ProviderEvent event)> tell;
  // Asked about each administrator of the dump before anything is stored; an error makes it invalid. Empty: all may be.
  std::function<Result<void>(const model::Admin& admin)> may_become = {};
};

struct LoadOptions {
  LoadMode mode = LoadMode::update;
  bool skip_invalid = false;  // load the rest when some objects are not valid
  LoadListener listener = {};
};

// Ids and used quota of users do not count, nor does a missing list. A password in plain text is hashed, a Plain secret
// is encrypted; what stands for a password and is none: see crypto/password_text.h. Everything is checked before
// anything is stored: form, rules, names that stand twice, groups, roles and folders that are named but neither in the
// dump (and valid) nor stored. Then objects are stored one by one (roles, folders, groups, users, admins, IP lists, API
// keys); should the provider fail in between, what was stored before stays. The text is walked through twice, so that
// it takes little memory beside itself. invalid_argument: the message names all objects that are not valid, "users[3]
// \"maria\": permissions: please grant some permissions", unless `skip_invalid`; text that is no JSON is refused in any
// case.
Result<LoadReport> load_dump(Accounts& accounts, std::string_view text, const LoadOptions& options);

}  // namespace ferry::store
