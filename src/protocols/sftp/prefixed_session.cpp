#include "protocols/sftp/prefixed_session.h"

#include <utility>

#include "session/listing.h"

namespace ferry::sftp {

namespace {

// A directory above the prefix: the next directory on the way down.
class WayDown final : public session::OpenDirectory {
 public:
  explicit WayDown(std::string name) : name_(std::move(name)) {}
  Task<Result<std::vector<vfs::DirectoryEntry>>> next(std::size_t max) override {
    std::vector<vfs::DirectoryEntry> entries;
    if (max > 0 && !std::exchange(listed_, true)) entries.push_back({name_, session::pinned_directory()});
    co_return entries;
  }

 private:
  std::string name_;
  bool listed_ = false;
};

}  // namespace

PrefixedSession::PrefixedSession(session::Session& inner, VirtualPath prefix)
    : inner_(inner), prefix_(std::move(prefix)), start_(prefix_.join(inner.start_directory())) {}

bool PrefixedSession::is_above(const VirtualPath& path) const { return path != prefix_ && prefix_.is_within(path); }

Result<VirtualPath> PrefixedSession::below(const VirtualPath& path) const {
  if (path.is_within(prefix_)) return path.below(prefix_);
  if (is_above(path)) return fail(ErrorCode::permission_denied, "above folder_prefix");
  return fail(ErrorCode::not_found, "outside folder_prefix");
}

Result<VirtualPath> PrefixedSession::changeable(const VirtualPath& path) const {
  if (path.is_within(prefix_)) return path.below(prefix_);
  return fail(ErrorCode::permission_denied, "outside folder_prefix");
}

Task<Result<vfs::FileInfo>> PrefixedSession::stat(VirtualPath path) {
  if (is_above(path)) co_return session::pinned_directory();
  const Result<VirtualPath> inside = below(path);
  if (!inside) co_return fail(inside.error());
  Result<vfs::FileInfo> info = co_await inner_.stat(*inside);
  co_return info;
}

Task<Result<vfs::FileInfo>> PrefixedSession::lstat(VirtualPath path) {
  if (is_above(path)) co_return session::pinned_directory();
  const Result<VirtualPath> inside = below(path);
  if (!inside) co_return fail(inside.error());
  Result<vfs::FileInfo> info = co_await inner_.lstat(*inside);
  co_return info;
}

Task<Result<std::unique_ptr<session::OpenFile>>> PrefixedSession::open(VirtualPath path, vfs::OpenOptions options) {
  if (is_above(path)) co_return fail(ErrorCode::is_a_directory, "above folder_prefix");
  const Result<VirtualPath> inside = options.create ? changeable(path) : below(path);
  if (!inside) co_return fail(inside.error());
  Result<std::unique_ptr<session::OpenFile>> file = co_await inner_.open(*inside, options);
  co_return std::move(file);
}

Task<Result<std::unique_ptr<session::OpenDirectory>>> PrefixedSession::open_directory(VirtualPath path) {
  if (is_above(path)) {
    const VirtualPath rest = prefix_.below(path);
    co_return std::make_unique<WayDown>(std::string(rest.components().front()));
  }
  const Result<VirtualPath> inside = below(path);
  if (!inside) co_return fail(inside.error());
  Result<std::unique_ptr<session::OpenDirectory>> directory = co_await inner_.open_directory(*inside);
  co_return std::move(directory);
}

Task<Result<void>> PrefixedSession::make_directory(VirtualPath path, std::uint32_t mode) {
  if (is_above(path)) co_return fail(ErrorCode::already_exists, "above folder_prefix");
  const Result<VirtualPath> inside = changeable(path);
  if (!inside) co_return fail(inside.error());
  Result<void> made = co_await inner_.make_directory(*inside, mode);
  co_return made;
}

Task<Result<void>> PrefixedSession::remove_file(VirtualPath path) {
  const Result<VirtualPath> inside = below(path);
  if (!inside) co_return fail(inside.error());
  Result<void> removed = co_await inner_.remove_file(*inside);
  co_return removed;
}

Task<Result<void>> PrefixedSession::remove_directory(VirtualPath path) {
  const Result<VirtualPath> inside = below(path);
  if (!inside) co_return fail(inside.error());
  Result<void> removed = co_await inner_.remove_directory(*inside);
  co_return removed;
}

Task<Result<void>> PrefixedSession::rename(VirtualPath from, VirtualPath to, bool overwrite,
                                           session::GivenUp given_up) {
  const Result<VirtualPath> source = below(from);
  if (!source) co_return fail(source.error());
  const Result<VirtualPath> target = changeable(to);
  if (!target) co_return fail(target.error());
  Result<void> renamed = co_await inner_.rename(*source, *target, overwrite, std::move(given_up));
  co_return renamed;
}

Task<Result<void>> PrefixedSession::copy(VirtualPath from, VirtualPath to, bool overwrite, session::GivenUp given_up) {
  const Result<VirtualPath> source = below(from);
  if (!source) co_return fail(source.error());
  const Result<VirtualPath> target = changeable(to);
  if (!target) co_return fail(target.error());
  Result<void> copied = co_await inner_.copy(*source, *target, overwrite, std::move(given_up));
  co_return copied;
}

// An absolute target is the client's, and has the prefix; a relative one needs no change.
Task<Result<void>> PrefixedSession::make_symlink(std::string target, VirtualPath link) {
  const Result<VirtualPath> place = changeable(link);
  if (!place) co_return fail(place.error());
  if (target.starts_with('/')) {
    const Result<VirtualPath> meant = VirtualPath::parse(target);
    if (!meant) co_return fail(meant.error());
    const Result<VirtualPath> inside = changeable(*meant);
    if (!inside) co_return fail(inside.error());
    target = inside->text();
  }
  Result<void> made = co_await inner_.make_symlink(std::move(target), *place);
  co_return made;
}

Task<Result<std::string>> PrefixedSession::read_symlink(VirtualPath path) {
  const Result<VirtualPath> inside = below(path);
  if (!inside) co_return fail(inside.error());
  Result<std::string> target = co_await inner_.read_symlink(*inside);
  if (!target || !target->starts_with('/')) co_return target;
  const Result<VirtualPath> shown = VirtualPath::parse(*target);
  if (!shown) co_return fail(shown.error());
  co_return prefix_.join(*shown).text();
}

Task<Result<void>> PrefixedSession::make_hard_link(VirtualPath existing, VirtualPath link) {
  const Result<VirtualPath> source = below(existing);
  if (!source) co_return fail(source.error());
  const Result<VirtualPath> place = changeable(link);
  if (!place) co_return fail(place.error());
  Result<void> made = co_await inner_.make_hard_link(*source, *place);
  co_return made;
}

Task<Result<void>> PrefixedSession::set_attributes(VirtualPath path, vfs::AttributeChange change, bool follow) {
  const Result<VirtualPath> inside = below(path);
  if (!inside) co_return fail(inside.error());
  Result<void> changed = co_await inner_.set_attributes(*inside, std::move(change), follow);
  co_return changed;
}

// The way down has the space of what it leads to.
Task<Result<vfs::SpaceInfo>> PrefixedSession::space(VirtualPath path) {
  Result<VirtualPath> inside = VirtualPath();
  if (!is_above(path)) inside = below(path);
  if (!inside) co_return fail(inside.error());
  Result<vfs::SpaceInfo> space = co_await inner_.space(*inside);
  co_return space;
}

Task<Result<bool>> PrefixedSession::holds_mounts(VirtualPath path) {
  const Result<VirtualPath> inside = below(path);
  if (!inside) co_return fail(inside.error());
  Result<bool> held = co_await inner_.holds_mounts(*inside);
  co_return held;
}

Task<Result<session::NativePlace>> PrefixedSession::native_place(VirtualPath path) {
  const Result<VirtualPath> inside = below(path);
  if (!inside) co_return fail(inside.error());
  Result<session::NativePlace> place = co_await inner_.native_place(*inside);
  co_return std::move(place);
}

Result<std::unique_ptr<session::DataFlow>> PrefixedSession::begin_flow(VirtualPath path, session::FlowUse use) {
  const Result<VirtualPath> inside = below(path);
  if (!inside) return fail(inside.error());
  return inner_.begin_flow(*inside, use);
}

Task<Result<void>> PrefixedSession::command_ended(std::string name, std::vector<VirtualPath> paths, bool succeeded) {
  for (VirtualPath& path : paths) {
    Result<VirtualPath> inside = below(path);
    if (!inside) co_return fail(inside.error());
    path = std::move(*inside);
  }
  Result<void> told = co_await inner_.command_ended(std::move(name), std::move(paths), succeeded);
  co_return told;
}

}  // namespace ferry::sftp
