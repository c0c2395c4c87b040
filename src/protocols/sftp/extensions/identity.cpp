// vendor-id (string vendor, string product, string version, u64 build) and version-select (string version), of
// draft-ietf-secsh-filexfer-13 sections 4.4 and 5.5, which go with what VERSION says of "vendor-id" and "versions".
#include "base/log.h"
#include "protocols/sftp/extensions/extensions.h"
#include "protocols/sftp/operations/fields.h"

namespace ferry::sftp {

Task<Answer> vendor_id(Connection& connection, Request request) {
  const std::string_view vendor = request.fields.string();
  const std::string_view product = request.fields.string();
  const std::string_view version = request.fields.string();
  request.fields.u64();
  const Result<void> done = check_complete(request.fields);
  if (!done) co_return fail(done.error());
  log::debug("sftp", connection.channel.connection_id(), "the client is {} {} {}", vendor.substr(0, 100),
             product.substr(0, 100), version.substr(0, 100));
  co_return status_reply(request.id, Status::ok);
}

// There is one version to choose.
Task<Answer> version_select(Connection&, Request request) {
  const std::string_view version = request.fields.string();
  const Result<void> done = check_complete(request.fields);
  if (!done) co_return fail(done.error());
  if (version != "3") co_return fail(ErrorCode::invalid_argument, "a version that was not offered");
  co_return status_reply(request.id, Status::ok);
}

}  // namespace ferry::sftp
