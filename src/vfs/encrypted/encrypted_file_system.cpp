#include "vfs/encrypted/encrypted_file_system.h"

#include <utility>

#include "vfs/encrypted/reader.h"
#include "vfs/encrypted/sizes.h"
#include "vfs/encrypted/writer.h"

namespace ferry::vfs {

namespace {

Capabilities capabilities_over(Capabilities inner) {
  inner.random_writes = inner.append = inner.truncate = inner.resume = false;
  return inner;
}

Result<FileInfo> shown(Result<FileInfo> stored) {
  if (stored) encrypted::show_plain_size(*stored);
  return stored;
}

class EncryptedDirectory final : public Directory {
 public:
  explicit EncryptedDirectory(std::unique_ptr<Directory> inner) : inner_(std::move(inner)) {}

  Task<Result<std::vector<DirectoryEntry>>> next(std::size_t max) override {
    Result<std::vector<DirectoryEntry>> entries = co_await inner_->next(max);
    if (!entries) co_return entries;
    for (DirectoryEntry& entry : *entries) encrypted::show_plain_size(entry.info);
    co_return entries;
  }

 private:
  std::unique_ptr<Directory> inner_;
};

}  // namespace

EncryptedFileSystem::EncryptedFileSystem(std::shared_ptr<FileSystem> inner, crypto::Secret passphrase)
    : inner_(std::move(inner)),
      passphrase_(std::make_shared<const crypto::Secret>(std::move(passphrase))),
      capabilities_(capabilities_over(inner_->capabilities())) {}

FileSystem* EncryptedFileSystem::beneath(FileSystem& storage) const {
  const auto* other = dynamic_cast<EncryptedFileSystem*>(&storage);
  if (other == nullptr) return nullptr;
  const bool same = other->passphrase_ == passphrase_ ||
                    crypto::equal_in_constant_time(other->passphrase_->bytes(), passphrase_->bytes());
  return same ? other->inner_.get() : nullptr;
}

Task<Result<VirtualPath>> EncryptedFileSystem::canonical(VirtualPath path, bool follow) {
  return inner_->canonical(std::move(path), follow);
}

std::shared_ptr<FileSystem> EncryptedFileSystem::without_links() {
  std::shared_ptr<FileSystem> safe = inner_->without_links();
  if (!safe) return nullptr;
  auto wrapped = std::make_shared<EncryptedFileSystem>(*this);
  wrapped->inner_ = std::move(safe);
  return wrapped;
}

Task<Result<std::shared_ptr<FileSystem>>> EncryptedFileSystem::hold_directory(VirtualPath path) {
  Result<std::shared_ptr<FileSystem>> held = co_await inner_->hold_directory(std::move(path));
  if (!held) co_return fail(held.error());
  auto wrapped = std::make_shared<EncryptedFileSystem>(*this);
  wrapped->inner_ = std::move(*held);
  co_return wrapped;
}

Result<VirtualPath> EncryptedFileSystem::place_of(const FileSystem& held) const {
  const auto* directory = dynamic_cast<const EncryptedFileSystem*>(&held);
  if (directory == nullptr) return fail(ErrorCode::unsupported, "of another kind of storage");
  return inner_->place_of(*directory->inner_);
}

Task<Result<FileInfo>> EncryptedFileSystem::stat(VirtualPath path) {
  Result<FileInfo> info = co_await inner_->stat(std::move(path));
  co_return shown(std::move(info));
}

Task<Result<FileInfo>> EncryptedFileSystem::lstat(VirtualPath path) {
  Result<FileInfo> info = co_await inner_->lstat(std::move(path));
  co_return shown(std::move(info));
}

Task<Result<std::unique_ptr<File>>> EncryptedFileSystem::open(VirtualPath path, OpenOptions options) {
  if (!options.read && !options.write) co_return fail(ErrorCode::invalid_argument, "neither read nor write");
  if (options.create && !options.write) co_return fail(ErrorCode::invalid_argument, "create without write");
  if (options.append) co_return fail(ErrorCode::unsupported, "encrypted files cannot be appended to");
  if (options.read && options.write) {
    co_return fail(ErrorCode::unsupported, "encrypted files are either read or written");
  }
  Result<std::unique_ptr<File>> file = nullptr;
  if (options.write) {
    file = co_await open_writer(std::move(path), options);
  } else {
    file = co_await open_reader(std::move(path), options);
  }
  co_return file;
}

Task<Result<std::unique_ptr<File>>> EncryptedFileSystem::open_reader(VirtualPath path, OpenOptions options) {
  Result<std::unique_ptr<File>> stored = co_await inner_->open(std::move(path), options);
  if (!stored) co_return fail(stored.error());
  Result<std::unique_ptr<encrypted::Reader>> reader = co_await encrypted::Reader::open(std::move(*stored), passphrase_);
  if (!reader) co_return fail(reader.error());
  co_return std::move(*reader);
}

Task<Result<std::unique_ptr<File>>> EncryptedFileSystem::open_writer(VirtualPath path, OpenOptions options) {
  OpenOptions stored_options = options;
  if (options.expected_size && *options.expected_size <= crypto::dare::max_plain_size) {
    stored_options.expected_size = crypto::dare::stored_size(*options.expected_size);
  }
  Result<std::unique_ptr<File>> stored = co_await inner_->open(std::move(path), stored_options);
  if (!stored) co_return fail(stored.error());
  const Result<FileInfo> info = co_await (*stored)->info();
  if (!info) co_return fail(info.error());
  if (info->size != 0 && info->size != crypto::dare::file_header_size) {
    (void)co_await (*stored)->discard();  // nothing was written
    co_return fail(ErrorCode::unsupported, "an encrypted file can only be written anew");
  }
  if (info->size > 0) {
    AttributeChange nothing;
    nothing.size = 0;
    const Result<void> emptied = co_await (*stored)->set_attributes(nothing);
    if (!emptied) co_return fail(emptied.error());
  }
  co_return std::make_unique<encrypted::Writer>(std::move(*stored), passphrase_);
}

Task<Result<std::unique_ptr<Directory>>> EncryptedFileSystem::open_directory(VirtualPath path) {
  Result<std::unique_ptr<Directory>> inner = co_await inner_->open_directory(std::move(path));
  if (!inner) co_return fail(inner.error());
  co_return std::make_unique<EncryptedDirectory>(std::move(*inner));
}

Task<Result<void>> EncryptedFileSystem::make_directory(VirtualPath path, std::uint32_t mode) {
  return inner_->make_directory(std::move(path), mode);
}

Task<Result<void>> EncryptedFileSystem::remove_file(VirtualPath path) { return inner_->remove_file(std::move(path)); }

Task<Result<void>> EncryptedFileSystem::remove_directory(VirtualPath path) {
  return inner_->remove_directory(std::move(path));
}

Task<Result<void>> EncryptedFileSystem::rename(VirtualPath from, VirtualPath to, bool overwrite) {
  return inner_->rename(std::move(from), std::move(to), overwrite);
}

Task<Result<void>> EncryptedFileSystem::copy_file(VirtualPath from, VirtualPath to, bool overwrite) {
  return inner_->copy_file(std::move(from), std::move(to), overwrite);
}

Task<Result<void>> EncryptedFileSystem::take_over(FileSystem& storage, VirtualPath from, VirtualPath to,
                                                  bool overwrite) {
  FileSystem* const other = beneath(storage);
  if (other == nullptr) co_return fail(ErrorCode::unsupported, "from storage that is not encrypted in the same way");
  Result<void> taken = co_await inner_->take_over(*other, std::move(from), std::move(to), overwrite);
  co_return taken;
}

Task<Result<void>> EncryptedFileSystem::make_symlink(std::string target, VirtualPath link) {
  return inner_->make_symlink(std::move(target), std::move(link));
}

Task<Result<std::string>> EncryptedFileSystem::read_symlink(VirtualPath path) {
  return inner_->read_symlink(std::move(path));
}

Task<Result<void>> EncryptedFileSystem::make_hard_link(VirtualPath existing, VirtualPath link) {
  return inner_->make_hard_link(std::move(existing), std::move(link));
}

Task<Result<void>> EncryptedFileSystem::link_from(FileSystem& storage, VirtualPath existing, VirtualPath link) {
  FileSystem* const other = beneath(storage);
  if (other == nullptr) co_return fail(ErrorCode::unsupported, "from storage that is not encrypted in the same way");
  Result<void> made = co_await inner_->link_from(*other, std::move(existing), std::move(link));
  co_return made;
}

Task<Result<void>> EncryptedFileSystem::set_attributes(VirtualPath path, AttributeChange change, bool follow) {
  if (change.size) co_return fail(ErrorCode::unsupported, "encrypted files cannot be cut or extended");
  Result<void> changed = co_await inner_->set_attributes(std::move(path), change, follow);
  co_return changed;
}

Task<Result<SpaceInfo>> EncryptedFileSystem::space(VirtualPath path) { return inner_->space(std::move(path)); }

}  // namespace ferry::vfs
