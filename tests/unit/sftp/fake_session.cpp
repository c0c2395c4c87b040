#include "tests/unit/sftp/fake_session.h"

#include <algorithm>
#include <cstring>

namespace ferry::test {

namespace {

void apply(Node& node, const vfs::AttributeChange& change) {
  if (change.size) node.data.resize(*change.size);
  if (change.mode) node.info.mode = *change.mode;
  if (change.owner) {
    node.info.uid = change.owner->uid;
    node.info.gid = change.owner->gid;
  }
  if (change.times) {
    node.info.accessed = change.times->accessed;
    node.info.modified = change.times->modified;
  }
}

class FakeDirectory : public session::OpenDirectory {
 public:
  FakeDirectory(Storage& storage, std::vector<vfs::DirectoryEntry> entries)
      : storage_(storage), entries_(std::move(entries)) {
    ++storage_.open_handles;
  }
  ~FakeDirectory() override { --storage_.open_handles; }

  Task<Result<std::vector<vfs::DirectoryEntry>>> next(std::size_t max) override {
    co_await asio::post(asio::use_awaitable);
    if (storage_.listing_error && at_ >= storage_.listing_error_after) co_return fail(*storage_.listing_error);
    std::vector<vfs::DirectoryEntry> some;
    while (some.size() < max && at_ < entries_.size()) some.push_back(entries_[at_++]);
    co_return some;
  }

