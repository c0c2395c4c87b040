#include "vfs/local/local_file_system.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <climits>
#include <cstdio>

#include "vfs/local/attributes.h"
#include "vfs/local/directory.h"
#include "vfs/local/file.h"
#include "vfs/local/links.h"

namespace ferry::vfs {

using local::change;
using local::Descriptor;
using local::look;
using local::Lookup;
using local::Root;

namespace {

// What openat, mkdirat and the rest take: the last component, ended by NUL.
std::string last_name(const VirtualPath& path) { return std::string(path.name()); }

Result<FileInfo> info_of(const Root& root, const VirtualPath& path, int flags, Lookup& lookup) {
  const Result<Descriptor> opened = root.open_at(path, O_PATH | flags, lookup);
  if (!opened) return fail(opened.error());
  const Result<struct statx> facts = local::stat_at(opened->get(), "");
  if (!facts) return fail(facts.error());
  return local::to_info(*facts);
}

// New things belong to the account and have the mode asked for, whatever the process's own umask is.
Result<void> settle_created(const LocalOptions& options, int descriptor, std::uint32_t mode) {
  const Result<struct statx> facts = local::stat_at(descriptor, "");
  if (!facts) return fail(facts.error());
  AttributeChange wanted;
  if (options.owner && (facts->stx_uid != options.owner->uid || facts->stx_gid != options.owner->gid)) {
    wanted.owner = options.owner;
  }
  if (!S_ISLNK(facts->stx_mode) && (facts->stx_mode & 0777U) != (mode & 0777U)) wanted.mode = mode;
  return local::change_attributes(descriptor, wanted);
}

int open_flags(const OpenOptions& options) {
  const int access = options.read && options.write ? O_RDWR : options.write ? O_WRONLY : O_RDONLY;
  // A FIFO or a device must neither block nor become the controlling terminal before it is refused.
  return access | O_NONBLOCK | O_NOCTTY | (options.append ? O_APPEND : 0);
}

Result<std::unique_ptr<File>> as_file(const Root& root, Descriptor opened, const OpenOptions& options, Lookup& lookup) {
  const Result<struct statx> facts = local::stat_at(opened.get(), "");
  if (!facts) return fail(facts.error());
  if (S_ISDIR(facts->stx_mode)) return fail(ErrorCode::is_a_directory, "open: a directory");
  if (!S_ISREG(facts->stx_mode)) return fail(ErrorCode::permission_denied, "open: not a regular file");
  if (options.truncate && options.write && facts->stx_size != 0) {
    const Result<void> cut = local::change_size(opened.get(), 0, lookup);
    if (!cut) return fail(cut.error());
    if (lookup.would_wait) return nullptr;
  }
  const dev_t device = makedev(facts->stx_dev_major, facts->stx_dev_minor);
  const local::Storage storage = root.storage_of(opened.get(), device);
  return std::make_unique<local::LocalFile>(std::move(opened), storage, options.write);
}

Result<std::unique_ptr<File>> open_existing(const Root& root, const VirtualPath& path, const OpenOptions& options,
                                            Lookup& lookup) {
  Result<Descriptor> opened = root.open_at(path, open_flags(options), lookup);
  if (!opened) return fail(opened.error());
  return as_file(root, std::move(*opened), options, lookup);
}

// Creation is always exclusive (O_EXCL follows no link), so a file can only appear under the name given; what
// is there already is opened as it is. A link to a name that does not exist is neither: `dangling` tells.
Result<std::unique_ptr<File>> open_or_create_here(const Root& root, const LocalOptions& local, const VirtualPath& path,
                                                  const OpenOptions& options, Lookup& lookup, bool& dangling) {
  const Result<Descriptor> parent = root.open_parent(path, lookup);
  if (!parent && path.is_root()) return fail(ErrorCode::is_a_directory, "open: the root");
  if (!parent) return fail(parent.error());
  const std::uint32_t mode = options.mode & ~local.umask & 0777;
  for (int attempt = 0; attempt < 3; ++attempt) {
    const int flags = open_flags(options) | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC;
    Descriptor made(::openat(parent->get(), last_name(path).c_str(), flags, mode));
    if (made.get() >= 0) {
      const Result<void> settled = settle_created(local, made.get(), mode);
      if (!settled) return fail(settled.error());
      return as_file(root, std::move(made), options, lookup);
    }
    if (errno != EEXIST || options.exclusive) return fail_errno(errno, "create " + path.text());
    Result<std::unique_ptr<File>> existing = open_existing(root, path, options, lookup);
    if (existing || existing.error().code != ErrorCode::not_found) return existing;
  }
  dangling = true;
  return fail(ErrorCode::permission_denied, "a dangling symlink: " + path.text());
}

Result<std::unique_ptr<File>> open_or_create(const Root& root, const LocalOptions& local, const VirtualPath& path,
                                             const OpenOptions& options, Lookup& lookup) {
  bool dangling = false;
  Result<std::unique_ptr<File>> file = open_or_create_here(root, local, path, options, lookup, dangling);
  if (!dangling) return file;
  const Result<VirtualPath> meant = root.canonical(path, true);
  if (!meant) return fail(meant.error());
  file = open_or_create_here(root, local, *meant, options, lookup, dangling);
  return file;
}

}  // namespace

LocalFileSystem::LocalFileSystem(LocalOptions options, Root root)
    : options_(std::move(options)), root_(std::move(root)) {}

Result<std::unique_ptr<LocalFileSystem>> LocalFileSystem::open(LocalOptions options) {
  Result<Root> root = options.cached_only ? Root::open_cached(options.root)
                                          : Root::open(options.root, options.create_root, options.owner);
  if (!root) return fail(root.error());
  return std::unique_ptr<LocalFileSystem>(new LocalFileSystem(std::move(options), std::move(*root)));
}

const Capabilities& LocalFileSystem::capabilities() const {
  static const Capabilities everything;
  return everything;
}

std::string LocalFileSystem::location(const VirtualPath& path) const {
  const std::string root = root_.path();
  if (path.is_root()) return root;
  return root == "/" ? path.text() : root + path.text();
}

std::shared_ptr<FileSystem> LocalFileSystem::without_links() {
  return std::shared_ptr<FileSystem>(new LocalFileSystem(options_, root_.without_links()));
}

Task<Result<std::shared_ptr<FileSystem>>> LocalFileSystem::hold_directory(VirtualPath path) {
  auto work = [this, &path](Lookup& lookup) -> Result<std::shared_ptr<FileSystem>> {
    Result<Root> root = root_.hold(path, lookup);
    if (!root) return fail(root.error());
    return std::shared_ptr<FileSystem>(new LocalFileSystem(options_, std::move(*root)));
  };
  auto held = co_await look(root_.storage(), work);
  co_return held;
}

Result<VirtualPath> LocalFileSystem::place_of(const FileSystem& held) const {
  const auto* directory = dynamic_cast<const LocalFileSystem*>(&held);
  if (directory == nullptr) return fail(ErrorCode::unsupported, "of another kind of storage");
  return directory->root_.where();
}

Task<Result<VirtualPath>> LocalFileSystem::canonical(VirtualPath path, bool follow) {
  auto work = [&](Lookup& lookup) -> Result<VirtualPath> {
    if (root_.is_plain(path, lookup) || lookup.would_wait) return path;
    if (lookup.cached_only) {
      lookup.would_wait = true;
      return path;
    }
    return root_.canonical(path, follow);
  };
  auto real = co_await look(root_.storage(), work);
  co_return real;
}

Task<Result<FileInfo>> LocalFileSystem::stat(VirtualPath path) {
  auto work = [this, &path](Lookup& lookup) { return info_of(root_, path, 0, lookup); };
  auto info = co_await look(root_.storage(), work);
  co_return info;
}

Task<Result<FileInfo>> LocalFileSystem::lstat(VirtualPath path) {
  auto work = [this, &path](Lookup& lookup) { return info_of(root_, path, O_NOFOLLOW, lookup); };
  auto info = co_await look(root_.storage(), work);
  co_return info;
}

Task<Result<std::unique_ptr<File>>> LocalFileSystem::open(VirtualPath path, OpenOptions options) {
  if (!options.read && !options.write) co_return fail(ErrorCode::invalid_argument, "neither read nor write");
  if (options.create && !options.write) co_return fail(ErrorCode::invalid_argument, "create without write");
  auto existing = [&](Lookup& lookup) { return open_existing(root_, path, options, lookup); };
  auto created = [&](Lookup& lookup) { return open_or_create(root_, options_, path, options, lookup); };
  Result<std::unique_ptr<File>> file = nullptr;
  if (options.create) {
    file = co_await change(root_.storage(), created);
  } else if (options.truncate) {
    file = co_await change(root_.storage(), existing);
  } else {
    file = co_await look(root_.storage(), existing);
  }
  co_return std::move(file);
}

Task<Result<std::unique_ptr<Directory>>> LocalFileSystem::open_directory(VirtualPath path) {
  auto work = [this, &path](Lookup& lookup) -> Result<std::unique_ptr<Directory>> {
    Result<Descriptor> opened = root_.open_at(path, O_RDONLY | O_DIRECTORY | O_NONBLOCK, lookup);
    if (!opened) return fail(opened.error());
    return std::make_unique<local::LocalDirectory>(std::move(*opened), root_.storage());
  };
  auto directory = co_await look(root_.storage(), work);
  co_return std::move(directory);
}

Task<Result<void>> LocalFileSystem::make_directory(VirtualPath path, std::uint32_t mode) {
  auto work = [&](Lookup& lookup) -> Result<void> {
    if (path.is_root()) return fail(ErrorCode::already_exists, "the root");
    const Result<Descriptor> parent = root_.open_parent(path, lookup);
    if (!parent) return fail(parent.error());
    const std::string name = last_name(path);
    const std::uint32_t wanted = mode & ~options_.umask & 01777;
    if (::mkdirat(parent->get(), name.c_str(), wanted) != 0) return fail_errno(errno, "mkdir " + path.text());
    const Descriptor made(::openat(parent->get(), name.c_str(), O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
    if (made.get() < 0) return fail_errno(errno, "open " + path.text());
    return settle_created(options_, made.get(), wanted);
  };
  auto made = co_await change(root_.storage(), work);
  co_return made;
}

Task<Result<void>> LocalFileSystem::remove_file(VirtualPath path) {
  auto work = [this, &path](Lookup& lookup) -> Result<void> {
    const Result<Descriptor> parent = root_.open_parent(path, lookup);
    if (!parent) return fail(path.is_root() ? Error{ErrorCode::is_a_directory, "the root"} : parent.error());
    const std::string name = last_name(path);
    if (local::frees_much(parent->get(), name.c_str(), lookup)) return {};
    if (::unlinkat(parent->get(), name.c_str(), 0) != 0) return fail_errno(errno, "unlink " + path.text());
    return {};
  };
  auto removed = co_await change(root_.storage(), work);
  co_return removed;
}

Task<Result<void>> LocalFileSystem::remove_directory(VirtualPath path) {
  auto work = [this, &path](Lookup& lookup) -> Result<void> {
    const Result<Descriptor> parent = root_.open_parent(path, lookup);
    if (!parent) return fail(parent.error());
    if (::unlinkat(parent->get(), last_name(path).c_str(), AT_REMOVEDIR) == 0) return {};
    // POSIX allows EEXIST for a directory that is not empty.
    return fail_errno(errno == EEXIST ? ENOTEMPTY : errno, "rmdir " + path.text());
  };
  auto removed = co_await change(root_.storage(), work);
  co_return removed;
}

Task<Result<void>> LocalFileSystem::rename(VirtualPath from, VirtualPath to, bool overwrite) {
  Result<void> renamed = co_await move(root_, from, to, overwrite);
  co_return renamed;
}

Task<Result<void>> LocalFileSystem::take_over(FileSystem& storage, VirtualPath from, VirtualPath to, bool overwrite) {
  const auto* other = dynamic_cast<LocalFileSystem*>(&storage);
  if (other == nullptr) co_return fail(ErrorCode::unsupported, "from another kind of storage");
  Result<void> taken = co_await move(other->root_, from, to, overwrite);
  co_return taken;
}

Task<Result<void>> LocalFileSystem::move(const Root& from_root, VirtualPath from, VirtualPath to, bool overwrite) {
  auto work = [&](Lookup& lookup) -> Result<void> {
    const Result<Descriptor> source = from_root.open_parent(from, lookup);
    if (!source) return fail(source.error());
    const Result<Descriptor> target = root_.open_parent(to, lookup);
    if (!target) return fail(target.error());
    const std::string old_name = last_name(from), new_name = last_name(to);
    if (!overwrite) return local::rename_exclusive(source->get(), old_name, target->get(), new_name);
    if (local::frees_much(target->get(), new_name.c_str(), lookup)) return {};
    if (::renameat(source->get(), old_name.c_str(), target->get(), new_name.c_str()) == 0) return {};
    if (errno == EXDEV) return fail(ErrorCode::unsupported, "rename between two file systems");
    return fail_errno(errno == EEXIST ? ENOTEMPTY : errno, "rename " + from.text());
  };
  auto renamed = co_await change(root_.storage(), work);
  co_return renamed;
}

Task<Result<void>> LocalFileSystem::make_symlink(std::string target, VirtualPath link) {
  auto work = [&](Lookup& lookup) -> Result<void> {
    const Result<std::string> stored = local::stored_target(root_, target, link);
    if (!stored) return fail(stored.error());
    const Result<Descriptor> parent = root_.open_parent(link, lookup);
    if (!parent) return fail(parent.error());
    const std::string name = last_name(link);
    if (::symlinkat(stored->c_str(), parent->get(), name.c_str()) != 0)
      return fail_errno(errno, "symlink " + link.text());
    if (!options_.owner) return {};
    const Descriptor made(::openat(parent->get(), name.c_str(), O_PATH | O_NOFOLLOW | O_CLOEXEC));
    if (made.get() < 0) return fail_errno(errno, "open " + link.text());
    return settle_created(options_, made.get(), 0777);
  };
  auto made = co_await change(root_.storage(), work);
  co_return made;
}

Task<Result<std::string>> LocalFileSystem::read_symlink(VirtualPath path) {
  auto work = [this, &path](Lookup& lookup) -> Result<std::string> {
    const Result<Descriptor> link = root_.open_at(path, O_PATH | O_NOFOLLOW, lookup);
    if (!link) return fail(link.error());
    std::array<char, PATH_MAX> target;
    const ssize_t size = ::readlinkat(link->get(), "", target.data(), target.size());
    // ENOENT is how readlinkat says that the descriptor is no link.
    if (size < 0) return fail_errno(errno == ENOENT ? EINVAL : errno, "readlink " + path.text());
    return local::shown_target(root_, std::string(target.data(), static_cast<std::size_t>(size)), path, lookup);
  };
  auto target = co_await look(root_.storage(), work);
  co_return target;
}

Task<Result<void>> LocalFileSystem::make_hard_link(VirtualPath existing, VirtualPath link) {
  Result<void> made = co_await this->link(root_, existing, link);
  co_return made;
}

Task<Result<void>> LocalFileSystem::link_from(FileSystem& storage, VirtualPath existing, VirtualPath link) {
  const auto* other = dynamic_cast<LocalFileSystem*>(&storage);
  if (other == nullptr) co_return fail(ErrorCode::unsupported, "from another kind of storage");
  Result<void> made = co_await this->link(other->root_, existing, link);
  co_return made;
}

Task<Result<void>> LocalFileSystem::link(const Root& from_root, VirtualPath existing, VirtualPath link) {
  auto work = [&](Lookup& lookup) -> Result<void> {
    const Result<Descriptor> source = from_root.open_parent(existing, lookup);
    if (!source) return fail(source.error());
    const std::string old_name = last_name(existing);
    const Result<struct statx> facts = local::stat_at(source->get(), old_name.c_str());
    if (!facts) return fail(facts.error());
    if (!S_ISREG(facts->stx_mode)) return fail(ErrorCode::permission_denied, "link: not a regular file");
    const Result<Descriptor> target = root_.open_parent(link, lookup);
    if (!target) return fail(target.error());
    // Without AT_SYMLINK_FOLLOW: if a symlink took the place of the file just now, the link is to that symlink.
    if (::linkat(source->get(), old_name.c_str(), target->get(), last_name(link).c_str(), 0) == 0) return {};
    return fail_errno(errno, "link " + link.text());
  };
  auto made = co_await change(root_.storage(), work);
  co_return made;
}

Task<Result<void>> LocalFileSystem::set_attributes(VirtualPath path, AttributeChange wanted, bool follow) {
  auto work = [&](Lookup& lookup) -> Result<void> {
    if (wanted.size) {
      const int flags = O_WRONLY | O_NONBLOCK | O_NOCTTY | (follow ? 0 : O_NOFOLLOW);
      Result<Descriptor> opened = root_.open_at(path, flags, lookup);
      if (!opened) return fail(opened.error());
      const int number = opened->get();
      const Result<struct statx> facts = local::stat_at(number, "");
      if (!facts) return fail(facts.error());
      if (!S_ISREG(facts->stx_mode)) return fail(ErrorCode::permission_denied, "truncate: not a regular file");
      const Result<void> cut = local::change_size(number, *wanted.size, lookup);
      if (!cut || lookup.would_wait) return cut;
    }
    const Result<Descriptor> object = root_.open_at(path, O_PATH | (follow ? 0 : O_NOFOLLOW), lookup);
    if (!object) return fail(object.error());
    return local::change_attributes(object->get(), wanted);
  };
  auto changed = co_await change(root_.storage(), work);
  co_return changed;
}

Task<Result<Descriptor>> LocalFileSystem::open_native(VirtualPath path) {
  auto work = [this, &path](Lookup& lookup) { return root_.open_at(path, O_PATH, lookup); };
  Result<Descriptor> object = co_await look(root_.storage(), work);
  co_return object;
}

Task<Result<SpaceInfo>> LocalFileSystem::space(VirtualPath path) {
  auto work = [this, &path](Lookup& lookup) -> Result<SpaceInfo> {
    const Result<Descriptor> object = root_.open_at(path, O_PATH, lookup);
    if (!object) return fail(object.error());
    struct statvfs facts {};
    if (::fstatvfs(object->get(), &facts) != 0) return fail_errno(errno, "statvfs");
    SpaceInfo space;
    space.block_size = facts.f_bsize;
    space.fragment_size = facts.f_frsize;
    space.blocks = facts.f_blocks;
    space.blocks_free = facts.f_bfree;
    space.blocks_available = facts.f_bavail;
    space.files = facts.f_files;
    space.files_free = facts.f_ffree;
    space.files_available = facts.f_favail;
    space.filesystem_id = facts.f_fsid;
    space.name_max = facts.f_namemax;
    space.read_only = (facts.f_flag & ST_RDONLY) != 0;
    return space;
  };
  auto space = co_await look(root_.storage(), work);
  co_return space;
}

}  // namespace ferry::vfs
