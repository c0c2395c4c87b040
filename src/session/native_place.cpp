#include "session/native_place.h"

#include <sys/stat.h>
#include <unistd.h>

#include "session/account_session.h"

namespace ferry::session {

namespace {

constexpr Operation needed[] = {Operation::list,           Operation::download,    Operation::upload,
                                Operation::overwrite,      Operation::remove_file, Operation::remove_directory,
                                Operation::make_directory, Operation::rename_file};

std::optional<std::uint32_t> identity_of(std::int64_t id) {
  if (::geteuid() != 0 || id <= 0) return std::nullopt;
  return static_cast<std::uint32_t>(id);
}

bool is_directory(const Descriptor& object) {
  struct stat facts {};
  return ::fstat(object.get(), &facts) == 0 && S_ISDIR(facts.st_mode);
}

}  // namespace

// By the text alone. What is refused here is refused in the directory above too.
Result<void> AccountSession::judge_native(const VirtualPath& directory) const {
  const vfs::MountTable& mounts = account_->mounts;
  const bool mounted = mounts.home_replaced() || !mounts.resolve(directory).mount->point.is_root();
  if (mounted || (directory.is_root() ? mounts.mounts().size() > 1 : mounts.is_pinned(directory))) {
    return fail(ErrorCode::unsupported, "programs do not know of virtual folders");
  }
  if (Result<void> seen = account_->judge_listing(directory); !seen) return seen;
  // A program would not know of those above it or below it either.
  if (account_->patterns.touch(directory)) {
    return fail(ErrorCode::permission_denied, "programs do not know of file patterns");
  }
  for (const Operation operation : needed) {
    if (!account_->permissions.allow_throughout(operation, directory)) {
      return fail(ErrorCode::permission_denied, "a program needs more permissions");
    }
  }
  return {};
}

NativeRights AccountSession::native_rights(const VirtualPath& directory, const VirtualPath& real) const {
  const auto may = [&](Operation operation) {
    const Permissions& permissions = account_->permissions;
    return permissions.allow_throughout(operation, directory) && permissions.allow_throughout(operation, real);
  };
  const bool links_here = account_->check_links(*account_->mounts.mounts().front()).has_value();
  const bool as_root = ::geteuid() == 0 && !identity_of(account_->user->uid);
  // Local storage is able to: ignore_if_unsupported ignores nothing here.
  const bool ignored = account_->options.setstat_mode == SetstatMode::ignore;
  return {.links = links_here && may(Operation::make_link),
          .chmod = !ignored && may(Operation::chmod),
          .chown = !ignored && may(Operation::chown),
          .chtimes = !ignored && may(Operation::chtimes),
          .xattrs = !as_root,
          .attributes_ignored = ignored};
}

Task<Result<NativePlace>> AccountSession::native_place(VirtualPath path) {
  const Step step(*account_, "program", path);
  // Before anything is looked for: no error must tell whether something is there.
  Result<void> judged = judge_native(path);
  if (!judged) co_return step.failed(judged.error());
  Result<VirtualPath> real = co_await account_->canonical(path, true);
  if (!real && !account_->patterns.empty()) real = fail(ErrorCode::not_found, real.error().message);
  if (!real) co_return step.failed(real.error());
  judged = judge_native(*real);
  if (!judged) co_return step.failed(judged.error());
  vfs::FileSystem& storage = *account_->storage_of(*account_->mounts.mounts().front());
  NativePlace place;
  Result<Descriptor> touched = co_await storage.open_native(*real);
  place.exists = touched.has_value();
  place.is_directory = touched && is_directory(*touched);
  // A program needs the directory of a file too, and makes those that are missing above it (rsync --mkpath).
  VirtualPath directory = path;
  for (bool found = place.is_directory; !found;) {
    if (!touched && touched.error().code != ErrorCode::not_found) co_return step.failed(touched.error());
    if (real->is_root()) co_return step.failed({ErrorCode::not_a_directory, "the home is no directory"});
    directory = directory.parent();
    *real = real->parent();
    judged = judge_native(directory);
    if (judged) judged = judge_native(*real);
    if (!judged) co_return step.failed(judged.error());
    touched = co_await storage.open_native(*real);
    found = touched && is_directory(*touched);
  }
  place.rights = native_rights(directory, *real);
  const VirtualPath top;
  Result<Descriptor> home = co_await storage.open_native(top);
  if (!home) co_return step.failed(home.error());
  place.home = std::move(*home);
  place.touched = std::move(*touched);
  place.tree = *real;
  place.virtual_path = path;
  place.path = path.is_root() ? "./" : "." + path.text();
  place.uid = identity_of(account_->user->uid);
  place.gid = identity_of(account_->user->gid);
  co_return place;
}

}  // namespace ferry::session
