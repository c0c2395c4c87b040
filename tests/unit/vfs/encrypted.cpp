// Encrypted storage over a local one: what lies on the disk, what clients see of it, and what must fail.
#include <gtest/gtest.h>

#include <filesystem>
#include <random>

#include "crypto/dare.h"
#include "tests/support/failing_storage.h"
#include "tests/support/run.h"
#include "tests/support/temp_directory.h"
#include "vfs/encrypted/encrypted_file_system.h"
#include "vfs/local/local_file_system.h"

namespace ferry::vfs {
namespace {

using test::run;
namespace dare = crypto::dare;

const std::string samples_passphrase = "f8Kx2Lq9Zt5Rw7Vn3Mb6Yh1Jd4Gs0PcX";
const OpenOptions encrypted_reading{.read = true};
const OpenOptions encrypted_upload{.write = true, .create = true, .truncate = true};

VirtualPath path_of(std::string_view text) { return VirtualPath::parse(text).value(); }
ErrorCode error_of(const auto& result) { return result ? ErrorCode::internal : result.error().code; }

std::string formula(std::size_t size) {
  std::string content(size, 0);
  for (std::size_t i = 0; i < size; ++i) content[i] = static_cast<char>((i * 31 + 7) % 251);
  return content;
}

// In memory and on the disk, because reads and writes take different ways there.
class EncryptedStorage : public testing::TestWithParam<std::string> {
 protected:
  void SetUp() override {
    base.emplace(GetParam() == "memory" ? "/dev/shm" : std::filesystem::current_path().string());
    local = LocalFileSystem::open({.root = base->path()}).value();
    storage = std::make_shared<EncryptedFileSystem>(local, crypto::Secret(samples_passphrase));
  }
  std::string real(std::string_view name) { return *base / name; }

  Result<void> put(std::string_view path, std::string_view text, std::size_t step = 50'000) {
    Result<std::unique_ptr<File>> file = run(storage->open(path_of(path), encrypted_upload));
    if (!file) return fail(file.error());
    const Result<void> written = write(**file, 0, text, step);
    if (!written) return written;
    return run((*file)->close());
  }
  // As session does it: without waiting where that is possible.
  Result<void> write(File& file, std::uint64_t offset, std::string_view text, std::size_t step) {
    while (!text.empty()) {
      const std::string_view some = text.substr(0, step);
      const iovec pieces[] = {{const_cast<char*>(some.data()), some.size() / 3},
                              {const_cast<char*>(some.data()) + some.size() / 3, some.size() - some.size() / 3}};
      std::optional<Result<void>> written = file.try_write_at(offset, pieces);
      if (!written) written = run(file.write_at(offset, pieces));
      if (!*written) return *written;
      text.remove_prefix(some.size());
      offset += some.size();
    }
    return {};
  }
  Result<std::string> get(std::string_view path) {
    Result<std::unique_ptr<File>> file = run(storage->open(path_of(path), encrypted_reading));
    if (!file) return fail(file.error());
    std::string text(1 << 20, 0);
    const Result<std::size_t> count = run((*file)->read_at(0, std::as_writable_bytes(std::span(text))));
    if (!count) return fail(count.error());
    text.resize(*count);
    return text;
  }
  std::uint64_t size_of(std::string_view path) { return run(storage->stat(path_of(path))).value().size; }

