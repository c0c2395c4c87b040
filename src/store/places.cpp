// Where on this machine accounts, groups and folders may lie: not where the server keeps its own files.
#include <algorithm>

#include "base/protected_paths.h"
#include "model/effective_user.h"
#include "store/accounts.h"

namespace ferry::store {

namespace {

Result<void> named(std::string_view field, const Result<void>& checked) {
  if (checked) return {};
  return fail(checked.error().code, std::string(field) + ": " + checked.error().message);
}

}  // namespace

Result<std::vector<std::string>> Accounts::places(model::User user) const {
  if (user.home_dir.empty() && !options_.users.users_base_dir.empty()) {
    user.home_dir = options_.users.users_base_dir + "/" + user.username;
  }
  for (model::VirtualFolder& mount : user.virtual_folders) {
    const auto folder = provider_.folder(stored_name(mount.name));
    if (!folder && folder.error().code != ErrorCode::not_found) return fail(folder.error());
    mount.mapped_path = folder ? folder->mapped_path : std::string();
  }
  std::vector<model::Group> groups;
  for (model::GroupMapping& mapping : user.groups) {
    auto group = provider_.group(stored_name(mapping.name));
    if (!group && group.error().code != ErrorCode::not_found) return fail(group.error());
    if (group) mapping.name = group->name;
    if (group) groups.push_back(std::move(*group));
  }
  std::erase_if(user.groups, [&](const model::GroupMapping& mapping) {
    return std::ranges::find(groups, mapping.name, &model::Group::name) == groups.end();
  });
  const auto effective = model::effective_user(std::move(user), groups);
  if (!effective) return fail(effective.error());
  std::vector<std::string> places;
  if (!effective->home_dir.empty()) places.push_back(effective->home_dir);
  for (const model::VirtualFolder& mount : effective->virtual_folders) {
    if (mount.mapped_path.empty()) continue;
    const bool apart = mount.subpath.empty() || mount.subpath.starts_with('/');
    places.push_back(mount.mapped_path + (apart ? "" : "/") + mount.subpath);
  }
  return places;
}

Result<void> Accounts::check_home(const model::User& user) const {
  if (!options_.protected_paths) return {};
  return named("home_dir", options_.protected_paths->check(user.home_dir));
}

Result<void> Accounts::check_places(const model::User& user) const {
  if (!options_.protected_paths) return {};
  if (auto own = check_home(user); !own) return own;
  const auto all = places(user);
  if (!all) return fail(all.error());
  for (const std::string& place : *all) {
    const auto free = named("home_dir, groups or virtual_folders", options_.protected_paths->check(place));
    if (!free) return free;
  }
  return {};
}

Result<void> Accounts::check(model::Folder& folder) const {
  if (auto valid = model::validate(folder, options_.users.naming); !valid) return valid;
  if (!options_.protected_paths) return {};
  return named("mapped_path", options_.protected_paths->check_template(folder.mapped_path));
}

Result<void> Accounts::check(model::Group& group) const {
  if (auto valid = model::validate(group, options_.users.naming); !valid) return valid;
  if (!options_.protected_paths) return {};
  return named("home_dir", options_.protected_paths->check_template(group.user_settings.home_dir));
}

}  // namespace ferry::store
