// AWS Signature Version 4: how requests to S3 and STS say who sends them. Source: AWS, "Signature Version 4 signing
// process" and "Authenticating Requests (AWS Signature Version 4)" of the S3 API reference.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "crypto/secret.h"

namespace ferry::vfs::s3 {

struct Credentials {
  std::string access_key;
  crypto::Secret secret;
  std::string session_token;  // "": a permanent key
  std::int64_t expires = 0;   // Unix seconds; 0: never
};

// Names and values, not encoded.
using Pairs = std::vector<std::pair<std::string, std::string>>;

// A request as it is signed. `headers`: their names in lower case; all of them are signed, "host" must be among them.
struct RequestToSign {
  std::string method;
  std::string path;  // encoded, as it is sent: uri_encode(key, true)
  Pairs query;
  Pairs headers;
  std::string payload_hash;  // lower-case hex of the body's SHA-256, or "UNSIGNED-PAYLOAD"
};

struct SigningScope {
  std::string region, service;  // "eu-west-1", "s3"
};

// All but letters, digits and -._~ as %XX; "/" stays if `keep_slash`.
std::string uri_encode(std::string_view text, bool keep_slash);
// Encoded and ordered, as it is signed and sent: "a=1&b=".
std::string canonical_query(const Pairs& query);
// "20130524T000000Z" of Unix seconds.
std::string amz_date(std::int64_t seconds);

// The value of the Authorization header; `headers` must hold x-amz-date with `now`, and x-amz-security-token where the
// credentials have one.
std::string authorization(const RequestToSign& request, const SigningScope& scope, const Credentials& credentials,
                          std::int64_t now);

// The query of a URL that lets whoever holds it make this request for `valid` seconds, at most 604,800 (a week).
std::string presigned_query(RequestToSign request, const SigningScope& scope, const Credentials& credentials,
                            std::int64_t now, std::int64_t valid);

}  // namespace ferry::vfs::s3
