#include "vfs/encrypted/reader.h"

#include <algorithm>
#include <array>
#include <cstring>

namespace ferry::vfs::encrypted {

namespace dare = crypto::dare;

namespace {

constexpr std::size_t max_window = 5;  // the largest read of SFTP clients, 255 KiB, may touch five packages

std::unexpected<Error> not_encrypted(const char* why) {
  return fail(ErrorCode::io_error, std::string("not an encrypted file: ") + why);
}

}  // namespace

Reader::Reader(std::unique_ptr<File> stored, std::uint64_t size, crypto::Secret key)
    : stored_(std::move(stored)), size_(size), opener_(std::move(key)) {}

Task<Result<std::unique_ptr<Reader>>> Reader::open(std::unique_ptr<File> stored,
                                                   std::shared_ptr<const crypto::Secret> passphrase) {
  const Result<FileInfo> info = co_await stored->info();
  if (!info) co_return fail(info.error());
  const std::optional<std::uint64_t> size = dare::plain_size(info->size);
  if (!size) co_return not_encrypted("its size");
  dare::FileHeader header;
  Result<std::size_t> count = 0;
  const iovec whole[] = {{header.data(), header.size()}};
  const std::optional<Result<std::size_t>> at_once = stored->try_read_at(0, whole);
  if (at_once) count = *at_once;
  if (count && *count < header.size()) count = co_await stored->read_at(0, header);
  if (!count) co_return fail(count.error());
  if (*count < header.size()) co_return not_encrypted("it ends in its header");
  Result<crypto::Secret> key = dare::file_key(header, *passphrase);
  if (!key) co_return not_encrypted("its beginning");
  co_return std::unique_ptr<Reader>(new Reader(std::move(stored), *size, std::move(*key)));
}

std::uint64_t Reader::package_count() const { return (size_ + dare::payload_size - 1) / dare::payload_size; }

std::size_t Reader::content_of(std::uint64_t package) const {
  return static_cast<std::size_t>(std::min<std::uint64_t>(dare::payload_size, size_ - package * dare::payload_size));
}

Reader::Window Reader::window_for(std::uint64_t offset, std::uint64_t count) const {
  const std::uint64_t first = offset / dare::payload_size, last = (offset + count - 1) / dare::payload_size;
  return {first, static_cast<std::size_t>(std::min<std::uint64_t>(last - first + 1, max_window))};
}

std::size_t Reader::bytes_of(Window window) const {
  return window.count * dare::package_size - (dare::payload_size - content_of(window.end() - 1));
}

MutableByteSpan Reader::room_for(Window window) {
  kept_ = {};
  if (capacity_ < window.count * dare::package_size + 1) {
    capacity_ = window.count * dare::package_size + 1;
    buffer_ = std::make_unique_for_overwrite<std::byte[]>(capacity_);
  }
  // A byte more at the end shows whether the file goes on there.
  return {buffer_.get(), bytes_of(window) + (window.end() == package_count() ? 1 : 0)};
}

Result<void> Reader::accept(Window window, std::size_t count) {
  if (count != bytes_of(window)) return fail(ErrorCode::io_error, "encrypted file: its size has changed");
  for (std::size_t i = 0; i < window.count; ++i) {
    const std::uint64_t number = window.first + i;
    const std::size_t overhead = dare::package_size - dare::payload_size;
    const MutableByteSpan package(buffer_.get() + i * dare::package_size, content_of(number) + overhead);
    const Result<MutableByteSpan> content = opener_.open(number, package, number + 1 == package_count());
    if (!content) return fail(content.error());
  }
  kept_ = window;
  return {};
}

ByteSpan Reader::kept(std::uint64_t offset) const {
  const std::uint64_t package = offset / dare::payload_size;
  if (package < kept_.first || package >= kept_.end()) return {};
  const std::size_t at = static_cast<std::size_t>(offset % dare::payload_size), content = content_of(package);
  if (at >= content) return {};
  const std::size_t place = static_cast<std::size_t>(package - kept_.first) * dare::package_size;
  return {buffer_.get() + place + dare::header_size + at, content - at};
}

Task<Result<std::size_t>> Reader::read_at(std::uint64_t offset, MutableByteSpan into) {
  if (offset >= size_) co_return 0;
  into = into.first(static_cast<std::size_t>(std::min<std::uint64_t>(into.size(), size_ - offset)));
  std::size_t done = 0;
  while (done < into.size()) {
    ByteSpan content = kept(offset + done);
    if (content.empty()) {
      const Window window = window_for(offset + done, into.size() - done);
      const MutableByteSpan room = room_for(window);
      Result<std::size_t> count = co_await stored_->read_at(dare::package_offset(window.first), room);
      if (!count) co_return count;
      const Result<void> accepted = accept(window, *count);
      if (!accepted) co_return fail(accepted.error());
      content = kept(offset + done);
    }
    const std::size_t some = std::min(content.size(), into.size() - done);
    std::memcpy(into.data() + done, content.data(), some);
    done += some;
  }
  co_return done;
}

std::optional<Result<std::size_t>> Reader::try_read_at(std::uint64_t offset, std::span<const iovec> into) {
  std::uint64_t wanted = 0;
  for (const iovec& piece : into) wanted += piece.iov_len;
  if (offset >= size_ || wanted == 0) return Result<std::size_t>(0);
  wanted = std::min(wanted, size_ - offset);
  std::uint64_t done = 0;
  std::size_t piece = 0, filled = 0;  // where the next byte goes
  while (done < wanted) {
    ByteSpan content = kept(offset + done);
    if (content.empty()) {
      const Window window = window_for(offset + done, wanted - done);
      const MutableByteSpan room = room_for(window);
      const iovec all[] = {{room.data(), room.size()}};
      const auto count = stored_->try_read_at(dare::package_offset(window.first), all);
      if (count && !*count) return *count;
      // Some of it may not be in memory; read_at takes it all from there on.
      if (!count || **count < bytes_of(window)) break;
      const Result<void> accepted = accept(window, **count);
      if (!accepted) return Result<std::size_t>(fail(accepted.error()));
      content = kept(offset + done);
    }
    while (!content.empty() && done < wanted) {
      const std::size_t some = std::min<std::uint64_t>({content.size(), into[piece].iov_len - filled, wanted - done});
      std::memcpy(static_cast<std::byte*>(into[piece].iov_base) + filled, content.data(), some);
      content = content.subspan(some);
      done += some;
      filled += some;
      if (filled == into[piece].iov_len) {
        ++piece;
        filled = 0;
      }
    }
  }
  if (done == 0) return std::nullopt;
  return Result<std::size_t>(static_cast<std::size_t>(done));
}

Task<Result<void>> Reader::write_at(std::uint64_t, std::span<const iovec>) {
  co_return fail(ErrorCode::permission_denied, "opened for reading");
}

Task<Result<FileInfo>> Reader::info() {
  Result<FileInfo> info = co_await stored_->info();
  if (info) info->size = size_;
  co_return info;
}

Task<Result<void>> Reader::set_attributes(AttributeChange change) {
  if (change.size) co_return fail(ErrorCode::unsupported, "encrypted files cannot be cut or extended");
  Result<void> changed = co_await stored_->set_attributes(change);
  co_return changed;
}

}  // namespace ferry::vfs::encrypted
