#include "session/staging.h"

#include <algorithm>

#include "session/partial_name.h"

namespace ferry::session {

namespace {

constexpr std::size_t piece = 1024 * 1024;

// `size`: what the source had when it was opened. The source goes when its copy is in place, so all of it must be
// there.
Task<Result<void>> copy_data(vfs::File& from, vfs::File& to, std::uint64_t size) {
  Bytes buffer(piece);
  std::uint64_t at = 0;
  while (true) {
    const Result<std::size_t> got = co_await from.read_at(at, MutableByteSpan(buffer));
    if (!got) co_return fail(got.error());
    if (*got == 0 && at != size) co_return fail(ErrorCode::io_error, "the upload does not have the size that it had");
    if (*got == 0) co_return Result<void>();
    const iovec bytes[]{{buffer.data(), *got}};
    const Result<void> written = co_await to.write_at(at, bytes);
    if (!written) co_return written;
    at += *got;
    co_await asio::post(asio::use_awaitable);
  }
}

// What the client has set of the file goes along.
Task<Result<void>> copy_file(vfs::FileSystem& from, VirtualPath source, vfs::FileSystem& to, VirtualPath target) {
  const vfs::OpenOptions reading{.read = true};
  Result<std::unique_ptr<vfs::File>> input = co_await from.open(source, reading);
  if (!input) co_return fail(input.error());
  const Result<vfs::FileInfo> info = co_await (*input)->info();
  if (!info) co_return fail(info.error());
  const vfs::OpenOptions fresh{.write = true, .create = true, .exclusive = true, .mode = info->mode & 0777U};
  Result<std::unique_ptr<vfs::File>> output = co_await to.open(target, fresh);
  if (!output) co_return fail(output.error());
  Result<void> done = co_await copy_data(**input, **output, info->size);
  const vfs::AttributeChange same{.mode = info->mode & 01777U,
                                  .times = vfs::AttributeChange::Times{info->accessed, info->modified}};
  if (done) done = co_await (*output)->set_attributes(same);
  Result<void> closed;
  if (done) closed = co_await (*output)->close();
  if (!done) (void)co_await (*output)->discard();  // what went wrong before says more
  if (done && !closed) done = closed;
  co_return done;
}

}  // namespace

Task<Result<void>> put_in_place(HeldName partial, HeldName target, bool overwrite) {
  Result<void> placed = co_await rename_held(partial, target, overwrite);
  if (placed || placed.error().code != ErrorCode::unsupported) co_return placed;
  const VirtualPath beside = partial_path(target.path);
  placed = co_await copy_file(*partial.storage, partial.path, *target.storage, beside);
  if (placed) placed = co_await target.storage->rename(beside, target.path, overwrite);
  if (!placed) {
    (void)co_await target.storage->remove_file(beside);  // what went wrong before says more
    co_return placed;
  }
  placed = co_await partial.storage->remove_file(partial.path);
  co_return placed;
}

}  // namespace ferry::session
