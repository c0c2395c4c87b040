// Where the credentials of an account on S3 come from, in the order in which AWS's own libraries look for them:
//
//   the account's configuration               access_key, access_secret, session_token
//   the environment                           AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_SESSION_TOKEN
//   web identity (Kubernetes, EKS IRSA)       AWS_WEB_IDENTITY_TOKEN_FILE, AWS_ROLE_ARN
//   shared files                              ~/.aws/config, ~/.aws/credentials, AWS_PROFILE
//   a container (ECS, EKS Pod Identity)       AWS_CONTAINER_CREDENTIALS_RELATIVE_URI, _FULL_URI
//   the virtual machine (IMDSv2)              http://169.254.169.254
//
// role_arn of the configuration takes that role with what came first. Source: AWS, "SDKs and Tools Reference",
// "Standardized credential providers".
#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>

#include "http/client.h"
#include "vfs/s3/s3_store.h"

namespace ferry::vfs::s3 {

// Of one account; "": not set.
struct CredentialOptions {
  std::string access_key = {};
  crypto::Secret access_secret = {};
  std::string session_token = {};
  std::string role_arn = {};
  std::string region = {};  // of the STS that is asked
};

// What the process was given; separate, so that tests need no environment of their own.
using Environment = std::map<std::string, std::string>;
// The variables that begin with "AWS_", and HOME.
Environment aws_environment();

// One source for each set of options. What it has fetched serves until five minutes before it ends; while it is valid
// and new ones are fetched, or cannot be had, it goes on serving. permission_denied: there are none, or they are
// refused.
std::shared_ptr<CredentialSource> credential_source(CredentialOptions options, Environment environment,
                                                    std::shared_ptr<http::Client> client);

}  // namespace ferry::vfs::s3
