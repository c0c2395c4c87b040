// Folders and who mounts them; quota; what happens at the same time.
#include <atomic>
#include <thread>

#include "tests/conformance/store/provider_suite.h"

namespace ferry::store {
namespace {

using Names = std::vector<std::string>;

// Runs `work(i)` on `count` threads that start together; answers how many said true.
template <class Work>
int together(int count, Work work) {
  std::atomic<int> successes = 0;
  std::vector<std::jthread> threads;
  for (int i = 0; i < count; ++i) {
    threads.emplace_back([&, i] { successes += work(i) ? 1 : 0; });
  }
  threads.clear();
  return successes;
}

TEST_P(ProviderTest, MountsShowTheirFolder) {
  model::Folder folder = test_folder("f");
  folder.description = "d";
  ASSERT_TRUE(store_->add_folder(folder));
  model::User user = test_user("a");
  user.virtual_folders = {test_mount("f", "/z"), test_mount("f", "/b")};
  user.virtual_folders[0].quota_size = user.virtual_folders[0].quota_files = -1;
  user.virtual_folders[1].subpath = "s";
  user.virtual_folders[1].mapped_path = "/not/this";
  const auto added = store_->add_user(user);
  ASSERT_TRUE(added);
  const auto& mounts = (*added)->virtual_folders;
  ASSERT_EQ(mounts.size(), 2U);
  EXPECT_EQ(mounts[0].virtual_path, "/z");
  EXPECT_EQ(mounts[0].quota_size, -1);
  EXPECT_EQ(mounts[1].subpath, "s");
  EXPECT_EQ(mounts[1].mapped_path, "/srv/folder");
  EXPECT_EQ(mounts[1].description, "d");
  EXPECT_TRUE(mounts[1].users.empty());

  ASSERT_TRUE(store_->change_folder("f", [](model::Folder& stored) -> Result<void> {
    stored.mapped_path = "/moved";
    return {};
  }));
  EXPECT_EQ((*store_->user("a"))->virtual_folders[0].mapped_path, "/moved");
}

TEST_P(ProviderTest, FoldersShowTheirUsers) {
  ASSERT_TRUE(store_->add_folder(test_folder("f")));
  ASSERT_TRUE(store_->add_folder(test_folder("g")));
  for (const char* name : {"b", "a"}) {
    model::User user = test_user(name);
    user.virtual_folders = {test_mount("f", "/1"), test_mount("f", "/2")};
    ASSERT_TRUE(store_->add_user(user));
  }
  EXPECT_EQ(store_->folder("f")->users, (Names{"a", "b"}));
  EXPECT_EQ(store_->folders({})->at(0).users, (Names{"a", "b"}));
  EXPECT_EQ(store_->folder("g")->users, Names{});
  ASSERT_TRUE(store_->change_user("a", [](model::User& user) -> Result<void> {
    user.virtual_folders = {test_mount("g", "/1")};
    return {};
  }));
  EXPECT_EQ(store_->folder("f")->users, Names{"b"});
  EXPECT_EQ(store_->folder("g")->users, Names{"a"});
  ASSERT_TRUE(store_->change_folder("f", [](model::Folder& folder) -> Result<void> {
    folder.users = {"nobody"};
    return {};
  }));
  EXPECT_EQ(store_->folder("f")->users, Names{"b"});
  ASSERT_TRUE(store_->delete_user("b"));
  EXPECT_EQ(store_->folder("f")->users, Names{});
}

TEST_P(ProviderTest, DeletingAFolderUnmountsIt) {
  ASSERT_TRUE(store_->add_folder(test_folder("f")));
  ASSERT_TRUE(store_->add_folder(test_folder("g")));
  model::User user = test_user("a");
  user.virtual_folders = {test_mount("f", "/1"), test_mount("g", "/2")};
  ASSERT_TRUE(store_->add_user(user));
  ASSERT_TRUE(store_->delete_folder("f"));
  const auto left = store_->user("a");
  ASSERT_EQ((*left)->virtual_folders.size(), 1U);
  EXPECT_EQ((*left)->virtual_folders[0].name, "g");
  // A new folder of that name is another one.
  ASSERT_TRUE(store_->add_folder(test_folder("f")));
  EXPECT_EQ(store_->folder("f")->users, Names{});
}

TEST_P(ProviderTest, UserWithAnUnknownFolderIsRefused) {
  model::User user = test_user("a");
  user.virtual_folders = {test_mount("nowhere", "/v")};
  const auto added = store_->add_user(user);
  ASSERT_FALSE(added);
  EXPECT_EQ(added.error().code, ErrorCode::invalid_argument);
  EXPECT_EQ(added.error().message, "virtual_folders: folder \"nowhere\" does not exist");
  EXPECT_FALSE(store_->user("a"));
}

TEST_P(ProviderTest, Quota) {
  ASSERT_TRUE(store_->add_user(test_user("a")));
  ASSERT_TRUE(store_->add_folder(test_folder("f")));
  ASSERT_TRUE(store_->update_user_quota("a", {3, 100}, QuotaUpdate::add));
  ASSERT_TRUE(store_->update_user_quota("a", {-1, -30}, QuotaUpdate::add));
  EXPECT_EQ(store_->user_quota("a")->files, 2);
  EXPECT_EQ(store_->user_quota("a")->size, 70);
  EXPECT_GT((*store_->user("a"))->last_quota_update, 0);
  ASSERT_TRUE(store_->update_user_quota("a", {-5, INT64_MIN}, QuotaUpdate::add));
  EXPECT_EQ(store_->user_quota("a")->files, 0);
  EXPECT_EQ(store_->user_quota("a")->size, 0);
  ASSERT_TRUE(store_->update_user_quota("a", {1, INT64_MAX}, QuotaUpdate::reset));
  ASSERT_TRUE(store_->update_user_quota("a", {1, INT64_MAX}, QuotaUpdate::add));
  EXPECT_EQ(store_->user_quota("a")->size, INT64_MAX);

  ASSERT_TRUE(store_->update_folder_quota("f", {1, 2}, QuotaUpdate::add));
  ASSERT_TRUE(store_->update_folder_quota("f", {7, 8}, QuotaUpdate::reset));
  EXPECT_EQ(store_->folder_quota("f")->size, 8);
  EXPECT_EQ(store_->folder("f")->used_quota_files, 7);

  ASSERT_TRUE(store_->update_transfer_quota("a", {5, 6}, QuotaUpdate::add));
  ASSERT_TRUE(store_->update_transfer_quota("a", {5, 6}, QuotaUpdate::add));
  EXPECT_EQ(store_->transfer_quota("a")->upload, 10);
  EXPECT_EQ((*store_->user("a"))->used_download_data_transfer, 12);
  // What has been shown is never changed behind a session's back.
  const auto shared = *store_->user("a");
  ASSERT_TRUE(store_->update_transfer_quota("a", {0, 0}, QuotaUpdate::reset));
  EXPECT_EQ(shared->used_upload_data_transfer, 10);
}

TEST_P(ProviderTest, OneOfManyAddsTheSameName) {
  EXPECT_EQ(together(8, [&](int) { return store_->add_user(test_user("same")).has_value(); }), 1);
  EXPECT_EQ(together(8, [&](int) { return store_->add_folder(test_folder("same")).has_value(); }), 1);
  EXPECT_EQ(together(8, [&](int i) { return store_->add_first_admin(test_admin(std::to_string(i))).has_value(); }), 1);
  EXPECT_EQ(store_->admins({})->size(), 1U);
}

TEST_P(ProviderTest, ParallelQuotaUpdatesAllCount) {
  ASSERT_TRUE(store_->add_user(test_user("a")));
  ASSERT_TRUE(store_->add_folder(test_folder("f")));
  constexpr int threads = 8, each = 25;
  const int done = together(threads, [&](int) {
    bool ok = true;
    for (int i = 0; i < each; ++i) {
      ok = store_->update_user_quota("a", {1, 10}, QuotaUpdate::add).has_value() && ok;
      ok = store_->update_folder_quota("f", {1, 10}, QuotaUpdate::add).has_value() && ok;
      ok = store_->user("a").has_value() && ok;
    }
    return ok;
  });
  EXPECT_EQ(done, threads);
  EXPECT_EQ(store_->user_quota("a")->files, threads * each);
  EXPECT_EQ(store_->folder_quota("f")->size, threads * each * 10);
}

TEST_P(ProviderTest, ParallelChangesLoseNothing) {
  ASSERT_TRUE(store_->add_user(test_user("a")));
  constexpr int threads = 8, each = 10;
  together(threads, [&](int) {
    for (int i = 0; i < each; ++i) {
      const auto changed = store_->change_user("a", [](model::User& user) -> Result<void> {
        ++user.max_sessions;
        return {};
      });
      if (!changed) return false;
    }
    return true;
  });
  EXPECT_EQ((*store_->user("a"))->max_sessions, threads * each);
}

// Mounting a folder while it is deleted: either order is fine, a mount of nothing is not.
TEST_P(ProviderTest, MountingRacesDeleting) {
  for (int round = 0; round < 10; ++round) {
    const std::string folder = "f" + std::to_string(round);
    ASSERT_TRUE(store_->add_folder(test_folder(folder)));
    together(2, [&](int i) {
      if (i == 0) return store_->delete_folder(folder).has_value();
      model::User user = test_user("u" + std::to_string(round));
      user.virtual_folders = {test_mount(folder, "/v")};
      return store_->add_user(user).has_value();
    });
    EXPECT_FALSE(store_->folder(folder));
    const auto user = store_->user("u" + std::to_string(round));
    if (user) {
      EXPECT_TRUE((*user)->virtual_folders.empty());
    }
  }
}

}  // namespace
}  // namespace ferry::store
