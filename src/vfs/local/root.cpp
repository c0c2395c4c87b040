#include "vfs/local/root.h"

#include <fcntl.h>
#include <linux/magic.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <climits>
#include <mutex>
#include <vector>

namespace ferry::vfs::local {

namespace {

constexpr int max_links = 40;  // as the kernel follows

int open_beneath(int directory, const std::string& path, int flags, std::uint64_t extra) {
  open_how how{};
  how.flags = static_cast<std::uint64_t>(flags | O_CLOEXEC);
  how.resolve = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS | extra;
  while (true) {
    const long number = ::syscall(SYS_openat2, directory, path.c_str(), &how, sizeof how);
    if (number >= 0 || errno != EINTR) return static_cast<int>(number);
  }
}

// RESOLVE_CACHED came with Linux 5.12; older ones answer EINVAL to the unknown flag.
bool kernel_resolves_cached(int directory) {
  const Descriptor probe(open_beneath(directory, ".", O_PATH | O_DIRECTORY, RESOLVE_CACHED));
  return probe.get() >= 0 || errno != EINVAL;
}

Storage storage_kind(int descriptor) {
  struct statfs facts {};
  if (::fstatfs(descriptor, &facts) != 0) return Storage::remote;
  switch (static_cast<unsigned long>(facts.f_type)) {
    case TMPFS_MAGIC:
    case RAMFS_MAGIC: return Storage::memory;
    case EXT4_SUPER_MAGIC:  // ext2 and ext3 too
    case XFS_SUPER_MAGIC:
    case BTRFS_SUPER_MAGIC:
    case F2FS_SUPER_MAGIC:
    case OVERLAYFS_SUPER_MAGIC: return Storage::disk;
    default: return Storage::remote;  // NFS, SMB, FUSE, and whatever we do not know: never wait inline
  }
}

// The devices on which a root was found to be local: those may be asked what they are from an event loop.
class LocalDevices {
 public:
  void add(dev_t device) {
    const std::lock_guard lock(mutex_);
    if (!contains_locked(device)) devices_.push_back(device);
  }
  bool contains(dev_t device) const {
    const std::lock_guard lock(mutex_);
    return contains_locked(device);
  }

