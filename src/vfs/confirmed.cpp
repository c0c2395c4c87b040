#include "vfs/confirmed.h"

namespace ferry::vfs {

bool leaves_open(const Error& error) {
  switch (error.code) {
    case ErrorCode::io_error:
    case ErrorCode::timeout:
    case ErrorCode::connection_lost:
    case ErrorCode::protocol_error:
    case ErrorCode::aborted:
    case ErrorCode::internal: return true;
    default: return false;
  }
}

namespace {

bool is_gone(const Result<FileInfo>& info) { return !info && info.error().code == ErrorCode::not_found; }

}  // namespace

Task<Result<VirtualPath>> ConfirmedFileSystem::canonical(VirtualPath path, bool follow) {
  return inner_->canonical(std::move(path), follow);
}

std::shared_ptr<FileSystem> ConfirmedFileSystem::without_links() {
  std::shared_ptr<FileSystem> safe = inner_->without_links();
  return safe ? std::make_shared<ConfirmedFileSystem>(std::move(safe)) : nullptr;
}

Task<Result<FileInfo>> ConfirmedFileSystem::stat(VirtualPath path) { return inner_->stat(std::move(path)); }

Task<Result<FileInfo>> ConfirmedFileSystem::lstat(VirtualPath path) { return inner_->lstat(std::move(path)); }

Task<Result<std::unique_ptr<File>>> ConfirmedFileSystem::open(VirtualPath path, OpenOptions options) {
  return inner_->open(std::move(path), options);
}

Task<Result<std::unique_ptr<Directory>>> ConfirmedFileSystem::open_directory(VirtualPath path) {
  return inner_->open_directory(std::move(path));
}

Task<Result<void>> ConfirmedFileSystem::make_directory(VirtualPath path, std::uint32_t mode) {
  return inner_->make_directory(std::move(path), mode);
}

Task<Result<void>> ConfirmedFileSystem::after_removal(VirtualPath path, Error error) {
  if (!leaves_open(error)) co_return fail(std::move(error));
  const Result<FileInfo> there = co_await inner_->lstat(std::move(path));
  if (is_gone(there)) co_return Result<void>();
  co_return fail(std::move(error));
}

Task<Result<void>> ConfirmedFileSystem::remove_file(VirtualPath path) {
  Result<void> removed = co_await inner_->remove_file(path);
  if (!removed) removed = co_await after_removal(std::move(path), removed.error());
  co_return removed;
}

Task<Result<void>> ConfirmedFileSystem::remove_directory(VirtualPath path) {
  Result<void> removed = co_await inner_->remove_directory(path);
  if (!removed) removed = co_await after_removal(std::move(path), removed.error());
  co_return removed;
}

Task<Result<void>> ConfirmedFileSystem::rename(VirtualPath from, VirtualPath to, bool overwrite) {
  Result<void> renamed = co_await inner_->rename(from, to, overwrite);
  if (renamed || !leaves_open(renamed.error()) || from == to) co_return renamed;
  const Result<FileInfo> before = co_await inner_->lstat(from);
  if (!is_gone(before)) co_return renamed;
  const Result<FileInfo> after = co_await inner_->lstat(to);
  if (after) co_return Result<void>();
  co_return renamed;
}

Task<Result<void>> ConfirmedFileSystem::copy_file(VirtualPath from, VirtualPath to, bool overwrite) {
  return inner_->copy_file(std::move(from), std::move(to), overwrite);
}

Task<Result<std::optional<std::string>>> ConfirmedFileSystem::stored_digest(VirtualPath path, std::string algorithm) {
  return inner_->stored_digest(std::move(path), std::move(algorithm));
}

Task<Result<void>> ConfirmedFileSystem::take_over(FileSystem& storage, VirtualPath from, VirtualPath to,
                                                  bool overwrite) {
  auto* const other = dynamic_cast<ConfirmedFileSystem*>(&storage);
  FileSystem& source = other != nullptr ? *other->inner_ : storage;
  Result<void> renamed = co_await inner_->take_over(source, from, to, overwrite);
  if (renamed || !leaves_open(renamed.error())) co_return renamed;
  const Result<FileInfo> before = co_await source.lstat(from);
  if (!is_gone(before)) co_return renamed;
  const Result<FileInfo> after = co_await inner_->lstat(to);
  if (after) co_return Result<void>();
  co_return renamed;
}

Task<Result<void>> ConfirmedFileSystem::make_symlink(std::string target, VirtualPath link) {
  return inner_->make_symlink(std::move(target), std::move(link));
}

Task<Result<std::string>> ConfirmedFileSystem::read_symlink(VirtualPath path) {
  return inner_->read_symlink(std::move(path));
}

Task<Result<void>> ConfirmedFileSystem::make_hard_link(VirtualPath existing, VirtualPath link) {
  return inner_->make_hard_link(std::move(existing), std::move(link));
}

Task<Result<void>> ConfirmedFileSystem::set_attributes(VirtualPath path, AttributeChange change, bool follow) {
  Result<void> changed = co_await inner_->set_attributes(path, change, follow);
  if (!changed && leaves_open(changed.error())) {
    changed = co_await inner_->set_attributes(std::move(path), change, follow);
  }
  co_return changed;
}

Task<Result<SpaceInfo>> ConfirmedFileSystem::space(VirtualPath path) { return inner_->space(std::move(path)); }

}  // namespace ferry::vfs
