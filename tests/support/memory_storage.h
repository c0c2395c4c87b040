// A storage in memory that behaves as an object store does: keys with contents, directories that are there because
// something lies below them or a marker says so, uploads that show when they are closed. Its capabilities can be
// changed, so that session meets each difference without a real backend. Not thread-safe: use it on one io_context.
#pragma once

#include <algorithm>
#include <cstring>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>

#include "vfs/file_system.h"

namespace ferry::test {

// Those of an object store.
inline vfs::Capabilities of_an_object_store() {
  return {.random_writes = false,
          .append = false,
          .truncate = false,
          .published_at_close = true,
          .resume = false,
          .atomic_rename = false,
          .directory_rename = false,
          .copy = true,
          .held_directories = false,
          .symlinks = false,
          .hard_links = false,
          .attributes = false,
          .times = true,
          .space_info = false};
}

class MemoryStorage final : public vfs::FileSystem, public std::enable_shared_from_this<MemoryStorage> {
 public:
  struct Object {
    std::string content;
    vfs::FileTime modified;
  };
  struct State {
    std::map<std::string, Object> objects;  // by path
    std::set<std::string> directories;      // markers
    std::map<std::string, std::string> digests;
    std::size_t open_uploads = 0;
    std::int64_t clock = 1'000'000;
    unsigned copies = 0;
  };

  explicit MemoryStorage(vfs::Capabilities can = of_an_object_store()) : can_(can) {}

  State state;

  const vfs::Capabilities& capabilities() const override { return can_; }
  std::string_view name() const override { return "memory"; }
  std::string location(const VirtualPath& path) const override { return "memory:" + path.text(); }

  Task<Result<vfs::FileInfo>> stat(VirtualPath path) override { co_return look(path); }
  Task<Result<vfs::FileInfo>> lstat(VirtualPath path) override { co_return look(path); }

  Task<Result<std::unique_ptr<vfs::File>>> open(VirtualPath path, vfs::OpenOptions how) override {
    const auto found = state.objects.find(path.text());
    const bool there = found != state.objects.end();
    if (is_directory(path)) co_return fail(ErrorCode::is_a_directory, "memory");
    if (there && how.create && how.exclusive) co_return fail(ErrorCode::already_exists, "memory");
    if (!there && !how.create) co_return fail(ErrorCode::not_found, "memory");
    if (how.write && there && !how.truncate && !can_.resume) co_return fail(ErrorCode::unsupported, "memory: resume");
    if (how.append && !can_.append) co_return fail(ErrorCode::unsupported, "memory: append");
    std::string content = there && !how.truncate ? found->second.content : std::string();
    if (how.write && !can_.published_at_close) state.objects[path.text()] = {content, now()};
    co_return std::make_unique<Open>(*this, std::move(path), how, std::move(content));
  }

  Task<Result<std::unique_ptr<vfs::Directory>>> open_directory(VirtualPath path) override {
    if (!is_directory(path)) co_return fail(ErrorCode::not_found, "memory");
    auto listing = std::make_unique<Listing>();
    const std::string prefix = path.is_root() ? "/" : path.text() + '/';
    std::set<std::string> names;
    const auto note = [&](const std::string& key) {
      if (key.starts_with(prefix) && key.size() > prefix.size()) {
        names.insert(key.substr(prefix.size(), key.find('/', prefix.size()) - prefix.size()));
      }
    };
    for (const auto& [key, object] : state.objects) note(key);
    for (const std::string& key : state.directories) note(key);
    for (const std::string& one : names) listing->entries.push_back({one, *look(*path.child(one))});
    co_return std::move(listing);
  }

