// ObjectFileSystem over an object store in memory.
#pragma once

#include <gtest/gtest.h>

#include <chrono>
#include <memory>
#include <string>
#include <thread>

#include "tests/support/memory_object_store.h"
#include "tests/support/run.h"
#include "vfs/object/object_file_system.h"

namespace ferry::vfs::object {

using test::run;

constexpr std::uint64_t mib = std::uint64_t{1} << 20;

inline VirtualPath path(std::string_view text) { return VirtualPath::parse(text).value(); }

// Of any size, and different at every place.
inline std::string content_of(std::size_t size, unsigned seed = 1) {
  std::string text(size, '\0');
  for (char& c : text) {
    seed = seed * 1'103'515'245 + 12'345;
    c = static_cast<char>(seed >> 16);
  }
  return text;
}

inline Task<Result<void>> write_all(File& file, std::string_view content, std::uint64_t from = 0) {
  constexpr std::size_t step = std::size_t{32} << 10;
  Result<void> done;
  for (std::size_t at = 0; done && at < content.size(); at += step) {
    std::string piece(content.substr(at, step));
    const iovec one{piece.data(), piece.size()};
    const std::span<const iovec> pieces(&one, 1);
    done = co_await file.write_at(from + at, pieces);
  }
  co_return done;
}

template <class Condition>
bool comes_true(Condition condition, std::chrono::milliseconds limit = std::chrono::seconds(20)) {
  const auto end = std::chrono::steady_clock::now() + limit;
  while (!condition()) {
    if (std::chrono::steady_clock::now() > end) return false;
    std::this_thread::sleep_for(std::chrono::milliseconds(2));
  }
  return true;
}

class ObjectFiles : public testing::Test {
 protected:
  static inline const OpenOptions to_replace{.write = true, .create = true, .truncate = true};
  static inline const OpenOptions to_create{.write = true, .create = true, .exclusive = true, .truncate = true};

  ObjectFiles() { open_storage(); }

  // Again, with other options.
  void open_storage(std::uint64_t memory = 64 * mib) {
    budget = std::make_shared<ByteBudget>(memory);
    storage = storage_of("maria", part);
  }
  // What an account sees of the same store, in the same memory.
  std::shared_ptr<FileSystem> storage_of(std::string account, std::uint64_t part_size) {
    ObjectOptions options;
    options.upload_part_size = part_size;
    options.budget = budget;
    options.account = std::move(account);
    return make_object_file_system(store, std::move(options));
  }

  std::unique_ptr<File> open(std::string_view name, const OpenOptions& how) {
    auto file = run(storage->open(path(name), how));
    if (!file) ADD_FAILURE() << file.error().message;
    return file ? std::move(*file) : nullptr;
  }
  Result<void> upload(std::string_view name, const std::string& content, const OpenOptions& how = to_replace) {
    const auto file = open(name, how);
    const Result<void> written = run(write_all(*file, content));
    if (!written) {
      (void)run(file->discard());
      return written;
    }
    return run(file->close());
  }

  static constexpr std::uint64_t part = std::uint64_t{64} << 10;
  const std::shared_ptr<test::MemoryObjectStore> store = std::make_shared<test::MemoryObjectStore>();
  std::shared_ptr<ByteBudget> budget;
  std::shared_ptr<FileSystem> storage;
};

template <class T>
ErrorCode code_of(const Result<T>& result) {
  return result ? ErrorCode::internal : result.error().code;
}

}  // namespace ferry::vfs::object
