// The one place that says what an administrator with a role sees. Such a one has the users of that role and nobody
// else: others are answered exactly as users that do not exist, and left out of the lists of folders and groups.
// Internal to src/protocols/rest.
#pragma once

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

// Folders and groups as they are shown to this administrator. Made once for an answer.
class RoleView {
 public:
  explicit RoleView(const Call& call);
  model::Folder of(model::Folder folder) const;
  model::Group of(model::Group group) const;

 private:
  void hide_others(std::vector<std::string>& users) const;

  bool limited_;
  std::vector<std::string> users_;  // of the role, ordered
};

}  // namespace ferry::rest