  Task<Result<void>> make_directory(VirtualPath path, std::uint32_t) override {
    if (look(path)) co_return fail(ErrorCode::already_exists, "memory");
    state.directories.insert(path.text());
    co_return Result<void>();
  }
  Task<Result<void>> remove_file(VirtualPath path) override {
    if (is_directory(path)) co_return fail(ErrorCode::is_a_directory, "memory");
    if (state.objects.erase(path.text()) == 0) co_return fail(ErrorCode::not_found, "memory");
    co_return Result<void>();
  }
  Task<Result<void>> remove_directory(VirtualPath path) override {
    if (!is_directory(path)) co_return fail(ErrorCode::not_found, "memory");
    if (holds_something(path)) co_return fail(ErrorCode::directory_not_empty, "memory");
    state.directories.erase(path.text());
    co_return Result<void>();
  }
  Task<Result<void>> rename(VirtualPath from, VirtualPath to, bool overwrite) override {
    if (is_directory(from)) {
      // A whole tree only where it claims to be able to.
      if (!can_.directory_rename) co_return fail(ErrorCode::unsupported, "memory: a directory");
      if (look(to)) co_return fail(ErrorCode::already_exists, "memory");
      move_tree(from.text(), to.text());
      co_return Result<void>();
    }
    Result<void> moved = put_copy(from, to, overwrite);
    if (moved && from != to) state.objects.erase(from.text());
    co_return moved;
  }
  Task<Result<void>> copy_file(VirtualPath from, VirtualPath to, bool overwrite) override {
    if (!can_.copy) co_return fail(ErrorCode::unsupported, "memory");
    ++state.copies;
    co_return put_copy(from, to, overwrite);
  }
  Task<Result<std::optional<std::string>>> stored_digest(VirtualPath path, std::string algorithm) override {
    const auto found = state.digests.find(algorithm + ':' + path.text());
    co_return found == state.digests.end() ? std::optional<std::string>() : found->second;
  }
  Task<Result<void>> make_symlink(std::string, VirtualPath) override { co_return fail(ErrorCode::internal, "asked"); }
  Task<Result<std::string>> read_symlink(VirtualPath) override { co_return fail(ErrorCode::unsupported, "memory"); }
  Task<Result<void>> make_hard_link(VirtualPath, VirtualPath) override { co_return fail(ErrorCode::internal, "asked"); }
  Task<Result<void>> set_attributes(VirtualPath path, vfs::AttributeChange change, bool) override {
    const bool beyond = (change.size && !can_.truncate) || ((change.mode || change.owner) && !can_.attributes);
    if (beyond) co_return fail(ErrorCode::unsupported, "memory");
    const auto found = state.objects.find(path.text());
    if (found == state.objects.end()) co_return look(path) ? fail(ErrorCode::unsupported) : fail(ErrorCode::not_found);
    if (change.size) found->second.content.resize(*change.size);
    if (change.times) found->second.modified = change.times->modified;
    co_return Result<void>();
  }
  Task<Result<vfs::SpaceInfo>> space(VirtualPath) override { co_return fail(ErrorCode::unsupported, "memory"); }

 private:
  class Open final : public vfs::File {
   public:
    Open(MemoryStorage& storage, VirtualPath path, vfs::OpenOptions how, std::string content)
        : storage_(storage.shared_from_this()), path_(std::move(path)), how_(how), content_(std::move(content)) {
      if (how_.write) ++storage_->state.open_uploads;
    }
    ~Open() override { end(); }
    Task<Result<std::size_t>> read_at(std::uint64_t offset, MutableByteSpan into) override {
      const std::string& text = content_;
      if (offset >= text.size()) co_return std::size_t{0};
      const std::size_t count = std::min<std::size_t>(into.size(), text.size() - offset);
      std::memcpy(into.data(), text.data() + offset, count);
      co_return count;
    }
    Task<Result<void>> write_at(std::uint64_t offset, std::span<const iovec> pieces) override {
      if (how_.append) offset = content_.size();
      // Session has to keep the order, so it is a bug of ours when it does not.
      if (!storage_->can_.random_writes && offset != content_.size()) co_return fail(ErrorCode::internal, "order");
      for (const iovec& piece : pieces) {
        if (content_.size() < offset + piece.iov_len) content_.resize(offset + piece.iov_len);
        std::memcpy(content_.data() + offset, piece.iov_base, piece.iov_len);
        offset += piece.iov_len;
      }
      if (!storage_->can_.published_at_close) storage_->state.objects[path_.text()].content = content_;
      co_return Result<void>();
    }
    Task<Result<vfs::FileInfo>> info() override {
      vfs::FileInfo info;
      info.size = content_.size();
      co_return info;
    }
    Task<Result<void>> set_attributes(vfs::AttributeChange change) override {
      if (change.size && !storage_->can_.truncate) co_return fail(ErrorCode::unsupported, "memory");
      if (change.size) content_.resize(*change.size);
      if (change.times) modified_ = change.times->modified;
      if (!storage_->can_.published_at_close) {
        storage_->state.objects[path_.text()] = {content_, modified_.value_or(storage_->now())};
      }
      co_return Result<void>();
    }
    Task<Result<void>> sync() override { co_return Result<void>(); }
    Task<Result<void>> close() override {
      const bool lost = how_.exclusive && storage_->can_.published_at_close && storage_->look(path_);
      const bool publishes = how_.write && storage_->can_.published_at_close;
      end();
      if (lost) co_return fail(ErrorCode::already_exists, "memory: made meanwhile");
      if (publishes) storage_->state.objects[path_.text()] = {content_, modified_.value_or(storage_->now())};
      co_return Result<void>();
    }
    Task<Result<void>> discard() override {
      end();
      co_return Result<void>();
    }

