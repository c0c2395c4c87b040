#include "vfs/object/download.h"

#include <algorithm>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <cstring>

#include "vfs/object/retry.h"

namespace ferry::vfs::object {

namespace {

constexpr std::uint64_t first_window = std::uint64_t{1} << 20;
constexpr std::uint64_t default_range = std::uint64_t{5} << 20;
constexpr unsigned default_ranges_at_once = 5, jumps_of_a_random_reader = 2;

}  // namespace

ObjectDownload::ObjectDownload(std::shared_ptr<ObjectStore> store, ObjectOptions options, ObjectInfo object)
    : store_(std::move(store)), options_(std::move(options)), object_(std::move(object)) {}

// A reader that goes on in order gets windows that double, up to all the requests that may run at once; one that jumps
// gets what it asks for.
std::uint64_t ObjectDownload::window_size(std::uint64_t offset, std::uint64_t wanted) {
  const std::uint64_t range = options_.download_part_size == 0 ? default_range : options_.download_part_size;
  const unsigned at_once = options_.download_concurrency == 0 ? default_ranges_at_once : options_.download_concurrency;
  jumps_ = offset == next_ ? 0 : jumps_ + 1;
  if (jumps_ >= jumps_of_a_random_reader) {
    ahead_ = 0;
    return 0;
  }
  ahead_ = ahead_ == 0 || jumps_ > 0 ? first_window : std::min(ahead_ * 2, range * at_once);
  return std::min(std::max(ahead_, wanted), object_.size - offset);
}

Task<Result<std::size_t>> ObjectDownload::read_at(std::uint64_t offset, MutableByteSpan into) {
  if (offset >= object_.size || into.empty()) co_return std::size_t{0};
  into = into.first(std::min<std::uint64_t>(into.size(), object_.size - offset));
  if (!window_ || !window_->holds(offset)) {
    window_.reset();  // its memory may be what the next one gets
    std::uint64_t size = window_size(offset, into.size());
    std::optional<Tickets::Ticket> ticket;
    while (!ticket && size > into.size()) {
      ticket = options_.budget->ahead().try_take(size, options_.account);
      if (ticket && ticket->count() < size) ticket.reset();  // all that there is
      if (!ticket) ahead_ = size /= 2;
    }
    if (!ticket) {
      // A reader at random, or no memory is left: what was asked for, to where it is wanted.
      Range exact{store_, object_.key, object_.version, offset};
      const Result<void> read = co_await read_range(std::move(exact), into);
      if (!read) co_return fail(read.error());
      next_ = offset + into.size();
      co_return into.size();
    }
    window_ = std::make_shared<Window>();
    window_->ticket = std::move(*ticket);
    const Result<void> read = co_await read_window(offset, size);
    if (!read) window_.reset();
    if (!read) co_return fail(read.error());
  }
  const std::uint64_t at = offset - window_->from;
  const std::size_t count = std::min<std::uint64_t>(into.size(), window_->bytes.size() - at);
  std::memcpy(into.data(), window_->bytes.data() + at, count);
  next_ = offset + count;
  if (at + count == window_->bytes.size()) window_.reset();  // a client that pauses now holds nothing
  if (count == into.size()) co_return count;
  // The rest is in the next window.
  const Result<std::size_t> more = co_await read_at(next_, into.subspan(count));
  if (!more) co_return fail(more.error());
  co_return count + *more;
}

// By several requests at once, which end before this does: they write into the window.
Task<Result<void>> ObjectDownload::read_window(std::uint64_t offset, std::uint64_t size) {
  const std::shared_ptr<Window> window = window_;
  window->from = offset;
  window->bytes.resize(size);
  const std::uint64_t range = options_.download_part_size == 0 ? default_range : options_.download_part_size;
  const std::uint64_t count = (size + range - 1) / range;
  const auto slots = std::make_shared<Tickets>(count);
  const auto results =
      std::make_shared<std::vector<Result<void>>>(count, fail(ErrorCode::aborted, "a range was not read"));
  for (std::uint64_t i = 0; i < count; ++i) {
    const std::uint64_t from = i * range, length = std::min(range, size - from);
    const MutableByteSpan into = MutableByteSpan(window->bytes).subspan(from, length);
    Range one{store_, object_.key, object_.version, offset + from};
    if (count == 1) {
      Result<void> read = co_await read_range(std::move(one), into);
      co_return read;
    }
    std::optional<Tickets::Ticket> slot = slots->try_take(1);
    asio::co_spawn(pool_strand(Lane::remote), read_one(std::move(one), window, into, std::move(*slot), results, i),
                   asio::detached);
  }
  const Result<Tickets::Ticket> all = co_await slots->take(count, Tickets::without_end);
  for (const Result<void>& one : *results) {
    if (!one) co_return one;
  }
  co_return Result<void>();
}

// `window` is what `into` points into; it may outlive the file.
Task<void> ObjectDownload::read_one(Range range, std::shared_ptr<Window> window, MutableByteSpan into,
                                    Tickets::Ticket slot, std::shared_ptr<std::vector<Result<void>>> results,
                                    std::size_t index) {
  (*results)[index] = co_await read_range(std::move(range), into);
  slot.reset();
  window.reset();
}

// All of it; a body that breaks off is gone on with at its byte.
Task<Result<void>> ObjectDownload::read_range(Range range, MutableByteSpan into) {
  while (!into.empty()) {
    const auto store = range.store;
    const std::string key = range.key, version = range.version;
    const std::uint64_t offset = range.offset;
    const auto ask = [=] { return store->get(key, offset, into, version); };
    const Result<std::size_t> count = co_await retried(store, ask);
    if (!count) co_return fail(count.error());
    if (*count == 0 || *count > into.size()) co_return fail(ErrorCode::io_error, "an object is shorter than its size");
    range.offset += *count;
    into = into.subspan(*count);
  }
  co_return Result<void>();
}

Task<Result<void>> ObjectDownload::write_at(std::uint64_t, std::span<const iovec>) {
  co_return fail(ErrorCode::permission_denied, "opened to be read");
}

Task<Result<FileInfo>> ObjectDownload::info() {
  FileInfo info;
  info.mode = 0644;
  info.size = object_.size;
  info.modified = info.accessed = object_.modified;
  co_return info;
}

Task<Result<void>> ObjectDownload::set_attributes(AttributeChange) {
  co_return fail(ErrorCode::unsupported, "an object that is read keeps its attributes");
}

Task<Result<void>> ObjectDownload::sync() { co_return Result<void>(); }

Task<Result<void>> ObjectDownload::close() {
  window_.reset();
  co_return Result<void>();
}

}  // namespace ferry::vfs::object
