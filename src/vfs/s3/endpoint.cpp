#include "vfs/s3/endpoint.h"

#include <arpa/inet.h>

#include <algorithm>

namespace ferry::vfs::s3 {

namespace {

// Also those of other services than AWS, which take underscores and capitals.
bool is_bucket(std::string_view name) {
  const auto allowed = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '.' ||
           c == '_' || c == ':';
  };
  return !name.empty() && name.size() <= 255 && std::ranges::all_of(name, allowed) && name != "." && name != "..";
}

bool is_region(std::string_view name) {
  const auto allowed = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
  };
  return name.size() <= 64 && std::ranges::all_of(name, allowed);
}

bool is_host(std::string_view text) {
  const auto allowed = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '.' ||
           c == '_' || c == ':' || c == '[' || c == ']';
  };
  return !text.empty() && std::ranges::all_of(text, allowed);
}

// Without its port.
std::string host_name(std::string_view host) {
  if (host.starts_with('[')) return std::string(host.substr(1, host.find(']') - 1));
  return std::string(host.substr(0, host.find(':')));
}

bool is_address(const std::string& name) {
  unsigned char bytes[sizeof(in6_addr)];
  return ::inet_pton(AF_INET, name.c_str(), bytes) == 1 || ::inet_pton(AF_INET6, name.c_str(), bytes) == 1;
}

}  // namespace

std::string_view dns_suffix(std::string_view region) {
  if (region.starts_with("cn-")) return "amazonaws.com.cn";
  if (region.starts_with("eusc-")) return "amazonaws.eu";
  return "amazonaws.com";
}

Result<Endpoint> endpoint_of(const EndpointOptions& options) {
  if (!is_bucket(options.bucket)) return fail(ErrorCode::invalid_argument, "S3: not a bucket's name");
  if (!is_region(options.region)) return fail(ErrorCode::invalid_argument, "S3: not a region");
  Endpoint place;
  place.region = options.region.empty() ? "us-east-1" : options.region;
  std::string_view host = options.endpoint;
  if (host.starts_with("http://")) place.tls = false;
  if (const std::size_t scheme = host.find("://"); scheme != std::string_view::npos) {
    const std::string_view name = host.substr(0, scheme);
    if (name != "http" && name != "https") return fail(ErrorCode::invalid_argument, "S3: not an endpoint of http(s)");
    host.remove_prefix(scheme + 3);
  }
  while (host.ends_with('/')) host.remove_suffix(1);
  place.host = host.empty() ? "s3." + place.region + "." + std::string(dns_suffix(place.region)) : std::string(host);
  if (!is_host(place.host)) return fail(ErrorCode::invalid_argument, "S3: not an endpoint: a host and a port");
  const std::string_view own_port = place.tls ? ":443" : ":80";
  if (place.host.ends_with(own_port)) place.host.resize(place.host.size() - own_port.size());
  const std::string name = host_name(place.host);
  place.loopback = name == "localhost" || name == "::1" || (name.starts_with("127.") && is_address(name));
  const bool dotted = place.tls && options.bucket.find('.') != std::string::npos;
  const bool arn = options.bucket.find(':') != std::string::npos;
  if (options.path_style || dotted || arn || name == "localhost" || is_address(name)) {
    place.base_path = "/" + options.bucket;
  } else {
    place.host = options.bucket + "." + place.host;
  }
  return place;
}

}  // namespace ferry::vfs::s3