   private:
    void end() {
      if (how_.write && !std::exchange(ended_, true)) --storage_->state.open_uploads;
    }

    std::shared_ptr<MemoryStorage> storage_;
    VirtualPath path_;
    vfs::OpenOptions how_;
    std::string content_;
    std::optional<vfs::FileTime> modified_;
    bool ended_ = false;
  };

  struct Listing final : vfs::Directory {
    std::vector<vfs::DirectoryEntry> entries;
    std::size_t at = 0;
    Task<Result<std::vector<vfs::DirectoryEntry>>> next(std::size_t max) override {
      std::vector<vfs::DirectoryEntry> some;
      while (at < entries.size() && some.size() < max) some.push_back(entries[at++]);
      co_return some;
    }
  };

  vfs::FileTime now() { return {++state.clock, 0}; }
  bool holds_something(const VirtualPath& path) const {
    const std::string prefix = path.is_root() ? "/" : path.text() + '/';
    const auto below = [&prefix](const std::string& key) { return key.starts_with(prefix) && key != prefix; };
    return std::ranges::any_of(state.objects, [&](const auto& one) { return below(one.first); }) ||
           std::ranges::any_of(state.directories, below);
  }
  bool is_directory(const VirtualPath& path) const {
    return path.is_root() || state.directories.contains(path.text()) || holds_something(path);
  }
  Result<vfs::FileInfo> look(const VirtualPath& path) const {
    vfs::FileInfo info;
    const auto found = state.objects.find(path.text());
    if (found != state.objects.end()) {
      info.size = found->second.content.size();
      info.modified = found->second.modified;
      info.mode = 0666;
      return info;
    }
    if (!is_directory(path)) return fail(ErrorCode::not_found, "memory");
    info.type = vfs::FileType::directory;
    info.mode = 0777;
    return info;
  }
  Result<void> put_copy(const VirtualPath& from, const VirtualPath& to, bool overwrite) {
    const auto found = state.objects.find(from.text());
    if (found == state.objects.end()) return fail(ErrorCode::not_found, "memory");
    if (is_directory(to)) return fail(ErrorCode::is_a_directory, "memory");
    if (!overwrite && state.objects.contains(to.text())) return fail(ErrorCode::already_exists, "memory");
    const Object copy = found->second;
    state.objects[to.text()] = copy;
    return {};
  }
  void move_tree(const std::string& from, const std::string& to) {
    const auto moved = [&](const std::string& key) { return to + key.substr(from.size()); };
    const auto below = [&](const std::string& key) { return key == from || key.starts_with(from + '/'); };
    std::map<std::string, Object> objects;
    for (auto& [key, object] : state.objects) objects.emplace(below(key) ? moved(key) : key, std::move(object));
    std::set<std::string> directories;
    for (const std::string& key : state.directories) directories.insert(below(key) ? moved(key) : key);
    state.objects = std::move(objects);
    state.directories = std::move(directories);
  }

  vfs::Capabilities can_;
};

}  // namespace ferry::test
