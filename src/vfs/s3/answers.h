// Reading what S3 and STS answer. All of it is hostile: the size of a body is bounded by who asks, and what does not
// fit the form is protocol_error.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "vfs/object/object_store.h"
#include "vfs/s3/sigv4.h"

namespace ferry::vfs::s3 {

// ListObjectsV2, or ListObjects where a service answers so although V2 was asked for: Page::next is what
// ListRequest::token wants.
Result<object::Page> parse_listing(std::string_view xml);

// One page of ListParts, with the marker of the next; "": it was the last.
struct PartsPage {
  std::vector<object::Part> parts;
  std::string next;
};
Result<PartsPage> parse_parts(std::string_view xml);

// UploadId of InitiateMultipartUploadResult.
Result<std::string> parse_upload_id(std::string_view xml);
// An ETag in quotes (RFC 9110 section 8.8.3), as it has to be sent back; some services leave them out.
std::string quoted_tag(std::string_view tag);
// ETag of CopyObjectResult, CopyPartResult or CompleteMultipartUploadResult; "": it has none.
Result<std::string> parse_etag(std::string_view xml);
// ChecksumCRC32C of CopyPartResult; 0: there is none.
std::uint32_t parse_checksum(std::string_view xml);
// Credentials of an answer of STS.
Result<Credentials> parse_sts(std::string_view xml);
// What containers, virtual machines and credential_process answer; `token`: how the session token is called there.
// permission_denied: no keys, or a Code other than Success (the machine's role cannot be taken).
Result<Credentials> parse_json_credentials(std::string_view json, const char* token);

// The Code and Message of an <Error>, the message cut to 300 bytes without control characters. Both "": it is no error.
struct ServiceError {
  std::string code, message;
};
ServiceError parse_error(std::string_view xml);

// The keys of DeleteResult that could not be removed, and why. Empty: all are gone.
struct FailedDelete {
  std::string key;
  ServiceError error;
};
Result<std::vector<FailedDelete>> parse_failed_deletes(std::string_view xml);

// rclone's metadata "mtime": seconds with a fraction, "1700000000.123456789". No value: something else.
std::optional<FileTime> parse_mtime(std::string_view text);
std::string write_mtime(FileTime time);

}  // namespace ferry::vfs::s3
