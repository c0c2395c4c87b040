#include "tests/conformance/vfs/suite.h"

#include <algorithm>
#include <chrono>
#include <set>
#include <thread>

namespace ferry::vfs {

using test::run;
using namespace std::string_literals;

GTEST_ALLOW_UNINSTANTIATED_PARAMETERIZED_TEST(FileSystemSuite);

namespace {

iovec piece(std::string_view text) { return {const_cast<char*>(text.data()), text.size()}; }

Result<void> write(File& file, std::uint64_t offset, std::string_view text) {
  const iovec pieces[] = {piece(text)};
  return run(file.write_at(offset, pieces));
}

}  // namespace

Result<void> FileSystemSuite::put(std::string_view path, std::string_view text, OpenOptions options) {
  Result<std::unique_ptr<File>> file = run(storage->open(at(path), options));
  if (!file) return fail(file.error());
  const Result<void> written = write(**file, 0, text);
  if (!written) return written;
  return run((*file)->close());
}

Result<std::string> FileSystemSuite::get(std::string_view path) {
  Result<std::unique_ptr<File>> file = run(storage->open(at(path), for_reading));
  if (!file) return fail(file.error());
  std::string text(1 << 20, 0);
  const Result<std::size_t> count = run((*file)->read_at(0, std::as_writable_bytes(std::span(text))));
  if (!count) return fail(count.error());
  text.resize(*count);
  return text;
}

std::vector<std::string> FileSystemSuite::names(std::string_view path, std::size_t batch) {
  Result<std::unique_ptr<Directory>> directory = run(storage->open_directory(at(path)));
  if (!directory) return {"error"};
  std::vector<std::string> found;
  while (true) {
    const Result<std::vector<DirectoryEntry>> entries = run((*directory)->next(batch));
    if (!entries || entries->empty()) break;
    EXPECT_LE(entries->size(), batch);
    for (const DirectoryEntry& entry : *entries) found.push_back(entry.name);
  }
  std::ranges::sort(found);
  return found;
}

TEST_P(FileSystemSuite, KeepsWhatIsWritten) {
  ASSERT_TRUE(put("/f", "hello"));
  EXPECT_EQ(get("/f"), "hello");
  ASSERT_TRUE(put("/f", "hi"));  // truncated
  EXPECT_EQ(get("/f"), "hi");
  if (!storage->capabilities().resume) {
    EXPECT_EQ(code_of(put("/f", "HI, all", {.write = true})), ErrorCode::unsupported);
    EXPECT_EQ(get("/f"), "hi");
    return;
  }
  ASSERT_TRUE(put("/f", "HI, all", {.write = true}));
  EXPECT_EQ(get("/f"), "HI, all");
  ASSERT_TRUE(put("/f", "J", {.write = true}));  // the rest stays
  EXPECT_EQ(get("/f"), "JI, all");
}

TEST_P(FileSystemSuite, ReadsAndWritesAnywhere) {
  if (!storage->capabilities().random_writes) GTEST_SKIP() << "this storage takes a file in order";
  Result<std::unique_ptr<File>> file = run(storage->open(at("/f"), {.read = true, .write = true, .create = true}));
  ASSERT_TRUE(file);
  ASSERT_TRUE(write(**file, 10, "end"));
  ASSERT_TRUE(write(**file, 0, "start"));
  std::string text(64, 'x');
  EXPECT_EQ(run((*file)->read_at(0, std::as_writable_bytes(std::span(text)))), 13U);
  EXPECT_EQ(text.substr(0, 13), "start\0\0\0\0\0end"s);
  EXPECT_EQ(run((*file)->read_at(11, std::as_writable_bytes(std::span(text)))), 2U);
  EXPECT_EQ(run((*file)->read_at(13, std::as_writable_bytes(std::span(text)))), 0U);
  EXPECT_EQ(run((*file)->read_at(~0ULL, std::as_writable_bytes(std::span(text)))), 0U);
  EXPECT_FALSE(write(**file, ~0ULL, "x"));
  EXPECT_TRUE(run((*file)->sync()));
  EXPECT_TRUE(run((*file)->close()));
}

TEST_P(FileSystemSuite, WritesManyPieces) {
  Result<std::unique_ptr<File>> file = run(storage->open(at("/f"), for_upload));
  ASSERT_TRUE(file);
  std::string expected;
  std::vector<std::string> texts;
  for (int i = 0; i < 300; ++i) texts.push_back(i % 7 == 0 ? "" : std::to_string(i) + ",");
  std::vector<iovec> pieces;
  for (const std::string& text : texts) {
    expected += text;
    pieces.push_back(piece(text));
  }
  ASSERT_TRUE(run((*file)->write_at(0, pieces)));
  ASSERT_TRUE(run((*file)->write_at(0, {})));
  std::optional<Result<void>> inline_write = (*file)->try_write_at(expected.size(), pieces);
  if (!inline_write) inline_write = run((*file)->write_at(expected.size(), pieces));
  ASSERT_TRUE(*inline_write);
  ASSERT_TRUE(run((*file)->close()));
  EXPECT_EQ(get("/f"), expected + expected);
}

TEST_P(FileSystemSuite, TryReadAgreesWithRead) {
  ASSERT_TRUE(put("/f", std::string(100'000, 'q') + "tail"));
  Result<std::unique_ptr<File>> file = run(storage->open(at("/f"), for_reading));
  ASSERT_TRUE(file);
  std::string first(3, 0), second(100, 0);
  const iovec pieces[] = {piece(first), piece(second)};
  const std::optional<Result<std::size_t>> count = (*file)->try_read_at(99'999, pieces);
  if (!count) GTEST_SKIP() << "this storage always waits";
  ASSERT_TRUE(*count);
  EXPECT_EQ(**count, 5U);
  EXPECT_EQ(first + second.substr(0, 2), "qtail");
  const std::optional<Result<std::size_t>> end = (*file)->try_read_at(100'004, pieces);
  ASSERT_TRUE(end && *end);
  EXPECT_EQ(**end, 0U);
}

TEST_P(FileSystemSuite, AppendsAndCreatesExclusively) {
  ASSERT_TRUE(put("/f", "one"));
  std::string expected = "one";
  if (storage->capabilities().append) {
    ASSERT_TRUE(put("/f", "two", {.write = true, .append = true}));
    expected = "onetwo";
  }
  EXPECT_EQ(get("/f"), expected);
  EXPECT_EQ(code_of(put("/f", "x", {.write = true, .create = true, .exclusive = true})), ErrorCode::already_exists);
  EXPECT_EQ(get("/f"), expected);
  ASSERT_TRUE(put("/g", "x", {.write = true, .create = true, .exclusive = true}));
  EXPECT_EQ(get("/g"), "x");
}

TEST_P(FileSystemSuite, NamesWhatIsMissingOrOfTheWrongKind) {
  ASSERT_TRUE(put("/f", "x"));
  ASSERT_TRUE(run(storage->make_directory(at("/d"), 0755)));
  EXPECT_EQ(code_of(run(storage->stat(at("/none")))), ErrorCode::not_found);
  EXPECT_EQ(code_of(run(storage->open(at("/none"), for_reading))), ErrorCode::not_found);
  EXPECT_EQ(code_of(run(storage->open(at("/none"), {.write = true}))), ErrorCode::not_found);
  EXPECT_EQ(code_of(run(storage->open(at("/none/f"), for_upload))), ErrorCode::not_found);
  EXPECT_EQ(code_of(run(storage->open(at("/f/x"), for_upload))), ErrorCode::not_a_directory);
  EXPECT_EQ(code_of(run(storage->open(at("/d"), for_reading))), ErrorCode::is_a_directory);
  EXPECT_EQ(code_of(run(storage->open(at("/d"), for_upload))), ErrorCode::is_a_directory);
  EXPECT_EQ(code_of(run(storage->open(at("/"), for_upload))), ErrorCode::is_a_directory);
  EXPECT_EQ(code_of(run(storage->open(at("/f"), {}))), ErrorCode::invalid_argument);
  EXPECT_EQ(code_of(run(storage->open_directory(at("/f")))), ErrorCode::not_a_directory);
  EXPECT_EQ(code_of(run(storage->open_directory(at("/none")))), ErrorCode::not_found);
  EXPECT_EQ(code_of(run(storage->make_directory(at("/d"), 0755))), ErrorCode::already_exists);
  EXPECT_EQ(code_of(run(storage->make_directory(at("/"), 0755))), ErrorCode::already_exists);
  EXPECT_EQ(code_of(run(storage->make_directory(at("/none/d"), 0755))), ErrorCode::not_found);
  EXPECT_EQ(code_of(run(storage->remove_file(at("/d")))), ErrorCode::is_a_directory);
  EXPECT_EQ(code_of(run(storage->remove_file(at("/none")))), ErrorCode::not_found);
  EXPECT_EQ(code_of(run(storage->remove_directory(at("/f")))), ErrorCode::not_a_directory);
  EXPECT_EQ(code_of(run(storage->rename(at("/none"), at("/x"), true))), ErrorCode::not_found);
  EXPECT_EQ(code_of(run(storage->read_symlink(at("/f")))), ErrorCode::invalid_argument);
}

TEST_P(FileSystemSuite, NeverTouchesItsRoot) {
  EXPECT_FALSE(run(storage->remove_directory(at("/"))));
  EXPECT_FALSE(run(storage->remove_file(at("/"))));
  EXPECT_FALSE(run(storage->rename(at("/"), at("/x"), true)));
  EXPECT_TRUE(run(storage->stat(at("/"))));
}

TEST_P(FileSystemSuite, RemovesAndRenames) {
  ASSERT_TRUE(run(storage->make_directory(at("/d"), 0755)));
  ASSERT_TRUE(put("/d/f", "x"));
  EXPECT_EQ(code_of(run(storage->remove_directory(at("/d")))), ErrorCode::directory_not_empty);
  std::string directory = "/e";
  if (storage->capabilities().directory_rename) {
    ASSERT_TRUE(run(storage->rename(at("/d"), at("/e"), false)));
  } else {
    EXPECT_EQ(code_of(run(storage->rename(at("/d"), at("/e"), false))), ErrorCode::unsupported);
    directory = "/d";
  }
  const std::string file = directory + "/f";
  EXPECT_EQ(get(file), "x");
  ASSERT_TRUE(put("/g", "y"));
  EXPECT_EQ(code_of(run(storage->rename(at("/g"), at(file), false))), ErrorCode::already_exists);
  EXPECT_EQ(get(file), "x");
  ASSERT_TRUE(run(storage->rename(at("/g"), at(file), true)));
  EXPECT_EQ(get(file), "y");
  EXPECT_EQ(code_of(run(storage->stat(at("/g")))), ErrorCode::not_found);
  ASSERT_TRUE(run(storage->make_directory(at("/empty"), 0755)));
  ASSERT_TRUE(run(storage->rename(at("/empty"), at("/void"), false)));
  ASSERT_TRUE(run(storage->remove_directory(at("/void"))));
  ASSERT_TRUE(run(storage->remove_file(at(file))));
  // Some storages have a directory only as long as something lies in it, if it was not made by itself.
  const Result<void> removed = run(storage->remove_directory(at(directory)));
  EXPECT_TRUE(removed) << removed.error().message;
  EXPECT_EQ(names("/"), std::vector<std::string>{});
}

TEST_P(FileSystemSuite, CopiesFiles) {
  if (!storage->capabilities().copy) GTEST_SKIP();
  ASSERT_TRUE(put("/f", "text"));
  ASSERT_TRUE(put("/g", "other"));
  EXPECT_EQ(code_of(run(storage->copy_file(at("/f"), at("/g"), false))), ErrorCode::already_exists);
  EXPECT_EQ(get("/g"), "other");
  ASSERT_TRUE(run(storage->copy_file(at("/f"), at("/g"), true)));
  EXPECT_EQ(get("/g"), "text");
  ASSERT_TRUE(run(storage->copy_file(at("/f"), at("/h"), false)));
  EXPECT_EQ(get("/h"), "text");
  EXPECT_EQ(get("/f"), "text");
  EXPECT_EQ(code_of(run(storage->copy_file(at("/none"), at("/i"), false))), ErrorCode::not_found);
}

// A file that is larger than what any storage sends at once, written in pieces of odd sizes, read in order, backwards,
// and past its end.
TEST_P(FileSystemSuite, TakesLargeFiles) {
  std::string content(13 << 20, 0);
  for (std::size_t i = 0; i < content.size(); ++i) content[i] = static_cast<char>((i * 31 + i / 4096) % 251);
  Result<std::unique_ptr<File>> file = run(storage->open(at("/large"), for_upload));
  ASSERT_TRUE(file);
  for (std::size_t from = 0; from < content.size(); from += 262'000) {
    const Result<void> written = write(**file, from, std::string_view(content).substr(from, 262'000));
    ASSERT_TRUE(written) << written.error().message;
  }
  const Result<void> closed = run((*file)->close());
  ASSERT_TRUE(closed) << closed.error().message;
  EXPECT_EQ(run(storage->stat(at("/large"))).value().size, content.size());
  file = run(storage->open(at("/large"), for_reading));
  ASSERT_TRUE(file);
  std::string piece(100'000, 0);
  const auto read = [&](std::uint64_t offset) {
    const auto count = run((*file)->read_at(offset, std::as_writable_bytes(std::span(piece))));
    return count ? std::string_view(piece).substr(0, *count) : std::string_view("failed");
  };
  for (std::size_t from = 0; from < content.size(); from += piece.size()) {
    ASSERT_TRUE(read(from) == std::string_view(content).substr(from, piece.size())) << from;
  }
  for (std::size_t from = content.size() - 50; from > 3'000'000; from -= 2'900'000) {
    ASSERT_TRUE(read(from) == std::string_view(content).substr(from, piece.size())) << from;
  }
  EXPECT_EQ(read(content.size()), "");
  EXPECT_EQ(read(content.size() + 5'000'000'000), "");
  EXPECT_TRUE(run((*file)->close()));
}

// What has not been closed is not there, and what was there stays.
TEST_P(FileSystemSuite, ShowsNothingThatIsNotWhole) {
  if (!storage->capabilities().published_at_close) GTEST_SKIP();
  ASSERT_TRUE(put("/old", "as it was"));
  for (const std::size_t size : {std::size_t{10}, std::size_t{11} << 20}) {
    const std::string text(size, 'x');
    for (const char* path : {"/new", "/old"}) {
      Result<std::unique_ptr<File>> file = run(storage->open(at(path), for_upload));
      ASSERT_TRUE(file);
      ASSERT_TRUE(write(**file, 0, text));
      EXPECT_EQ(code_of(run(storage->stat(at("/new")))), ErrorCode::not_found);
      EXPECT_EQ(get("/old"), "as it was");
      EXPECT_TRUE(run((*file)->discard()));
    }
    Result<std::unique_ptr<File>> left = run(storage->open(at("/new"), for_upload));
    ASSERT_TRUE(left && write(**left, 0, text));
    left->reset();
    // Nobody waits for this discard, and storage that lets uploads grow under a hidden name needs a moment for it.
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(20);
    while (names("/").size() > 1 && std::chrono::steady_clock::now() < deadline) {
      std::this_thread::sleep_for(std::chrono::milliseconds(20));
    }
    EXPECT_EQ(names("/"), std::vector<std::string>{"old"});
    EXPECT_EQ(get("/old"), "as it was");
  }
}

TEST_P(FileSystemSuite, KeepsTimes) {
  if (!storage->capabilities().times) GTEST_SKIP();
  ASSERT_TRUE(put("/f", "text"));
  const FileTime then{1'000'000'000, 0};
  ASSERT_TRUE(run(storage->set_attributes(at("/f"), {.times = {{then, then}}}, true)));
  EXPECT_EQ(run(storage->stat(at("/f"))).value().modified, then);
  EXPECT_EQ(get("/f"), "text");
  Result<std::unique_ptr<File>> file = run(storage->open(at("/g"), for_upload));
  ASSERT_TRUE(file && write(**file, 0, "text"));
  ASSERT_TRUE(run((*file)->set_attributes({.times = {{then, then}}})));
  ASSERT_TRUE(run((*file)->close()));
  EXPECT_EQ(run(storage->stat(at("/g"))).value().modified, then);
}

TEST_P(FileSystemSuite, ListsEverythingOnceInBatches) {
  std::vector<std::string> expected;
  for (int i = 0; i < 250; ++i) {
    expected.push_back("file" + std::to_string(1000 + i));
    ASSERT_TRUE(put("/" + expected.back(), ""));
  }
  EXPECT_EQ(names("/", 1), expected);
  EXPECT_EQ(names("/", 7), expected);
  EXPECT_EQ(names("/", 10'000), expected);
}

TEST_P(FileSystemSuite, TakesNamesAsBytes) {
  std::set<std::string> hostile = {"\xff\xfe",
                                   "a\nb",
                                   " ",
                                   "-rf",
                                   "\"'`$(x)",
                                   "\xe2\x80\xae",
                                   "a\\b",
                                   "...",
                                   std::string(255, 'n'),
                                   std::string(255, '\xc3')};
  if (!GetParam().any_bytes) {
    hostile = {" ",        "-rf",  "\"'`$(x)", "\xe2\x80\xae", "a\\b", "...", "a+b%20&c", std::string(255, 'n'),
               "\xc3\xa9", "a#b?c"};
  }
  if (!GetParam().backslashes) hostile.erase("a\\b");
  for (const std::string& name : hostile) ASSERT_TRUE(put("/" + name, name)) << name;
  const std::vector<std::string> found = names("/");
  EXPECT_EQ(std::set<std::string>(found.begin(), found.end()), hostile);
  for (const std::string& name : hostile) {
    EXPECT_EQ(get("/" + name), name);
    EXPECT_TRUE(run(storage->remove_file(at("/" + name))));
  }
}

TEST_P(FileSystemSuite, TakesTheLongestPaths) {
  VirtualPath path;
  while (path.text().size() + 256 <= GetParam().longest_path) {
    path = path.child(std::string(255, 'd')).value();
    const Result<void> made = run(storage->make_directory(path, 0755));
    ASSERT_TRUE(made) << made.error().message;
  }
  // 4096 bytes are 16 names of 255 and their slashes.
  ASSERT_GT(path.text().size() + 256, GetParam().longest_path);
  EXPECT_TRUE(run(storage->stat(path)));
  const VirtualPath file = path.parent().child(std::string(255, 'f')).value();
  ASSERT_TRUE(put(file.text(), "deep"));
  EXPECT_EQ(get(file.text()), "deep");
}

TEST_P(FileSystemSuite, ChangesAttributes) {
  if (!storage->capabilities().attributes) GTEST_SKIP();
  ASSERT_TRUE(put("/f", "0123456789"));
  const FileTime then{1'000'000'000, GetParam().whole_seconds ? 0U : 5000U}, later{2'000'000'000, 0};
  const bool cuts = storage->capabilities().truncate;
  const auto to_size = [&](std::uint64_t size) { return cuts ? std::optional(size) : std::nullopt; };
  if (!cuts) {
    EXPECT_EQ(code_of(run(storage->set_attributes(at("/f"), {.size = 4}, true))), ErrorCode::unsupported);
    ASSERT_TRUE(put("/f", "0123"));
  }
  const AttributeChange first{.size = to_size(4), .mode = 0640, .times = {{then, later}}};
  ASSERT_TRUE(run(storage->set_attributes(at("/f"), first, true)));
  FileInfo info = run(storage->stat(at("/f"))).value();
  EXPECT_EQ(info.type, FileType::regular);
  EXPECT_EQ(info.size, 4U);
  EXPECT_EQ(info.mode, 0640U);
  EXPECT_EQ(info.accessed, GetParam().access_times ? then : info.modified);
  EXPECT_EQ(info.modified, later);
  EXPECT_EQ(info.posix_mode(), 0100640U);

  Result<std::unique_ptr<File>> file = run(storage->open(at("/f"), {.read = true, .write = cuts}));
  ASSERT_TRUE(file);
  ASSERT_TRUE(run((*file)->set_attributes({.size = to_size(20), .mode = 0600, .times = {{later, then}}})));
  info = run((*file)->info()).value();
  EXPECT_EQ(info.size, cuts ? 20U : 4U);
  EXPECT_EQ(info.mode, 0600U);
  EXPECT_EQ(info.modified, then);
  EXPECT_EQ(get("/f"), "0123" + std::string(cuts ? 16 : 0, '\0'));
  EXPECT_FALSE(run(storage->set_attributes(at("/f"), {.size = ~0ULL}, true)));
  EXPECT_EQ(code_of(run(storage->set_attributes(at("/none"), {.mode = 0600}, true))), ErrorCode::not_found);
}

TEST_P(FileSystemSuite, FollowsLinksInside) {
  if (!storage->capabilities().symlinks) GTEST_SKIP();
  ASSERT_TRUE(run(storage->make_directory(at("/d"), 0755)));
  ASSERT_TRUE(run(storage->make_directory(at("/d/e"), 0755)));
  ASSERT_TRUE(put("/d/f", "through"));
  ASSERT_TRUE(run(storage->make_symlink("d/f", at("/relative"))));
  ASSERT_TRUE(run(storage->make_symlink("/d/f", at("/d/e/absolute"))));
  ASSERT_TRUE(run(storage->make_symlink("/d/e", at("/dir"))));
  // Made through a link: absolute and relative targets count from where the link really is.
  ASSERT_TRUE(run(storage->make_symlink("/d/f", at("/dir/absolute2"))));
  ASSERT_TRUE(run(storage->make_symlink("../f", at("/dir/relative2"))));
  for (const char* path : {"/relative", "/d/e/absolute", "/dir/absolute", "/dir/absolute2", "/dir/relative2"}) {
    EXPECT_EQ(get(path), "through") << path;
  }
  EXPECT_EQ(run(storage->lstat(at("/relative"))).value().type, FileType::symlink);
  EXPECT_EQ(run(storage->stat(at("/relative"))).value().type, FileType::regular);
  EXPECT_EQ(run(storage->read_symlink(at("/relative"))), "d/f");
  EXPECT_EQ(run(storage->read_symlink(at("/d/e/absolute"))), "/d/f") << "as it was given";
  EXPECT_EQ(run(storage->read_symlink(at("/dir/absolute2"))), "/d/f");
  EXPECT_EQ(run(storage->read_symlink(at("/d/e/relative2"))), "../f");
  ASSERT_TRUE(run(storage->make_symlink("/", at("/d/top"))));
  EXPECT_EQ(run(storage->read_symlink(at("/d/top"))), "/");
  EXPECT_EQ(get("/d/top/d/f"), "through");
  ASSERT_TRUE(run(storage->make_symlink(".//d/f", at("/odd"))));
  EXPECT_EQ(run(storage->read_symlink(at("/odd"))), "./d/f") << "a relative text never becomes an absolute one";
  EXPECT_EQ(run(storage->canonical(at("/dir/absolute"), true)).value().text(), "/d/f");
  EXPECT_EQ(run(storage->canonical(at("/dir/absolute"), false)).value().text(), "/d/e/absolute");
  EXPECT_EQ(run(storage->canonical(at("/dir/none/x"), true)).value().text(), "/d/e/none/x");
  ASSERT_TRUE(run(storage->remove_file(at("/dir"))));
  EXPECT_TRUE(run(storage->stat(at("/d/e"))));
}

TEST_P(FileSystemSuite, RefusesLinksThatLeadOutside) {
  if (!storage->capabilities().symlinks) GTEST_SKIP();
  for (const std::string target : {"../x", "d/../../x", "../../../../etc/passwd"}) {
    EXPECT_EQ(code_of(run(storage->make_symlink(target, at("/link")))), ErrorCode::permission_denied) << target;
  }
  for (const std::string& target : {""s, "a\0b"s, std::string(5000, 'x')}) {
    EXPECT_EQ(code_of(run(storage->make_symlink(target, at("/link")))), ErrorCode::invalid_argument);
  }
  // Above the root there is only the root.
  ASSERT_TRUE(put("/f", "inside"));
  ASSERT_TRUE(run(storage->make_symlink("/../../f", at("/up"))));
  EXPECT_EQ(get("/up"), "inside");
}

TEST_P(FileSystemSuite, MakesWhatDanglingLinksMean) {
  if (!storage->capabilities().symlinks) GTEST_SKIP();
  ASSERT_TRUE(run(storage->make_symlink("gone", at("/link"))));
  EXPECT_EQ(code_of(run(storage->stat(at("/link")))), ErrorCode::not_found);
  EXPECT_EQ(code_of(put("/link", "x", {.write = true, .create = true, .exclusive = true})), ErrorCode::already_exists);
  EXPECT_EQ(code_of(run(storage->lstat(at("/gone")))), ErrorCode::not_found);
  ASSERT_TRUE(put("/link", "x"));
  EXPECT_EQ(run(storage->lstat(at("/link"))).value().type, FileType::symlink);
  EXPECT_EQ(get("/gone"), "x");
  ASSERT_TRUE(run(storage->remove_file(at("/gone"))));
  EXPECT_EQ(code_of(run(storage->make_directory(at("/link"), 0755))), ErrorCode::already_exists);
  ASSERT_TRUE(run(storage->make_symlink("loop", at("/loop"))));
  EXPECT_EQ(code_of(run(storage->stat(at("/loop")))), ErrorCode::permission_denied);
  EXPECT_FALSE(put("/loop", "x"));
}

// A directory that is held stays the same one, whatever it is called.
TEST_P(FileSystemSuite, HoldsDirectories) {
  ASSERT_TRUE(run(storage->make_directory(at("/a"), 0755)));
  ASSERT_TRUE(run(storage->make_directory(at("/a/b"), 0755)));
  const Result<std::shared_ptr<FileSystem>> found = run(storage->hold_directory(at("/a/b")));
  if (!found && found.error().code == ErrorCode::unsupported) GTEST_SKIP();
  const std::shared_ptr<FileSystem> held = found.value();
  EXPECT_EQ(storage->place_of(*held).value().text(), "/a/b");
  ASSERT_TRUE(run(storage->rename(at("/a"), at("/c"), false)));
  EXPECT_EQ(storage->place_of(*held).value().text(), "/c/b");
  EXPECT_EQ(held->location(at("/f")), storage->location(at("/c/b/f")));
  const std::shared_ptr<FileSystem> whole = std::exchange(storage, held);
  ASSERT_TRUE(put("/f", "text"));
  ASSERT_TRUE(run(held->make_directory(at("/d"), 0755)));
  ASSERT_TRUE(run(held->rename(at("/f"), at("/d/g"), false)));
  storage = whole;
  EXPECT_EQ(get("/c/b/d/g"), "text");
  // Between two of them, and a link whose target is in the storage's terms.
  ASSERT_TRUE(run(storage->make_directory(at("/e"), 0755)));
  const std::shared_ptr<FileSystem> other = run(storage->hold_directory(at("/e"))).value();
  ASSERT_TRUE(run(other->take_over(*held, at("/d/g"), at("/h"), false)));
  EXPECT_EQ(get("/e/h"), "text");
  ASSERT_TRUE(run(other->link_from(*other, at("/h"), at("/i"))));
  if (storage->capabilities().symlinks) {
    ASSERT_TRUE(run(held->make_symlink("/e/h", at("/d/absolute"))));
    ASSERT_TRUE(run(held->make_symlink("../../../e/h", at("/d/relative"))));
    EXPECT_EQ(get("/c/b/d/absolute"), "text");
    EXPECT_EQ(get("/c/b/d/relative"), "text");
    EXPECT_EQ(code_of(run(held->make_symlink("../../../../x", at("/d/out")))), ErrorCode::permission_denied);
    // It follows none itself.
    EXPECT_EQ(code_of(run(held->stat(at("/d/relative")))), ErrorCode::unsupported);
  }
  ASSERT_TRUE(run(storage->remove_file(at("/e/h"))));
  ASSERT_TRUE(run(storage->remove_file(at("/e/i"))));
  ASSERT_TRUE(run(storage->remove_directory(at("/e"))));
  EXPECT_EQ(code_of(storage->place_of(*other)), ErrorCode::not_found);
  EXPECT_EQ(code_of(run(other->make_directory(at("/x"), 0755))), ErrorCode::not_found);
  EXPECT_EQ(code_of(run(storage->hold_directory(at("/none")))), ErrorCode::not_found);
  EXPECT_EQ(code_of(run(storage->hold_directory(at("/c/b/../none")))), ErrorCode::not_found);
}

TEST_P(FileSystemSuite, MakesHardLinks) {
  if (!storage->capabilities().hard_links) GTEST_SKIP();
  ASSERT_TRUE(put("/f", "same"));
  ASSERT_TRUE(run(storage->make_directory(at("/d"), 0755)));
  ASSERT_TRUE(run(storage->make_hard_link(at("/f"), at("/d/g"))));
  EXPECT_EQ(get("/d/g"), "same");
  EXPECT_EQ(run(storage->stat(at("/f"))).value().links, 2U);
  EXPECT_EQ(code_of(run(storage->make_hard_link(at("/f"), at("/d/g")))), ErrorCode::already_exists);
  EXPECT_FALSE(run(storage->make_hard_link(at("/d"), at("/dir-link"))));
}

TEST_P(FileSystemSuite, SurvivesTheRemovalOfWhatIsOpen) {
  ASSERT_TRUE(put("/f", "still here"));
  Result<std::unique_ptr<File>> file = run(storage->open(at("/f"), for_reading));
  ASSERT_TRUE(file);
  ASSERT_TRUE(run(storage->remove_file(at("/f"))));
  ASSERT_TRUE(run(storage->make_directory(at("/d"), 0755)));
  Result<std::unique_ptr<Directory>> directory = run(storage->open_directory(at("/d")));
  ASSERT_TRUE(directory);
  ASSERT_TRUE(run(storage->remove_directory(at("/d"))));
  const Result<std::vector<DirectoryEntry>> entries = run((*directory)->next(10));
  ASSERT_TRUE(entries);
  EXPECT_TRUE(entries->empty());
  EXPECT_TRUE(run((*file)->close()));
}

TEST_P(FileSystemSuite, TellsItsSpace) {
  if (!storage->capabilities().space_info) GTEST_SKIP();
  const Result<SpaceInfo> space = run(storage->space(at("/")));
  ASSERT_TRUE(space);
  EXPECT_GT(space->blocks, 0U);
  EXPECT_GE(space->blocks, space->blocks_free);
  EXPECT_EQ(code_of(run(storage->space(at("/none")))), ErrorCode::not_found);
}

}  // namespace ferry::vfs
