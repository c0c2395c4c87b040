#include "vfs/sftp/file.h"

#include <algorithm>
#include <cstring>

namespace ferry::vfs::sftp {

namespace {

using namespace std::chrono_literals;

std::size_t total(std::span<const iovec> pieces) {
  std::size_t size = 0;
  for (const iovec& piece : pieces) size += piece.iov_len;
  return size;
}

// The bytes [skip, skip + size) of the pieces.
std::vector<iovec> part_of(std::span<const iovec> pieces, std::size_t skip, std::size_t size) {
  std::vector<iovec> part;
  for (const iovec& piece : pieces) {
    if (size == 0) break;
    if (skip >= piece.iov_len) {
      skip -= piece.iov_len;
      continue;
    }
    const std::size_t count = std::min(piece.iov_len - skip, size);
    part.push_back({static_cast<std::byte*>(piece.iov_base) + skip, count});
    size -= count;
    skip = 0;
  }
  return part;
}

}  // namespace

RemoteHandle::RemoteHandle(ConnectionPtr connection, std::string text)
    : connection_(std::move(connection)), text_(std::move(text)) {
  connection_->hold();
}

RemoteHandle::~RemoteHandle() {
  if (open_) send(Request::handle(Packet::close, text_));  // nobody waits for it
  connection_->release();
}

CallPtr RemoteHandle::send(Request request, bool patient, std::shared_ptr<const void> held) const {
  auto call = std::make_shared<Call>(std::move(request), patient, std::move(held));
  connection_->submit(call);
  return call;
}

Task<Result<void>> RemoteHandle::close() {
  open_ = false;
  auto reply = co_await wait(send(Request::handle(Packet::close, text_)));
  if (!reply) co_return fail(reply.error());
  co_return read_status(*reply, "close");
}

Task<Result<std::unique_ptr<RemoteHandle>>> open_handle(std::shared_ptr<Pool> pool, std::string remote,
                                                        std::uint32_t flags, std::uint32_t mode, ConnectionPtr on) {
  for (int attempt = 0;; ++attempt) {
    Result<ConnectionPtr> connection = on;
    if (!on) connection = pool->acquire(true);
    if (!connection) co_return fail(connection.error());
    Request request =
        mode == 0 && flags == 0 ? Request::path(Packet::opendir, remote) : Request::open(remote, flags, mode);
    auto call = std::make_shared<Call>(std::move(request));
    (*connection)->submit(call);
    auto reply = co_await wait(call);
    if (reply) {
      const Result<std::string> handle = read_handle(*reply, remote);
      if (!handle) co_return fail(handle.error());
      co_return std::make_unique<RemoteHandle>(*connection, *handle);
    }
    const bool harmless = (flags & ~open_read) == 0 || !call->was_sent();
    if (on || attempt > 0 || !harmless || !(*connection)->was_ready()) co_return fail(reply.error());
  }
}

// Brings ahead_ to begin at `offset`.
void SftpFile::seek(std::uint64_t offset, std::size_t wanted) {
  while (!ahead_.empty() && ahead_.front().offset + ahead_.front().asked <= offset) ahead_.pop_front();
  if (ahead_.empty() || ahead_.front().offset > offset) {
    ahead_.clear();
    next_read_ = offset;
  }
  // In order: twice as much at each step. Elsewhere: only what is asked for.
  window_ = offset == expected_ && options_.concurrent_reads ? std::min(options_.most_ahead, window_ * 2) : 0;
  window_ = std::max<std::uint64_t>(window_, wanted);
}

bool SftpFile::send_read(std::size_t count, bool must) {
  Ahead ahead{.offset = next_read_, .asked = count, .call = {}, .ticket = {}, .reply = {}, .data = {}};
  if (options_.budget && !must) {
    auto ticket = options_.budget->ahead().try_take(count, options_.account);
    if (!ticket) return false;  // memory is short: only what is asked for is read
    ahead.ticket = std::make_shared<const ByteBudget::Ticket>(std::move(*ticket));
  }
  Request request = Request::read(handle_->text(), next_read_, static_cast<std::uint32_t>(count));
  ahead.call = handle_->send(std::move(request), false, ahead.ticket);
  next_read_ += count;
  ahead_.push_back(std::move(ahead));
  return true;
}

void SftpFile::send_reads(std::size_t wanted) {
  const std::uint64_t most = handle_->facts().limits.read;
  if (ahead_.empty()) send_read(std::min<std::uint64_t>(most, std::max<std::size_t>(wanted, 1)), true);
  if (!options_.concurrent_reads) return;
  const std::uint64_t begin = ahead_.front().offset;
  while (ahead_.size() < most_requests && next_read_ - begin < window_) {
    const std::uint64_t count = std::min(most, window_ - (next_read_ - begin));
    // Small remainders of a window that grows make small requests.
    if (window_ > most && count < most) break;
    if (!send_read(static_cast<std::size_t>(count), false)) break;
  }
}

Result<void> SftpFile::take_front(Result<Reply> reply) {
  Ahead& front = ahead_.front();
  front.call = nullptr;
  if (!reply) return fail(reply.error());
  front.reply = std::move(*reply);
  const Result<std::optional<ByteSpan>> data = read_data(front.reply, "read");
  if (!data) return fail(data.error());
  if (*data && (*data)->size() > front.asked) return fail(ErrorCode::protocol_error, "read: more than was asked for");
  front.data = *data;
  if (*data && (*data)->size() < front.asked) {
    // A server may send less than was asked for. What follows in the queue does not go on where this ends.
    front.asked = (*data)->size();
    next_read_ = front.offset + front.asked;
    ahead_.erase(ahead_.begin() + 1, ahead_.end());
  }
  return {};
}

// Copies what the front has at `offset`, and drops it when it has no more.
std::size_t SftpFile::use_front(std::uint64_t offset, MutableByteSpan into) {
  const Ahead& front = ahead_.front();
  const ByteSpan data = front.data->subspan(static_cast<std::size_t>(offset - front.offset));
  const std::size_t count = std::min(data.size(), into.size());
  std::memcpy(into.data(), data.data(), count);
  if (count == data.size()) ahead_.pop_front();
  came_ = true;
  return count;
}

// After its connection broke. Once, until bytes have come again.
Task<bool> SftpFile::open_again() {
  if (!origin_ || !std::exchange(came_, false) || !handle_->connection()->broken()) co_return false;
  auto handle = co_await open_handle(origin_->pool, origin_->remote, open_read, 0, nullptr);
  if (!handle) co_return false;
  auto reply = co_await wait((*handle)->send(Request::handle(Packet::fstat, (*handle)->text())));
  if (!reply) co_return false;
  const Result<FileInfo> info = read_attributes(*reply, origin_->remote);
  if (!info || info->size != origin_->info.size || info->modified != origin_->info.modified) co_return false;
  handle_ = std::move(*handle);
  co_return true;
}

Task<Result<std::size_t>> SftpFile::read_at(std::uint64_t offset, MutableByteSpan into) {
  if (!behind_.empty()) {
    auto settled = co_await settle_all();
    if (!settled) co_return fail(settled.error());
  }
  std::size_t done = 0;
  if (offset > std::uint64_t(INT64_MAX)) co_return done;  // past the end of any file
  while (done < into.size()) {
    seek(offset + done, into.size() - done);
    send_reads(into.size() - done);
    if (ahead_.front().call) {
      auto reply = co_await wait(ahead_.front().call);
      const Result<void> taken = take_front(std::move(reply));
      if (!taken) {
        ahead_.clear();
        const bool again = co_await open_again();
        if (again) continue;
        co_return fail(taken.error());
      }
    }
    if (!ahead_.front().data) {
      ahead_.clear();  // the file may grow: the next read asks again
      break;
    }
    done += use_front(offset + done, into.subspan(done));
    expected_ = offset + done;
  }
  co_return done;
}

// What has come of [offset, offset + size), without waiting; less, and nothing, where it has not. An error is left for
// read_at, which asks again.
std::size_t SftpFile::use_what_came(std::uint64_t offset, MutableByteSpan into) {
  std::size_t done = 0;
  while (done < into.size() && !ahead_.empty()) {
    const Ahead& front = ahead_.front();
    if (front.offset > offset + done || offset + done - front.offset >= front.asked) break;
    if (front.call) {
      if (!front.call->done()) break;
      if (!take_front(front.call->take())) {
        ahead_.clear();
        break;
      }
    }
    if (!front.data) break;
    const std::size_t count = use_front(offset + done, into.subspan(done));
    done += count;
    window_ = options_.concurrent_reads ? std::min(options_.most_ahead, window_ + 2 * count) : 0;
    if (!ahead_.empty()) send_reads(0);
  }
  return done;
}

std::optional<Result<std::size_t>> SftpFile::try_read_at(std::uint64_t offset, std::span<const iovec> into) {
  if (!behind_.empty()) return std::nullopt;
  std::size_t done = 0;
  for (const iovec& piece : into) {
    const std::size_t count = use_what_came(offset + done, {static_cast<std::byte*>(piece.iov_base), piece.iov_len});
    done += count;
    if (count < piece.iov_len) break;
  }
  if (done == 0) return std::nullopt;
  expected_ = offset + done;
  return Result<std::size_t>(done);
}

Task<void> SftpFile::settle_oldest() {
  Behind oldest = std::move(behind_.front());
  behind_.pop_front();
  behind_bytes_ -= oldest.size;
  auto reply = co_await wait(oldest.call);
  const Result<void> written = reply ? read_status(*reply, "write") : Result<void>(fail(reply.error()));
  if (!written && !write_error_) write_error_ = written.error();
}

Task<Result<void>> SftpFile::settle_all() {
  while (!behind_.empty()) co_await settle_oldest();
  if (write_error_) co_return fail(*write_error_);
  co_return Result<void>();
}

Task<Result<void>> SftpFile::send_write(std::uint64_t offset, std::span<const iovec> pieces, std::size_t size) {
  while (behind_.size() >= most_requests || (!behind_.empty() && behind_bytes_ + size > options_.most_ahead)) {
    co_await settle_oldest();
  }
  Behind behind{.call = {}, .size = size};
  std::shared_ptr<const ByteBudget::Ticket> held;
  while (options_.budget) {
    auto ticket = options_.budget->parts().try_take(size, options_.account);
    if (ticket) {
      held = std::make_shared<const ByteBudget::Ticket>(std::move(*ticket));
      break;
    }
    if (behind_.empty()) {
      // Our own are all settled: what is short is taken by others.
      auto waited = co_await options_.budget->parts().take(size, 60s, options_.account);
      if (!waited) co_return fail(waited.error());
      held = std::make_shared<const ByteBudget::Ticket>(std::move(*waited));
      break;
    }
    co_await settle_oldest();
  }
  while (!behind_.empty() && behind_.front().call->done()) co_await settle_oldest();
  if (write_error_) co_return fail(*write_error_);
  behind.call = handle_->send(Request::write(handle_->text(), offset, pieces), false, std::move(held));
  behind_bytes_ += size;
  behind_.push_back(std::move(behind));
  co_return Result<void>();
}

Task<Result<void>> SftpFile::write_at(std::uint64_t offset, std::span<const iovec> pieces) {
  const std::size_t size = total(pieces);
  if (offset > std::uint64_t(INT64_MAX) - size) co_return fail(ErrorCode::invalid_argument, "offset out of range");
  ahead_.clear();
  const std::size_t most = static_cast<std::size_t>(handle_->facts().limits.write);
  for (std::size_t done = 0; done < size;) {
    const std::size_t count = std::min(size - done, most);
    const std::vector<iovec> part = part_of(pieces, done, count);
    auto sent = co_await send_write(append_ ? 0 : offset + done, part, count);
    if (!sent) co_return sent;
    done += count;
  }
  co_return Result<void>();
}

Task<Result<FileInfo>> SftpFile::info() {
  auto settled = co_await settle_all();
  if (!settled) co_return fail(settled.error());
  auto reply = co_await wait(handle_->send(Request::handle(Packet::fstat, handle_->text())));
  if (!reply) co_return fail(reply.error());
  co_return read_attributes(*reply, "fstat");
}

Task<Result<void>> SftpFile::set_attributes(AttributeChange change) {
  auto settled = co_await settle_all();
  if (!settled) co_return settled;
  ahead_.clear();
  auto reply = co_await wait(handle_->send(Request::set_handle_attributes(handle_->text(), change)));
  if (!reply) co_return fail(reply.error());
  co_return read_status(*reply, "fsetstat");
}

Task<Result<void>> SftpFile::sync() {
  auto settled = co_await settle_all();
  if (!settled) co_return settled;
  if (!handle_->facts().extensions.sync) {
    co_return fail(ErrorCode::unsupported, "the SFTP server does not offer fsync@openssh.com");
  }
  auto reply = co_await wait(handle_->send(Request::sync(handle_->text())));
  if (!reply) co_return fail(reply.error());
  co_return read_status(*reply, "fsync");
}

Task<Result<void>> SftpFile::close() {
  ahead_.clear();
  auto settled = co_await settle_all();
  auto closed = co_await handle_->close();
  if (!settled) co_return settled;
  co_return closed;
}

}  // namespace ferry::vfs::sftp
