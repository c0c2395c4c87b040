// The suite that every data provider passes. An engine joins with one line in engines.cpp.
#pragma once

#include <gtest/gtest.h>

#include <filesystem>
#include <functional>
#include <memory>
#include <string>

#include "store/provider.h"

namespace ferry::store {

// A directory that goes with the test.
class ScratchDirectory {
 public:
  ScratchDirectory() {
    std::string text = (std::filesystem::temp_directory_path() / "ferry-store-XXXXXX").string();
    if (mkdtemp(text.data()) == nullptr) throw std::runtime_error("mkdtemp");
    path_ = text;
  }
  ScratchDirectory(const ScratchDirectory&) = delete;
  ScratchDirectory& operator=(const ScratchDirectory&) = delete;
  ~ScratchDirectory() { std::filesystem::remove_all(path_); }
  std::string file(const char* name) const { return path_ / name; }

 private:
  std::filesystem::path path_;
};

struct Engine {
  const char* name;
  bool persistent;
  std::function<std::unique_ptr<Provider>(const ScratchDirectory&)> open;
};

class ProviderTest : public testing::TestWithParam<Engine> {
 protected:
  ScratchDirectory scratch_;
  std::unique_ptr<Provider> store_ = GetParam().open(scratch_);
};

inline model::User test_user(std::string name) {
  model::User user;
  user.username = std::move(name);
  user.home_dir = "/srv/home";
  user.permissions["/"] = {"*"};
  return user;
}
inline model::Admin test_admin(std::string name) {
  model::Admin admin;
  admin.username = std::move(name);
  admin.permissions = {"*"};
  return admin;
}
inline model::Folder test_folder(std::string name) {
  model::Folder folder;
  folder.name = std::move(name);
  folder.mapped_path = "/srv/folder";
  return folder;
}
inline model::Group test_group(std::string name) {
  model::Group group;
  group.name = std::move(name);
  return group;
}
inline model::Role test_role(std::string name) {
  model::Role role;
  role.name = std::move(name);
  return role;
}
inline model::VirtualFolder test_mount(std::string folder, std::string path) {
  model::VirtualFolder mount;
  mount.name = std::move(folder);
  mount.virtual_path = std::move(path);
  return mount;
}

}  // namespace ferry::store
