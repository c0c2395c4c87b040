#include "vfs/sftp/paths.h"

#include <algorithm>
#include <vector>

namespace ferry::vfs::sftp {

namespace {

constexpr int most_links = 40;  // as Linux has it
constexpr std::size_t most_looks_at_once = 64;

// Whether `relative`, read in `directory`, climbs above the root.
bool leads_out(std::string_view relative, const VirtualPath& directory) {
  std::size_t depth = directory.components().size();
  while (!relative.empty()) {
    const std::size_t slash = relative.find('/');
    const std::string_view name = relative.substr(0, slash);
    relative = slash == std::string_view::npos ? std::string_view() : relative.substr(slash + 1);
    if (name.empty() || name == ".") continue;
    if (name != "..") {
      ++depth;
    } else if (depth-- == 0) {
      return true;
    }
  }
  return false;
}

// The path itself and all above it but the root, the highest first.
std::vector<VirtualPath> steps_to(const VirtualPath& path) {
  std::vector<VirtualPath> steps;
  for (VirtualPath at = path; !at.is_root(); at = at.parent()) steps.push_back(at);
  std::ranges::reverse(steps);
  return steps;
}

// The root itself is followed where it is a link: the operator named it.
Task<Result<FileInfo>> look_at_root(const RemoteRoot& root) {
  const std::string text = root.prefix.text();
  auto reply = co_await root.pool->call(Request::path(Packet::stat, text), true);
  if (!reply) co_return fail(reply.error());
  co_return read_attributes(*reply, text);
}

// Makes the root where it is missing, as the home directory of an account on local storage is made.
Task<Result<void>> make_root(const RemoteRoot& root) {
  auto found = co_await look_at_root(root);
  if (found) co_return Result<void>();
  if (found.error().code != ErrorCode::not_found) co_return fail(found.error());
  for (const VirtualPath& step : steps_to(root.prefix)) {
    auto made = co_await root.pool->call(Request::make_directory(step.text(), 0777U & ~root.umask), true);
    if (!made) co_return fail(made.error());
  }
  found = co_await look_at_root(root);
  if (!found) co_return fail(found.error());
  co_return Result<void>();
}

using Looks = std::vector<Result<FileInfo>>;

bool is_directory(const Result<FileInfo>& look) { return look && look->type == FileType::directory; }

// In one round trip for each 64 components, up to the group in which one is no directory.
Task<Looks> look_at_all(const RemoteRoot& root, std::vector<VirtualPath> steps) {
  Looks looks;
  if (steps.size() == 1) {
    const std::string text = root.text(steps.front());
    auto reply = co_await root.pool->call(Request::path(Packet::lstat, text), true);
    looks.push_back(reply ? read_attributes(*reply, text) : Result<FileInfo>(fail(reply.error())));
    co_return looks;
  }
  std::vector<CallPtr> calls;
  // Logged in, and the connection is one that lives, before many requests are built.
  auto ready = co_await root.pool->facts();
  const Result<ConnectionPtr> connection = root.pool->acquire(false);
  if (!ready || !connection) {
    looks.push_back(fail(ready ? connection.error() : ready.error()));
    co_return looks;
  }
  for (std::size_t i = 0; i < steps.size(); ++i) {
    if (i == calls.size()) {
      if (!std::ranges::all_of(looks, is_directory)) break;
      const std::size_t end = std::min(i + most_looks_at_once, steps.size());
      for (std::size_t next = i; next < end; ++next) {
        calls.push_back(std::make_shared<Call>(Request::path(Packet::lstat, root.text(steps[next]))));
        (*connection)->submit(calls.back());
      }
    }
    auto reply = co_await wait(calls[i]);
    // The connection broke: looking does no harm twice.
    if (!reply) reply = co_await root.pool->call(Request::path(Packet::lstat, root.text(steps[i])), true);
    looks.push_back(reply ? read_attributes(*reply, root.text(steps[i])) : Result<FileInfo>(fail(reply.error())));
  }
  co_return looks;
}

// The first component that is not a directory, or cannot be looked at; the last one if all are.
std::size_t first_special(const Looks& looks) {
  for (std::size_t i = 0; i < looks.size(); ++i) {
    if (!is_directory(looks[i])) return i;
  }
  return looks.size() - 1;
}

// Where the link at `link` leads, with `rest` below it.
Task<Result<VirtualPath>> follow_link(const RemoteRoot& root, VirtualPath link, VirtualPath rest) {
  const std::string text = root.text(link);
  auto reply = co_await root.pool->call(Request::path(Packet::readlink, text), true);
  if (!reply) co_return fail(reply.error());
  const Result<std::string> stored = read_one_name(*reply, text);
  if (!stored) co_return fail(stored.error());
  const Result<std::string> shown = shown_target(root, *stored, link.parent());
  if (!shown) co_return fail(shown.error());
  const Result<VirtualPath> target = VirtualPath::parse(*shown, link.parent());
  if (!target) co_return fail(target.error());
  if (target->text().size() + rest.text().size() > VirtualPath::max_length) {
    co_return fail(ErrorCode::invalid_argument, "path too long: " + text);
  }
  co_return target->join(rest);
}

}  // namespace

Task<Result<Place>> resolve(const RemoteRoot& root, VirtualPath path, bool follow, bool links) {
  bool root_is_there = root.prefix.is_root();
  for (int followed = 0; followed <= most_links;) {
    Place place{.path = path, .info = {}, .obstacle = {}};
    if (path.is_root()) {
      if (!root_is_there) {
        auto made = co_await make_root(root);
        if (!made) co_return fail(made.error());
      }
      auto info = co_await look_at_root(root);
      if (!info) co_return fail(info.error());
      place.info = *info;
      co_return place;
    }
    const std::vector<VirtualPath> steps = steps_to(path);
    auto looks = co_await look_at_all(root, steps);
    const std::size_t at = first_special(looks);
    const bool last = at + 1 == steps.size();
    if (!looks[at]) {
      if (looks[at].error().code != ErrorCode::not_found) co_return fail(looks[at].error());
      if (at == 0 && !root_is_there) {
        auto made = co_await make_root(root);
        if (!made) co_return fail(made.error());
        root_is_there = true;
      }
      if (!last) place.obstacle = ErrorCode::not_found;
      co_return place;
    }
    if (looks[at]->type == FileType::symlink && (!last || follow)) {
      if (!links) co_return fail(ErrorCode::unsupported, root.text(steps[at]) + " is a symlink");
      auto target = co_await follow_link(root, steps[at], path.below(steps[at]));
      if (!target) co_return fail(target.error());
      path = *target;
      ++followed;
      continue;
    }
    if (!last) {
      place.obstacle = ErrorCode::not_a_directory;
    } else {
      place.info = *looks[at];
    }
    co_return place;
  }
  co_return fail(ErrorCode::permission_denied, "too many symlinks: " + root.text(path));
}

Result<std::string> stored_target(const RemoteRoot& root, const std::string& target, const VirtualPath& directory) {
  if (target.empty()) return fail(ErrorCode::invalid_argument, "empty symlink target");
  const Result<VirtualPath> absolute = VirtualPath::parse(target, directory);
  if (!absolute) return fail(absolute.error());
  if (target.starts_with('/')) return root.text(*absolute);
  if (leads_out(target, directory)) return fail(ErrorCode::permission_denied, "symlink target outside: " + target);
  std::string stored = target;
  while (stored.starts_with(".//")) stored.erase(1, 1);  // as on local storage
  return stored;
}

Result<std::string> shown_target(const RemoteRoot& root, const std::string& stored, const VirtualPath& directory) {
  if (!stored.starts_with('/')) {
    if (stored.empty() || leads_out(stored, directory)) {
      return fail(ErrorCode::permission_denied, "symlink target outside: " + stored);
    }
    return stored;
  }
  const Result<VirtualPath> absolute = VirtualPath::parse(stored);
  if (!absolute) return fail(absolute.error());
  if (!absolute->is_within(root.prefix)) return fail(ErrorCode::permission_denied, "symlink target outside: " + stored);
  return absolute->below(root.prefix).text();
}

}  // namespace ferry::vfs::sftp
