// An upload or a download: counts its bytes, and at its end puts the file where it belongs and logs it.
#pragma once

#include "session/account.h"
#include "session/session.h"
#include "session/settlement.h"

namespace ferry::session {

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
  // The session lets go of the upload that is staged: it is about to end.
  void let_go();
  Task<Result<void>> keep_pace(std::shared_ptr<Pace> pace, std::uint64_t count);

  Handle account_;
  VirtualPath path_;
  Settlement settlement_;  // settlement_.file is empty once closed
  std::optional<Error> failure_;
  bool limits_reads_ = false, limits_writes_ = false;  // by more than room
  bool paced_ = false;
};

}  // namespace ferry::session
