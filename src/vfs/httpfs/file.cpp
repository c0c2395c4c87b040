#include "vfs/httpfs/file.h"

#include <fcntl.h>

#include <algorithm>
#include <array>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>

#include "base/log.h"
#include "base/sleeper.h"

namespace ferry::vfs::httpfs {

namespace {

using namespace std::chrono_literals;

constexpr std::size_t window = std::size_t{256} * 1024;  // of memory for one transfer
constexpr std::uint64_t longest_skip = window;           // rather than another request
constexpr int most_restarts = 3;
constexpr int flags_of_create = O_WRONLY | O_CREAT | O_EXCL;  // Go's os.O_*, which are Linux's
constexpr auto budget_patience = 60s;
constexpr std::array<std::chrono::milliseconds, 3> pauses_of_undo{0ms, 100ms, 400ms};

Error no_place_to_write() {
  return {ErrorCode::unsupported, "HTTP storage takes a file in order, to write it or to read it"};
}

bool same_content(const FileInfo& one, const FileInfo& other) {
  return one.type == other.type && one.size == other.size && one.modified == other.modified;
}

Task<Result<void>> take_ticket(Tickets& purse, ByteBudget::Ticket& into, std::uint64_t bytes, std::string account) {
  if (into.count() > 0) co_return Result<void>();
  auto ticket = co_await purse.take(bytes, budget_patience, std::move(account));
  if (!ticket) co_return fail(ticket.error());
  into = std::move(*ticket);
  co_return Result<void>();
}

}  // namespace

Task<Result<void>> HttpReader::begin(std::uint64_t offset) {
  stream_.reset();
  Result<void> ticket;
  if (budget_) ticket = co_await take_ticket(budget_->ahead(), ticket_, window, account_);
  if (!ticket) co_return ticket;
  auto now = co_await service_->stat(path_);
  if (!now) co_return fail(now.error());
  if (!same_content(*now, info_)) co_return fail(ErrorCode::conflict, path_ + " has changed since it was opened");
  Query query;
  if (offset > 0) query.emplace_back("offset", std::to_string(offset));
  http::ClientStreamOptions how;
  how.receives = true;
  how.capacity = window;
  auto stream = service_->stream("GET", "open", path_, query, how);
  if (!stream) co_return fail(stream.error());
  auto head = co_await (*stream)->head();
  if (!head) co_return fail(head.error());
  if (const auto error = Service::error_of(*head, "open " + path_)) co_return fail(*error);
  const std::string_view length = head->header("content-length");
  if (!length.empty() && length != std::to_string(info_.size - offset)) {
    co_return fail(ErrorCode::conflict, path_ + ": the answer has another length than the file");
  }
  stream_ = std::move(*stream);
  position_ = offset;
  co_return Result<void>();
}

Task<Result<void>> HttpReader::skip_to(std::uint64_t offset) {
  Bytes unwanted(std::min<std::uint64_t>(offset - position_, 64 * 1024));
  while (position_ < offset) {
    const std::size_t count = static_cast<std::size_t>(std::min<std::uint64_t>(unwanted.size(), offset - position_));
    auto skipped = co_await stream_->read(MutableByteSpan(unwanted).first(count));
    if (!skipped) co_return fail(skipped.error());
    if (*skipped == 0) co_return fail(ErrorCode::connection_lost, path_ + " ends too early");
    position_ += *skipped;
  }
  co_return Result<void>();
}

Task<Result<std::size_t>> HttpReader::read_some(std::uint64_t offset, MutableByteSpan into) {
  if (!stream_ || offset < position_ || offset - position_ > longest_skip) {
    auto begun = co_await begin(offset);
    if (!begun) co_return fail(begun.error());
  }
  if (offset > position_) {
    auto skipped = co_await skip_to(offset);
    if (!skipped) co_return fail(skipped.error());
  }
  auto count = co_await stream_->read(into);
  if (!count) co_return fail(count.error());
  if (*count == 0) co_return fail(ErrorCode::connection_lost, path_ + " ends too early");
  position_ += *count;
  co_return *count;
}

Task<Result<std::size_t>> HttpReader::read_at(std::uint64_t offset, MutableByteSpan into) {
  std::size_t done = 0;
  if (offset >= info_.size) co_return done;
  into = into.first(static_cast<std::size_t>(std::min<std::uint64_t>(into.size(), info_.size - offset)));
  for (int restarts = 0; done < into.size();) {
    auto count = co_await read_some(offset + done, into.subspan(done));
    if (count) {
      done += *count;
      restarts = 0;
      continue;
    }
    stream_.reset();
    // A body that broke off is asked for again from there on.
    const ErrorCode code = count.error().code;
    const bool passing =
        code == ErrorCode::connection_lost || code == ErrorCode::timeout || code == ErrorCode::io_error;
    if (!passing || ++restarts > most_restarts) co_return fail(count.error());
  }
  // A server that sends more than the file has would never be noticed otherwise.
  if (offset + done == info_.size && stream_) {
    std::byte beyond[1];
    auto more = co_await stream_->read(beyond);
    stream_.reset();
    ticket_.reset();
    if (more && *more > 0) co_return fail(ErrorCode::conflict, path_ + " is longer than it was");
  }
  co_return done;
}

Task<Result<void>> HttpReader::write_at(std::uint64_t, std::span<const iovec>) { co_return fail(no_place_to_write()); }

Task<Result<FileInfo>> HttpReader::info() { co_return info_; }

Task<Result<void>> HttpReader::set_attributes(AttributeChange change) {
  auto changed = co_await service_->change(path_, change);
  if (!changed) co_return changed;
  auto now = co_await service_->stat(path_);
  if (!now) co_return fail(now.error());
  if (now->size != info_.size) co_return fail(ErrorCode::conflict, path_ + " has changed since it was opened");
  info_ = *now;
  co_return Result<void>();
}

Task<Result<void>> HttpReader::sync() { co_return Result<void>(); }

Task<Result<void>> HttpReader::close() {
  stream_.reset();
  ticket_.reset();
  co_return Result<void>();
}

HttpWriter::~HttpWriter() {
  if (ended_ || !stream_) return;
  asio::co_spawn(pool_strand(Lane::remote), undo(service_, plan_.growing, std::move(stream_)), asio::detached);
}

// Breaks the transfer off, and removes what the server has kept of it.
Task<void> HttpWriter::undo(std::shared_ptr<Service> service, std::string path,
                            std::unique_ptr<http::ClientStream> stream) {
  if (stream) co_await stream->cancel();
  stream.reset();
  const auto executor = co_await asio::this_coro::executor;
  const Query none;
  // A server may notice the end of the connection, and make the file even, only after it has been asked.
  for (const std::chrono::milliseconds pause : pauses_of_undo) {
    const auto sleeper = Sleeper::make(executor, pause);
    co_await sleeper->sleep();
    auto there = co_await service->stat(path);
    if (!there && there.error().code == ErrorCode::not_found) continue;
    auto removed = co_await service->call("DELETE", "remove", path, none);
    if (removed || removed.error().code == ErrorCode::not_found) continue;
    log::error("httpfs", "", "a part of an upload may be left as \"{}\": {}", path, removed.error().message);
  }
}

Task<Result<void>> HttpWriter::start() {
  Query query;
  query.emplace_back("flags", std::to_string(flags_of_create));
  http::ClientStreamOptions how;
  how.sends = true;
  how.capacity = window;
  auto stream = service_->stream("POST", "create", plan_.growing, query, how);
  if (!stream) co_return fail(stream.error());
  stream_ = std::move(*stream);
  auto written = co_await stream_->write(as_bytes(collected_));
  std::string().swap(collected_);
  co_return written;
}

Task<Result<void>> HttpWriter::take(ByteSpan bytes) {
  Result<void> ticket;
  if (budget_) ticket = co_await take_ticket(budget_->parts(), ticket_, 2 * window, account_);
  if (!ticket) co_return ticket;
  if (!stream_ && collected_.size() + bytes.size() <= window) {
    collected_ += as_text(bytes);
    co_return Result<void>();
  }
  if (!stream_) {
    auto started = co_await start();
    if (!started) co_return started;
  }
  auto written = co_await stream_->write(bytes);
  co_return written;
}

Task<Result<void>> HttpWriter::write_at(std::uint64_t offset, std::span<const iovec> pieces) {
  if (ended_) co_return fail(ErrorCode::invalid_argument, "a file that is closed");
  if (offset != written_ && !pieces.empty()) co_return fail(no_place_to_write());
  for (const iovec& piece : pieces) {
    const ByteSpan bytes(static_cast<const std::byte*>(piece.iov_base), piece.iov_len);
    auto taken = co_await take(bytes);
    if (!taken && taken.error().code == ErrorCode::conflict) {
      // The server has answered already: it says why.
      auto answer = co_await stream_->finish();
      std::optional<Error> why;
      if (answer) why = Service::error_of(*answer, "create " + plan_.path);
      co_return fail(why.value_or(taken.error()));
    }
    if (!taken) co_return taken;
    written_ += piece.iov_len;
  }
  co_return Result<void>();
}

Task<Result<std::size_t>> HttpWriter::read_at(std::uint64_t, MutableByteSpan) { co_return fail(no_place_to_write()); }

Task<Result<FileInfo>> HttpWriter::info() {
  FileInfo info = plan_.before;
  info.size = written_;
  if (pending_.mode) info.mode = *pending_.mode;
  if (pending_.times) info.modified = pending_.times->modified;
  co_return info;
}

Task<Result<void>> HttpWriter::set_attributes(AttributeChange change) {
  if (change.size && *change.size != written_) co_return fail(ErrorCode::unsupported, "HTTP storage: cutting a file");
  if (change.owner) co_return fail(ErrorCode::unsupported, "HTTP storage: changing an owner");
  if (change.mode) pending_.mode = change.mode;
  if (change.times) pending_.times = change.times;
  co_return Result<void>();
}

Task<Result<void>> HttpWriter::sync() {
  co_return fail(ErrorCode::unsupported, "HTTP storage: a file is stored when it is closed");
}

Task<Result<void>> HttpWriter::send() {
  if (stream_) {
    auto answer = co_await stream_->finish();
    if (!answer) co_return fail(answer.error());
    if (const auto error = Service::error_of(*answer, "create " + plan_.path)) co_return fail(*error);
    co_return Result<void>();
  }
  Query query;
  query.emplace_back("flags", std::to_string(flags_of_create));
  auto answer = co_await service_->call("POST", "create", plan_.growing, query, std::move(collected_));
  if (!answer) co_return fail(answer.error());
  co_return Result<void>();
}

// Whether the server has it all, whatever it answered.
Task<Result<void>> HttpWriter::check() {
  auto there = co_await service_->stat(plan_.growing);
  if (!there) co_return fail(ErrorCode::io_error, plan_.path + ": nothing is stored: " + there.error().message);
  if (there->size == written_ && there->type == FileType::regular) co_return Result<void>();
  co_return fail(ErrorCode::io_error,
                 plan_.path + ": " + std::to_string(there->size) + " bytes are stored of " + std::to_string(written_));
}

Task<Result<void>> HttpWriter::publish() {
  if (plan_.exclusive) {
    auto there = co_await service_->stat(plan_.path);
    if (there) co_return fail(ErrorCode::already_exists, plan_.path);
    if (there.error().code != ErrorCode::not_found) co_return fail(there.error());
  }
  Query query;
  query.emplace_back("target", plan_.path);
  auto renamed = co_await service_->call("PATCH", "rename", plan_.growing, query);
  if (renamed) co_return Result<void>();
  // The answer may be lost, and the rename done.
  auto growing = co_await service_->stat(plan_.growing);
  if (!growing && growing.error().code == ErrorCode::not_found) {
    auto there = co_await service_->stat(plan_.path);
    if (there && there->size == written_) co_return Result<void>();
  }
  co_return fail(renamed.error());
}

Task<Result<void>> HttpWriter::close() {
  if (ended_) co_return fail(ErrorCode::invalid_argument, "a file that is closed");
  ended_ = true;
  auto stored = co_await send();
  if (stored) stored = co_await check();
  if (stored && (pending_.mode || pending_.times)) {
    auto changed = co_await service_->change(plan_.growing, pending_);
    if (!changed) log::warn("httpfs", "", "{} gets no attributes: {}", plan_.path, changed.error().message);
  }
  if (stored) stored = co_await publish();
  ticket_.reset();
  if (!stored) co_await undo(service_, plan_.growing, std::move(stream_));
  stream_.reset();
  co_return stored;
}

Task<Result<void>> HttpWriter::discard() {
  if (ended_) co_return Result<void>();
  ended_ = true;
  std::string().swap(collected_);
  ticket_.reset();
  if (stream_) co_await undo(service_, plan_.growing, std::move(stream_));
  co_return Result<void>();
}

}  // namespace ferry::vfs::httpfs
