// Where the requests to one bucket go.
#pragma once

#include <string>
#include <string_view>

#include "base/error.h"

namespace ferry::vfs::s3 {

struct EndpointOptions {
  std::string bucket;
  std::string region = {};    // "": us-east-1
  std::string endpoint = {};  // "": AWS. "https://minio.example:9000", or without a scheme, which means https
  bool path_style = false;
};

struct Endpoint {
  bool tls = true;
  bool loopback = false;  // it is this machine
  std::string host;       // as sent: with the bucket in front of it, and the port unless it is the scheme's own
  std::string base_path;  // "" where the host names the bucket, else "/bucket"
  std::string region;

  // "https://host/bucket"
  std::string url() const { return (tls ? "https://" : "http://") + host + base_path; }
};

// What AWS's hosts of a region end in: "amazonaws.com", in China "amazonaws.com.cn".
std::string_view dns_suffix(std::string_view region);

// The bucket stands in the host name, as AWS wants it; in the path where that was asked for, where the host is an
// address or "localhost", and, with TLS, where the bucket has a dot, as no certificate fits such a name.
// invalid_argument: not a bucket or not an endpoint.
Result<Endpoint> endpoint_of(const EndpointOptions& options);

}  // namespace ferry::vfs::s3
