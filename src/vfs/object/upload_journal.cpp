#include "vfs/object/upload_journal.h"

#include "base/log.h"
#include "vfs/object/retry.h"

namespace ferry::vfs::object {

namespace {

constexpr int most_aborts = 5;

}  // namespace

Task<Result<void>> remove_parts(std::shared_ptr<ObjectStore> store, Upload upload) {
  const auto abort = [=] { return store->abort(upload); };
  const auto list = [=] { return store->parts(upload); };
  for (int i = 0; i < most_aborts; ++i) {
    Result<void> aborted = co_await retried(store, abort);
    if (!aborted || store->traits().parts_expire) co_return aborted;
    const Result<std::vector<Part>> left = co_await retried(store, list);
    if (left && left->empty()) co_return Result<void>();
    if (left) continue;
    // Who may not look, or whose service does not tell, has to believe it.
    if (!is_passing(left.error().code)) co_return Result<void>();
    co_return fail(left.error());
  }
  co_return fail(ErrorCode::io_error, "the parts are still there after they were removed");
}

Task<Result<NotedUpload>> begin_noted_upload(std::shared_ptr<ObjectStore> store, std::shared_ptr<UploadJournal> journal,
                                             std::string key, ObjectProperties properties, Condition condition) {
  const auto begin = [=] { return store->begin_upload(key, properties, condition); };
  Result<Upload> begun = co_await retried(store, begin);
  if (!begun) co_return fail(begun.error());
  NotedUpload noted;
  noted.upload = std::move(*begun);
  if (!journal || store->traits().parts_expire) co_return noted;
  const Result<std::int64_t> entry = co_await journal->note(store->location(key), noted.upload);
  if (entry) {
    noted.entry = *entry;
    co_return noted;
  }
  (void)co_await remove_parts(store, noted.upload);
  co_return fail(entry.error());
}

Task<void> end_noted_upload(std::shared_ptr<UploadJournal> journal, NotedUpload upload) {
  if (upload.entry != 0) co_await journal->strike_out(upload.entry);
}

Task<Result<void>> abort_noted_upload(std::shared_ptr<ObjectStore> store, std::shared_ptr<UploadJournal> journal,
                                      NotedUpload upload) {
  Result<void> removed = co_await remove_parts(store, upload.upload);
  if (removed) {
    co_await end_noted_upload(journal, upload);
    co_return removed;
  }
  log::error(store->traits().name, "", "{}: the parts of a failed upload stay, until they are removed {}: {}",
             store->location(upload.upload.key), upload.entry == 0 ? "by hand" : "later", removed.error().message);
  if (upload.entry != 0) co_await journal->leave_behind(upload.entry);
  co_return removed;
}

}  // namespace ferry::vfs::object
