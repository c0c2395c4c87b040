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

#include <chrono>
#include <map>
#include <memory>
#include <mutex>
#include <string>

#include "base/error.h"
#include "base/task.h"
#include "http/client.h"
#include "vfs/s3/sigv4.h"

namespace ferry::vfs::s3 {

// Answers the credentials to sign a request with; asked before each one. Safe from any thread.
class CredentialSource {
 public:
  virtual ~CredentialSource() = default;
  // permission_denied: there are none, or they are refused; io_error: whoever gives them does not answer at the moment;
  // timeout: they took too long.
  virtual Task<Result<Credentials>> credentials() = 0;
  // A service has answered that these are over. True: they are held no more, and others may be had; false: these are
  // all there are, or they were fetched just now.
  virtual bool expired(const Credentials& given) = 0;
};

// Of one account; "": not set.
struct CredentialOptions {
  std::string access_key = {};
  crypto::Secret access_secret = {};
  std::string session_token = {};
  std::string role_arn = {};
  std::string region = {};  // of the STS that is asked for role_arn
};

// What the process was given; separate, so that tests need no environment of their own.
using Environment = std::map<std::string, std::string>;
// The variables that begin with "AWS_", and HOME.
Environment aws_environment();

struct CredentialTimes {
  std::chrono::milliseconds after_passing{1'000};   // a failure that may be over by then: so long it is not asked again
  std::chrono::milliseconds after_refusal{10'000};  // and so long after a refusal, or a success
  std::chrono::milliseconds process_limit{60'000};  // of credential_process
};

// What all ways to credentials need.
struct CredentialSurroundings {
  Environment environment;
  std::shared_ptr<http::Client> client;
  CredentialTimes times;
};

// The identities of the process. Accounts of one identity share its credentials: a thousand that use the server's own
// ask for it once, and once for each role beside it. What was fetched serves until five minutes before it ends (or half
// of its time, where that is shorter); while it is valid and new ones are fetched, or cannot be had, it goes on
// serving.
class CredentialSources {
 public:
  CredentialSources(Environment environment, std::shared_ptr<http::Client> client, CredentialTimes times = {});
  // Asks nobody anything yet. Safe from any thread.
  std::shared_ptr<CredentialSource> of(CredentialOptions options);

 private:
  const std::shared_ptr<const CredentialSurroundings> surroundings_;
  const std::shared_ptr<CredentialSource> own_;  // the server's
  std::mutex mutex_;
  std::map<std::string, std::weak_ptr<CredentialSource>> roles_;  // by a digest of role, region and whose they are
};

}  // namespace ferry::vfs::s3
