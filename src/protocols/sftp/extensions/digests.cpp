// check-file-handle, check-file-name (draft-ietf-secsh-filexfer-extensions-00 section 3): string handle or path, string
// list of algorithms, u64 start, u64 length (0: to the end), u32 block size (0: one block). The reply is the algorithm
// and the blocks' digests. "check-file", which paramiko and ProFTPD have, is check-file-handle with the extension's
// name before its reply.
// md5-hash, md5-hash-handle (draft-ietf-secsh-filexfer-09 section 9.1.1): string path or handle, u64 start, u64 length
// (0: to the end), string digest of the first 2048 bytes as the client knows them. An empty digest in the reply: these
// differ.
#include <algorithm>
#include <array>
#include <limits>

#include "protocols/sftp/extensions/extensions.h"
#include "protocols/sftp/operations/fields.h"
#include "session/digest.h"

namespace ferry::sftp {

namespace {

using crypto::HashAlgorithm;

constexpr std::uint32_t least_block = 256;
constexpr std::uint64_t quick_size = 2048;
constexpr std::uint64_t last_offset = std::numeric_limits<std::int64_t>::max();

constexpr std::array<std::pair<std::string_view, HashAlgorithm>, 5> algorithms{{
    {"md5", HashAlgorithm::md5},
    {"sha1", HashAlgorithm::sha1},
    {"sha256", HashAlgorithm::sha256},
    {"sha384", HashAlgorithm::sha384},
    {"sha512", HashAlgorithm::sha512},
}};

// The first of the client's that we have; null: none.
const std::pair<std::string_view, HashAlgorithm>* choose(std::string_view list) {
  while (!list.empty()) {
    const std::size_t end = std::min(list.find(','), list.size());
    for (const auto& known : algorithms) {
      if (known.first == list.substr(0, end)) return &known;
    }
    list.remove_prefix(std::min(end + 1, list.size()));
  }
  return nullptr;
}

struct Check {
  const std::pair<std::string_view, HashAlgorithm>* algorithm = nullptr;
  std::uint64_t start = 0, length = 0;
  std::uint32_t block = 0;
  bool named = false;  // the reply begins with "check-file"
};

Result<Check> take_check(ByteReader& fields) {
  Check check;
  check.algorithm = choose(fields.string());
  check.start = fields.u64();
  check.length = fields.u64();
  check.block = fields.u32();
  const Result<void> done = check_complete(fields);
  if (!done) return fail(done.error());
  if (check.algorithm == nullptr) return fail(ErrorCode::invalid_argument, "no digest that is known");
  if (check.block != 0 && check.block < least_block) return fail(ErrorCode::invalid_argument, "block too small");
  return check;
}

// A digest that nobody waits for is left out; nothing that follows rests on it.
Answer unless_left(const Connection& connection, const Error& error) {
  if (connection.channel.closed()) return Bytes();
  return fail(error);
}

Task<Answer> check_open_file(Connection& connection, std::uint32_t id, session::OpenFile& file, Check check) {
  const Result<vfs::FileInfo> info = co_await file.info();
  if (!info) co_return fail(info.error());
  if (check.start > info->size) co_return fail(ErrorCode::invalid_argument, "begins behind the end");
  const std::uint64_t there = info->size - check.start;
  const std::uint64_t length = check.length == 0 ? there : std::min(check.length, there);
  const std::uint64_t block = check.block == 0 ? length : check.block;
  const std::uint64_t blocks = check.block == 0 ? 1 : (length + block - 1) / block;
  if (blocks > (max_packet - 256) / crypto::hash_size(check.algorithm->second)) {
    co_return fail(ErrorCode::limit_exceeded, "more blocks than a reply holds");
  }
  const std::function<bool()> left = client_left(connection);
  ReplyWriter reply(Packet::extended_reply, id);
  if (check.named) reply.fields().string(std::string_view("check-file"));
  reply.fields().string(check.algorithm->first);
  for (std::uint64_t i = 0; i < blocks; ++i) {
    const std::uint64_t size = std::min(block, length - i * block);
    const Result<Bytes> digest =
        co_await session::digest(file, check.algorithm->second, check.start + i * block, size, left);
    if (!digest) co_return unless_left(connection, digest.error());
    reply.fields().bytes(*digest);
  }
  co_return reply.finish();
}

Task<Answer> check_handle_as(Connection& connection, Request request, bool named) {
  const ByteSpan name = request.fields.blob();
  Result<Check> check = take_check(request.fields);
  if (!check) co_return fail(check.error());
  check->named = named;
  Handle* handle = connection.handles.find_file(name);
  if (!handle) co_return invalid_handle(request.id);
  if (!handle->readable) co_return fail(ErrorCode::permission_denied, "not opened for reading");
  Answer answer = co_await check_open_file(connection, request.id, *handle->file, *check);
  co_return answer;
}

struct Md5 {
  std::uint64_t start = 0, length = 0;
  Bytes quick;
};

Result<Md5> take_md5(ByteReader& fields) {
  Md5 md5;
  md5.start = fields.u64();
  md5.length = fields.u64();
  const ByteSpan quick = fields.blob();
  const Result<void> done = check_complete(fields);
  if (!done) return fail(done.error());
  md5.quick.assign(quick.begin(), quick.end());
  if (md5.start > last_offset) return fail(ErrorCode::invalid_argument, "begins behind any end");
  if (md5.length == 0) md5.length = session::to_the_end;
  return md5;
}

Task<Answer> md5_of(Connection& connection, std::uint32_t id, session::OpenFile& file, Md5 md5) {
  const std::function<bool()> left = client_left(connection);
  Result<Bytes> digest = Bytes();
  bool same = true;
  if (!md5.quick.empty()) {
    digest = co_await session::digest(file, HashAlgorithm::md5, md5.start, std::min(quick_size, md5.length), left);
    if (!digest) co_return unless_left(connection, digest.error());
    same = *digest == md5.quick;
  }
  digest = Bytes();
  if (same) {
    digest = co_await session::digest(file, HashAlgorithm::md5, md5.start, md5.length, left);
    if (!digest) co_return unless_left(connection, digest.error());
  }
  ReplyWriter reply(Packet::extended_reply, id);
  reply.fields().string(std::string_view("md5-hash")).string(*digest);
  co_return reply.finish();
}

// Opens, asks, and closes: `ask` is a coroutine function of the file.
template <class Ask, class What>
Task<Answer> with_file(Connection& connection, std::uint32_t id, VirtualPath path, Ask ask, What what) {
  const Result<void> room = may_open(connection);
  if (!room) co_return fail(room.error());
  const vfs::OpenOptions options{.read = true};
  Result<std::unique_ptr<session::OpenFile>> file = co_await connection.session.open(path, options);
  if (!file) co_return fail(file.error());
  Answer answer = co_await ask(connection, id, **file, std::move(what));
  if (!answer) {
    const Error why = answer.error();
    co_await (*file)->abandon(why);
    co_return fail(why);
  }
  const Result<void> closed = co_await (*file)->close();
  if (!closed) co_return fail(closed.error());
  co_return answer;
}

}  // namespace

Task<Answer> check_file_handle(Connection& connection, Request request) {
  return check_handle_as(connection, request, false);
}

Task<Answer> check_file(Connection& connection, Request request) { return check_handle_as(connection, request, true); }

Task<Answer> check_file_name(Connection& connection, Request request) {
  const Result<VirtualPath> path = take_path(connection, request.fields);
  const Result<Check> check = take_check(request.fields);
  if (!check) co_return fail(check.error());
  if (!path) co_return fail(path.error());
  Answer answer = co_await with_file(connection, request.id, *path, check_open_file, *check);
  co_return answer;
}

Task<Answer> md5_hash(Connection& connection, Request request) {
  const Result<VirtualPath> path = take_path(connection, request.fields);
  Result<Md5> md5 = take_md5(request.fields);
  if (!md5) co_return fail(md5.error());
  if (!path) co_return fail(path.error());
  Answer answer = co_await with_file(connection, request.id, *path, md5_of, std::move(*md5));
  co_return answer;
}

Task<Answer> md5_hash_handle(Connection& connection, Request request) {
  const ByteSpan name = request.fields.blob();
  Result<Md5> md5 = take_md5(request.fields);
  if (!md5) co_return fail(md5.error());
  Handle* handle = connection.handles.find_file(name);
  if (!handle) co_return invalid_handle(request.id);
  if (!handle->readable) co_return fail(ErrorCode::permission_denied, "not opened for reading");
  Answer answer = co_await md5_of(connection, request.id, *handle->file, std::move(*md5));
  co_return answer;
}

}  // namespace ferry::sftp
