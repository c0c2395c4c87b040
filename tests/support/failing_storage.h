// A storage that counts the calls which reach it, and fails one of them: the n-th, with io_error. It does not do it;
// or, with `answer_lost`, it does it and the caller is told that it failed, as when a connection breaks.
//
//   auto faults = std::make_shared<Faults>();
//   FailingStorage storage(inner, faults);
//   ... run something; faults->calls says how many there were ...
//   for (n = 1..calls) { faults->restart(n); ... run it again: call n fails ... }
//
// Capabilities may be set apart from those of the storage behind it.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "vfs/file_system.h"

namespace ferry::test {

struct Faults {
  std::size_t calls = 0;
  std::size_t fail_at = 0;  // counted from 1; 0: none
  std::string failed;       // which call that was
  bool answer_lost = false;

  void restart(std::size_t which, bool lost = false) {
    calls = 0;
    fail_at = which;
    answer_lost = lost;
    failed.clear();
  }
  Result<void> pass(const char* what) {
    if (++calls != fail_at) return {};
    failed = what;
    return fail(ErrorCode::io_error, std::string("failing storage: ") + what);
  }
};

class FailingStorage final : public vfs::FileSystem {
 public:
  FailingStorage(std::shared_ptr<vfs::FileSystem> inner, std::shared_ptr<Faults> faults,
                 std::optional<vfs::Capabilities> can = {})
      : inner_(std::move(inner)), faults_(std::move(faults)), can_(can.value_or(inner_->capabilities())) {}

  const vfs::Capabilities& capabilities() const override { return can_; }
  std::string_view name() const override { return inner_->name(); }
  std::string location(const VirtualPath& path) const override { return inner_->location(path); }

