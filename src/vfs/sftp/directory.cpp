#include "vfs/sftp/directory.h"

#include <algorithm>

#include "base/log.h"

namespace ferry::vfs::sftp {

namespace {

constexpr int most_empty_replies = 1000;

// A name from the server that no path may be built of.
bool is_usable(std::string_view name) { return VirtualPath().child(name).has_value(); }

}  // namespace

Task<Result<std::vector<DirectoryEntry>>> SftpDirectory::next(std::size_t max) {
  for (int empty = 0; entries_.empty() && !ended_; ++empty) {
    if (empty == most_empty_replies) co_return fail(ErrorCode::protocol_error, path_ + ": a listing without names");
    if (!call_) call_ = handle_->send(Request::handle(Packet::readdir, handle_->text()));
    const CallPtr call = std::move(call_);
    auto reply = co_await wait(call);
    if (!reply) co_return fail(reply.error());
    auto names = read_names(*reply, path_);
    if (!names) co_return fail(names.error());
    ended_ = !*names;
    if (ended_) break;
    call_ = handle_->send(Request::handle(Packet::readdir, handle_->text()));
    for (DirectoryEntry& entry : **names) {
      if (entry.name == "." || entry.name == "..") continue;
      if (is_usable(entry.name)) {
        entries_.push_back(std::move(entry));
      } else if (!std::exchange(warned_, true)) {
        log::warn("sftpfs", "", "{}: the server sent a name that cannot be one; it is left out", path_);
      }
    }
  }
  std::vector<DirectoryEntry> batch;
  while (!entries_.empty() && batch.size() < max) {
    batch.push_back(std::move(entries_.front()));
    entries_.pop_front();
  }
  co_return batch;
}

}  // namespace ferry::vfs::sftp
