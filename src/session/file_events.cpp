#include "session/file_events.h"

#include "base/log.h"

namespace ferry::session {

namespace {

using model::FileAction, model::FileEvent, model::FilesystemConfig;

void name_storage(FileEvent& event, const FilesystemConfig& storage) {
  event.fs_provider = static_cast<std::int64_t>(storage.provider);
  switch (storage.provider) {
    case model::FilesystemProvider::s3:
      event.bucket = storage.s3config.bucket;
      event.endpoint = storage.s3config.endpoint;
      return;
    case model::FilesystemProvider::gcs: event.bucket = storage.gcsconfig.bucket; return;
    case model::FilesystemProvider::azure_blob:
      event.bucket = storage.azblobconfig.container;
      event.endpoint = storage.azblobconfig.endpoint;
      return;
    case model::FilesystemProvider::sftp: event.endpoint = storage.sftpconfig.endpoint; return;
    case model::FilesystemProvider::http: event.endpoint = storage.httpconfig.endpoint; return;
    case model::FilesystemProvider::local:
    case model::FilesystemProvider::encrypted: return;
  }
}

}  // namespace

std::int64_t elapsed_since(Clock::time_point start) {
  return std::chrono::duration_cast<std::chrono::milliseconds>(Clock::now() - start).count();
}

FileEvents::FileEvents(std::shared_ptr<events::Stream> stream, std::shared_ptr<quota::Ledger> ledger,
                       model::UserPtr user, std::shared_ptr<const Identity> who)
    : stream_(std::move(stream)),
      ledger_(std::move(ledger)),
      user_(std::move(user)),
      who_(std::move(who)),
      uploaded_(!ledger_ || user_->first_upload != 0),
      downloaded_(!ledger_ || user_->first_download != 0) {}

bool FileEvents::follows(bool upload) const {
  if (upload) return !uploaded_ || wants(FileAction::upload);
  return !downloaded_ || wants(FileAction::download);
}

EventPlace FileEvents::place(const vfs::MountTable& mounts, const VirtualPath& path) const {
  const vfs::MountTable::Target target = mounts.resolve(path);
  EventPlace place{path, target.mount->storage->location(target.path), &user_->filesystem};
  for (const model::VirtualFolder& folder : user_->virtual_folders) {
    const Result<VirtualPath> point = VirtualPath::parse(folder.virtual_path);
    if (point && *point == target.mount->point) place.storage = &folder.filesystem;
  }
  return place;
}

FileEvent FileEvents::event(FileAction action, const EventPlace& place) const {
  FileEvent event;
  event.action = action;
  event.timestamp = model::now_ns();
  event.username = user_->username;
  event.role = user_->role;
  event.path = place.location;
  event.virtual_path = place.path.text();
  name_storage(event, *place.storage);
  event.protocol = who_->connection.protocol;
  event.ip = who_->connection.client_ip;
  event.session_id = who_->connection.id;
  return event;
}

Task<Result<void>> FileEvents::ask(FileEvent event) {
  if (!wants(event.action)) co_return Result<void>();
  Result<void> answer = co_await stream_->ask(std::move(event));
  co_return answer;
}

Task<Result<void>> FileEvents::tell(FileEvent event) {
  if (!wants(event.action)) co_return Result<void>();
  Result<void> told = co_await stream_->publish(std::move(event));
  co_return told;
}

Task<bool> FileEvents::is_first(bool upload) {
  std::atomic<bool>& known = upload ? uploaded_ : downloaded_;
  if (known.exchange(true)) co_return false;
  auto note = [this, upload] { return ledger_->note_first_transfer(user_->username, upload); };
  const Result<bool> first = co_await run_blocking(Lane::database, note);
  if (!first) {
    known = first.error().code == ErrorCode::not_found;
    log::warn("events", who_->connection.id, "the first transfer is not noted: {}", first.error().message);
  }
  co_return first.value_or(false);
}

Task<Result<void>> FileEvents::tell_if_first(FileEvent event) {
  const bool upload = event.action == FileAction::upload;
  const bool first = co_await is_first(upload);
  if (!first) co_return Result<void>();
  event.action = upload ? FileAction::first_upload : FileAction::first_download;
  Result<void> told = co_await tell(std::move(event));
  co_return told;
}

}  // namespace ferry::session
