// AWS's Security Token Service: temporary credentials of a role. Source: AWS, "Security Token Service API Reference"
// (2011-06-15), AssumeRole and AssumeRoleWithWebIdentity; "Signature Version 4 signing process".
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "vfs/s3/credentials.h"

namespace ferry::vfs::s3 {

struct Role {
  std::string arn;
  std::string region = {};  // of the STS that is asked; "": the environment's, else the first of the role's partition
  std::string external_id = {}, session_name = {}, duration = {};
};

// An error of the HTTP client as one of credentials: io_error where asking again may help.
Error passing_or_refused(std::string_view who, const Error& error);

// Where STS is: `own` (AWS_ENDPOINT_URL_STS) or AWS's host of the region. invalid_argument: `own` is no URL of http(s),
// or it has a query or a user in it.
struct StsPlace {
  std::string scheme, host, path;  // "https", as it is sent; "/"
};
Result<StsPlace> sts_place(std::string_view own, const std::string& region);

// `over`: set when STS answers that the credentials the request was signed with are over.
Task<Result<Credentials>> assume_role(std::shared_ptr<const CredentialSurroundings> surroundings, Credentials with,
                                      Role role, bool* over);
Task<Result<Credentials>> assume_role_by_token(std::shared_ptr<const CredentialSurroundings> surroundings,
                                               std::string token, Role role);

}  // namespace ferry::vfs::s3
