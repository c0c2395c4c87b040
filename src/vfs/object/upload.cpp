#include "vfs/object/upload.h"

#include <algorithm>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>

#include "base/log.h"
#include "crypto/crc32c.h"
#include "vfs/object/lost_answers.h"
#include "vfs/object/retry.h"

namespace ferry::vfs::object {

namespace {

constexpr std::uint64_t mebibyte = std::uint64_t{1} << 20;
constexpr std::uint64_t default_part = 5 * mebibyte;
constexpr std::uint64_t default_equal_part = 16 * mebibyte;  // parts that cannot grow: 10,000 of them hold 156 GiB
constexpr unsigned default_parts_at_once = 5;
// How long a client is held before it is told that there is no memory: clients give up after some minutes of silence.
constexpr std::chrono::minutes patience{2};

// Sizes of parts where nobody knows how long the file will be: { up to this number, MiB }.
struct Growth {
  std::uint32_t last;
  std::uint64_t size;
};
constexpr Growth growth[] = {{1000, 5}, {2000, 16}, {4000, 32}, {6000, 64}, {10'000, 128}};

// What a client holds that has sent one byte of a part, and sits still.
constexpr std::uint64_t first_bytes = std::uint64_t{256} << 10;

Error no_memory() { return {ErrorCode::limit_exceeded, "common.memory_budget: no buffer for an upload in time"}; }
Error ended_error() { return {ErrorCode::invalid_argument, "the upload has ended"}; }

std::uint64_t rounded_up(std::uint64_t size, std::uint64_t multiple) {
  return multiple <= 1 ? size : (size + multiple - 1) / multiple * multiple;
}

}  // namespace

std::uint64_t part_size(const Traits& traits, std::uint64_t wanted, std::optional<std::uint64_t> expected,
                        std::uint32_t number) {
  const std::uint64_t own = traits.equal_parts ? default_equal_part : default_part;
  std::uint64_t size = std::max(wanted == 0 ? own : wanted, traits.min_part);
  if (expected) {
    size = std::max(size, (*expected + traits.max_parts - 1) / traits.max_parts);
  } else if (!traits.equal_parts) {
    // A larger size that was wished for grows alike, so that 5 TiB are reached from 44 MiB on.
    const auto* step = std::ranges::find_if(growth, [number](const Growth& one) { return number <= one.last; });
    const std::uint64_t factor_of = step == std::end(growth) ? growth[std::size(growth) - 1].size : step->size;
    size = std::max(size, size * factor_of * mebibyte / default_part);
  }
  return std::min(rounded_up(size, traits.part_multiple), traits.max_part);
}

ObjectUpload::ObjectUpload(std::shared_ptr<ObjectStore> store, ObjectOptions options, std::string key,
                           const OpenOptions& how)
    : options_(std::move(options)), key_(std::move(key)), how_(how) {
  shared_->store = std::move(store);
  shared_->journal = options_.journal;
  properties_.writing = new_writing();
  const unsigned at_once = options_.upload_concurrency == 0 ? default_parts_at_once : options_.upload_concurrency;
  slots_ = std::make_shared<Tickets>(shared_->store->traits().parallel_parts ? at_once : 1);
}

ObjectUpload::~ObjectUpload() {
  if (ended_) return;
  // Nobody waits for it. The pool outlives whatever the file was used on.
  asio::co_spawn(pool_strand(Lane::remote), abandon_alone(shared_, slots_), asio::detached);
}

Task<Result<std::size_t>> ObjectUpload::read_at(std::uint64_t, MutableByteSpan) {
  co_return fail(ErrorCode::unsupported, "an upload that is not complete cannot be read");
}

// How long the file will be. A client may send more than it said.
std::optional<std::uint64_t> ObjectUpload::expected() const {
  if (how_.expected_size && *how_.expected_size < written_) return std::nullopt;
  return how_.expected_size;
}

Task<Result<void>> ObjectUpload::begin_buffer() {
  const Traits& traits = shared_->store->traits();
  if (parts_ >= traits.max_parts) co_return fail(ErrorCode::storage_full, "more parts than an object may have");
  // One part must not take the memory of all.
  const std::uint64_t most = std::max(options_.budget->parts().limit() / 4, traits.min_part);
  auto buffer = std::make_shared<Buffer>();
  buffer->size = std::min(part_size(traits, options_.upload_part_size, expected(), parts_ + 1), most);
  buffer->granted = std::min(buffer->size, first_bytes);
  Result<Tickets::Ticket> ticket = co_await options_.budget->first().take(buffer->granted, patience, options_.account);
  if (!ticket) co_return fail(no_memory());
  buffer->ticket = std::move(*ticket);
  buffer->bytes.reserve(buffer->granted);
  buffer_ = std::move(buffer);
  co_return Result<void>();
}

// What was granted is full: the whole part, or as much of it as the file still has.
Task<Result<void>> ObjectUpload::grow_buffer() {
  const std::optional<std::uint64_t> end = expected();
  std::uint64_t needed = buffer_->size;
  if (end && *end > written_) needed = std::min(needed, *end - sent_);
  Result<Tickets::Ticket> ticket = co_await options_.budget->parts().take(needed, patience, options_.account);
  if (!ticket) co_return fail(no_memory());
  buffer_->ticket = std::move(*ticket);
  buffer_->granted = needed;
  // Only what is written is really taken of it.
  buffer_->bytes.reserve(needed);
  co_return Result<void>();
}

Task<Result<void>> ObjectUpload::write_at(std::uint64_t offset, std::span<const iovec> pieces) {
  if (ended_) co_return fail(ended_error());
  std::uint64_t size = 0;
  for (const iovec& piece : pieces) size += piece.iov_len;
  if (size > 0 && offset != written_) co_return fail(ErrorCode::internal, "an object is written in order");
  for (const iovec& piece : pieces) {
    ByteSpan rest(static_cast<const std::byte*>(piece.iov_base), piece.iov_len);
    while (!rest.empty()) {
      if (!buffer_) {
        const Result<void> begun = co_await begin_buffer();
        if (!begun) co_return begun;
      }
      if (buffer_->bytes.size() == buffer_->granted) {
        const Result<void> grown = co_await grow_buffer();
        if (!grown) co_return grown;
      }
      const std::size_t room = buffer_->granted - buffer_->bytes.size();
      const ByteSpan some = rest.first(std::min(room, rest.size()));
      buffer_->bytes.insert(buffer_->bytes.end(), some.begin(), some.end());
      rest = rest.subspan(some.size());
      written_ += some.size();
      if (buffer_->bytes.size() < buffer_->size) continue;
      const Result<void> sent = co_await send_buffer();
      if (!sent) co_return sent;
    }
  }
  const std::scoped_lock lock(shared_->mutex);
  if (shared_->failure) co_return fail(*shared_->failure);
  co_return Result<void>();
}

// The full part leaves; waits while as many are on their way as may be.
Task<Result<void>> ObjectUpload::send_buffer() {
  if (parts_ == 0) {
    const Condition condition{.absent = how_.exclusive};
    Result<NotedUpload> noted =
        co_await begin_noted_upload(shared_->store, shared_->journal, key_, properties_, condition);
    if (!noted) co_return fail(noted.error());
    shared_->noted = std::move(*noted);
  }
  Result<Tickets::Ticket> slot = co_await slots_->take(1, Tickets::without_end);
  if (!slot) co_return fail(slot.error());
  {
    const std::scoped_lock lock(shared_->mutex);
    if (shared_->failure) co_return fail(*shared_->failure);
  }
  ++parts_;
  const std::uint64_t offset = sent_;
  sent_ += buffer_->bytes.size();
  std::shared_ptr<Buffer> buffer = std::move(buffer_);
  buffer_.reset();
  asio::co_spawn(pool_strand(Lane::remote), send_part(shared_, parts_, offset, std::move(buffer), std::move(*slot)),
                 asio::detached);
  co_return Result<void>();
}

Task<void> ObjectUpload::send_part(std::shared_ptr<Shared> shared, std::uint32_t number, std::uint64_t offset,
                                   std::shared_ptr<Buffer> buffer, Tickets::Ticket slot) {
  {
    const std::scoped_lock lock(shared->mutex);
    if (shared->failure) co_return;
  }
  const auto store = shared->store;
  const Upload upload = shared->noted.upload;
  Payload payload{.pieces = {ByteSpan(buffer->bytes)}, .size = buffer->bytes.size()};
  payload.crc32c = crypto::crc32c(buffer->bytes);
  const auto ask = [=] { return store->put_part(upload, number, offset, payload); };
  const GivenUp given_up = [shared] {
    const std::scoped_lock lock(shared->mutex);
    return shared->failure.has_value();
  };
  Result<Part> part = fail(ErrorCode::internal, "a part was not sent");
  try {
    part = co_await retried(store, ask, given_up);
  } catch (const std::exception& thrown) {
    part = fail(ErrorCode::internal, std::string("a part was not sent: ") + thrown.what());
  }
  {
    const std::scoped_lock lock(shared->mutex);
    if (part) shared->done.push_back(std::move(*part));
    if (!part && !shared->failure) shared->failure = part.error();
  }
  slot.reset();  // whoever waits for the last one may go on
}

// Waits for the parts that are on their way, and removes all of them.
Task<Result<void>> ObjectUpload::abandon(std::shared_ptr<Shared> shared, std::shared_ptr<Tickets> slots) {
  {
    const std::scoped_lock lock(shared->mutex);
    if (!shared->failure) shared->failure = Error{ErrorCode::aborted, "the upload was given up"};
  }
  const Result<Tickets::Ticket> all = co_await slots->take(slots->limit(), Tickets::without_end);
  if (shared->noted.upload.id.empty()) co_return Result<void>();
  Result<void> aborted = co_await abort_noted_upload(shared->store, shared->journal, shared->noted);
  co_return aborted;
}

Task<void> ObjectUpload::abandon_alone(std::shared_ptr<Shared> shared, std::shared_ptr<Tickets> slots) {
  (void)co_await abandon(std::move(shared), std::move(slots));
}

Task<Result<FileInfo>> ObjectUpload::info() {
  FileInfo info;
  info.mode = 0644;
  info.size = written_;
  if (properties_.modified) info.modified = info.accessed = *properties_.modified;
  co_return info;
}

Task<Result<void>> ObjectUpload::set_attributes(AttributeChange change) {
  if (change.mode || change.owner) co_return fail(ErrorCode::unsupported, "objects have no modes and owners");
  if (change.size && *change.size != written_) co_return fail(ErrorCode::unsupported, "objects cannot be cut");
  if (!change.times) co_return Result<void>();
  properties_.modified = change.times->modified;
  time_changed_late_ = parts_ > 0;
  co_return Result<void>();
}

Task<Result<void>> ObjectUpload::sync() { co_return Result<void>(); }

Task<Result<void>> ObjectUpload::close() {
  if (ended_) co_return fail(ended_error());
  ended_ = true;
  Result<void> done;
  if (parts_ == 0) {
    done = co_await publish_small();
    co_return done;
  }
  if (buffer_) done = co_await send_buffer();
  if (done) done = co_await publish_parts();
  if (!done) (void)co_await abandon(shared_, slots_);
  if (done && time_changed_late_) done = co_await set_time_late();
  co_return done;
}

Task<Result<void>> ObjectUpload::discard() {
  if (ended_) co_return Result<void>();
  ended_ = true;
  buffer_.reset();
  Result<void> done = co_await abandon(shared_, slots_);
  co_return done;
}

// What is published is marked as this upload's own, so that a request whose answer was lost is told from one that did
// nothing. (libcurl, too, sends again on a new connection, and who sent twice is told already_exists or not_found.)
Task<Result<void>> ObjectUpload::settle(Result<ObjectInfo> published) {
  if (!published) published = co_await if_written_by(shared_->store, key_, properties_.writing, published.error());
  if (!published) co_return fail(published.error());
  version_ = published->version;
  co_return Result<void>();
}

Task<Result<void>> ObjectUpload::publish_small() {
  const auto store = shared_->store;
  const std::string key = key_;
  const ObjectProperties properties = properties_;
  const std::shared_ptr<Buffer> buffer = std::move(buffer_);
  Payload payload;
  if (buffer) payload = {{ByteSpan(buffer->bytes)}, buffer->bytes.size(), crypto::crc32c(buffer->bytes)};
  const Condition condition{.absent = how_.exclusive};
  const auto ask = [=] { return store->put(key, payload, properties, condition); };
  Result<ObjectInfo> put = co_await retried(store, ask);
  Result<void> done = co_await settle(std::move(put));
  co_return done;
}

Task<Result<void>> ObjectUpload::publish_parts() {
  const Result<Tickets::Ticket> all = co_await slots_->take(slots_->limit(), Tickets::without_end);
  std::vector<Part> parts;
  {
    const std::scoped_lock lock(shared_->mutex);
    if (shared_->failure) co_return fail(*shared_->failure);
    parts = shared_->done;
  }
  std::ranges::sort(parts, {}, &Part::number);
  // A service takes a list with gaps. A part of which nothing was heard must not be one.
  std::uint64_t sum = 0;
  for (const Part& part : parts) sum += part.size;
  if (parts.size() != parts_ || sum != written_) co_return fail(ErrorCode::io_error, "a part of an upload was lost");
  const auto store = shared_->store;
  const Upload upload = shared_->noted.upload;
  const ObjectProperties properties = properties_;
  const Condition condition{.absent = how_.exclusive};
  const auto ask = [=] { return store->complete(upload, parts, properties, condition); };
  Result<ObjectInfo> complete = co_await retried(store, ask);
  Result<void> done = co_await settle(std::move(complete));
  if (done) co_await end_noted_upload(shared_->journal, shared_->noted);
  co_return done;
}

// Properties are stored when an upload begins. One that was set afterwards needs a copy of the object onto itself, of
// the one that was published: by now there may be another.
Task<Result<void>> ObjectUpload::set_time_late() {
  const auto store = shared_->store;
  if (written_ > store->traits().max_copy) {
    log::warn(store->traits().name, "", "{}: its time is not set: it is too large to be copied", store->location(key_));
    co_return Result<void>();
  }
  const std::string key = key_, version = version_;
  const std::optional<ObjectProperties> properties = properties_;
  const auto ask = [=] { return store->copy(key, key, properties, version, Condition{}); };
  Result<ObjectInfo> set = co_await retried(store, ask);
  if (!set && set.error().code != ErrorCode::conflict) {
    log::warn(store->traits().name, "", "{}: its time is not set: {}", store->location(key), set.error().message);
  }
  co_return Result<void>();
}

}  // namespace ferry::vfs::object
