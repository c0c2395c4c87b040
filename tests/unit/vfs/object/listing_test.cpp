// Directories and what is there, of services whose pages are cut anywhere.
#include "tests/unit/vfs/object/object_fixture.h"

namespace ferry::vfs::object {
namespace {

class ObjectListings : public ObjectFiles {
 protected:
  // "file:a", "directory:b", sorted; the errors of next() as "error".
  std::vector<std::string> list(std::string_view of) {
    auto directory = run(storage->open_directory(path(of)));
    if (!directory) return {"error"};
    std::vector<std::string> all;
    for (;;) {
      const auto some = run((*directory)->next(3));
      if (!some) return {"error"};
      if (some->empty()) break;
      for (const DirectoryEntry& entry : *some) {
        all.push_back((entry.info.type == FileType::directory ? "directory:" : "file:") + entry.name);
      }
    }
    std::ranges::sort(all);
    return all;
  }
};

// "a" comes long before "a/": '-' and '.' are less than '/'.
TEST_F(ObjectListings, AFileAndADirectoryOfOneNameAreOneOnAnyPages) {
  for (const char* key : {"d/a", "d/a-1", "d/a-2", "d/a-2.b", "d/a-2.c", "d/a-2/x", "d/a.txt", "d/a/inside", "d/b",
                          "d/c/x", "d/z", "d/z!"}) {
    store->set(key, "x");
  }
  const std::vector<std::string> expected{"directory:a", "directory:a-2", "directory:c", "file:a-1", "file:a-2.b",
                                          "file:a-2.c",  "file:a.txt",    "file:b",      "file:z",   "file:z!"};
  for (std::size_t page = 1; page <= 12; ++page) {
    store->change_traits().max_page = page;
    EXPECT_EQ(list("/d"), expected) << page;
  }
}

TEST_F(ObjectListings, PagesThatGoInACircleEnd) {
  for (const unsigned length : {1U, 2U, 5U, 40U}) {
    unsigned asked = 0;
    store->listing = [&](const ListRequest&) -> Result<Page> {
      ++asked;
      Page page;
      ObjectInfo object;
      object.key = "d/" + std::to_string(asked);
      page.objects.push_back(object);
      page.next = asked < 3 ? "before" + std::to_string(asked) : "circle" + std::to_string(asked % length);
      return page;
    };
    EXPECT_EQ(list("/d"), std::vector<std::string>{"error"});
    EXPECT_LT(asked, 3 * length + 20);
  }
}

TEST_F(ObjectListings, EmptyPagesWithoutEndAreNoEmptyDirectory) {
  unsigned asked = 0;
  store->listing = [&](const ListRequest&) {
    Page page;
    page.next = std::to_string(++asked);
    return Result<Page>(page);
  };
  EXPECT_EQ(code_of(run(storage->stat(path("/d")))), ErrorCode::protocol_error);
  EXPECT_EQ(code_of(run(storage->open_directory(path("/d")))), ErrorCode::protocol_error);
  EXPECT_EQ(code_of(run(storage->remove_directory(path("/d")))), ErrorCode::protocol_error);
}

TEST_F(ObjectListings, FindsOutWhatIsThereByTwoRequestsAtOnce) {
  store->set("file", "content");
  store->set("directory/file", "content");
  store->latency = std::chrono::milliseconds(20);
  std::atomic<bool> together = false;
  store->watch = [&](std::string_view, std::string_view) {
    if (store->running("list") == 1 && store->running("head") == 1) together = true;
  };
  const auto file = run(storage->stat(path("/file")));
  ASSERT_TRUE(file);
  EXPECT_EQ(file->size, 7U);
  EXPECT_TRUE(together);
  EXPECT_EQ(run(storage->stat(path("/directory")))->type, FileType::directory);
  EXPECT_EQ(code_of(run(storage->stat(path("/none")))), ErrorCode::not_found);
  store->watch = {};
}

}  // namespace
}  // namespace ferry::vfs::object
