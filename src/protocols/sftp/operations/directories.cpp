// OPENDIR, READDIR (section 6.7), MKDIR and RMDIR (section 6.6).
#include <ctime>

#include "protocols/sftp/attributes.h"
#include "protocols/sftp/long_name.h"
#include "protocols/sftp/operations/fields.h"
#include "protocols/sftp/operations/operations.h"

namespace ferry::sftp {

namespace {

// A NAME is filled until it has this many bytes. Only as many entries are taken from the storage as surely fit
// below the limit, so none has to be put back.
constexpr std::size_t batch_full = 32 * 1024;
constexpr std::size_t batch_limit = 64 * 1024;
// Both names with their lengths, the rest of the long name, the attributes.
constexpr std::size_t max_entry = (4 + 255) + (4 + 100 + 255) + 32;

class NameList {
 public:
  explicit NameList(std::uint32_t id) : reply_(Packet::name, id, batch_limit), now_(std::time(nullptr)) {
    reply_.fields().u32(0);
  }

  // A name no request could ever carry, or that a client could take for a path, is left out.
  void add(std::string_view name, const vfs::FileInfo& info) {
    if (name.empty() || name.size() > VirtualPath::max_name_length || name.find('/') != std::string_view::npos) return;
    long_name_.clear();
    append_long_name(long_name_, name, info, now_);
    reply_.fields().string(name).string(std::string_view(long_name_));
    write_attributes(reply_.fields(), info);
    ++count_;
  }

  std::uint32_t count() const { return count_; }
  bool full() const { return reply_.size() >= batch_full; }
  std::size_t room() const { return (batch_limit - reply_.size()) / max_entry; }

  Bytes finish() {
    Bytes reply = reply_.finish();
    store_u32(reply.data() + 9, count_);
    return reply;
  }

 private:
  ReplyWriter reply_;
  std::int64_t now_;
  std::uint32_t count_ = 0;
  std::string long_name_;
};

// "." and "..": listed even where the account may not look at the parent.
Task<void> add_dots(Connection& connection, const Handle& handle, NameList& names) {
  vfs::FileInfo unknown;
  unknown.type = vfs::FileType::directory;
  unknown.mode = 0755;
  const Result<vfs::FileInfo> self = co_await connection.session.stat(handle.path);
  names.add(".", self ? *self : unknown);
  const Result<vfs::FileInfo> parent = co_await connection.session.stat(handle.path.parent());
  names.add("..", parent ? *parent : unknown);
}

// Fills `names` up; what ends or breaks the listing is remembered for the READDIR after this one.
Task<void> add_entries(Handle& handle, NameList& names) {
  while (!names.full() && !handle.listing_ended && !handle.listing_failed) {
    const Result<std::vector<vfs::DirectoryEntry>> entries = co_await handle.directory->next(names.room());
    if (!entries) {
      handle.listing_failed = entries.error();
      break;
    }
    handle.listing_ended = entries->empty();
    for (const vfs::DirectoryEntry& entry : *entries) names.add(entry.name, entry.info);
  }
}

}  // namespace

Task<Answer> open_directory(Connection& connection, Request request) {
  const Result<VirtualPath> path = only_path(connection, request);
  if (!path) co_return fail(path.error());
  const Result<void> room = may_open(connection);
  if (!room) co_return not_opened(request.id, room.error());
  Result<std::unique_ptr<session::OpenDirectory>> directory = co_await connection.session.open_directory(*path);
  if (!directory) co_return not_opened(request.id, directory.error());
  Handle handle;
  handle.path = *path;
  handle.directory = std::move(*directory);
  co_return handle_reply(connection, request.id, std::move(handle));
}

Task<Answer> read_directory(Connection& connection, Request request) {
  const ByteSpan name = request.fields.blob();
  const Result<void> done = check_complete(request.fields);
  if (!done) co_return fail(done.error());
  Handle* handle = connection.handles.find(name);
  if (!handle || !handle->directory) co_return invalid_handle(request.id);
  if (handle->listing_failed) co_return fail(*handle->listing_failed);
  if (handle->listing_ended) co_return status_reply(request.id, Status::eof);

  NameList names(request.id);
  if (!handle->listing_began) {
    handle->listing_began = true;
    co_await add_dots(connection, *handle, names);
  }
  co_await add_entries(*handle, names);
  if (names.count() > 0) co_return names.finish();
  if (handle->listing_failed) co_return fail(*handle->listing_failed);
  co_return status_reply(request.id, Status::eof);
}

Task<Answer> make_directory(Connection& connection, Request request) {
  const Result<VirtualPath> path = take_path(connection, request.fields);
  const vfs::AttributeChange attributes = read_attributes(request.fields);
  Result<void> done = check_complete(request.fields);
  if (!done) co_return fail(done.error());
  if (!path) co_return fail(path.error());
  done = co_await connection.session.make_directory(*path, attributes.mode.value_or(session::usual_directory_mode));
  co_return status_answer(request.id, done);
}

Task<Answer> remove_directory(Connection& connection, Request request) {
  const Result<VirtualPath> path = only_path(connection, request);
  if (!path) co_return fail(path.error());
  const Result<void> done = co_await connection.session.remove_directory(*path);
  co_return status_answer(request.id, done);
}

}  // namespace ferry::sftp
