// The table of protocol extensions: one row each, announced in VERSION and run by EXTENDED. Layouts are those of
// OpenSSH's PROTOCOL file, section 4, and of draft-ietf-secsh-filexfer-extensions-00 for copy-data (section 7)
// home-directory (section 5), space-available and copy-file; the others say in their files where they come from.
#pragma once

#include <span>
#include <string_view>

#include "protocols/sftp/requests.h"

namespace ferry::sftp {

struct ExtensionRow {
  std::string_view name;
  std::string_view version;
  bool writes;
  Operation run;  // the request's fields begin behind the extension's name
  bool announced = true;
};

std::span<const ExtensionRow> extensions();
// Null: no such extension.
const ExtensionRow* find_extension(std::string_view name);

Task<Answer> posix_rename(Connection& connection, Request request);
Task<Answer> hard_link(Connection& connection, Request request);
Task<Answer> set_link_attributes(Connection& connection, Request request);
Task<Answer> statvfs(Connection& connection, Request request);
Task<Answer> statvfs_handle(Connection& connection, Request request);
Task<Answer> sync_file(Connection& connection, Request request);
Task<Answer> limits(Connection& connection, Request request);
Task<Answer> expand_path(Connection& connection, Request request);
Task<Answer> home_directory(Connection& connection, Request request);
Task<Answer> users_groups_by_id(Connection& connection, Request request);
Task<Answer> check_file(Connection& connection, Request request);
Task<Answer> check_file_handle(Connection& connection, Request request);
Task<Answer> check_file_name(Connection& connection, Request request);
Task<Answer> md5_hash(Connection& connection, Request request);
Task<Answer> md5_hash_handle(Connection& connection, Request request);
Task<Answer> space_available(Connection& connection, Request request);
Task<Answer> vendor_id(Connection& connection, Request request);
Task<Answer> version_select(Connection& connection, Request request);
Task<Answer> copy_file(Connection& connection, Request request);
Task<Answer> copy_data(Connection& connection, Request request);

}  // namespace ferry::sftp
