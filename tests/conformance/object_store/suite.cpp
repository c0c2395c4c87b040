#include "tests/conformance/object_store/suite.h"

#include <algorithm>
#include <array>
#include <set>

#include "crypto/encoding.h"
#include "crypto/secret.h"
#include "tests/support/run.h"

namespace ferry::test {

using vfs::FileTime;
using vfs::object::Condition;
using vfs::object::ListRequest;
using vfs::object::ObjectInfo;
using vfs::object::ObjectProperties;
using vfs::object::Part;
using vfs::object::Payload;
using vfs::object::Upload;

namespace {

// CRC-32C (Castagnoli), bit by bit: slow, and of nobody else's code.
std::uint32_t crc32c(std::string_view text) {
  std::uint32_t crc = ~0U;
  for (const char c : text) {
    crc ^= static_cast<unsigned char>(c);
    for (int bit = 0; bit < 8; ++bit) crc = (crc >> 1) ^ ((crc & 1U) != 0 ? 0x82f63b78U : 0U);
  }
  return ~crc;
}

// In two pieces, where there is enough.
Payload payload(const std::string& content) {
  Payload result;
  const ByteSpan bytes = as_bytes(content);
  const std::size_t half = content.size() / 2;
  if (half > 0) result.pieces.push_back(bytes.first(half));
  if (!content.empty()) result.pieces.push_back(bytes.subspan(half));
  result.size = content.size();
  result.crc32c = crc32c(content);
  return result;
}

std::string pattern(std::size_t size, unsigned seed) {
  std::string text(size, '\0');
  for (char& c : text) {
    seed = seed * 1'103'515'245 + 12'345;
    c = static_cast<char>(seed >> 16);
  }
  return text;
}

template <class T>
ErrorCode code_of(const Result<T>& result) {
  return result ? ErrorCode::internal : result.error().code;
}

}  // namespace

void ObjectStoreTest::SetUp() {
  const auto started = GetParam().variable.empty() ? Emulator() : emulator(GetParam().variable);
  if (!started) GTEST_SKIP() << no_emulator(GetParam().variable);
  store_ = GetParam().make(*started);
  ASSERT_NE(store_, nullptr);
  std::array<std::byte, 6> random{};
  crypto::random_bytes(random);
  prefix_ = "suite-" + crypto::hex_encode(random) + "/";
}

#define FERRY_PUT(name, content) \
  ASSERT_TRUE(run(store_->put(key(name), payload(content), ObjectProperties{}, Condition{})))

namespace {

Result<std::string> read(vfs::object::ObjectStore& store, const std::string& key, std::uint64_t offset,
                         std::size_t size, const std::string& version = {}) {
  std::string into(size, '?');
  auto count = run(store.get(key, offset, std::as_writable_bytes(std::span(into)), version));
  if (!count) return fail(count.error());
  into.resize(*count);
  return into;
}

}  // namespace

TEST_P(ObjectStoreTest, IsReachable) {
  const auto checked = run(store_->check());
  EXPECT_TRUE(checked) << checked.error().message;
}

TEST_P(ObjectStoreTest, StoresAndReads) {
  const std::string content = pattern(100'000, 1);
  const auto put = run(store_->put(key("a"), payload(content), ObjectProperties{}, Condition{}));
  ASSERT_TRUE(put) << put.error().message;
  const auto head = run(store_->head(key("a")));
  ASSERT_TRUE(head) << head.error().message;
  EXPECT_EQ(head->size, content.size());
  EXPECT_EQ(head->version, put->version);
  EXPECT_FALSE(head->version.empty());
  EXPECT_GT(head->modified.seconds, 1'700'000'000);
  const std::string all = read(*store_, key("a"), 0, content.size()).value_or("");
  EXPECT_TRUE(all == content);
  EXPECT_TRUE(read(*store_, key("a"), 40'000, 10'000).value_or("") == content.substr(40'000, 10'000));
  EXPECT_TRUE(read(*store_, key("a"), 99'990, 1'000).value_or("") == content.substr(99'990));
  EXPECT_EQ(read(*store_, key("a"), 0, 1, "").value_or("").size(), 1U);
}

TEST_P(ObjectStoreTest, AnEmptyObject) {
  FERRY_PUT("empty", "");
  const auto head = run(store_->head(key("empty")));
  ASSERT_TRUE(head) << head.error().message;
  EXPECT_EQ(head->size, 0U);
}

TEST_P(ObjectStoreTest, WhatIsMissing) {
  EXPECT_EQ(code_of(run(store_->head(key("none")))), ErrorCode::not_found);
  EXPECT_EQ(code_of(read(*store_, key("none"), 0, 10)), ErrorCode::not_found);
  EXPECT_TRUE(run(store_->remove(key("none"))));
  EXPECT_EQ(code_of(run(store_->copy(key("none"), key("other"), std::nullopt, "", Condition{}))), ErrorCode::not_found);
}

TEST_P(ObjectStoreTest, Removes) {
  FERRY_PUT("one", "1");
  FERRY_PUT("two", "2");
  FERRY_PUT("three", "3");
  ASSERT_TRUE(run(store_->remove(key("one"))));
  EXPECT_EQ(code_of(run(store_->head(key("one")))), ErrorCode::not_found);
  const std::vector<std::string> keys{key("one"), key("two"), key("three")};
  const auto removed = run(store_->remove_many(keys));
  ASSERT_TRUE(removed) << removed.error().message;
  EXPECT_EQ(code_of(run(store_->head(key("two")))), ErrorCode::not_found);
  EXPECT_EQ(code_of(run(store_->head(key("three")))), ErrorCode::not_found);
}

TEST_P(ObjectStoreTest, RemovesAVersion) {
  const auto first = run(store_->put(key("v"), payload("first"), ObjectProperties{}, Condition{}));
  ASSERT_TRUE(first) << first.error().message;
  if (!GetParam().remove_version) GTEST_SKIP() << "this emulator removes any version";
  FERRY_PUT("v", "second");
  EXPECT_EQ(code_of(run(store_->remove_version(key("v"), first->version))), ErrorCode::conflict);
  const auto there = run(store_->head(key("v")));
  ASSERT_TRUE(there) << there.error().message;
  EXPECT_TRUE(run(store_->remove_version(key("v"), there->version)));
  EXPECT_EQ(code_of(run(store_->head(key("v")))), ErrorCode::not_found);
  EXPECT_TRUE(run(store_->remove_version(key("v"), there->version)));
}

TEST_P(ObjectStoreTest, KeysOfManyKinds) {
  std::vector<std::string> names{"plain",       "with space", "plus+plus", "per%25cent", "\xc3\xa4\xe2\x82\xac",
                                 "a=b&c?d#e;f", "d/e/f.txt",  "quote\"'",  "<tag>&amp;", "[x]{y}|~^`z"};
  if (GetParam().backslashes) names.emplace_back("back\\slash");
  if (GetParam().control_characters) names.emplace_back("tab\tand\x01");
  std::set<std::string> expected;
  for (const std::string& name : names) {
    const auto put = run(store_->put(key("kinds/" + name), payload(name), ObjectProperties{}, Condition{}));
    ASSERT_TRUE(put) << name << ": " << put.error().message;
    EXPECT_EQ(read(*store_, key("kinds/" + name), 0, 100).value_or("lost"), name);
    expected.insert(key("kinds/" + name));
  }
  ListRequest request{.prefix = key("kinds/"), .flat = true};
  const auto page = run(store_->list(request));
  ASSERT_TRUE(page) << page.error().message;
  std::set<std::string> found;
  for (const ObjectInfo& info : page->objects) found.insert(info.key);
  EXPECT_EQ(found, expected);
}

TEST_P(ObjectStoreTest, ListsPageByPage) {
  std::vector<std::string> expected;
  for (int i = 0; i < 7; ++i) {
    FERRY_PUT("list/" + std::to_string(i), "x");
    FERRY_PUT("list/dir" + std::to_string(i) + "/inside", "x");
    expected.push_back(key("list/" + std::to_string(i)));
    expected.push_back(key("list/dir" + std::to_string(i) + "/"));
  }
  FERRY_PUT("list-sibling", "x");
  ListRequest request{.prefix = key("list/"), .max = GetParam().pages ? std::size_t{3} : 1000};
  std::vector<std::string> found;
  std::size_t pages = 0;
  do {
    const auto page = run(store_->list(request));
    ASSERT_TRUE(page) << page.error().message;
    EXPECT_LE(page->objects.size() + page->prefixes.size(), request.max);
    for (const ObjectInfo& info : page->objects) {
      EXPECT_EQ(info.size, 1U);
      EXPECT_FALSE(info.version.empty());
      found.push_back(info.key);
    }
    found.insert(found.end(), page->prefixes.begin(), page->prefixes.end());
    request.token = page->next;
    ASSERT_LT(++pages, 20U);
  } while (!request.token.empty());
  std::ranges::sort(found);
  std::ranges::sort(expected);
  EXPECT_EQ(found, expected);
}

TEST_P(ObjectStoreTest, AListedVersionIsThatOfTheObject) {
  FERRY_PUT("versions/x", "content");
  ListRequest request{.prefix = key("versions/")};
  const auto page = run(store_->list(request));
  const auto head = run(store_->head(key("versions/x")));
  ASSERT_TRUE(page && head);
  ASSERT_EQ(page->objects.size(), 1U);
  EXPECT_EQ(page->objects[0].version, head->version);
}

TEST_P(ObjectStoreTest, Properties) {
  ObjectProperties properties;
  properties.modified = FileTime{1'234'567'890, 123'456'789};
  properties.content_type = "text/x-suite";
  properties.sha256 = std::string(64, 'a');
  properties.writing = std::string(32, 'b');
  ASSERT_TRUE(run(store_->put(key("p"), payload("content"), properties, Condition{})));
  const auto head = run(store_->head(key("p")));
  ASSERT_TRUE(head);
  EXPECT_EQ(head->modified, *properties.modified);
  EXPECT_EQ(head->content_type, "text/x-suite");
  EXPECT_EQ(head->sha256, properties.sha256);
  EXPECT_EQ(head->writing, properties.writing);
  if (store_->traits().times_in_listings) {
    ListRequest request{.prefix = key("p")};
    const auto page = run(store_->list(request));
    ASSERT_TRUE(page && page->objects.size() == 1);
    EXPECT_EQ(page->objects[0].modified, *properties.modified);
  }
  // Other times for what is there.
  properties.modified = FileTime{1'000'000'000, 0};
  properties.writing = std::string(32, 'c');
  const std::optional<ObjectProperties> changed = properties;
  const auto set = run(store_->copy(key("p"), key("p"), changed, head->version, Condition{}));
  ASSERT_TRUE(set) << set.error().message;
  const auto again = run(store_->head(key("p")));
  ASSERT_TRUE(again);
  EXPECT_EQ(again->modified, *properties.modified);
  EXPECT_EQ(again->content_type, "text/x-suite");
  EXPECT_EQ(again->writing, properties.writing);
  EXPECT_EQ(again->version, set->version);
  EXPECT_EQ(read(*store_, key("p"), 0, 100).value_or(""), "content");
}

TEST_P(ObjectStoreTest, ConditionsOfPut) {
  if (!GetParam().conditions) GTEST_SKIP() << "this emulator ignores conditions";
  Condition absent{.absent = true};
  const auto first = run(store_->put(key("c"), payload("first"), ObjectProperties{}, absent));
  ASSERT_TRUE(first) << first.error().message;
  EXPECT_EQ(code_of(run(store_->put(key("c"), payload("second"), ObjectProperties{}, absent))),
            ErrorCode::already_exists);
  Condition known{.version = first->version};
  const auto third = run(store_->put(key("c"), payload("third"), ObjectProperties{}, known));
  ASSERT_TRUE(third) << third.error().message;
  EXPECT_EQ(code_of(run(store_->put(key("c"), payload("fourth"), ObjectProperties{}, known))), ErrorCode::conflict);
  EXPECT_EQ(read(*store_, key("c"), 0, 100).value_or(""), "third");
}

TEST_P(ObjectStoreTest, AChangedObjectIsNotReadOn) {
  const auto first = run(store_->put(key("r"), payload("first"), ObjectProperties{}, Condition{}));
  ASSERT_TRUE(first);
  EXPECT_EQ(read(*store_, key("r"), 0, 5, first->version).value_or(""), "first");
  if (!GetParam().read_version) GTEST_SKIP() << "this emulator ignores the version that is read";
  FERRY_PUT("r", "other");
  EXPECT_EQ(code_of(read(*store_, key("r"), 1, 3, first->version)), ErrorCode::conflict);
}

TEST_P(ObjectStoreTest, Copies) {
  ObjectProperties properties;
  properties.modified = FileTime{1'234'567'890, 0};
  properties.content_type = "text/x-suite";
  const std::string content = pattern(300'000, 2);
  const auto put = run(store_->put(key("from name"), payload(content), properties, Condition{}));
  ASSERT_TRUE(put);
  const auto copied = run(store_->copy(key("from name"), key("to"), std::nullopt, put->version, Condition{}));
  ASSERT_TRUE(copied) << copied.error().message;
  EXPECT_TRUE(read(*store_, key("to"), 0, content.size() + 1).value_or("") == content);
  const auto head = run(store_->head(key("to")));
  ASSERT_TRUE(head);
  EXPECT_EQ(head->modified, *properties.modified);
  EXPECT_EQ(head->content_type, "text/x-suite");
  if (!GetParam().source_version) return;
  FERRY_PUT("from name", "changed");
  EXPECT_EQ(code_of(run(store_->copy(key("from name"), key("to"), std::nullopt, put->version, Condition{}))),
            ErrorCode::conflict);
  EXPECT_TRUE(read(*store_, key("to"), 0, content.size() + 1).value_or("") == content);
}

TEST_P(ObjectStoreTest, UploadsInParts) {
  const std::size_t size = std::max<std::size_t>(store_->traits().min_part, 1 << 20);
  const std::vector<std::string> contents{pattern(size, 3), pattern(size, 4), pattern(1000, 5)};
  ObjectProperties properties;
  properties.modified = FileTime{1'234'567'890, 0};
  properties.content_type = "text/x-suite";
  properties.writing = std::string(32, 'd');
  const auto upload = run(store_->begin_upload(key("parts"), properties, Condition{}));
  ASSERT_TRUE(upload) << upload.error().message;
  std::vector<Part> parts(contents.size());
  std::vector<std::size_t> order{0, 1, 2};
  if (store_->traits().parallel_parts) order = {1, 0, 2};
  for (const std::size_t i : order) {
    const auto part = run(store_->put_part(*upload, static_cast<std::uint32_t>(i + 1), i * size, payload(contents[i])));
    ASSERT_TRUE(part) << part.error().message;
    parts[i] = *part;
  }
  EXPECT_EQ(code_of(run(store_->head(key("parts")))), ErrorCode::not_found);
  if (GetParam().part_lists) {
    const auto listed = run(store_->parts(*upload));
    ASSERT_TRUE(listed) << listed.error().message;
    std::uint64_t sum = 0;
    for (const Part& part : *listed) sum += part.size;
    EXPECT_EQ(sum, 2 * size + 1000);
  }
  const auto done = run(store_->complete(*upload, parts, properties, Condition{}));
  ASSERT_TRUE(done) << done.error().message;
  const auto head = run(store_->head(key("parts")));
  ASSERT_TRUE(head);
  EXPECT_EQ(head->size, 2 * size + 1000);
  EXPECT_EQ(head->version, done->version);
  EXPECT_EQ(head->writing, properties.writing);
  EXPECT_EQ(head->modified, *properties.modified);
  EXPECT_EQ(head->content_type, "text/x-suite");
  EXPECT_TRUE(read(*store_, key("parts"), size - 10, 20).value_or("") ==
              contents[0].substr(size - 10) + contents[1].substr(0, 10));
  EXPECT_TRUE(read(*store_, key("parts"), 2 * size, 2000).value_or("") == contents[2]);
}

TEST_P(ObjectStoreTest, ConditionsOfComplete) {
  if (!GetParam().conditions) GTEST_SKIP() << "this emulator ignores conditions";
  FERRY_PUT("taken", "content");
  Condition absent{.absent = true};
  const auto upload = run(store_->begin_upload(key("taken"), ObjectProperties{}, absent));
  ASSERT_TRUE(upload);
  const auto part = run(store_->put_part(*upload, 1, 0, payload("other")));
  ASSERT_TRUE(part) << part.error().message;
  const std::vector<Part> parts{*part};
  EXPECT_EQ(code_of(run(store_->complete(*upload, parts, ObjectProperties{}, absent))), ErrorCode::already_exists);
  EXPECT_EQ(read(*store_, key("taken"), 0, 100).value_or(""), "content");
  EXPECT_TRUE(run(store_->abort(*upload)));
}

TEST_P(ObjectStoreTest, AnAbortedUploadPublishesNothing) {
  const auto upload = run(store_->begin_upload(key("aborted"), ObjectProperties{}, Condition{}));
  ASSERT_TRUE(upload);
  ASSERT_TRUE(run(store_->put_part(*upload, 1, 0, payload(pattern(store_->traits().min_part, 6)))));
  if (!GetParam().cancels) GTEST_SKIP() << "this emulator cancels no uploads";
  EXPECT_TRUE(run(store_->abort(*upload)));
  EXPECT_TRUE(run(store_->abort(*upload)));
  EXPECT_EQ(code_of(run(store_->head(key("aborted")))), ErrorCode::not_found);
  ListRequest request{.prefix = key("aborted")};
  const auto page = run(store_->list(request));
  ASSERT_TRUE(page);
  EXPECT_TRUE(page->objects.empty());
}

#undef FERRY_PUT

}  // namespace ferry::test
