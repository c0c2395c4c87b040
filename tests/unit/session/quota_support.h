// An account whose use is counted, with two folders: one with a quota of its own, one included in the account's.
#pragma once

#include "store/memory/memory_provider.h"
#include "tests/unit/session/support.h"

namespace ferry::quota {

inline void PrintTo(const Usage& usage, std::ostream* out) {
  *out << usage.files << " files, " << usage.size << " bytes";
}

}  // namespace ferry::quota

namespace ferry::session {

class QuotaTest : public SessionTest {
 protected:
  void SetUp() override {
    SessionTest::SetUp();
    user.quota_size = 1000;
    user.quota_files = 10;
    add_folder("own", 500, 3);
    add_folder("included", -1, -1);
    for (const model::VirtualFolder& folder : user.virtual_folders) {
      ASSERT_TRUE(provider->add_folder(folder));
    }
    ASSERT_TRUE(provider->add_user(user));
    count({});
  }
  void TearDown() override {
    session.reset();
    ledger->close();
  }
  void add_folder(const std::string& name, std::int64_t size, std::int64_t files) {
    model::VirtualFolder folder;
    folder.name = name;
    folder.virtual_path = "/" + name;
    folder.mapped_path = base / name;
    folder.quota_size = size;
    folder.quota_files = files;
    user.virtual_folders.push_back(folder);
  }
  // A ledger of its own, with these options.
  void count(quota::Options how) {
    session.reset();
    if (ledger) ledger->close();
    ledger = std::make_shared<quota::Ledger>(*provider, how);
    login();
  }
  quota::Usage stored() { return provider->user_quota("alice").value(); }
  quota::Usage stored_in(const std::string& folder) { return provider->folder_quota(folder).value(); }
  // What is really there.
  static quota::Usage on_disk(const std::string& directory) {
    quota::Usage usage;
    for (const auto& entry : std::filesystem::recursive_directory_iterator(directory)) {
      if (!entry.is_regular_file() || entry.is_symlink()) continue;
      if (entry.path().filename().string().starts_with(".ferry-upload.")) continue;  // still being written
      usage.files += 1;
      usage.size += static_cast<std::int64_t>(entry.file_size());
    }
    return usage;
  }
  void expect_true() {
    const quota::Usage home = on_disk(user.home_dir), own = on_disk(base / "own"),
                       included = on_disk(base / "included");
    EXPECT_EQ(stored(), (quota::Usage{home.files + included.files, home.size + included.size}));
    EXPECT_EQ(stored_in("own"), own);
    EXPECT_EQ(stored_in("included"), included);
  }
  std::unique_ptr<OpenFile> start(const char* path, vfs::OpenOptions how = for_upload) {
    return test::run(session->open(at(path), how)).value();
  }

  std::unique_ptr<store::Provider> provider = store::make_memory_provider();
};

inline std::string text_of(std::size_t size) { return std::string(size, 'x'); }

}  // namespace ferry::session
