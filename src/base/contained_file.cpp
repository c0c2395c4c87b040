#include "base/contained_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <vector>

#include "base/descriptor.h"

namespace ferry {

namespace {

namespace fs = std::filesystem;

std::unexpected<Error> bad_name(std::string_view name) {
  return fail(ErrorCode::invalid_argument, "not the name of a file below the directory: \"" + std::string(name) + "\"");
}

// The parts of the name below the root; never "..", ".", or nothing.
Result<std::vector<std::string>> parts_of(const fs::path& root, std::string_view name) {
  if (name.empty() || name.contains('\0') || name.ends_with('/')) return bad_name(name);
  fs::path path(name);
  if (path.is_absolute()) path = path.lexically_relative(fs::absolute(root).lexically_normal());
  std::vector<std::string> parts;
  for (const fs::path& part : path) {
    if (part.empty() || part == "." || part == "..") return bad_name(name);
    parts.push_back(part.native());
  }
  if (parts.empty()) return bad_name(name);
  return parts;
}

// The directory that holds the file.
Result<Descriptor> open_parent(const fs::path& root, const std::vector<std::string>& parts, bool make) {
  if (make && ::mkdir(root.c_str(), 0700) != 0 && errno != EEXIST) return fail_errno(errno, "mkdir " + root.string());
  Descriptor at(::open(root.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  for (std::size_t i = 0; at && i + 1 < parts.size(); ++i) {
    if (make && ::mkdirat(at.get(), parts[i].c_str(), 0700) != 0 && errno != EEXIST) {
      return fail_errno(errno, "mkdir " + parts[i]);
    }
    at = Descriptor(::openat(at.get(), parts[i].c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  }
  if (!at) return fail_errno(errno, "open " + root.string());
  return at;
}

Result<std::string> read_all(const Descriptor& file, std::size_t limit) {
  struct stat info {};
  if (::fstat(file.get(), &info) != 0) return fail_errno(errno, "stat");
  if (!S_ISREG(info.st_mode)) return fail(ErrorCode::permission_denied, "not a regular file");
  std::string content;
  char block[65536];
  while (true) {
    const ssize_t got = ::read(file.get(), block, sizeof block);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return fail_errno(errno, "read");
    if (got == 0) return content;
    if (content.size() + static_cast<std::size_t>(got) > limit) {
      return fail(ErrorCode::limit_exceeded, "more than " + std::to_string(limit) + " bytes");
    }
    content.append(block, static_cast<std::size_t>(got));
  }
}

Result<void> write_all(const Descriptor& file, std::string_view content) {
  while (!content.empty()) {
    const ssize_t written = ::write(file.get(), content.data(), content.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return fail_errno(errno, "write");
    content.remove_prefix(static_cast<std::size_t>(written));
  }
  if (::fsync(file.get()) != 0) return fail_errno(errno, "fsync");
  return {};
}

// O_NONBLOCK: opening a pipe must not wait for its other end.
constexpr int reading = O_RDONLY | O_CLOEXEC | O_NONBLOCK;

}  // namespace

Result<std::string> read_contained(const fs::path& root, std::string_view name, std::size_t limit) {
  const auto parts = parts_of(root, name);
  if (!parts) return fail(parts.error());
  const auto parent = open_parent(root, *parts, false);
  if (!parent) return fail(parent.error());
  const Descriptor file(::openat(parent->get(), parts->back().c_str(), reading | O_NOFOLLOW));
  if (!file) return fail_errno(errno, "open " + parts->back());
  return read_all(file, limit);
}

Result<void> write_contained(const fs::path& root, std::string_view name, std::string_view content) {
  const auto parts = parts_of(root, name);
  if (!parts) return fail(parts.error());
  const auto parent = open_parent(root, *parts, true);
  if (!parent) return fail(parent.error());
  // A file of the same name is replaced, whatever it is; two writers do not meet in one file.
  const std::string partial = "." + parts->back() + "." + std::to_string(::gettid()) + ".partial";
  ::unlinkat(parent->get(), partial.c_str(), 0);
  const Descriptor file(
      ::openat(parent->get(), partial.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600));
  if (!file) return fail_errno(errno, "create " + parts->back());
  auto done = write_all(file, content);
  if (done && ::renameat(parent->get(), partial.c_str(), parent->get(), parts->back().c_str()) != 0) {
    done = fail_errno(errno, "rename " + parts->back());
  }
  if (!done) ::unlinkat(parent->get(), partial.c_str(), 0);
  return done;
}

Result<std::string> read_file(const fs::path& path, std::size_t limit) {
  const Descriptor file(::open(path.c_str(), reading));
  if (!file) return fail_errno(errno, "open " + path.string());
  return read_all(file, limit);
}

}  // namespace ferry