 private:
  Storage& storage_;
  std::vector<vfs::DirectoryEntry> entries_;
  std::size_t at_ = 0;
};

}  // namespace

Result<std::size_t> FakeFile::read(std::uint64_t offset, std::span<const iovec> into, std::size_t most) {
  if (storage_.read_error) return fail(*storage_.read_error);
  std::size_t total = 0;
  for (const iovec& part : into) {
    if (offset + total >= node_->data.size() || total == most) break;
    const std::size_t run = std::min({part.iov_len, node_->data.size() - offset - total, most - total});
    std::memcpy(part.iov_base, node_->data.data() + offset + total, run);
    total += run;
  }
  return total;
}

Result<void> FakeFile::write(std::uint64_t offset, std::span<const iovec> pieces) {
  if (storage_.write_error) return fail(*storage_.write_error);
  std::string all;
  for (const iovec& piece : pieces) all.append(static_cast<const char*>(piece.iov_base), piece.iov_len);
  storage_.writes.push_back(all.size());
  storage_.write_pieces.push_back(pieces.size());
  if (append_) offset = node_->data.size();
  if (offset > (1 << 24)) return fail(ErrorCode::storage_full);
  if (node_->data.size() < offset + all.size()) node_->data.resize(offset + all.size());
  node_->data.replace(offset, all.size(), all);
  return {};
}

Task<Result<void>> FakeFile::set_attributes(vfs::AttributeChange change) {
  if (change.size && *change.size > (1 << 24)) co_return fail(ErrorCode::storage_full);
  apply(*node_, change);
  co_return Result<void>();
}

FakeSession::FakeSession() {
  account.username = "anna";
  account.uid = 1001;
  account.gid = 1002;
  add_directory("/");
}

void FakeSession::add_file(const std::string& path, std::string data) {
  auto node = std::make_shared<Node>();
  node->info.mode = 0644;
  node->data = std::move(data);
  storage.nodes[path] = node;
}

void FakeSession::add_directory(const std::string& path) {
  auto node = std::make_shared<Node>();
  node->info.type = vfs::FileType::directory;
  node->info.mode = 0755;
  storage.nodes[path] = node;
}

Node* FakeSession::node(const std::string& path) const {
  const auto found = storage.nodes.find(path);
  return found == storage.nodes.end() ? nullptr : found->second.get();
}

Result<std::shared_ptr<Node>> FakeSession::find(const VirtualPath& path, bool follow) const {
  const auto found = storage.nodes.find(path.text());
  if (found == storage.nodes.end()) {
    const Node* parent = node(path.parent().text());
    if (parent && parent->info.type == vfs::FileType::regular) return fail(ErrorCode::not_a_directory);
    return fail(ErrorCode::not_found);
  }
  const std::shared_ptr<Node>& node = found->second;
  node->info.size = node->data.size();
  if (!follow || node->info.type != vfs::FileType::symlink) return node;
  const Result<VirtualPath> target = VirtualPath::parse(node->target, path.parent());
  if (!target || *target == path) return fail(ErrorCode::not_found);
  return find(*target, false);
}

Task<Result<vfs::FileInfo>> FakeSession::stat(VirtualPath path) {
  const auto node = find(path, true);
  if (!node) co_return fail(node.error());
  co_return (*node)->info;
}

Task<Result<vfs::FileInfo>> FakeSession::lstat(VirtualPath path) {
  const auto node = find(path, false);
  if (!node) co_return fail(node.error());
  co_return (*node)->info;
}

Task<Result<std::unique_ptr<session::OpenFile>>> FakeSession::open(VirtualPath path, vfs::OpenOptions options) {
  co_await asio::post(asio::use_awaitable);
  storage.opened_with = options;
  auto node = find(path, true);
  if (node && (*node)->info.type == vfs::FileType::directory) co_return fail(ErrorCode::is_a_directory);
  if (node && options.exclusive) co_return fail(ErrorCode::already_exists);
  if (!node) {
    if (!options.create) co_return fail(node.error());
    add_file(path.text(), "");
    node = find(path, true);
    (*node)->info.mode = options.mode;
  }
  if (options.truncate) (*node)->data.clear();
  std::unique_ptr<session::OpenFile> file = std::make_unique<FakeFile>(storage, *node, options.append);
  co_return file;
}

Task<Result<std::unique_ptr<session::OpenDirectory>>> FakeSession::open_directory(VirtualPath path) {
  const auto node = find(path, true);
  if (!node) co_return fail(node.error());
  if ((*node)->info.type != vfs::FileType::directory) co_return fail(ErrorCode::not_a_directory);
  std::vector<vfs::DirectoryEntry> entries;
  for (const auto& [name, entry] : storage.nodes) {
    const std::string own = name.substr(name.rfind('/') + 1);
    if (own.empty() || !name.starts_with(path.text())) continue;
    const std::string parent = name.substr(0, name.size() - own.size());
    if (parent == path.text() || parent == path.text() + "/") entries.push_back({own, entry->info});
  }
  std::unique_ptr<session::OpenDirectory> directory = std::make_unique<FakeDirectory>(storage, std::move(entries));
  co_return directory;
}

Task<Result<void>> FakeSession::make_directory(VirtualPath path, std::uint32_t mode) {
  if (find(path, false)) co_return fail(ErrorCode::already_exists);
  add_directory(path.text());
  node(path.text())->info.mode = mode;
  co_return Result<void>();
}

Task<Result<void>> FakeSession::remove_file(VirtualPath path) {
  const auto node = find(path, false);
  if (!node) co_return fail(node.error());
  if ((*node)->info.type == vfs::FileType::directory) co_return fail(ErrorCode::is_a_directory);
  storage.nodes.erase(path.text());
  co_return Result<void>();
}

Task<Result<void>> FakeSession::remove_directory(VirtualPath path) {
  const auto node = find(path, false);
  if (!node) co_return fail(node.error());
  if (path.is_root()) co_return fail(ErrorCode::permission_denied);
  if ((*node)->info.type != vfs::FileType::directory) co_return fail(ErrorCode::not_a_directory);
  const auto next = storage.nodes.lower_bound(path.text() + "/");
  if (next != storage.nodes.end() && next->first.starts_with(path.text() + "/")) {
    co_return fail(ErrorCode::directory_not_empty);
  }
  storage.nodes.erase(path.text());
  co_return Result<void>();
}

Task<Result<void>> FakeSession::copy(VirtualPath from, VirtualPath to, bool overwrite, session::GivenUp) {
  const auto node = find(from, true);
  if (!node) co_return fail(node.error());
  if (find(to, false) && !overwrite) co_return fail(ErrorCode::already_exists);
  storage.nodes[to.text()] = std::make_shared<Node>(**node);
  co_return Result<void>();
}

Task<Result<void>> FakeSession::rename(VirtualPath from, VirtualPath to, bool overwrite, session::GivenUp) {
  const auto node = find(from, false);
  if (!node) co_return fail(node.error());
  if (from.is_root() || to.is_root()) co_return fail(ErrorCode::permission_denied);
  if (find(to, false) && !overwrite) co_return fail(ErrorCode::already_exists);
  storage.nodes.erase(from.text());
  storage.nodes[to.text()] = *node;
  co_return Result<void>();
}

Task<Result<void>> FakeSession::make_symlink(std::string target, VirtualPath link) {
  if (find(link, false)) co_return fail(ErrorCode::already_exists);
  auto node = std::make_shared<Node>();
  node->info.type = vfs::FileType::symlink;
  node->info.mode = 0777;
  node->target = std::move(target);
  storage.nodes[link.text()] = node;
  co_return Result<void>();
}

Task<Result<std::string>> FakeSession::read_symlink(VirtualPath path) {
  const auto node = find(path, false);
  if (!node) co_return fail(node.error());
  if ((*node)->info.type != vfs::FileType::symlink) co_return fail(ErrorCode::invalid_argument);
  co_return (*node)->target;
}

Task<Result<void>> FakeSession::make_hard_link(VirtualPath existing, VirtualPath link) {
  const auto node = find(existing, false);
  if (!node) co_return fail(node.error());
  if (find(link, false)) co_return fail(ErrorCode::already_exists);
  storage.nodes[link.text()] = *node;
  co_return Result<void>();
}

Task<Result<void>> FakeSession::set_attributes(VirtualPath path, vfs::AttributeChange change, bool follow) {
  if (change.size && *change.size > (1 << 24)) co_return fail(ErrorCode::storage_full);
  const auto node = find(path, follow);
  if (!node) co_return fail(node.error());
  apply(**node, change);
  co_return Result<void>();
}

Task<Result<vfs::SpaceInfo>> FakeSession::space(VirtualPath path) {
  const auto node = find(path, true);
  if (!node) co_return fail(node.error());
  vfs::SpaceInfo space;
  space.blocks = 2000;
  space.read_only = true;
  co_return space;
}

}  // namespace ferry::test
