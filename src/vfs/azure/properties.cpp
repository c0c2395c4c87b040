#include "vfs/azure/properties.h"

#include "vfs/object/times.h"

namespace ferry::vfs::azure {

Pairs metadata_headers(const object::ObjectProperties& properties) {
  Pairs headers;
  if (properties.modified) {
    // A year that RFC 3339 cannot write is left out: the service's time counts.
    if (std::string text = object::rfc3339(*properties.modified); !text.empty()) {
      headers.emplace_back("x-ms-meta-mtime", std::move(text));
    }
  }
  if (!properties.sha256.empty()) headers.emplace_back("x-ms-meta-sha256", properties.sha256);
  if (!properties.writing.empty()) headers.emplace_back("x-ms-meta-ferrywriting", properties.writing);
  return headers;
}

void add_properties(Pairs& headers, const object::ObjectProperties& properties) {
  for (auto& pair : metadata_headers(properties)) headers.push_back(std::move(pair));
  if (!properties.content_type.empty()) headers.emplace_back("x-ms-blob-content-type", properties.content_type);
}

void add_condition(Pairs& headers, const object::Condition& condition) {
  if (condition.absent) headers.emplace_back("If-None-Match", "*");
  if (!condition.version.empty()) headers.emplace_back("If-Match", condition.version);
}

object::ObjectInfo stored_info(std::string key, std::uint64_t size, const object::ObjectProperties& properties,
                               const http::ClientResponse& answer) {
  object::ObjectInfo info;
  info.key = std::move(key);
  info.size = size;
  info.version = answer.header("etag");
  info.content_type = properties.content_type;
  info.sha256 = properties.sha256;
  info.writing = properties.writing;
  if (const auto seconds = object::parse_http_date(answer.header("last-modified"))) info.modified.seconds = *seconds;
  if (properties.modified) info.modified = *properties.modified;
  return info;
}

Error with_condition(Error error, const object::Condition& condition) {
  if (condition.absent && error.code == ErrorCode::conflict) error.code = ErrorCode::already_exists;
  return error;
}

}  // namespace ferry::vfs::azure