 private:
  bool contains_locked(dev_t device) const { return std::ranges::find(devices_, device) != devices_.end(); }
  mutable std::mutex mutex_;
  std::vector<dev_t> devices_;
};

LocalDevices& local_devices() {
  static LocalDevices devices;
  return devices;
}

Result<std::vector<std::string>> root_components(const std::string& path) {
  const auto bad = [&path] {
    return fail(ErrorCode::invalid_argument, "not an absolute, normal path: \"" + path + '"');
  };
  if (!path.starts_with('/') || path.size() >= PATH_MAX || path.find('\0') != std::string::npos) return bad();
  std::vector<std::string> names;
  for (std::size_t at = 1; at < path.size();) {
    const std::size_t end = std::min(path.find('/', at), path.size());
    std::string name = path.substr(at, end - at);
    if (name == "." || name == "..") return bad();
    if (!name.empty()) names.push_back(std::move(name));
    at = end + 1;
  }
  return names;
}

Result<Descriptor> make_one(int parent, const std::string& name, const AttributeChange::Owner* owner) {
  if (::mkdirat(parent, name.c_str(), 0700) != 0 && errno != EEXIST) return fail_errno(errno, "mkdir " + name);
  Descriptor made(::openat(parent, name.c_str(), O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  if (made.get() < 0) return fail_errno(errno, "open " + name);
  if (owner != nullptr && ::fchownat(made.get(), "", owner->uid, owner->gid, AT_EMPTY_PATH) != 0) {
    return fail_errno(errno, "chown " + name);
  }
  return made;
}

// Walks down from "/", making what is missing if `create`. Links in the operator's own path are followed.
Result<Descriptor> open_root(const std::string& path, bool create, const std::optional<AttributeChange::Owner>& owner) {
  const Result<std::vector<std::string>> names = root_components(path);
  if (!names) return fail(names.error());
  Descriptor there(::open(path.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
  if (there.get() >= 0) return there;
  Descriptor at(::open("/", O_PATH | O_DIRECTORY | O_CLOEXEC));
  if (at.get() < 0) return fail_errno(errno, "open /");
  for (std::size_t i = 0; i < names->size(); ++i) {
    const std::string& name = (*names)[i];
    Descriptor next(::openat(at.get(), name.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
    if (next.get() < 0) {
      if (errno != ENOENT || !create) return fail_errno(errno, "open " + path);
      const bool last = i + 1 == names->size();
      Result<Descriptor> made = make_one(at.get(), name, last && owner ? &*owner : nullptr);
      if (!made) return fail(made.error().code, path + ": " + made.error().message);
      next = std::move(*made);
    }
    at = std::move(next);
  }
  return at;
}

// Where an open directory lies, without links.
Result<std::string> name_of(int descriptor) {
  const std::string link = "/proc/self/fd/" + std::to_string(descriptor);
  std::array<char, PATH_MAX> name;
  const ssize_t size = ::readlink(link.c_str(), name.data(), name.size());
  if (size <= 0 || static_cast<std::size_t>(size) == name.size()) return fail_errno(errno, "readlink " + link);
  return std::string(name.data(), static_cast<std::size_t>(size));
}

std::string below_root(const std::string& root, const VirtualPath& path) {
  if (path.is_root()) return root;
  return root == "/" ? path.text() : root + path.text();
}

// Pushes the components of `path` so that the first comes off first.
void push_names(std::vector<std::string>& names, std::string_view path) {
  for (std::size_t end = path.size(); end > 0;) {
    const std::size_t slash = path.substr(0, end).rfind('/');
    const std::size_t start = slash == std::string_view::npos ? 0 : slash + 1;
    if (start < end) names.emplace_back(path.substr(start, end - start));
    end = slash == std::string_view::npos ? 0 : slash;
  }
}

}  // namespace

Result<Root> Root::around(Descriptor directory, const std::string& path, dev_t device, Storage storage) {
  Root root;
  root.path_ = path;
  while (root.path_.size() > 1 && root.path_.ends_with('/')) root.path_.pop_back();
  const Result<std::string> real = name_of(directory.get());
  root.real_path_ = real ? *real : root.path_;
  root.device_ = device;
  root.storage_ = storage;
  root.directory_ = std::make_shared<const Descriptor>(std::move(directory));
  return root;
}

Result<Root> Root::open(const std::string& path, bool create, const std::optional<AttributeChange::Owner>& owner) {
  Result<Descriptor> directory = open_root(path, create, owner);
  if (!directory) return fail(directory.error());
  const Descriptor probe(open_beneath(directory->get(), ".", O_PATH | O_DIRECTORY, 0));
  if (probe.get() < 0) return fail_errno(errno, "openat2 (needs Linux 5.6 and a container that allows it) " + path);
  struct stat facts {};
  if (::fstat(directory->get(), &facts) != 0) return fail_errno(errno, "fstat " + path);
  Storage storage = storage_kind(directory->get());
  static const bool cached_lookups = kernel_resolves_cached(directory->get());
  if (storage == Storage::disk && !cached_lookups) storage = Storage::remote;
  if (cached_lookups && storage != Storage::remote) local_devices().add(facts.st_dev);
  return around(std::move(*directory), path, facts.st_dev, storage);
}

Result<Root> Root::open_cached(const std::string& path) {
  const auto unsure = [] { return fail(ErrorCode::io_error, "not cached"); };
  if (!root_components(path)) return unsure();
  open_how how{};
  how.flags = O_PATH | O_DIRECTORY | O_CLOEXEC;
  how.resolve = RESOLVE_CACHED;
  Descriptor directory(static_cast<int>(::syscall(SYS_openat2, AT_FDCWD, path.c_str(), &how, sizeof how)));
  if (directory.get() < 0) return unsure();
  struct statx facts {};  // the device alone: that is known without asking it
  if (::statx(directory.get(), "", AT_EMPTY_PATH | AT_STATX_DONT_SYNC, 0, &facts) != 0) return unsure();
  const dev_t device = ::makedev(facts.stx_dev_major, facts.stx_dev_minor);
  if (!local_devices().contains(device)) return unsure();
  const Storage storage = storage_kind(directory.get());
  return around(std::move(directory), path, device, storage);
}

Result<Root::Place> Root::place() const {
  struct statx facts {};  // what is cached: it may be asked on an event loop
  if (::statx(directory_->get(), "", AT_EMPTY_PATH | AT_STATX_DONT_SYNC, STATX_INO, &facts) != 0) {
    return fail_errno(errno, "statx " + path_);
  }
  return Place{real_path_, ::makedev(facts.stx_dev_major, facts.stx_dev_minor), facts.stx_ino};
}

Root Root::without_links() const {
  Root root = *this;
  root.resolve_ = RESOLVE_NO_SYMLINKS;
  return root;
}

Result<Root> Root::hold(const VirtualPath& path, Lookup& lookup) const {
  Result<Descriptor> directory = open_at(path, O_PATH | O_DIRECTORY, lookup);
  if (!directory) return fail(directory.error());
  struct statx facts {};  // the device alone: that is known without asking it
  if (::statx(directory->get(), "", AT_EMPTY_PATH | AT_STATX_DONT_SYNC, 0, &facts) != 0) {
    return fail_errno(errno, "statx " + path.text());
  }
  Root held;
  held.device_ = ::makedev(facts.stx_dev_major, facts.stx_dev_minor);
  held.storage_ = storage_of(directory->get(), held.device_);
  held.path_ = below_root(this->path(), path);
  held.real_path_ = held.path_;
  held.resolve_ = RESOLVE_NO_SYMLINKS;
  held.directory_ = std::make_shared<const Descriptor>(std::move(*directory));
  held.whole_ = whole_ ? whole_ : std::make_shared<const Root>(*this);
  return held;
}

Result<VirtualPath> Root::where() const {
  if (!whole_) return VirtualPath();
  struct statx facts {};
  const bool known = ::statx(directory_->get(), "", AT_EMPTY_PATH | AT_STATX_DONT_SYNC, STATX_NLINK, &facts) == 0;
  if (known && facts.stx_nlink == 0) return fail(ErrorCode::not_found, "the directory was removed: " + path_);
  const Result<std::string> real = name_of(directory_->get());
  if (!real) return fail(real.error());
  const Result<VirtualPath> here = VirtualPath::parse(*real), base = VirtualPath::parse(whole_->real_path_);
  if (!here || !base || !here->is_within(*base)) {
    return fail(ErrorCode::not_found, "the directory was moved away: " + path_);
  }
  return here->below(*base);
}

std::string Root::path() const {
  const Result<VirtualPath> now = where();
  return whole_ && now ? below_root(whole_->path_, *now) : path_;
}

Storage Root::storage_of(int descriptor, dev_t device) const {
  return device == device_ ? storage_ : storage_kind(descriptor);
}

Result<Descriptor> Root::resolve(const VirtualPath& path, int flags, Lookup& lookup) const {
  const std::string relative(path.relative());
  // EAGAIN without RESOLVE_CACHED: a rename raced with a ".." in a link and the kernel could not be sure.
  for (int attempt = 0; attempt < 64; ++attempt) {
    const std::uint64_t extra = resolve_ | (lookup.cached_only ? RESOLVE_CACHED : 0);
    const int number = open_beneath(directory_->get(), relative, flags, extra);
    if (number >= 0) return Descriptor(number);
    if (errno == EAGAIN && lookup.cached_only) {
      lookup.would_wait = true;
      return fail(ErrorCode::io_error, "not cached");
    }
    lookup.left_root = errno == EXDEV;
    if (errno == ELOOP && resolve_ != 0) return fail(ErrorCode::unsupported, "a symlink on the way: " + path.text());
    if (errno == ENXIO) return fail(ErrorCode::permission_denied, "a FIFO or socket: " + path.text());
    if (errno != EAGAIN) return fail_errno(errno, "open " + path.text());
  }
  return fail(ErrorCode::conflict, "the tree keeps changing: " + path.text());
}

Result<Descriptor> Root::open_at(const VirtualPath& path, int flags, Lookup& lookup) const {
  Result<Descriptor> opened = resolve(path, flags, lookup);
  if (opened || !lookup.left_root) return opened;
  if (lookup.cached_only) {  // canonical() may wait
    lookup.would_wait = true;
    return opened;
  }
  const Result<VirtualPath> rewritten = canonical(path, (flags & O_NOFOLLOW) == 0);
  if (!rewritten) return fail(rewritten.error());
  return resolve(*rewritten, flags, lookup);
}

Result<Descriptor> Root::open_parent(const VirtualPath& path, Lookup& lookup) const {
  if (path.is_root()) return fail(ErrorCode::permission_denied, "the root itself");
  return open_at(path.parent(), O_PATH | O_DIRECTORY, lookup);
}

bool Root::is_plain(const VirtualPath& path, Lookup& lookup) const {
  const std::uint64_t extra = RESOLVE_NO_SYMLINKS | (lookup.cached_only ? RESOLVE_CACHED : 0);
  const Descriptor found(open_beneath(directory_->get(), std::string(path.relative()), O_PATH, extra));
  if (found.get() < 0 && errno == EAGAIN && lookup.cached_only) lookup.would_wait = true;
  return found.get() >= 0;
}

std::optional<VirtualPath> Root::inside(std::string_view absolute) const {
  const Result<VirtualPath> path = VirtualPath::parse(absolute);
  if (!path || !absolute.starts_with('/')) return std::nullopt;
  for (const std::string& root : {path_, real_path_}) {
    const Result<VirtualPath> base = VirtualPath::parse(root);
    if (base && path->is_within(*base)) return path->below(*base);
  }
  return std::nullopt;
}

// The target of the symlink at `path`, whose parents hold no links; nothing when it is something else or missing.
Result<std::optional<std::string>> Root::link_target(const VirtualPath& path) const {
  Lookup lookup;
  const Result<Descriptor> link = resolve(path, O_PATH | O_NOFOLLOW, lookup);
  if (!link && link.error().code != ErrorCode::not_found) return fail(link.error());
  std::array<char, PATH_MAX> target;
  const ssize_t size = link ? ::readlinkat(link->get(), "", target.data(), target.size()) : -1;
  if (size < 0) return std::nullopt;
  return std::string(target.data(), static_cast<std::size_t>(size));
}

Result<VirtualPath> Root::canonical(const VirtualPath& path, bool follow) const {
  VirtualPath done;
  std::vector<std::string> rest;  // what is still to walk, the next name last
  push_names(rest, path.text());
  const auto outside = [&path] {
    return fail(ErrorCode::permission_denied, "a symlink leads outside: " + path.text());
  };
  for (int links = 0; !rest.empty();) {
    const std::string name = std::move(rest.back());
    rest.pop_back();
    if (name == ".") continue;
    if (name == "..") {
      if (done.is_root()) return outside();
      done = done.parent();
      continue;
    }
    const Result<VirtualPath> next = done.child(name);
    if (!next) return fail(next.error());
    std::optional<std::string> target;
    if (follow || !rest.empty()) {
      Result<std::optional<std::string>> found = link_target(*next);
      if (!found) return fail(found.error());
      target = std::move(*found);
    }
    if (!target) {
      done = *next;
      continue;
    }
    if (++links > max_links) return fail(ErrorCode::permission_denied, "too many symlinks: " + path.text());
    if (target->starts_with('/')) {
      const std::optional<VirtualPath> below = inside(*target);
      if (!below) return outside();
      done = VirtualPath();
      target = below->text();
    }
    push_names(rest, *target);
  }
  return done;
}

}  // namespace ferry::vfs::local
