#include "protocols/sftp/operations/fields.h"

namespace ferry::sftp {

Result<VirtualPath> take_path(const Connection& connection, ByteReader& fields) {
  const std::string_view text = fields.string();
  if (!fields.ok()) return fail(ErrorCode::protocol_error, "malformed request");
  return VirtualPath::parse(text, connection.session.start_directory());
}

bool means_directory(ByteReader fields) {
  const std::string_view text = fields.string();
  return text.ends_with('/') || text.ends_with("/.");
}

Result<VirtualPath> only_path(const Connection& connection, Request request) {
  Result<VirtualPath> path = take_path(connection, request.fields);
  const Result<void> done = check_complete(request.fields);
  if (!done) return fail(done.error());
  return path;
}

Result<std::array<VirtualPath, 2>> two_paths(const Connection& connection, Request request) {
  Result<VirtualPath> first = take_path(connection, request.fields);
  Result<VirtualPath> second = take_path(connection, request.fields);
  const Result<void> done = check_complete(request.fields);
  if (!done) return fail(done.error());
  if (!first) return fail(first.error());
  if (!second) return fail(second.error());
  return std::array{std::move(*first), std::move(*second)};
}

}  // namespace ferry::sftp
