// Reading what Google Cloud Storage and Google's token services answer. All of it is hostile: sizes are bounded by who
// reads the body, and what does not fit the form is protocol_error. Source: the reference of the JSON API, storage/v1.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/error.h"
#include "vfs/object/object_store.h"

namespace ferry::vfs::gcs {

// An object resource ("storage#object"). `version` is its generation, in decimal digits.
Result<object::ObjectInfo> parse_object(std::string_view json);

// "Objects: list". Objects whose names hold what no text is are protocol_error.
Result<object::Page> parse_listing(std::string_view json);

// "Objects: rewrite". `token`: of the next call; "": done, and `object` is what was written.
struct Rewritten {
  std::string token;
  object::ObjectInfo object;
};
Result<Rewritten> parse_rewrite(std::string_view json);

// The body with which an object is written like `json`, another object resource, but with `storage_class`: a request
// that names a class must name all the rest too.
Result<std::string> with_storage_class(std::string_view json, std::string_view storage_class);

// The body that describes an object which is to be written. `name`: "" where the URL tells it. `crc32c`: the service
// refuses other contents; none: it is not known yet.
std::string describe_object(std::string_view name, const object::ObjectProperties& properties,
                            std::string_view storage_class, std::optional<std::uint32_t> crc32c);

// As objects and X-Goog-Hash have it: base64 of the four bytes, the highest one first.
std::string crc_text(std::uint32_t crc);
std::optional<std::uint32_t> parse_crc(std::string_view text);

// How many bytes an upload session has stored: "bytes=0-524287" are 524288. "" (no header): none. No value: no range
// from the beginning.
std::optional<std::uint64_t> stored_bytes(std::string_view range);

// What an error's body says. `reason` is the service's own word ("rateLimitExceeded"); `message` is its first line
// without control characters, at most 300 bytes. "" where there is none.
struct ServiceError {
  std::string reason, message;
};
ServiceError parse_error(std::string_view json);

}  // namespace ferry::vfs::gcs
