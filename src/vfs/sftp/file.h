// An open file of a remote SFTP server. Reads are sent ahead and writes before the replies to earlier ones: up to 64 of
// either are on their way, within a bound of memory. A write that failed is reported by a later write or by close(). A
// file that is only read survives its connection: it is opened again, if it is still the same.
#pragma once

#include <deque>
#include <optional>

#include "base/byte_budget.h"
#include "vfs/sftp/pool.h"

namespace ferry::vfs::sftp {

struct TransferOptions {
  std::uint64_t most_ahead = std::uint64_t{4} << 20;  // bytes of one file on their way, in either direction
  bool concurrent_reads = true;                       // else one READ at a time, of what was asked for
  std::shared_ptr<ByteBudget> budget = {};            // none: no limit beside most_ahead
  std::string account = {};                           // whose transfers they are: the owner of their memory
};

// A handle of the server, given back when it goes. It belongs to the connection on which it was opened.
class RemoteHandle {
 public:
  RemoteHandle(ConnectionPtr connection, std::string text);
  RemoteHandle(RemoteHandle&&) = delete;
  ~RemoteHandle();

  // Sends a request of this handle.
  CallPtr send(Request request, bool patient = false, std::shared_ptr<const void> held = {}) const;
  const std::string& text() const { return text_; }
  const ServerFacts& facts() const { return connection_->facts(); }
  const ConnectionPtr& connection() const { return connection_; }
  // Once; afterwards the handle is the server's again.
  Task<Result<void>> close();

 private:
  const ConnectionPtr connection_;
  const std::string text_;
  bool open_ = true;
};

// Opens a file, or with flags and mode 0 a directory; on `on` if that is given. What can be repeated is tried on a
// second connection when the first breaks.
Task<Result<std::unique_ptr<RemoteHandle>>> open_handle(std::shared_ptr<Pool> pool, std::string remote,
                                                        std::uint32_t flags, std::uint32_t mode, ConnectionPtr on);

// How a file that is only read is opened again.
struct Origin {
  std::shared_ptr<Pool> pool;
  std::string remote;
  FileInfo info;  // as it was opened
};

class SftpFile : public File {
 public:
  SftpFile(std::unique_ptr<RemoteHandle> handle, TransferOptions options, bool append, std::optional<Origin> origin)
      : handle_(std::move(handle)), options_(std::move(options)), append_(append), origin_(std::move(origin)) {}

  Task<Result<std::size_t>> read_at(std::uint64_t offset, MutableByteSpan into) override;
  std::optional<Result<std::size_t>> try_read_at(std::uint64_t offset, std::span<const iovec> into) override;
  Task<Result<void>> write_at(std::uint64_t offset, std::span<const iovec> pieces) override;
  Task<Result<FileInfo>> info() override;
  Task<Result<void>> set_attributes(AttributeChange change) override;
  Task<Result<void>> sync() override;
  Task<Result<void>> close() override;

 private:
  // A READ that is on its way, or whose data was not wanted whole yet.
  // A ticket is the call's, too: that may outlive the file.
  struct Ahead {
    std::uint64_t offset = 0;
    std::size_t asked = 0;
    CallPtr call;  // until its reply was taken
    std::shared_ptr<const ByteBudget::Ticket> ticket;
    Reply reply;
    std::optional<ByteSpan> data;  // of the reply; none: the end of the file
  };
  struct Behind {
    CallPtr call;
    std::size_t size = 0;
  };

  void seek(std::uint64_t offset, std::size_t wanted);
  void send_reads(std::size_t wanted);
  bool send_read(std::size_t count, bool must);
  Result<void> take_front(Result<Reply> reply);
  Task<bool> open_again();
  std::size_t use_front(std::uint64_t offset, MutableByteSpan into);
  std::size_t use_what_came(std::uint64_t offset, MutableByteSpan into);
  Task<Result<void>> send_write(std::uint64_t offset, std::span<const iovec> pieces, std::size_t size);
  Task<void> settle_oldest();
  Task<Result<void>> settle_all();

  std::unique_ptr<RemoteHandle> handle_;
  const TransferOptions options_;
  const bool append_;
  const std::optional<Origin> origin_;          // of a file that is only read
  bool came_ = true;                            // bytes, since it was opened again
  std::deque<Ahead> ahead_;                     // without gaps
  std::uint64_t next_read_ = 0;                 // after the last one in ahead_
  std::uint64_t expected_ = ~std::uint64_t{0};  // where the reader will go on if it reads the file in order
  std::uint64_t window_ = 0;                    // bytes to have on their way
  std::deque<Behind> behind_;
  std::uint64_t behind_bytes_ = 0;
  std::optional<Error> write_error_;  // of a write that was answered with success already
};

}  // namespace ferry::vfs::sftp
