// Who gets the memory of transfers.
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/use_future.hpp>
#include <deque>
#include <future>

#include "tests/unit/vfs/object/object_fixture.h"

namespace ferry::vfs::object {
namespace {

using namespace std::chrono_literals;

// An event loop on a thread of its own, with clients whose transfers may wait.
class Loop {
 public:
  Loop() : thread_([this] { context_.run(); }) {}
  ~Loop() {
    context_.stop();
    thread_.join();
  }
  template <class T>
  std::future<T> spawn(Task<T> task) {
    return asio::co_spawn(context_, std::move(task), asio::use_future);
  }

 private:
  asio::io_context context_;
  asio::executor_work_guard<asio::io_context::executor_type> work_ = asio::make_work_guard(context_);
  std::thread thread_;
};

Task<bool> upload_file(std::shared_ptr<FileSystem> storage, std::string name, std::string content) {
  OpenOptions how{.write = true, .create = true, .truncate = true};
  auto file = co_await storage->open(path(name), how);
  if (!file) co_return false;
  const Result<void> written = co_await write_all(**file, content);
  if (!written) co_return false;
  const Result<void> closed = co_await (*file)->close();
  co_return closed.has_value();
}

// Sends this much, and then nothing more.
Task<bool> begin_to_upload(std::shared_ptr<FileSystem> storage, std::string name, std::string content,
                           std::unique_ptr<File>* file) {
  OpenOptions how{.write = true, .create = true, .truncate = true};
  auto opened = co_await storage->open(path(name), how);
  if (!opened) co_return false;
  *file = std::move(*opened);
  const Result<void> written = co_await write_all(**file, content);
  co_return written.has_value();
}

Task<bool> copy_file(std::shared_ptr<FileSystem> storage, std::string from, std::string to) {
  OpenOptions reading{.read = true}, writing{.write = true, .create = true, .truncate = true};
  auto source = co_await storage->open(path(from), reading);
  auto target = co_await storage->open(path(to), writing);
  if (!source || !target) co_return false;
  Bytes piece(std::size_t{256} << 10);
  for (std::uint64_t at = 0;;) {
    const Result<std::size_t> count = co_await (*source)->read_at(at, piece);
    if (!count) co_return false;
    if (*count == 0) break;
    const iovec one{piece.data(), *count};
    const std::span<const iovec> pieces(&one, 1);
    const Result<void> written = co_await (*target)->write_at(at, pieces);
    if (!written) co_return false;
    at += *count;
  }
  const Result<void> closed = co_await (*target)->close();
  co_return closed.has_value();
}

class ObjectMemory : public ObjectFiles {
 protected:
  static constexpr std::uint64_t part_of_5 = 5 * mib;
  std::deque<std::unique_ptr<File>> files_;
};

TEST_F(ObjectMemory, IdleClientsStopNobodyElse) {
  open_storage(64 * mib);
  const auto idle = storage_of("idle", part_of_5), other = storage_of("other", part_of_5);
  Loop loop;
  std::vector<std::future<bool>> begun;
  for (int i = 0; i < 300; ++i) {
    // One byte; more than the first bytes of a part.
    const std::string content = content_of(i % 2 == 0 ? 1 : 300'000);
    begun.push_back(loop.spawn(begin_to_upload(idle, "/" + std::to_string(i), content, &files_.emplace_back())));
  }
  const std::string large = content_of(20 * mib);
  store->set("large", large);
  std::vector<std::unique_ptr<File>> paused;
  OpenOptions reading{.read = true};
  for (int i = 0; i < 50; ++i) {
    paused.push_back(std::move(*run(idle->open(path("/large"), reading))));
    Bytes into(mib);
    for (std::uint64_t at = 0; at < 4 * mib; at += into.size()) ASSERT_TRUE(run(paused.back()->read_at(at, into)));
  }
  EXPECT_TRUE(comes_true([&] { return budget->first().taken() > 3 * mib && budget->parts().taken() >= 15 * mib; }));
  EXPECT_LE(budget->first().taken(), 4 * mib);
  EXPECT_LE(budget->parts().taken(), 16 * mib);
  EXPECT_LE(budget->ahead().taken(), 12 * mib);
  const auto began = std::chrono::steady_clock::now();
  auto uploaded = loop.spawn(upload_file(other, "/uploaded", large));
  ASSERT_EQ(uploaded.wait_for(20s), std::future_status::ready);
  EXPECT_TRUE(uploaded.get());
  EXPECT_LT(std::chrono::steady_clock::now() - began, 5s) << "nothing waited";
  EXPECT_TRUE(store->content("uploaded") == large);
  auto copied = loop.spawn(copy_file(other, "/large", "/copied"));
  ASSERT_EQ(copied.wait_for(20s), std::future_status::ready);
  EXPECT_TRUE(copied.get());
  EXPECT_LT(store->calls("get"), 50U * 5 + 30) << "read ahead, not piece by piece";
}

// What one account has too much of waits for itself, and comes to its end.
TEST_F(ObjectMemory, ManyUploadsOfOneAccountTakeTurns) {
  open_storage(32 * mib);
  const auto storage_of_5 = storage_of("maria", part_of_5);
  std::atomic<std::uint64_t> most = 0;
  store->watch = [&](std::string_view call, std::string_view) {
    if (call == "put_part") most = std::max<std::uint64_t>(most, budget->taken());
  };
  store->latency = 2ms;
  Loop loop;
  const std::string content = content_of(11 * mib);
  std::vector<std::future<bool>> uploads;
  for (int i = 0; i < 40; ++i)
    uploads.push_back(loop.spawn(upload_file(storage_of_5, "/" + std::to_string(i), content)));
  for (auto& one : uploads) {
    ASSERT_EQ(one.wait_for(60s), std::future_status::ready);
    EXPECT_TRUE(one.get());
  }
  for (int i = 0; i < 40; ++i) EXPECT_TRUE(store->content(std::to_string(i)) == content);
  EXPECT_GT(most, 5 * mib);
  EXPECT_LE(most, 32 * mib);
  store->watch = {};
}

// Each holds what it has read ahead while its upload waits for memory.
TEST_F(ObjectMemory, CopiesDoNotWaitForEachOther) {
  open_storage(16 * mib);
  const auto storage_of_5 = storage_of("maria", part_of_5);
  const std::string content = content_of(12 * mib);
  store->set("from", content);
  Loop loop;
  std::vector<std::future<bool>> copies;
  for (int i = 0; i < 30; ++i) copies.push_back(loop.spawn(copy_file(storage_of_5, "/from", "/" + std::to_string(i))));
  for (auto& one : copies) {
    ASSERT_EQ(one.wait_for(60s), std::future_status::ready);
    EXPECT_TRUE(one.get());
  }
  for (int i = 0; i < 30; ++i) EXPECT_TRUE(store->content(std::to_string(i)) == content);
}

TEST_F(ObjectMemory, WhatWasReadIsGivenBack) {
  store->set("f", content_of(7 * mib));
  OpenOptions reading{.read = true};
  const auto file = open("/f", reading);
  Bytes into(mib / 2);
  std::uint64_t most = 0;
  for (std::uint64_t at = 0; at < 7 * mib; at += into.size()) {
    ASSERT_TRUE(run(file->read_at(at, into)));
    most = std::max<std::uint64_t>(most, budget->ahead().taken());
  }
  EXPECT_GE(most, 2 * mib);
  EXPECT_EQ(budget->ahead().taken(), 0U);
}

// The size that a client tells beforehand decides how much is reserved, and not how much may come.
TEST_F(ObjectMemory, MoreThanWasSaid) {
  const auto storage_of_5 = storage_of("maria", part_of_5);
  OpenOptions how = to_replace;
  how.expected_size = 400'000;
  auto file = std::move(*run(storage_of_5->open(path("/f"), how)));
  const std::string content = content_of(6 * mib);
  ASSERT_TRUE(run(write_all(*file, std::string_view(content).substr(0, 390'000))));
  EXPECT_EQ(budget->taken(), 400'000U);
  ASSERT_TRUE(run(write_all(*file, std::string_view(content).substr(390'000), 390'000)));
  EXPECT_TRUE(run(file->close()));
  EXPECT_TRUE(store->content("f") == content);
  file.reset();
  EXPECT_TRUE(comes_true([&] { return budget->taken() == 0; }));
}

}  // namespace
}  // namespace ferry::vfs::object
