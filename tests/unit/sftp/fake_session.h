// A Session over a small tree in memory, with knobs for what storage may do: answer short, ask to wait, fail.
#pragma once

#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "session/session.h"

namespace ferry::test {

struct Node {
  vfs::FileInfo info;
  std::string data;    // of a file
  std::string target;  // of a symlink
};

struct Storage {
  std::map<std::string, std::shared_ptr<Node>> nodes;
  // Knobs.
  bool waits = false;           // try_* never have an answer
  std::size_t short_reads = 0;  // try_read_at answers at most this many bytes; 0: all
  std::optional<ErrorCode> write_error, read_error, close_error, listing_error;
  std::size_t listing_error_after = 0;  // entries
  // What happened.
  std::size_t open_handles = 0;
  int closed = 0, abandoned = 0, synced = 0;
  std::vector<std::size_t> writes;  // bytes of each write_at
  std::vector<std::size_t> write_pieces;
  vfs::OpenOptions opened_with;
};

class FakeFile : public session::OpenFile {
 public:
  FakeFile(Storage& storage, std::shared_ptr<Node> node, bool append)
      : storage_(storage), node_(std::move(node)), append_(append) {
    ++storage_.open_handles;
  }
  ~FakeFile() override { --storage_.open_handles; }

  Task<Result<std::size_t>> read_at(std::uint64_t offset, MutableByteSpan into) override {
    co_await asio::post(asio::use_awaitable);
    const iovec whole[]{{into.data(), into.size()}};
    co_return read(offset, whole, ~std::size_t{0});
  }
  std::optional<Result<std::size_t>> try_read_at(std::uint64_t offset, std::span<const iovec> into) override {
    if (storage_.waits) return std::nullopt;
    return read(offset, into, storage_.short_reads ? storage_.short_reads : ~std::size_t{0});
  }
  Task<Result<void>> write_at(std::uint64_t offset, std::span<const iovec> pieces) override {
    co_await asio::post(asio::use_awaitable);
    co_return write(offset, pieces);
  }
  std::optional<Result<void>> try_write_at(std::uint64_t offset, std::span<const iovec> pieces) override {
    if (storage_.waits) return std::nullopt;
    return write(offset, pieces);
  }
  Task<Result<vfs::FileInfo>> info() override {
    node_->info.size = node_->data.size();
    co_return node_->info;
  }
  Task<Result<void>> set_attributes(vfs::AttributeChange change) override;
  Task<Result<void>> sync() override {
    ++storage_.synced;
    co_return Result<void>();
  }
  Task<Result<vfs::SpaceInfo>> space() override {
    vfs::SpaceInfo space;
    space.blocks = 1000;
    co_return space;
  }
  Task<Result<void>> close() override {
    co_await asio::post(asio::use_awaitable);
    ++storage_.closed;
    if (storage_.close_error) co_return fail(*storage_.close_error);
    co_return Result<void>();
  }
  Task<void> abandon(Error) override {
    co_await asio::post(asio::use_awaitable);
    ++storage_.abandoned;
  }

 private:
  Result<std::size_t> read(std::uint64_t offset, std::span<const iovec> into, std::size_t most);
  Result<void> write(std::uint64_t offset, std::span<const iovec> pieces);

  Storage& storage_;
  std::shared_ptr<Node> node_;
  bool append_;
};

class FakeSession : public session::Session {
 public:
  FakeSession();

  void add_file(const std::string& path, std::string data);
  void add_directory(const std::string& path);
  Node* node(const std::string& path) const;

  const model::User& user() const override { return account; }
  const presence::ConnectionInfo& connection() const override { return info; }
  const VirtualPath& start_directory() const override { return start; }

  Task<Result<vfs::FileInfo>> stat(VirtualPath path) override;
  Task<Result<vfs::FileInfo>> lstat(VirtualPath path) override;
  Task<Result<std::unique_ptr<session::OpenFile>>> open(VirtualPath path, vfs::OpenOptions options) override;
  Task<Result<std::unique_ptr<session::OpenDirectory>>> open_directory(VirtualPath path) override;
  Task<Result<void>> make_directory(VirtualPath path, std::uint32_t mode) override;
  Task<Result<void>> remove_file(VirtualPath path) override;
  Task<Result<void>> remove_directory(VirtualPath path) override;
  Task<Result<void>> rename(VirtualPath from, VirtualPath to, bool overwrite, session::GivenUp) override;
  Task<Result<void>> copy(VirtualPath from, VirtualPath to, bool overwrite, session::GivenUp) override;
  Task<Result<void>> make_symlink(std::string target, VirtualPath link) override;
  Task<Result<std::string>> read_symlink(VirtualPath path) override;
  Task<Result<void>> make_hard_link(VirtualPath existing, VirtualPath link) override;
  Task<Result<void>> set_attributes(VirtualPath path, vfs::AttributeChange change, bool follow) override;
  Task<Result<vfs::SpaceInfo>> space(VirtualPath path) override;
  Task<Result<bool>> holds_mounts(VirtualPath) override { co_return false; }
  Task<Result<session::NativePlace>> native_place(VirtualPath) override { co_return fail(ErrorCode::unsupported); }
  Result<std::unique_ptr<session::DataFlow>> begin_flow(VirtualPath, session::FlowUse) override {
    return fail(ErrorCode::unsupported);
  }
  Task<Result<void>> command_ended(std::string, std::vector<VirtualPath>, bool) override { co_return Result<void>(); }
  std::size_t open_handles() const override { return storage.open_handles; }

  Storage storage;
  model::User account;
  VirtualPath start;
  presence::ConnectionInfo info;

 private:
  Result<std::shared_ptr<Node>> find(const VirtualPath& path, bool follow) const;
};

}  // namespace ferry::test
