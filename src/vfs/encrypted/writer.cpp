#include "vfs/encrypted/writer.h"

#include <algorithm>
#include <cstring>

#include "vfs/encrypted/sizes.h"

namespace ferry::vfs::encrypted {

namespace dare = crypto::dare;

namespace {

constexpr std::size_t overhead = dare::package_size - dare::payload_size;

ByteSpan bytes_of(const iovec& piece) { return {static_cast<const std::byte*>(piece.iov_base), piece.iov_len}; }

std::uint64_t total_of(std::span<const iovec> pieces) {
  std::uint64_t total = 0;
  for (const iovec& piece : pieces) total += piece.iov_len;
  return total;
}

}  // namespace

Writer::Writer(std::unique_ptr<File> stored, std::shared_ptr<const crypto::Secret> passphrase)
    : stored_(std::move(stored)), passphrase_(std::move(passphrase)) {
  begin();
}

Writer::~Writer() = default;

// A key of its own, so that no nonce serves twice when a file is begun anew.
void Writer::begin() {
  header_ = dare::new_file_header();
  const Result<crypto::Secret> key = dare::file_key(header_, *passphrase_);
  sealer_.emplace(key.value(), dare::preferred_cipher());
  first_sealed_ = current_ = filled_ = sealed_bytes_ = 0;
  stored_size_ = size_ = 0;
}

Task<Result<std::size_t>> Writer::read_at(std::uint64_t, MutableByteSpan) {
  co_return fail(ErrorCode::permission_denied, "opened for writing");
}

Result<void> Writer::check(std::uint64_t offset, std::uint64_t count) const {
  if (failed_) return fail(ErrorCode::io_error, "encrypted file: an earlier write failed");
  if (offset != size_ && count > 0)
    return fail(ErrorCode::unsupported, "encrypted files are written from their beginning on");
  return {};
}

Result<void> Writer::seal_current(bool last) {
  Result<void> done = sealer_->seal({package(current_), filled_ + overhead}, last);
  if (!done) failed_ = true;
  if (done) sealed_bytes_ += filled_ + overhead;
  return done;
}

std::uint64_t Writer::room() const {
  if (current_ == capacity) return 0;
  return (capacity - current_) * dare::payload_size - filled_;
}

void Writer::rewind() {
  if (current_ == 0 || sealed_bytes_ > 0) return;
  std::memcpy(package(0) + dare::header_size, package(current_) + dare::header_size, filled_);
  first_sealed_ = current_ = 0;
}

Result<std::size_t> Writer::take(ByteSpan content) {
  if (!packages_) packages_ = std::make_unique_for_overwrite<std::byte[]>(capacity * dare::package_size);
  std::size_t taken = 0;
  while (taken < content.size() && current_ < capacity) {
    if (filled_ == dare::payload_size) {
      // More follows, so this is not the last package.
      const Result<void> done = seal_current(false);
      if (!done) return fail(done.error());
      ++current_;
      filled_ = 0;
      continue;
    }
    const std::size_t some = std::min(dare::payload_size - filled_, content.size() - taken);
    std::memcpy(package(current_) + dare::header_size + filled_, content.data() + taken, some);
    filled_ += some;
    taken += some;
  }
  size_ += taken;
  return taken;
}

std::span<const iovec> Writer::sealed() {
  std::size_t count = 0;
  if (stored_size_ == 0) next_pieces_[count++] = {header_.data(), header_.size()};
  if (sealed_bytes_ > 0) next_pieces_[count++] = {package(first_sealed_), sealed_bytes_};
  return {next_pieces_.data(), count};
}

void Writer::note_stored() {
  stored_size_ += total_of(sealed());
  sealed_bytes_ = 0;
  if (current_ == capacity) current_ = 0;
  first_sealed_ = current_;
}

// If it does not come to its end, the same bytes can be stored again at the same place.
Task<Result<void>> Writer::store() {
  Result<void> written = co_await stored_->write_at(stored_size_, sealed());
  if (written) note_stored();
  if (!written) failed_ = true;
  co_return written;
}

Task<Result<void>> Writer::write_at(std::uint64_t offset, std::span<const iovec> pieces) {
  Result<void> done = check(offset, total_of(pieces));
  times_.reset();
  for (std::size_t i = 0; done && i < pieces.size(); ++i) {
    ByteSpan rest = bytes_of(pieces[i]);
    while (done && !rest.empty()) {
      const Result<std::size_t> taken = take(rest);
      if (!taken) co_return fail(taken.error());
      rest = rest.subspan(*taken);
      if (room() == 0 && sealed_bytes_ > 0) done = co_await store();
    }
  }
  if (done && sealed_bytes_ > 0) done = co_await store();
  co_return done;
}

std::optional<Result<void>> Writer::try_write_at(std::uint64_t offset, std::span<const iovec> pieces) {
  const std::uint64_t total = total_of(pieces);
  const Result<void> possible = check(offset, total);
  if (!possible) return possible;
  if (sealed_bytes_ > 0) return std::nullopt;
  if (total > dare::payload_size - filled_) {
    // Packages will have to be stored. A write of nothing tells whether that can be done without waiting.
    if (!stored_->try_write_at(stored_size_, {})) return std::nullopt;
    if (total > room()) rewind();
    if (total > room()) return std::nullopt;
  }
  times_.reset();
  for (const iovec& piece : pieces) {
    const Result<std::size_t> taken = take(bytes_of(piece));
    if (!taken) return Result<void>(fail(taken.error()));
  }
  if (sealed_bytes_ == 0) return Result<void>();
  const auto written = stored_->try_write_at(stored_size_, sealed());
  if (!written) return Result<void>();  // it stays here until the next write, or close()
  if (*written) note_stored();
  if (!*written) failed_ = true;
  return written;
}

Task<Result<FileInfo>> Writer::info() {
  Result<FileInfo> info = co_await stored_->info();
  if (!info) co_return info;
  if (failed_) show_plain_size(*info);
  if (!failed_) info->size = size_;
  co_return info;
}

Task<Result<void>> Writer::set_attributes(AttributeChange change) {
  if (change.size && *change.size != 0 && *change.size != size_) {
    co_return fail(ErrorCode::unsupported, "encrypted files cannot be cut or extended");
  }
  const bool anew = change.size && *change.size != size_;
  change.size.reset();
  // By itself, and first: if another attribute is refused, it must still be known whether the file was cut.
  if (anew) {
    const AttributeChange cut{.size = 0};
    const Result<void> emptied = co_await stored_->set_attributes(cut);
    failed_ = !emptied;
    if (!emptied) co_return emptied;
    begin();
  }
  const bool more = change.mode || change.owner || change.times;
  if (anew && !more) co_return Result<void>();
  Result<void> changed = co_await stored_->set_attributes(change);
  if (changed && change.times) times_ = change.times;
  co_return changed;
}

Task<Result<void>> Writer::sync() {
  durable_ = true;
  Result<void> done;
  if (sealed_bytes_ > 0) done = co_await store();
  if (done) done = co_await stored_->sync();
  co_return done;
}

Task<Result<void>> Writer::finish(bool last) {
  Result<void> done;
  if (sealed_bytes_ > 0) done = co_await store();
  if (done && filled_ > 0) done = seal_current(last);
  if (done && (last || sealed_bytes_ > 0)) done = co_await store();
  co_return done;
}

Task<Result<void>> Writer::close() {
  Result<void> done;
  if (failed_) done = fail(ErrorCode::io_error, "encrypted file: an earlier write failed");
  if (done) done = co_await finish(true);
  if (done && times_) {
    AttributeChange times;
    times.times = times_;
    done = co_await stored_->set_attributes(times);
  }
  if (done && durable_) done = co_await stored_->sync();
  Result<void> closed;
  if (done) closed = co_await stored_->close();
  if (!done) (void)co_await stored_->discard();  // what went wrong before says more
  if (done && !closed) done = closed;
  co_return done;
}

Task<Result<void>> Writer::discard() {
  if (!failed_ && size_ > 0) (void)co_await finish(false);  // a part more or less of what is not complete
  Result<void> discarded = co_await stored_->discard();
  co_return discarded;
}

}  // namespace ferry::vfs::encrypted
