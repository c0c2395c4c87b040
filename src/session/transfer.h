// An upload or a download: counts its bytes, and at its end puts the file where it belongs and logs it.
#pragma once

#include "session/session.h"
#include "session/session_state.h"
#include "session/settlement.h"

namespace ferry::session {

class Transfer final : public OpenFile {
 public:
  // `path`: as the client sees it.
  Transfer(std::shared_ptr<SessionState> state, VirtualPath path, Settlement settlement);
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
  // Where the storage takes them (WriteOrder); an upload that cannot be written in order has failed for good.
  Result<std::uint64_t> next_offset(std::uint64_t offset, std::uint64_t count);
  // How many of `count` bytes the quotas let it write; if fewer, sets failure_.
  std::uint64_t admit_write(std::uint64_t offset, std::uint64_t count);
  Task<Result<void>> keep_size(vfs::AttributeChange& change);
  // Takes the staged upload away from the session: it is about to end, and the session must not change it any more.
  void let_go();
  Task<Result<void>> keep_pace(std::shared_ptr<presence::Pace> pace, std::uint64_t count);

  OpenHandle state_;
  VirtualPath path_;
  Settlement settlement_;  // settlement_.file is empty once closed
  std::optional<Error> failure_;
  bool limits_reads_ = false, limits_writes_ = false;  // by more than room
  bool paced_ = false;
};

}  // namespace ferry::session
