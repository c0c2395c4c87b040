#include <exception>
#include <optional>

#include "base/log.h"
#include "base/turn.h"
#include "protocols/sftp/extensions/extensions.h"
#include "protocols/sftp/prefixed_session.h"
#include "protocols/sftp/requests.h"
#include "protocols/sftp/sftp.h"

namespace ferry::sftp {

namespace {

// Section 4: whatever the client asks for, this is what it gets; its own extensions mean nothing to us.
Bytes version_reply(const Options& options) {
  ByteWriter out(1024);
  out.u32(0).u8(static_cast<std::uint8_t>(Packet::version)).u32(protocol_version);
  for (const ExtensionRow& row : extensions()) {
    if (row.announced) out.string(row.name).string(row.version);
  }
  ByteWriter vendor;
  vendor.string(std::string_view("Ferry")).string(std::string_view("Ferry")).string(options.product_version).u64(0);
  out.string(std::string_view("vendor-id")).string(vendor.data());
  out.string(std::string_view("versions")).string(std::string_view("3"));
  Bytes reply = out.take();
  store_u32(reply.data(), static_cast<std::uint32_t>(reply.size() - 4));
  return reply;
}

bool refused(const Connection& connection, const OperationRow& row) {
  return row.writes && connection.options.read_only;
}

bool answered_at_once(Connection& connection, Request request) {
  const OperationRow* row = find_operation(request.type);
  if (!row || !row->at_once || refused(connection, *row)) return false;
  return row->at_once(connection, request);
}

// The client left, does not hear of the failure, and what it asked for next may rest on what failed: data that is not
// all there must not be given its final name.
bool cut_off(const Connection& connection, const Error& error) {
  if (!connection.channel.closed()) return false;
  switch (error.code) {
    case ErrorCode::aborted:
    case ErrorCode::connection_lost:
    case ErrorCode::timeout:
    case ErrorCode::quota_exceeded:
    case ErrorCode::storage_full:
    case ErrorCode::io_error:
    case ErrorCode::internal: return true;
    default: return false;
  }
}

// False: cut off.
Task<bool> answer(Connection& connection, Request request) {
  const OperationRow* row = find_operation(request.type);
  if (!row) {
    connection.replies.post(status_reply(request.id, Status::op_unsupported));
  } else if (refused(connection, *row)) {
    connection.replies.post(status_reply(request.id, Status::permission_denied));
  } else {
    Answer reply = co_await row->run(connection, request);
    if (!reply && cut_off(connection, reply.error())) co_return false;
    connection.replies.post(reply ? std::move(*reply) : status_reply(request.id, reply.error().code));
  }
  co_return true;
}

// Waits until a whole request is there. False: no more will come; `clean` tells whether the client stopped between
// two requests.
Task<bool> next_request(Connection& connection, bool& clean) {
  for (;;) {
    const FrameState state = connection.reader.poll();
    if (state == FrameState::complete) co_return true;
    if (state == FrameState::broken) {
      log::debug("sftp", connection.channel.connection_id(), "a request of impossible length: closing the channel");
      co_return false;
    }
    connection.channel.flush();
    const std::size_t had = connection.channel.input_size();
    const bool more = co_await connection.channel.wait_input(had);
    if (!more) {
      clean = had == 0;
      co_return false;
    }
  }
}

// Whether the client ended the conversation in an orderly way. One that has left hears nothing more, but what it asked
// for before is done.
Task<bool> converse(Connection& connection) {
  bool clean = false;
  bool negotiated = false;
  while (true) {
    const bool more = co_await next_request(connection, clean);
    if (!more) co_return clean;
    if (connection.channel.aborted()) co_return false;
    const Request request = connection.reader.request();
    if (!negotiated) {
      if (request.type != Packet::init) co_return false;
      connection.replies.post(version_reply(connection.options));
      negotiated = true;
    } else if (!answered_at_once(connection, request)) {
      const bool answered = co_await answer(connection, request);
      if (!answered) co_return false;
    }
    if (connection.replies.waiting()) co_await connection.replies.drain();
    // Many requests may have come at once, and be answered without a wait.
    if (turn_is_over()) co_await give_way();
  }
}

Task<void> abandon_all(Connection& connection) {
  const Error why{ErrorCode::connection_lost, "the client left the file open"};
  for (;;) {
    std::optional<Handle> handle = connection.handles.remove_any();
    if (!handle) co_return;
    if (handle->file) co_await handle->file->abandon(why);
  }
}

}  // namespace

Task<void> serve(ssh::Channel& channel, session::Session& account, Options options) {
  std::optional<PrefixedSession> prefixed;
  if (!options.folder_prefix.is_root()) prefixed.emplace(account, options.folder_prefix);
  session::Session& session = prefixed ? static_cast<session::Session&>(*prefixed) : account;
  Connection connection(channel, session, options);
  std::exception_ptr failure;
  bool clean = false;
  try {
    clean = co_await converse(connection);
  } catch (...) {
    failure = std::current_exception();
  }
  // Open files are settled also when the connection was cancelled.
  const bool throwing = co_await asio::this_coro::throw_if_cancelled();
  co_await asio::this_coro::throw_if_cancelled(false);
  co_await abandon_all(connection);
  co_await asio::this_coro::throw_if_cancelled(throwing);
  if (failure) std::rethrow_exception(failure);
  channel.flush();
  channel.send_exit_status(clean ? 0 : 1);
}

}  // namespace ferry::sftp
