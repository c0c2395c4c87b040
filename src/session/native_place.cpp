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

}  // namespace

Task<Result<void>> AccountSession::check_native(VirtualPath directory, bool& may_link) {
  const Result<VirtualPath> real = co_await account_->canonical(directory, true);
  if (!real) co_return fail(real.error());
  for (const VirtualPath* path : {static_cast<const VirtualPath*>(&directory), &*real}) {
    const bool mounted = !account_->mounts.resolve(*path).mount->point.is_root();
    if (mounted || (!path->is_root() && account_->mounts.is_pinned(*path)) ||
        (path->is_root() && account_->mounts.mounts().size() > 1)) {
      co_return fail(ErrorCode::unsupported, "programs do not know of virtual folders");
    }
    // A program would not know of those above it or below it either.
    if (account_->patterns.touch(*path)) {
      co_return fail(ErrorCode::permission_denied, "programs do not know of file patterns");
    }
    for (const Operation operation : needed) {
      if (!account_->permissions.allow_throughout(operation, *path)) {
        co_return fail(ErrorCode::permission_denied, "a program needs more permissions");
      }
    }
  }
  may_link = account_->permissions.allow_throughout(Operation::make_link, directory) &&
             account_->permissions.allow_throughout(Operation::make_link, *real);
  co_return Result<void>();
}

Task<Result<NativePlace>> AccountSession::native_place(VirtualPath path) {
  const Step step(*account_, "program", path);
  const vfs::MountTable::Target target = account_->mounts.resolve(path);
  vfs::FileSystem& storage = *target.mount->storage;
  NativePlace place;
  Result<Descriptor> touched = co_await storage.open_native(target.path);
  place.exists = touched.has_value();
  struct stat facts {};
  if (touched && ::fstat(touched->get(), &facts) == 0) place.is_directory = S_ISDIR(facts.st_mode);
  const VirtualPath directory = place.is_directory ? path : path.parent();
  if (!touched && touched.error().code == ErrorCode::not_found) {
    touched = co_await storage.open_native(target.path.parent());
  }
  if (!touched) co_return step.failed(touched.error());
  const Result<void> allowed = co_await check_native(directory, place.may_link);
  if (!allowed) co_return step.failed(allowed.error());
  const VirtualPath top;
  Result<Descriptor> home = co_await storage.open_native(top);
  if (!home) co_return step.failed(home.error());
  place.home = std::move(*home);
  place.touched = std::move(*touched);
  place.path = path.is_root() ? "./" : "." + path.text();
  place.uid = identity_of(account_->user->uid);
  place.gid = identity_of(account_->user->gid);
  co_return place;
}

Result<std::uint64_t> AccountSession::room_for_program() {
  const QuotaUsage room = account_->payers_of(*account_->mounts.mounts().front()).room();
  if (room.files <= 0 || room.size <= 0) return fail(ErrorCode::quota_exceeded, "quota exceeded");
  return static_cast<std::uint64_t>(room.size);
}

void AccountSession::program_ended() {
  const bool counted = !account_->payers_of(*account_->mounts.mounts().front()).empty();
  if (counted && account_->recount) account_->recount(account_->user);
}

}  // namespace ferry::session
