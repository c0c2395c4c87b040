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
Result<void> AccountSession::check_native(const VirtualPath& directory) const {
  const vfs::MountTable& mounts = state_->mounts;
  const bool mounted = mounts.home_replaced() || !mounts.resolve(directory).mount->point.is_root();
  if (mounted || (directory.is_root() ? mounts.mounts().size() > 1 : mounts.is_pinned(directory))) {
    return fail(ErrorCode::unsupported, "programs do not know of virtual folders");
  }
  if (Result<void> seen = state_->check_listing_text(directory); !seen) return seen;
  // A program would not know of those above it or below it either.
  if (state_->patterns.touch(directory)) {
    return fail(ErrorCode::permission_denied, "programs do not know of file patterns");
  }
  for (const Operation operation : needed) {
    if (!state_->permissions.allow_throughout(operation, directory)) {
      return fail(ErrorCode::permission_denied, "a program needs more permissions");
    }
  }
  return {};
}

NativeRights AccountSession::native_rights(const VirtualPath& directory, const VirtualPath& real) const {
  const auto may = [&](Operation operation) {
    const Permissions& permissions = state_->permissions;
    return permissions.allow_throughout(operation, directory) && permissions.allow_throughout(operation, real);
  };
  const bool links_here = state_->check_links(*state_->mounts.mounts().front()).has_value();
  const bool as_root = ::geteuid() == 0 && !identity_of(state_->user->uid);
  // Local storage is able to: ignore_if_unsupported ignores nothing here.
  const bool ignored = state_->options.setstat_mode == SetstatMode::ignore;
  return {.links = links_here && may(Operation::make_link),
          .chmod = !ignored && may(Operation::chmod),
          .chown = !ignored && may(Operation::chown),
          .chtimes = !ignored && may(Operation::chtimes),
          .xattrs = !as_root,
          .attributes_ignored = ignored};
}

Task<Result<NativePlace>> AccountSession::native_place(VirtualPath path) {
  const LoggedOperation step(*state_, "program", path);
  // Before anything is looked for: no error must tell whether something is there.
  Result<void> checked = check_native(path);
  if (!checked) co_return step.failed(checked.error());
  Result<VirtualPath> real = co_await state_->canonical(path, true);
  if (!real && !state_->patterns.empty()) real = fail(ErrorCode::not_found, real.error().message);
  if (!real) co_return step.failed(real.error());
  checked = check_native(*real);
  if (!checked) co_return step.failed(checked.error());
  vfs::FileSystem& storage = *state_->storage_of(*state_->mounts.mounts().front());
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
    checked = check_native(directory);
    if (checked) checked = check_native(*real);
    if (!checked) co_return step.failed(checked.error());
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
  place.uid = identity_of(state_->user->uid);
  place.gid = identity_of(state_->user->gid);
  co_return place;
}

}  // namespace ferry::session
