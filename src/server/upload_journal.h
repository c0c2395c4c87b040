// The journal of uploads to object stores, in the data provider; and who cleans up what a killed process has left.
#pragma once

#include <atomic>
#include <chrono>
#include <memory>
#include <string>

#include "session/factory.h"
#include "store/provider.h"
#include "vfs/object/upload_journal.h"

namespace ferry::server {

// This process, as rows name their owner: the boot, the process namespace, the process id and when it was started.
std::string this_process();
// Whether nobody is at work on an upload of `owner` any more. That of another boot has ended; of another namespace (a
// container beside or before this one) nothing is known, so that it counts as ended when a day has passed since.
bool has_ended(const std::string& owner, std::chrono::milliseconds since);

// Of the storage that `account` has at its home, or in its folder. `rows` must live until the pools of blocking work
// are idle.
std::shared_ptr<vfs::object::UploadJournal> upload_journal(store::OpenUploads& rows, std::string account,
                                                           std::string folder);

// Removes the parts of uploads whose process has ended, and of those whose parts could not be removed when they failed:
// at the start, and every ten minutes. What is on a storage that is configured otherwise by now, or belongs to nobody
// any more, is told in the log and forgotten.
class LeftUploads : public std::enable_shared_from_this<LeftUploads> {
 public:
  // Make it by std::make_shared. The provider must live until the pools of blocking work are idle.
  LeftUploads(store::Provider& provider, session::StorageFactory storage)
      : provider_(provider), storage_(std::move(storage)) {}

  // Every few seconds; begins in the background what is due.
  void tick();
  void stop() { stopped_ = true; }
  // All of it, once.
  Task<void> clean();

 private:
  static Task<void> clean_in_background(std::shared_ptr<LeftUploads> self);
  Task<void> clean_one(store::OpenUpload row);
  Result<std::shared_ptr<vfs::FileSystem>> open(const store::OpenUpload& row);

  store::Provider& provider_;
  const session::StorageFactory storage_;
  std::atomic<std::int64_t> next_ = 0;  // seconds of the steady clock
  std::atomic<bool> stopped_ = false;
};

}  // namespace ferry::server
