#include "session/placement.h"

#include <fmt/format.h>

namespace ferry::session {

Placement choose_placement(UploadMode mode, const vfs::Capabilities& can, const vfs::OpenOptions& how) {
  if (can.published_at_close) return Placement::by_storage;
  const bool whole = how.create || how.truncate;
  if (mode == UploadMode::standard || !whole || !can.atomic_rename) return Placement::in_place;
  return Placement::beside;
}

Result<std::uint64_t> WriteOrder::place(std::uint64_t offset, std::uint64_t count) const {
  if (append_) return next_;
  if (!in_order_ || count == 0 || offset == next_) return offset;
  return fail(ErrorCode::unsupported,
              fmt::format("this storage takes a file in order: bytes {} must come next, not {}", next_, offset));
}

Error cannot_change() {
  return {ErrorCode::unsupported, "this storage cannot change a file that is there, only replace it as a whole"};
}

Error cannot_cut() { return {ErrorCode::unsupported, "this storage cannot change the size of a file"}; }

Result<FittedUpload> fit_upload(const vfs::Capabilities& can, vfs::OpenOptions& options) {
  if (options.read && (!can.random_writes || can.published_at_close)) {
    return fail(ErrorCode::unsupported, "this storage opens a file to read it or to write it, not for both");
  }
  FittedUpload fitted;
  const bool emulates_append = options.append && !can.append;
  const bool anew = options.truncate || (options.create && options.exclusive);
  if (!anew && !(options.append ? can.append || can.resume : can.resume)) {
    if (!options.create) return fail(cannot_change());
    fitted.new_only = options.exclusive = true;
  }
  if (emulates_append) options.append = false;
  // An append of the storage's own knows itself where the file ends.
  fitted.order = WriteOrder(!can.random_writes && !options.append, emulates_append);
  return fitted;
}

}  // namespace ferry::session
