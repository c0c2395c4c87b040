#include "vfs/local/file.h"

#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <limits>

#include "vfs/local/attributes.h"

namespace ferry::vfs::local {

namespace {

constexpr std::size_t max_pieces = 64;  // given to one system call; the kernel takes 1024

bool offset_fits(std::uint64_t offset) {
  return offset <= static_cast<std::uint64_t>(std::numeric_limits<off_t>::max());
}

Result<std::size_t> read_fully(int descriptor, std::uint64_t offset, MutableByteSpan into) {
  std::size_t done = 0;
  while (done < into.size() && offset_fits(offset + done)) {
    const ssize_t count =
        ::pread(descriptor, into.data() + done, into.size() - done, static_cast<off_t>(offset + done));
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return fail_errno(errno, "read");
    if (count == 0) break;
    done += static_cast<std::size_t>(count);
  }
  return done;
}

// The pieces that are still to be written, as the next system call takes them.
class Remaining {
 public:
  explicit Remaining(std::span<const iovec> pieces) : pieces_(pieces) { advance(0); }
  bool empty() const { return pieces_.empty(); }
  std::span<const iovec> batch() {
    const std::size_t count = std::min(pieces_.size(), max_pieces);
    std::copy_n(pieces_.begin(), count, batch_.begin());
    batch_[0].iov_base = static_cast<std::byte*>(batch_[0].iov_base) + skip_;
    batch_[0].iov_len -= skip_;
    return {batch_.data(), count};
  }
  void advance(std::size_t count) {
    skip_ += count;
    while (!pieces_.empty() && skip_ >= pieces_.front().iov_len) {
      skip_ -= pieces_.front().iov_len;
      pieces_ = pieces_.subspan(1);
    }
  }

 private:
  std::span<const iovec> pieces_;
  std::size_t skip_ = 0;  // of the first piece, written already
  std::array<iovec, max_pieces> batch_;
};

Result<void> write_fully(int descriptor, std::uint64_t offset, std::span<const iovec> pieces) {
  Remaining remaining(pieces);
  while (!remaining.empty()) {
    if (!offset_fits(offset)) return fail(ErrorCode::invalid_argument, "offset out of range");
    const std::span<const iovec> batch = remaining.batch();
    const ssize_t count =
        ::pwritev(descriptor, batch.data(), static_cast<int>(batch.size()), static_cast<off_t>(offset));
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return fail_errno(errno, "write");
    if (count == 0) return fail(ErrorCode::io_error, "write: no progress");
    offset += static_cast<std::uint64_t>(count);
    remaining.advance(static_cast<std::size_t>(count));
  }
  return {};
}

}  // namespace

Task<Result<std::size_t>> LocalFile::read_at(std::uint64_t offset, MutableByteSpan into) {
  auto work = [this, offset, into](Lookup&) { return read_fully(descriptor_.get(), offset, into); };
  auto count = co_await change(storage_, work);
  co_return count;
}

std::optional<Result<std::size_t>> LocalFile::try_read_at(std::uint64_t offset, std::span<const iovec> into) {
  if (storage_ != Storage::memory && !nowait_) return std::nullopt;
  if (!offset_fits(offset)) return Result<std::size_t>(0);  // past the end of any file
  const int flags = storage_ == Storage::memory ? 0 : RWF_NOWAIT;
  const int pieces = static_cast<int>(std::min<std::size_t>(into.size(), max_pieces));
  while (true) {
    const ssize_t count = ::preadv2(descriptor_.get(), into.data(), pieces, static_cast<off_t>(offset), flags);
    if (count >= 0) return Result<std::size_t>(static_cast<std::size_t>(count));
    if (errno == EINTR) continue;
    if (errno == EAGAIN) return std::nullopt;
    if (errno != EOPNOTSUPP) return Result<std::size_t>(fail_errno(errno, "read"));
    nowait_ = false;  // this file system cannot tell
    return std::nullopt;
  }
}

Task<Result<void>> LocalFile::write_at(std::uint64_t offset, std::span<const iovec> pieces) {
  auto work = [this, offset, pieces](Lookup&) { return write_fully(descriptor_.get(), offset, pieces); };
  auto written = co_await change(storage_, work);
  co_return written;
}

std::optional<Result<void>> LocalFile::try_write_at(std::uint64_t offset, std::span<const iovec> pieces) {
  if (storage_ != Storage::memory) return std::nullopt;
  return write_fully(descriptor_.get(), offset, pieces);
}

Task<Result<FileInfo>> LocalFile::info() {
  auto work = [this](Lookup&) -> Result<FileInfo> {
    const Result<struct statx> facts = stat_at(descriptor_.get(), "");
    if (!facts) return fail(facts.error());
    return to_info(*facts);
  };
  auto info = co_await look(storage_, work);
  co_return info;
}

Task<Result<void>> LocalFile::set_attributes(AttributeChange wanted) {
  auto work = [this, &wanted](Lookup& lookup) -> Result<void> {
    if (wanted.size) {
      const Result<void> cut = change_size(descriptor_.get(), *wanted.size, lookup);
      if (!cut || lookup.would_wait) return cut;
    }
    return change_attributes(descriptor_.get(), wanted);
  };
  auto changed = co_await change(storage_, work);
  co_return changed;
}

Task<Result<void>> LocalFile::sync() {
  auto work = [this](Lookup&) -> Result<void> {
    if (::fsync(descriptor_.get()) != 0) return fail_errno(errno, "fsync");
    return {};
  };
  auto synced = co_await change(storage_, work);
  co_return synced;
}

Task<Result<void>> LocalFile::close() {
  auto work = [this](Lookup& lookup) -> Result<void> {
    if (descriptor_ && closing_frees_much(descriptor_.get(), lookup)) return {};
    const int number = descriptor_.release();
    if (number < 0) return {};
    if (::close(number) != 0 && errno != EINTR) return fail_errno(errno, "close");
    return {};
  };
  // Only the close of a written file may wait, and only where the server of a remote storage is told then.
  const Storage where = storage_ == Storage::remote && writable_ ? Storage::remote : Storage::memory;
  auto closed = co_await change(where, work);
  co_return closed;
}

}  // namespace ferry::vfs::local
