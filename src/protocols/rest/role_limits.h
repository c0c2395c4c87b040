// The one place that says what an administrator with a role sees and changes. Such a one has the users of that role and
// nobody else: others are answered exactly as users that do not exist, and left out of the lists of folders and groups.
// Folders and groups that others use are shown and not changed, and whatever is placed on this machine lies below
// data_provider.users_base_dir.
// Internal to src/protocols/rest.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "protocols/rest/api.h"

namespace ferry::rest {

// The user as it is stored. not_found: there is none, or none for this administrator.
Result<model::UserPtr> visible_user(const Call& call, std::string_view name);
bool is_visible(const Call& call, std::string_view username);
Result<std::vector<model::UserPtr>> visible_users(const Call& call, store::Page page);

// What such an administrator writes belongs to its role.
void take_role(const Call& call, model::User& user);

// Whether an administrator with a role may make the directories `wanted` an account's or a folder's, which had `had`:
// new ones must lie below the base directory. permission_denied.
Result<void> check_bounds(const Call& call, const std::vector<std::string>& wanted,
                          const std::vector<std::string>& had = {});
// The same for a user, with its groups and folders. `old`: null for a new one.
Result<void> check_bounds(const Call& call, const model::User& user, const model::User* old);
Result<void> check_bounds(const Call& call, const model::Group& group, const model::Group* old);

// The answer of 409 that SFTPGo gives to an account of a role that does not exist; none when there is nothing to say.
std::optional<http::Response> objection_to_role(const Call& call, const std::string& role);

// Folders and groups as they are shown to this administrator. Made once for an answer.
class RoleView {
 public:
  explicit RoleView(const Call& call);
  model::Folder of(model::Folder folder) const;
  model::Group of(model::Group group) const;
  // permission_denied: it would change what users beyond the role, or other administrators, have.
  Result<void> may_change(const model::Folder& folder) const;
  Result<void> may_change(const model::Group& group) const;

 private:
  void hide_others(std::vector<std::string>& users) const;
  bool is_ours(const std::vector<std::string>& users) const;

  const Call& call_;
  bool limited_;
  std::vector<std::string> users_;  // of the role, ordered
};

}  // namespace ferry::rest
