#include "vfs/object/copies.h"

#include <algorithm>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>

#include "vfs/object/lost_answers.h"
#include "vfs/object/retry.h"

namespace ferry::vfs::object {

namespace {

constexpr std::uint64_t least_range = std::uint64_t{256} << 20;
constexpr std::uint64_t ranges_at_once = 16;

struct CopyWork {
  std::shared_ptr<ObjectStore> store;
  Upload upload;
  ObjectInfo source;
  std::vector<Result<Part>> parts;
};

Task<void> copy_range(std::shared_ptr<CopyWork> work, std::size_t index, std::uint64_t offset, std::uint64_t size,
                      Tickets::Ticket slot) {
  const auto store = work->store;
  const Upload upload = work->upload;
  const std::string source = work->source.key, version = work->source.version;
  const auto number = static_cast<std::uint32_t>(index + 1);
  const auto ask = [=] { return store->copy_part(upload, number, offset, source, offset, size, version); };
  Result<Part> part = co_await retried(store, ask);
  work->parts[index] = std::move(part);
  slot.reset();
}

Task<Result<void>> copy_ranges(std::shared_ptr<CopyWork> work) {
  const Traits& traits = work->store->traits();
  const std::uint64_t size = work->source.size;
  const std::uint64_t range =
      std::min(std::max(least_range, (size + traits.max_parts - 1) / traits.max_parts), traits.max_part);
  const std::size_t count = (size + range - 1) / range;
  work->parts.assign(count, fail(ErrorCode::aborted, "not copied"));
  const auto slots = std::make_shared<Tickets>(ranges_at_once);
  for (std::size_t i = 0; i < count; ++i) {
    Result<Tickets::Ticket> slot = co_await slots->take(1, Tickets::without_end);
    if (!slot) co_return fail(slot.error());
    const std::uint64_t from = i * range;
    asio::co_spawn(pool_strand(Lane::remote), copy_range(work, i, from, std::min(range, size - from), std::move(*slot)),
                   asio::detached);
  }
  const Result<Tickets::Ticket> all = co_await slots->take(ranges_at_once, Tickets::without_end);
  for (const Result<Part>& part : work->parts) {
    if (!part) co_return fail(part.error());
  }
  co_return Result<void>();
}

Task<Result<void>> copy_large(std::shared_ptr<ObjectStore> store, std::shared_ptr<UploadJournal> journal,
                              ObjectInfo source, std::string to, ObjectProperties properties, bool exclusive) {
  auto work = std::make_shared<CopyWork>();
  work->store = store;
  work->source = std::move(source);
  const Condition condition{.absent = exclusive};
  Result<NotedUpload> upload = co_await begin_noted_upload(store, journal, to, properties, condition);
  if (!upload) co_return fail(upload.error());
  work->upload = upload->upload;
  Result<void> done = co_await copy_ranges(work);
  const Upload open = upload->upload;
  if (done) {
    std::vector<Part> parts;
    for (Result<Part>& part : work->parts) parts.push_back(std::move(*part));
    const auto complete = [=] { return store->complete(open, parts, properties, condition); };
    Result<ObjectInfo> made = co_await retried(store, complete);
    if (!made) made = co_await if_written_by(store, to, properties.writing, made.error());
    if (!made) done = fail(made.error());
  }
  if (done) {
    co_await end_noted_upload(journal, *upload);
  } else {
    (void)co_await abort_noted_upload(store, journal, *upload);
  }
  co_return done;
}

}  // namespace

Task<Result<void>> copy_object(std::shared_ptr<ObjectStore> store, std::shared_ptr<UploadJournal> journal,
                               ObjectInfo source, std::string to, std::optional<ObjectProperties> properties,
                               bool exclusive) {
  if (properties) properties->writing = new_writing();
  if (source.size > store->traits().max_copy) {
    ObjectProperties kept{.modified = source.modified, .content_type = source.content_type, .sha256 = source.sha256};
    kept.writing = new_writing();
    if (properties) kept = *properties;
    Result<void> done =
        co_await copy_large(store, journal, std::move(source), std::move(to), std::move(kept), exclusive);
    co_return done;
  }
  const std::string from = source.key, version = source.version;
  const Condition condition{.absent = exclusive};
  const auto ask = [=] { return store->copy(from, to, properties, version, condition); };
  Result<ObjectInfo> copied = co_await retried(store, ask);
  // Without properties the copy has the mark of its source. Should somebody else have made the same copy at the same
  // moment, there is what was wanted, too.
  const std::string mark = properties ? properties->writing : source.writing;
  const bool may_be_ours = properties.has_value() || exclusive;
  if (!copied && may_be_ours) copied = co_await if_written_by(store, to, mark, copied.error());
  if (!copied) co_return fail(copied.error());
  co_return Result<void>();
}

}  // namespace ferry::vfs::object