  std::optional<test::TempDirectory> base;
  std::shared_ptr<FileSystem> local, storage;
};

TEST_P(EncryptedStorage, ReadsWhatSftpgoStored) {
  for (const std::string name : {"v27/size_0", "v27/size_1", "v27/size_65535", "v27/size_65536", "v27/size_65537",
                                 "v27/size_200000", "v22/size_0", "v22/size_65537"}) {
    std::filesystem::copy_file(FERRY_TEST_DATA "/encrypted/" + name + ".bin", real("f"),
                               std::filesystem::copy_options::overwrite_existing);
    const std::size_t size = std::stoul(name.substr(name.find('_') + 1));
    EXPECT_EQ(size_of("/f"), size) << name;
    EXPECT_EQ(get("/f"), formula(size)) << name;
  }
}

TEST_P(EncryptedStorage, KeepsContentOfEverySize) {
  for (const std::size_t size : {0UL, 1UL, 65'535UL, 65'536UL, 65'537UL, 131'072UL, 400'000UL, 900'001UL}) {
    for (const std::size_t step : {1'000'000UL, 261'120UL, 65'536UL, 32'768UL, 7'777UL}) {
      ASSERT_TRUE(put("/f", formula(size), step)) << size << ' ' << step;
      EXPECT_EQ(test::read_file(real("f")).size(), dare::stored_size(size));
      EXPECT_EQ(size_of("/f"), size);
      ASSERT_EQ(get("/f"), formula(size)) << size << ' ' << step;
    }
  }
  ASSERT_TRUE(put("/text", "nobody reads this on the disk"));
  EXPECT_EQ(test::read_file(real("text")).find("nobody"), std::string::npos);
}

TEST_P(EncryptedStorage, ReadsAnywhere) {
  const std::string content = formula(300'000);
  ASSERT_TRUE(put("/f", content));
  Result<std::unique_ptr<File>> file = run(storage->open(path_of("/f"), encrypted_reading));
  ASSERT_TRUE(file);
  std::mt19937 random(7);
  for (int i = 0; i < 300; ++i) {
    const std::size_t offset = random() % 320'000, size = 1 + random() % (i % 3 == 0 ? 300'000 : 1000);
    const std::string expected = offset < content.size() ? content.substr(offset, size) : "";
    std::string text(size, 'x'), parts(size, 'x');
    ASSERT_EQ(run((*file)->read_at(offset, std::as_writable_bytes(std::span(text)))), expected.size());
    EXPECT_EQ(text.substr(0, expected.size()), expected);
    const iovec pieces[] = {{parts.data(), size / 2}, {parts.data() + size / 2, size - size / 2}};
    const std::optional<Result<std::size_t>> count = (*file)->try_read_at(offset, pieces);
    if (!count) continue;
    ASSERT_TRUE(*count);
    ASSERT_TRUE(**count == expected.size() || (GetParam() == "disk" && **count > 0));
    EXPECT_EQ(parts.substr(0, **count), expected.substr(0, **count));
  }
  std::string text(10, 'x');
  EXPECT_EQ(run((*file)->read_at(~0ULL, std::as_writable_bytes(std::span(text)))), 0U);
  EXPECT_EQ(run((*file)->info()).value().size, content.size());
}

TEST_P(EncryptedStorage, TranslatesSizesInListings) {
  ASSERT_TRUE(put("/f", formula(70'000)));
  ASSERT_TRUE(put("/empty", ""));
  ASSERT_TRUE(run(storage->make_directory(path_of("/d"), 0755)));
  ASSERT_TRUE(run(storage->make_symlink("f", path_of("/link"))));
  test::write_file(real("plain"), "12345");
  auto directory = run(storage->open_directory(path_of("/")));
  const auto entries = run((*directory)->next(100));
  ASSERT_EQ(entries->size(), 5U);
  for (const DirectoryEntry& entry : *entries) {
    EXPECT_EQ(entry.info.size, run(storage->lstat(path_of("/" + entry.name))).value().size) << entry.name;
    if (entry.name == "f") {
      EXPECT_EQ(entry.info.size, 70'000U);
    }
    if (entry.name == "empty") {
      EXPECT_EQ(entry.info.size, 0U);
    }
    if (entry.name == "plain") {
      EXPECT_EQ(entry.info.size, 5U);
    }
    if (entry.name == "link") {
      EXPECT_EQ(entry.info.size, 1U);
    }
  }
  EXPECT_EQ(size_of("/link"), 70'000U);
}

TEST_P(EncryptedStorage, WhatIsNotEncryptedDoesNotOpen) {
  for (const std::string& text :
       {std::string(), std::string("12345"), std::string(33, 'p'), std::string(100'000, 'p')}) {
    test::write_file(real("f"), text);
    EXPECT_EQ(error_of(get("/f")), ErrorCode::io_error) << text.size();
  }
  ASSERT_TRUE(put("/f", formula(100'000)));
  const EncryptedFileSystem other(local, crypto::Secret(std::string_view("another")));
  storage = std::make_shared<EncryptedFileSystem>(other);
  EXPECT_EQ(error_of(get("/f")), ErrorCode::io_error);
}

TEST_P(EncryptedStorage, DamageIsFoundWhereItIsReadAndNothingIsTold) {
  ASSERT_TRUE(put("/f", formula(200'000)));
  const std::string whole = test::read_file(real("f"));
  const auto damage = [&](const std::string& text) {
    test::write_file(real("f"), text);
    return error_of(get("/f")) == ErrorCode::io_error;
  };
  std::string changed = whole;
  changed[100'000] = static_cast<char>(changed[100'000] ^ 1);
  EXPECT_TRUE(damage(changed));
  auto file = run(storage->open(path_of("/f"), encrypted_reading));
  std::string text(1000, 'x');
  EXPECT_EQ(run((*file)->read_at(10, std::as_writable_bytes(std::span(text)))), 1000U) << "another package";
  EXPECT_EQ(text, formula(1010).substr(10));
  text.assign(1000, 'x');
  const Result<std::size_t> count = run((*file)->read_at(70'000, std::as_writable_bytes(std::span(text))));
  EXPECT_EQ(error_of(count), ErrorCode::io_error);
  EXPECT_EQ(text, std::string(1000, 'x')) << "nothing that was not authenticated";
  const iovec pieces[] = {{text.data(), text.size()}};
  const auto tried = (*file)->try_read_at(70'000, pieces);
  EXPECT_TRUE(!tried || !*tried);
  EXPECT_EQ(text, std::string(1000, 'x'));
  EXPECT_TRUE(damage(whole.substr(0, 100'000)));
  EXPECT_TRUE(damage(whole.substr(0, dare::package_offset(2))));
  EXPECT_TRUE(damage(whole + "x"));
  EXPECT_TRUE(damage(whole + whole.substr(33)));
  EXPECT_FALSE(damage(whole));
}

TEST_P(EncryptedStorage, AFileThatGrowsUnderItsReaderIsNotTakenForComplete) {
  ASSERT_TRUE(put("/f", formula(10)));
  auto file = run(storage->open(path_of("/f"), encrypted_reading));
  test::write_file(real("f"), test::read_file(real("f")) + "more");
  std::string text(10, 0);
  EXPECT_EQ(error_of(run((*file)->read_at(0, std::as_writable_bytes(std::span(text))))), ErrorCode::io_error);
}

TEST_P(EncryptedStorage, WritesInOrderOnly) {
  auto file = run(storage->open(path_of("/f"), encrypted_upload));
  ASSERT_TRUE(write(**file, 0, formula(100), 100));
  for (const std::uint64_t wrong : {0ULL, 99ULL, 101ULL, ~0ULL}) {
    EXPECT_EQ(error_of(write(**file, wrong, "x", 1)), ErrorCode::unsupported) << wrong;
  }
  ASSERT_TRUE(write(**file, 100, formula(200).substr(100), 100));
  EXPECT_EQ(run((*file)->info()).value().size, 200U);
  ASSERT_TRUE(run((*file)->close()));
  EXPECT_EQ(get("/f"), formula(200));
}

TEST_P(EncryptedStorage, RefusesWhatTheFormatCannotDo) {
  ASSERT_TRUE(put("/f", "content"));
  const std::string before = test::read_file(real("f"));
  const auto refused = [&](OpenOptions options) { return error_of(run(storage->open(path_of("/f"), options))); };
  EXPECT_EQ(refused({.write = true}), ErrorCode::unsupported);
  EXPECT_EQ(refused({.write = true, .create = true}), ErrorCode::unsupported);
  EXPECT_EQ(refused({.write = true, .append = true}), ErrorCode::unsupported);
  EXPECT_EQ(refused({.read = true, .write = true}), ErrorCode::unsupported);
  EXPECT_EQ(refused({.write = true, .create = true, .exclusive = true}), ErrorCode::already_exists);
  EXPECT_EQ(error_of(run(storage->set_attributes(path_of("/f"), {.size = 3}, true))), ErrorCode::unsupported);
  EXPECT_EQ(error_of(run(storage->open_native(path_of("/f")))), ErrorCode::unsupported);
  EXPECT_EQ(test::read_file(real("f")), before);
  const Capabilities& can = storage->capabilities();
  EXPECT_FALSE(can.random_writes || can.append || can.truncate || can.resume || can.published_at_close);
}

TEST_P(EncryptedStorage, AnUploadThatIsNotCompletedIsNotReadAsOne) {
  for (const std::size_t size : {0UL, 1UL, 65'536UL, 65'537UL, 131'072UL, 200'000UL}) {
    for (const bool told : {true, false}) {
      {
        auto file = run(storage->open(path_of("/f"), encrypted_upload));
        ASSERT_TRUE(write(**file, 0, formula(size), 50'000));
        if (told) {
          EXPECT_TRUE(run((*file)->discard()));
        }
      }
      if (told) {
        EXPECT_EQ(size_of("/f"), size) << "what quotas counted";
      }
      EXPECT_EQ(error_of(get("/f")), ErrorCode::io_error) << size << ' ' << told;
    }
  }
}

TEST_P(EncryptedStorage, NoFailureOfTheStorageMakesAFileThatLooksComplete) {
  const auto faults = std::make_shared<test::Faults>();
  const auto attempt = [&](std::size_t fail_at) -> Result<void> {
    faults->restart(fail_at);
    EncryptedFileSystem failing(std::make_shared<test::FailingStorage>(local, faults),
                                crypto::Secret(samples_passphrase));
    Result<std::unique_ptr<File>> file = run(failing.open(path_of("/f"), encrypted_upload));
    if (!file) return fail(file.error());
    for (std::size_t at = 0; at < 500'000; at += 100'000) {
      const Result<void> written = write(**file, at, formula(500'000).substr(at, 100'000), 100'000);
      if (written) continue;
      // Whoever wrongly calls close() after a failure gets an error, too.
      if (at % 200'000 == 0) {
        EXPECT_TRUE(run((*file)->discard()));
      }
      if (at % 200'000 != 0) {
        EXPECT_FALSE(run((*file)->close()));
      }
      return written;
    }
    return run((*file)->close());
  };
  ASSERT_TRUE(attempt(0));
  const std::size_t calls = faults->calls;
  ASSERT_GT(calls, 3U);
  for (std::size_t n = 1; n <= calls; ++n) {
    (void)run(local->remove_file(path_of("/f")));
    if (attempt(n)) continue;  // a failure that changes nothing
    const Result<std::string> found = get("/f");
    EXPECT_TRUE(!found || *found == formula(500'000)) << n << ' ' << faults->failed;
  }
}

TEST_P(EncryptedStorage, BeginsAnewUnderAnotherKey) {
  auto file = run(storage->open(path_of("/f"), encrypted_upload));
  ASSERT_TRUE(write(**file, 0, formula(100'000), 50'000));
  const std::string first = test::read_file(real("f")).substr(0, 49);
  EXPECT_EQ(error_of(run((*file)->set_attributes({.size = 5}))), ErrorCode::unsupported);
  EXPECT_TRUE(run((*file)->set_attributes({.size = 100'000})));
  ASSERT_TRUE(run((*file)->set_attributes({.size = 0})));
  ASSERT_TRUE(write(**file, 0, formula(70'000), 50'000));
  ASSERT_TRUE(run((*file)->close()));
  EXPECT_NE(test::read_file(real("f")).substr(0, 49), first);
  EXPECT_EQ(get("/f"), formula(70'000));
  ASSERT_TRUE(put("/empty", ""));
  file = run(storage->open(path_of("/empty"), {.write = true}));
  ASSERT_TRUE(file);
  ASSERT_TRUE(write(**file, 0, "x", 1));
  ASSERT_TRUE(run((*file)->close()));
  EXPECT_EQ(get("/empty"), "x");
}

// The file is cut although the mode cannot be set: what follows must not be written behind a hole.
TEST_P(EncryptedStorage, AFileThatIsCutWhileItsModeIsRefusedBeginsAnew) {
  for (std::size_t fail_at = 0; fail_at < 3; ++fail_at) {
    const auto faults = std::make_shared<test::Faults>();
    EncryptedFileSystem failing(std::make_shared<test::FailingStorage>(local, faults),
                                crypto::Secret(samples_passphrase));
    auto file = run(failing.open(path_of("/f"), encrypted_upload));
    ASSERT_TRUE(write(**file, 0, formula(300'000), 50'000));
    faults->restart(fail_at);
    EXPECT_EQ(run((*file)->set_attributes({.size = 0, .mode = 0600})).has_value(), fail_at == 0) << fail_at;
    faults->restart(0);
    if (fail_at == 1) {
      // Not even cut: whether it was is not known, so nothing more is taken.
      EXPECT_FALSE(write(**file, 0, formula(70'000), 50'000));
      EXPECT_FALSE(run((*file)->close()));
      EXPECT_EQ(error_of(get("/f")), ErrorCode::io_error);
      continue;
    }
    ASSERT_TRUE(write(**file, 0, formula(70'000), 50'000)) << fail_at;
    ASSERT_TRUE(run((*file)->close()));
    EXPECT_EQ(get("/f"), formula(70'000));
  }
}

TEST_P(EncryptedStorage, TimesThatWereSetOnAnUploadStay) {
  auto file = run(storage->open(path_of("/f"), encrypted_upload));
  ASSERT_TRUE(write(**file, 0, formula(70'000), 50'000));
  const AttributeChange change{.mode = 0600, .times = AttributeChange::Times{{1000, 0}, {2000, 0}}};
  ASSERT_TRUE(run((*file)->set_attributes(change)));
  ASSERT_TRUE(run((*file)->sync()));
  ASSERT_TRUE(run((*file)->close()));
  const FileInfo info = run(storage->stat(path_of("/f"))).value();
  EXPECT_EQ(info.modified.seconds, 2000);
  EXPECT_EQ(info.mode, 0600U);
  EXPECT_EQ(get("/f"), formula(70'000));
}

TEST_P(EncryptedStorage, HeldDirectoriesStayEncrypted) {
  ASSERT_TRUE(run(storage->make_directory(path_of("/d"), 0755)));
  const std::shared_ptr<FileSystem> held = run(storage->hold_directory(path_of("/d"))).value();
  EXPECT_EQ(held->name(), "cryptfs");
  ASSERT_TRUE(run(storage->rename(path_of("/d"), path_of("/e"), false)));
  EXPECT_EQ(storage->place_of(*held).value().text(), "/e");
  auto file = run(held->open(path_of("/f"), encrypted_upload));
  ASSERT_TRUE(write(**file, 0, "held", 4));
  ASSERT_TRUE(run((*file)->close()));
  EXPECT_EQ(get("/e/f"), "held");
  const std::shared_ptr<FileSystem> safe = storage->without_links();
  EXPECT_EQ(safe->name(), "cryptfs");
  EXPECT_EQ(run(safe->stat(path_of("/e/f"))).value().size, 4U);
  EXPECT_EQ(error_of(storage->place_of(*local)), ErrorCode::unsupported);
}

TEST_P(EncryptedStorage, TakesFilesOnlyFromStorageWithTheSamePassphrase) {
  ASSERT_TRUE(put("/f", formula(1000)));
  EncryptedFileSystem same(local, crypto::Secret(samples_passphrase));
  EncryptedFileSystem other(local, crypto::Secret(std::string_view("another")));
  EXPECT_EQ(error_of(run(other.take_over(*storage, path_of("/f"), path_of("/g"), true))), ErrorCode::unsupported);
  EXPECT_EQ(error_of(run(other.link_from(*storage, path_of("/f"), path_of("/g")))), ErrorCode::unsupported);
  EXPECT_EQ(error_of(run(storage->take_over(*local, path_of("/f"), path_of("/g"), true))), ErrorCode::unsupported);
  EXPECT_EQ(error_of(run(local->take_over(*storage, path_of("/f"), path_of("/g"), true))), ErrorCode::unsupported);
  ASSERT_TRUE(run(same.link_from(*storage, path_of("/f"), path_of("/h"))));
  ASSERT_TRUE(run(same.take_over(*storage, path_of("/f"), path_of("/g"), true)));
  EXPECT_EQ(get("/g"), formula(1000));
  EXPECT_EQ(get("/h"), formula(1000));
}

INSTANTIATE_TEST_SUITE_P(Over, EncryptedStorage, testing::Values("memory", "disk"),
                         [](const auto& info) { return info.param; });

}  // namespace
}  // namespace ferry::vfs