  Task<Result<VirtualPath>> canonical(VirtualPath path, bool follow) override {
    if (auto passed = faults_->pass("canonical"); !passed) co_return fail(passed.error());
    Result<VirtualPath> answer = co_await inner_->canonical(std::move(path), follow);
    co_return answer;
  }
  std::shared_ptr<vfs::FileSystem> without_links() override {
    std::shared_ptr<vfs::FileSystem> safe = inner_->without_links();
    return safe ? std::make_shared<FailingStorage>(std::move(safe), faults_, can_) : nullptr;
  }
  Task<Result<std::shared_ptr<vfs::FileSystem>>> hold_directory(VirtualPath path) override {
    std::shared_ptr<vfs::FileSystem> answer;
    if (!can_.held_directories) co_return fail(ErrorCode::unsupported, "failing storage: told not to");
    if (auto passed = faults_->pass("hold_directory"); !passed) co_return fail(passed.error());
    Result<std::shared_ptr<vfs::FileSystem>> held = co_await inner_->hold_directory(std::move(path));
    if (!held) co_return fail(held.error());
    answer = std::make_shared<FailingStorage>(std::move(*held), faults_, can_);
    co_return answer;
  }
  Result<VirtualPath> place_of(const vfs::FileSystem& held) const override {
    return inner_->place_of(*dynamic_cast<const FailingStorage&>(held).inner_);
  }
  Task<Result<vfs::FileInfo>> stat(VirtualPath path) override {
    if (auto passed = faults_->pass("stat"); !passed) co_return fail(passed.error());
    Result<vfs::FileInfo> answer = co_await inner_->stat(std::move(path));
    co_return answer;
  }
  Task<Result<vfs::FileInfo>> lstat(VirtualPath path) override {
    if (auto passed = faults_->pass("lstat"); !passed) co_return fail(passed.error());
    Result<vfs::FileInfo> answer = co_await inner_->lstat(std::move(path));
    co_return answer;
  }
  Task<Result<std::unique_ptr<vfs::File>>> open(VirtualPath path, vfs::OpenOptions how) override {
    const Result<void> passed = faults_->pass("open");
    if (!passed && !faults_->answer_lost) co_return fail(passed.error());
    Result<std::unique_ptr<vfs::File>> file = co_await inner_->open(std::move(path), how);
    if (!passed && file) (void)co_await (*file)->discard();  // the storage ends what nobody uses
    if (!passed) co_return fail(passed.error());
    if (!file) co_return fail(file.error());
    co_return std::make_unique<Open>(std::move(*file), faults_);
  }
  Task<Result<std::unique_ptr<vfs::Directory>>> open_directory(VirtualPath path) override {
    if (auto passed = faults_->pass("open_directory"); !passed) co_return fail(passed.error());
    Result<std::unique_ptr<vfs::Directory>> listing = co_await inner_->open_directory(std::move(path));
    if (!listing) co_return fail(listing.error());
    co_return std::make_unique<Listing>(std::move(*listing), faults_);
  }
  Task<Result<void>> make_directory(VirtualPath path, std::uint32_t mode) override {
    const Result<void> passed = faults_->pass("make_directory");
    Result<void> done = passed;
    if (passed || faults_->answer_lost) done = co_await inner_->make_directory(std::move(path), mode);
    if (!passed) co_return passed;
    co_return done;
  }
  Task<Result<void>> remove_file(VirtualPath path) override {
    const Result<void> passed = faults_->pass("remove_file");
    Result<void> done = passed;
    if (passed || faults_->answer_lost) done = co_await inner_->remove_file(std::move(path));
    if (!passed) co_return passed;
    co_return done;
  }
  Task<Result<void>> remove_directory(VirtualPath path) override {
    const Result<void> passed = faults_->pass("remove_directory");
    Result<void> done = passed;
    if (passed || faults_->answer_lost) done = co_await inner_->remove_directory(std::move(path));
    if (!passed) co_return passed;
    co_return done;
  }
  Task<Result<void>> rename(VirtualPath from, VirtualPath to, bool overwrite) override {
    const Result<void> passed = faults_->pass("rename");
    Result<void> done = passed;
    if (passed || faults_->answer_lost) done = co_await inner_->rename(std::move(from), std::move(to), overwrite);
    if (!passed) co_return passed;
    co_return done;
  }
  Task<Result<void>> copy_file(VirtualPath from, VirtualPath to, bool overwrite) override {
    const Result<void> passed = faults_->pass("copy_file");
    Result<void> done = passed;
    if (passed || faults_->answer_lost) done = co_await inner_->copy_file(std::move(from), std::move(to), overwrite);
    if (!passed) co_return passed;
    co_return done;
  }
  Task<Result<void>> take_over(vfs::FileSystem& storage, VirtualPath from, VirtualPath to, bool overwrite) override {
    const Result<void> passed = faults_->pass("take_over");
    vfs::FileSystem& source = *dynamic_cast<FailingStorage&>(storage).inner_;
    Result<void> done = passed;
    if (passed || faults_->answer_lost)
      done = co_await inner_->take_over(source, std::move(from), std::move(to), overwrite);
    if (!passed) co_return passed;
    co_return done;
  }
  Task<Result<void>> make_symlink(std::string target, VirtualPath link) override {
    const Result<void> passed = faults_->pass("make_symlink");
    Result<void> done = passed;
    if (passed || faults_->answer_lost) done = co_await inner_->make_symlink(std::move(target), std::move(link));
    if (!passed) co_return passed;
    co_return done;
  }
  Task<Result<std::string>> read_symlink(VirtualPath path) override {
    if (auto passed = faults_->pass("read_symlink"); !passed) co_return fail(passed.error());
    Result<std::string> answer = co_await inner_->read_symlink(std::move(path));
    co_return answer;
  }
  Task<Result<void>> make_hard_link(VirtualPath existing, VirtualPath link) override {
    const Result<void> passed = faults_->pass("make_hard_link");
    Result<void> done = passed;
    if (passed || faults_->answer_lost) done = co_await inner_->make_hard_link(std::move(existing), std::move(link));
    if (!passed) co_return passed;
    co_return done;
  }
  Task<Result<void>> set_attributes(VirtualPath path, vfs::AttributeChange change, bool follow) override {
    const Result<void> passed = faults_->pass("set_attributes");
    Result<void> done = passed;
    if (passed || faults_->answer_lost) done = co_await inner_->set_attributes(std::move(path), change, follow);
    if (!passed) co_return passed;
    co_return done;
  }
  Task<Result<vfs::SpaceInfo>> space(VirtualPath path) override {
    if (auto passed = faults_->pass("space"); !passed) co_return fail(passed.error());
    Result<vfs::SpaceInfo> answer = co_await inner_->space(std::move(path));
    co_return answer;
  }

