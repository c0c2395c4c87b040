// Uploads in parts are written down before the first part, and struck out when nothing of them is left.
#include <mutex>

#include "tests/unit/vfs/object/object_fixture.h"

namespace ferry::vfs::object {
namespace {

using test::Fault;

class NotedInMemory final : public UploadJournal {
 public:
  std::atomic<bool> refuses = false;
  std::function<void(const Upload&)> noted = [](const Upload&) {};

  std::map<std::int64_t, Upload> open() const {
    const std::scoped_lock lock(mutex_);
    return open_;
  }
  std::size_t left() const {
    const std::scoped_lock lock(mutex_);
    return left_;
  }
  Task<Result<std::int64_t>> note(std::string location, Upload upload) override {
    EXPECT_EQ(location, "memory:" + upload.key);
    if (refuses) co_return fail(ErrorCode::io_error, "the journal");
    noted(upload);
    const std::scoped_lock lock(mutex_);
    open_[++last_] = upload;
    co_return last_;
  }
  Task<void> strike_out(std::int64_t entry) override {
    const std::scoped_lock lock(mutex_);
    EXPECT_EQ(open_.erase(entry), 1U);
    co_return;
  }
  Task<void> leave_behind(std::int64_t entry) override {
    const std::scoped_lock lock(mutex_);
    EXPECT_TRUE(open_.contains(entry));
    ++left_;
    co_return;
  }

 private:
  mutable std::mutex mutex_;
  std::map<std::int64_t, Upload> open_;
  std::int64_t last_ = 0;
  std::size_t left_ = 0;
};

class ObjectJournal : public ObjectFiles {
 protected:
  ObjectJournal() {
    ObjectOptions options;
    options.upload_part_size = part;
    options.budget = budget;
    options.journal = journal;
    storage = make_object_file_system(store, std::move(options));
  }
  const std::shared_ptr<NotedInMemory> journal = std::make_shared<NotedInMemory>();
};

TEST_F(ObjectJournal, AnUploadIsOpenFromBeforeItsFirstPartUntilItIsComplete) {
  journal->noted = [&](const Upload& upload) {
    EXPECT_EQ(upload.key, "f");
    EXPECT_EQ(store->calls("put_part"), 0U);
  };
  const auto file = open("/f", to_replace);
  ASSERT_TRUE(run(write_all(*file, content_of(2 * part))));
  EXPECT_EQ(journal->open().size(), 1U);
  ASSERT_TRUE(run(file->close()));
  EXPECT_TRUE(journal->open().empty());
  ASSERT_TRUE(upload("/small", "one request, nothing to write down"));
  EXPECT_EQ(store->calls("begin_upload"), 1U);
}

TEST_F(ObjectJournal, WithoutAnEntryNothingIsSent) {
  journal->refuses = true;
  EXPECT_EQ(code_of(upload("/f", content_of(2 * part))), ErrorCode::io_error);
  EXPECT_EQ(store->calls("put_part"), 0U);
  EXPECT_EQ(store->open_uploads(), 0U);
}

TEST_F(ObjectJournal, WhatIsGivenUpIsStruckOut) {
  for (const bool told : {false, true}) {
    auto file = open("/f", to_replace);
    ASSERT_TRUE(run(write_all(*file, content_of(3 * part))));
    if (told) {
      EXPECT_TRUE(run(file->discard()));
    }
    file.reset();
    EXPECT_TRUE(comes_true([&] { return journal->open().empty(); }));
    EXPECT_EQ(store->open_uploads(), 0U);
  }
}

TEST_F(ObjectJournal, PartsThatCannotBeRemovedAreLeftToOthers) {
  store->fail({.call = "abort", .code = ErrorCode::permission_denied});
  auto file = open("/f", to_replace);
  ASSERT_TRUE(run(write_all(*file, content_of(3 * part))));
  EXPECT_FALSE(run(file->discard()));
  EXPECT_EQ(journal->left(), 1U);
  const auto open = journal->open();
  ASSERT_EQ(open.size(), 1U);
  const Upload left = open.begin()->second;
  EXPECT_EQ(code_of(run(remove_left_parts(storage, "memory:another", left))), ErrorCode::not_found);
  EXPECT_EQ(store->open_uploads(), 1U);
  EXPECT_TRUE(run(remove_left_parts(storage, "memory:f", left)));
  EXPECT_EQ(store->open_uploads(), 0U);
  EXPECT_TRUE(run(remove_left_parts(storage, "memory:f", left)));
}

TEST_F(ObjectJournal, LargeCopiesAreWrittenDown) {
  store->change_traits().max_copy = 10;
  store->set("from", "more than ten bytes");
  ASSERT_TRUE(run(storage->copy_file(path("/from"), path("/to"), true)));
  EXPECT_TRUE(journal->open().empty());
  store->fail({.call = "copy_part", .code = ErrorCode::permission_denied});
  store->fail({.call = "abort", .code = ErrorCode::permission_denied});
  EXPECT_FALSE(run(storage->copy_file(path("/from"), path("/other"), true)));
  EXPECT_EQ(journal->open().size(), 1U);
  EXPECT_EQ(journal->left(), 1U);
}

}  // namespace
}  // namespace ferry::vfs::object
