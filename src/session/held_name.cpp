#include "session/held_name.h"

#include <functional>

#include "session/partial_name.h"

namespace ferry::session {

std::string HeldName::key() const {
  if (directory == 0) return storage->place(path);
  return std::to_string(directory) + path.text();
}

Task<Result<HeldName>> hold_name(std::shared_ptr<vfs::FileSystem> storage, VirtualPath path) {
  if (path.is_root()) co_return HeldName{std::move(storage), std::move(path)};
  Result<std::shared_ptr<vfs::FileSystem>> held = co_await storage->hold_directory(path.parent());
  if (!held && held.error().code == ErrorCode::unsupported) co_return HeldName{std::move(storage), std::move(path)};
  if (!held) co_return fail(held.error());
  const VirtualPath top;
  const Result<vfs::FileInfo> info = co_await (*held)->lstat(top);
  if (!info) co_return fail(info.error());
  const Result<VirtualPath> name = top.child(path.name());
  if (!name) co_return fail(name.error());
  co_return HeldName{std::move(*held), *name, info->id};
}

Task<Result<HeldName>> hold_followed(std::shared_ptr<vfs::FileSystem> storage, VirtualPath path) {
  // A link may come or go meanwhile; who keeps exchanging them gets the name itself at the end.
  constexpr int most_tries = 4;
  for (int tries = 1;; ++tries) {
    Result<HeldName> held = co_await hold_name(storage, path);
    if (!held || held->directory == 0 || tries == most_tries) co_return held;
    const Result<vfs::FileInfo> info = co_await held->storage->lstat(held->path);
    if (!info || info->type != vfs::FileType::symlink) co_return held;
    Result<VirtualPath> meant = co_await storage->canonical(path, true);
    if (!meant) co_return fail(meant.error());
    path = std::move(*meant);
  }
}

Result<VirtualPath> where_is(const HeldName& name, const vfs::FileSystem& whole) {
  if (name.directory == 0) return name.path;
  const Result<VirtualPath> directory = whole.place_of(*name.storage);
  if (!directory) return fail(directory.error());
  return directory->join(name.path);
}

namespace {

// A move to another storage gives its source a hidden name first and looks afterwards for what is noted in it, so
// either it sees what the caller has noted before, or the caller sees the hidden name here.
Result<void> check_stays(const HeldName& name, const vfs::FileSystem& whole) {
  const Result<VirtualPath> place = where_is(name, whole);
  if (!place) return fail(place.error());
  if (has_partial_name(place->parent())) return fail(ErrorCode::not_found, "the directory is being moved away");
  return {};
}

}  // namespace

Result<std::shared_ptr<const void>> note_arrival(quota::UploadTable& uploads, const HeldName& name,
                                                 const vfs::FileSystem& whole) {
  Result<std::shared_ptr<const void>> noted = uploads.note_arrival(name.directory);
  if (!noted) return noted;
  const Result<void> stays = check_stays(name, whole);
  if (!stays) return fail(stays.error());
  return noted;
}

Result<std::shared_ptr<const void>> note_use(quota::UploadTable& uploads, const HeldName& name,
                                             const vfs::FileSystem& whole) {
  std::shared_ptr<const void> noted = uploads.note_use(name.directory);
  const Result<void> stays = check_stays(name, whole);
  if (!stays) return fail(stays.error());
  return noted;
}

std::uint64_t writer_id(const vfs::FileInfo& info, const vfs::FileSystem& storage, const VirtualPath& path) {
  if (info.id != 0) return info.id;
  return std::hash<std::string>()(storage.place(path)) | 1U;  // not 0
}

Task<Result<void>> rename_held(HeldName from, HeldName to, bool overwrite) {
  Result<void> renamed;
  if (from.storage == to.storage) {
    renamed = co_await to.storage->rename(from.path, to.path, overwrite);
  } else {
    renamed = co_await to.storage->take_over(*from.storage, from.path, to.path, overwrite);
  }
  co_return renamed;
}

}  // namespace ferry::session