 private:
  class Open final : public vfs::File {
   public:
    Open(std::unique_ptr<vfs::File> inner, std::shared_ptr<Faults> faults)
        : inner_(std::move(inner)), faults_(std::move(faults)) {}
    Task<Result<std::size_t>> read_at(std::uint64_t offset, MutableByteSpan into) override {
      if (auto passed = faults_->pass("read_at"); !passed) co_return fail(passed.error());
      Result<std::size_t> count = co_await inner_->read_at(offset, into);
      co_return count;
    }
    Task<Result<void>> write_at(std::uint64_t offset, std::span<const iovec> pieces) override {
      const Result<void> passed = faults_->pass("write_at");
      Result<void> done = passed;
      if (passed || faults_->answer_lost) done = co_await inner_->write_at(offset, pieces);
      if (!passed) co_return passed;
      co_return done;
    }
    Task<Result<vfs::FileInfo>> info() override {
      if (auto passed = faults_->pass("info"); !passed) co_return fail(passed.error());
      Result<vfs::FileInfo> answer = co_await inner_->info();
      co_return answer;
    }
    Task<Result<void>> set_attributes(vfs::AttributeChange change) override {
      const Result<void> passed = faults_->pass("File::set_attributes");
      Result<void> done = passed;
      if (passed || faults_->answer_lost) done = co_await inner_->set_attributes(change);
      if (!passed) co_return passed;
      co_return done;
    }
    Task<Result<void>> sync() override {
      const Result<void> passed = faults_->pass("sync");
      Result<void> done = passed;
      if (passed || faults_->answer_lost) done = co_await inner_->sync();
      if (!passed) co_return passed;
      co_return done;
    }
    // A failed close() has ended the file all the same.
    Task<Result<void>> close() override {
      const Result<void> passed = faults_->pass("close");
      Result<void> done = passed;
      if (passed || faults_->answer_lost) {
        done = co_await inner_->close();
      } else {
        (void)co_await inner_->discard();
      }
      if (!passed) co_return passed;
      co_return done;
    }
    Task<Result<void>> discard() override {
      Result<void> done = co_await inner_->discard();
      if (done) done = faults_->pass("discard");
      co_return done;
    }

   private:
    std::unique_ptr<vfs::File> inner_;
    std::shared_ptr<Faults> faults_;
  };

  class Listing final : public vfs::Directory {
   public:
    Listing(std::unique_ptr<vfs::Directory> inner, std::shared_ptr<Faults> faults)
        : inner_(std::move(inner)), faults_(std::move(faults)) {}
    Task<Result<std::vector<vfs::DirectoryEntry>>> next(std::size_t max) override {
      if (auto passed = faults_->pass("next"); !passed) co_return fail(passed.error());
      Result<std::vector<vfs::DirectoryEntry>> some = co_await inner_->next(max);
      co_return some;
    }

   private:
    std::unique_ptr<vfs::Directory> inner_;
    std::shared_ptr<Faults> faults_;
  };

  std::shared_ptr<vfs::FileSystem> inner_;
  std::shared_ptr<Faults> faults_;
  vfs::Capabilities can_;
};

}  // namespace ferry::test
