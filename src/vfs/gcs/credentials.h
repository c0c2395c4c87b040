// Access tokens for Google Cloud Storage. They come from a JSON file as Google's tools write it:
//
//   service_account    a JWT signed with its key is exchanged at token_uri (RFC 7523)
//   authorized_user    a refresh token is exchanged (RFC 6749 section 6)
//   external_account   workload identity: a token of another service, from a file or a URL, is exchanged (RFC 8693),
//                      and then, where service_account_impersonation_url says so, for one of a service account
//
// or from the metadata server of a virtual machine. An account may name the first two, and only Google is asked then.
// The third makes this server read a file and send it away, so only the operator may: automatic credentials are the
// file that GOOGLE_APPLICATION_CREDENTIALS names, else application_default_credentials.json of gcloud, else the
// metadata server.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "base/error.h"
#include "crypto/secret.h"
#include "http/client.h"
#include "vfs/object/cached_token.h"

namespace ferry::vfs::gcs {

using TokenSource = object::CachedToken;

struct ServiceAccount {
  std::string email, key_id;
  crypto::Secret private_key;  // PEM
  std::string token_uri;
};

struct AuthorizedUser {
  std::string client_id;
  crypto::Secret client_secret, refresh_token;
  std::string token_uri;
};

struct ExternalAccount {
  std::string audience, subject_token_type, token_url, impersonation_url;
  std::string file, url;  // one of them: where the token is read
  std::vector<http::ClientHeader> headers;
  std::string field;  // of the JSON that is read there; "": it is the token itself
};

using Identity = std::variant<ServiceAccount, AuthorizedUser, ExternalAccount>;

// Who wrote the file. Tokens of an account's file are only asked of Google; the operator may name other servers, if
// they prove who they are (https) or are on this machine.
enum class Trust : std::uint8_t { account, host };

// invalid_argument, with a message for an operator that shows no secret.
Result<Identity> parse_identity(std::string_view json, Trust trust);

// What is signed and sent to token_uri: header, claims and signature (RFC 7519). `now`: Unix seconds; it lasts an hour.
// invalid_argument: the key cannot sign.
Result<std::string> signed_assertion(const ServiceAccount& account, std::int64_t now);

struct AutomaticSettings {
  std::string file = {};         // GOOGLE_APPLICATION_CREDENTIALS; "": not set
  std::string gcloud_file = {};  // where gcloud writes; need not be there
  std::string metadata = "http://metadata.google.internal";

  static AutomaticSettings from_environment();
};

// `client` must check certificates.
std::shared_ptr<TokenSource> tokens_of(Identity identity, std::shared_ptr<http::Client> client);
// One for the process. The file is read again for each token, so that it may be exchanged while the server runs.
std::shared_ptr<TokenSource> automatic_tokens(AutomaticSettings settings, std::shared_ptr<http::Client> client);

}  // namespace ferry::vfs::gcs
