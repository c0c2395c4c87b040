// EXTENDED (section 8): finds the extension by its name.
#include "protocols/sftp/extensions/extensions.h"
#include "protocols/sftp/operations/fields.h"
#include "protocols/sftp/operations/operations.h"

namespace ferry::sftp {

Task<Answer> extended(Connection& connection, Request request) {
  const std::string_view name = request.fields.string();
  if (!request.fields.ok()) co_return fail(ErrorCode::protocol_error, "malformed EXTENDED");
  const ExtensionRow* row = find_extension(name);
  if (!row) co_return fail(ErrorCode::unsupported, "unknown extension");
  if (row->writes && connection.options.read_only) co_return fail(ErrorCode::permission_denied, "read only");
  Answer answer = co_await row->run(connection, request);
  co_return answer;
}

}  // namespace ferry::sftp
