// An upload or a download: counts its bytes, and at its end puts the file where it belongs and logs it.
#pragma once

#include "session/account.h"
#include "session/file_events.h"
#include "session/session.h"
#include "session/upload_room.h"

namespace ferry::session {

// What has to be done when a transfer ends. It owns all it needs, so that it can be done after the session
// is gone.
struct Settlement {
  std::unique_ptr<vfs::File> file;
  std::shared_ptr<vfs::FileSystem> storage;
  VirtualPath target;                                // in the storage
  std::optional<VirtualPath> partial;                // where an atomic upload writes meanwhile
  std::shared_ptr<vfs::FileSystem> partial_storage;  // in this storage
  bool overwrite = false;                            // whether it may replace what is at the target by then
  bool keep_partial = false;                         // atomic with resume: also when it was broken off
  bool upload = false;
  std::shared_ptr<const Identity> who;
  std::shared_ptr<TransferRow> row;
  std::string log_path;
  Clock::time_point start = Clock::now();
  std::shared_ptr<Ledger> ledger;
  std::shared_ptr<FileEvents> events;  // none: nobody follows
  EventPlace place = {};
  // What it has to watch; none of them: nothing.
  std::unique_ptr<UploadRoom> room;
  std::shared_ptr<const void> writing;  // of OpenUploads
  OpenBudget::Taken taken;
  std::unique_ptr<DataAllowance> received, sent;
};

class Transfer final : public OpenFile {
 public:
  // `path`: in the account's terms.
  Transfer(std::shared_ptr<Account> account, VirtualPath path, Settlement settlement);
  ~Transfer() override;

  Task<Result<std::size_t>> read_at(std::uint64_t offset, MutableByteSpan into) override;
  std::optional<Result<std::size_t>> try_read_at(std::uint64_t offset, std::span<const iovec> into) override;
  Task<Result<void>> write_at(std::uint64_t offset, std::span<const iovec> pieces) override;
  std::optional<Result<void>> try_write_at(std::uint64_t offset, std::span<const iovec> pieces) override;
  Task<Result<vfs::FileInfo>> info() override;
  Task<Result<void>> set_attributes(vfs::AttributeChange change) override;
  Task<Result<void>> sync() override;
  Task<Result<vfs::SpaceInfo>> space() override;
  Task<Result<void>> close() override;
  Task<void> abandon(Error why) override;

 private:
  Result<std::size_t> count_read(Result<std::size_t> count);
  Result<void> count_written(Result<void> written, std::span<const iovec> pieces);
  // How many of `count` bytes may be written; fewer: `failure_` says why.
  std::uint64_t admit_write(std::uint64_t offset, std::uint64_t count);
  Task<Result<void>> keep_pace(std::shared_ptr<Pace> pace, std::uint64_t count);

  Handle account_;
  VirtualPath path_;
  Settlement settlement_;  // settlement_.file is empty once closed
  std::optional<Error> failure_;
  bool limits_reads_ = false, limits_writes_ = false;  // by more than room
  bool paced_ = false;
};

}  // namespace ferry::session
