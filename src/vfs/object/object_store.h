// What an object store (S3, Google Cloud Storage, Azure Blob) can do, one method for each kind of request. The three
// backends implement this: signing, credentials, the text of requests and answers. What they have in common (how a tree
// of directories is seen in flat keys, parts and their buffers, read-ahead, retries, renames) is ObjectFileSystem's,
// once for all.
//
// Keys are full object names, with the account's key_prefix in front, UTF-8 or any other bytes, never empty. A method
// sends ONE logical request: it signs it, sends it once, and turns the answer into a Result. It does not try again; who
// calls it does (retry.h), and needs these codes to decide:
//
//   not_found          no such object (or upload)          never again
//   permission_denied  401, 403                            never again; the message names the service's own code
//   already_exists     create condition failed             never again
//   conflict           version condition failed (412, 409) never again
//   invalid_argument   the request is wrong (400, 416)     never again
//   unsupported        501, "NotImplemented"               never again; the caller goes another way
//   limit_exceeded     429, 503 with SlowDown              later, with fewer requests at once; see retry_after()
//   timeout, connection_lost, io_error (500, 502, 503, 504, 408)  later
//
// An answer of 200 whose body is an error (S3's CopyObject and CompleteMultipartUpload) is that error. Safe from any
// thread; resumes on the caller's executor.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "base/error.h"
#include "base/task.h"
#include "vfs/file_system.h"

namespace ferry::vfs::object {

// Sizes in bytes.
struct Traits {
  std::string_view name;                            // FileSystem::name(): "s3fs", "gcsfs", "azblobfs"
  std::uint64_t min_part = std::uint64_t{5} << 20;  // of every part but the last
  std::uint64_t max_part = std::uint64_t{5} << 30;
  std::uint64_t part_multiple = 1;  // of every part but the last (GCS: 256 KiB)
  std::uint64_t max_parts = 10'000;
  std::uint64_t max_put = std::uint64_t{5} << 30;   // by put()
  std::uint64_t max_copy = std::uint64_t{5} << 30;  // by copy()
  std::uint64_t max_object = std::uint64_t{5} << 40;
  std::size_t max_page = 1000;     // of list()
  std::size_t max_key = 1024;      // bytes
  bool parallel_parts = true;      // parts of one upload may be sent at once and in any order
  bool equal_parts = false;        // all parts of an upload but the last have one size
  bool part_copy = true;           // copy_part()
  bool parts_expire = false;       // the service drops the parts of uploads that nobody completes; abort() does nothing
  bool times_in_listings = false;  // list() answers the time that the client set
};

struct ObjectInfo {
  std::string key = {};
  std::uint64_t size = 0;
  FileTime modified = {};    // what a client set (metadata `mtime`, as rclone writes it), else when it was stored
  std::string version = {};  // ETag or generation: changes whenever the content does. "": not told
  std::string content_type = {};
  bool directory = false;  // marked as one by the service's own means (Azure: hdi_isfolder), beside a key ending in /
  std::optional<std::uint32_t> crc32c = {};  // of the whole content, where it is stored
  std::string sha256 = {};   // of the whole content, lower-case hex, where it is stored in metadata; else ""
  std::string writing = {};  // ObjectProperties::writing of who wrote it; told by head() at least
};

struct ListRequest {
  std::string prefix;      // "": everything
  bool flat = false;       // false: keys with a "/" after the prefix are answered as Page::prefixes
  std::string token = {};  // Page::next of the page before; "": the first
  std::size_t max = 1000;  // at most so many objects and prefixes together
};

struct Page {
  std::vector<ObjectInfo> objects;
  std::vector<std::string> prefixes;  // full, ending in "/"
  std::string next;                   // "": this was the last page
};

// What is stored with an object beside its content.
struct ObjectProperties {
  std::optional<FileTime> modified = {};  // what a client set; none: the service's time counts
  std::string content_type = {};          // "": the service's default
  std::string sha256 = {};                // see ObjectInfo
  // A random text, another for each object that this server writes (hexadecimal digits, metadata `ferrywriting`): who
  // lost the answer to a request looks whether what is there now is its own. "": none.
  std::string writing = {};
};

// When an object is written: only if there is none (S3: If-None-Match: *), or only if it is still the version that was
// read (If-Match, ifGenerationMatch).
struct Condition {
  bool absent = false;
  std::string version = {};
};

// Bytes to be sent, in pieces that lie in several buffers; valid until the call returns.
struct Payload {
  std::vector<ByteSpan> pieces = {};
  std::uint64_t size = 0;    // of all pieces together
  std::uint32_t crc32c = 0;  // of all pieces together (Castagnoli)
};

// An upload in parts that is not complete yet.
struct Upload {
  std::string key;
  std::string id;  // S3: UploadId; GCS: session URL or upload id; Azure: the common part of the block ids
};

struct Part {
  std::uint32_t number = 0;  // from 1, in the order of the content
  std::uint64_t offset = 0, size = 0;
  std::string tag = {};  // what complete() must name: ETag, block id
  std::uint32_t crc32c = 0;
};

class ObjectStore {
 public:
  virtual ~ObjectStore() = default;
  virtual const Traits& traits() const = 0;
  // For logs and hooks: "s3://bucket/key". Never holds a secret.
  virtual std::string location(std::string_view key) const = 0;

  // How long the service asked to wait (Retry-After) when it last answered limit_exceeded; 0: it did not say.
  virtual std::chrono::milliseconds retry_after() const { return {}; }

  // Whether the bucket or container can be reached with these credentials; for checks of a configuration. The message
  // of the error says what is wrong in words for an operator: no such bucket, key refused, clock skewed, TLS.
  virtual Task<Result<void>> check() = 0;

  virtual Task<Result<ObjectInfo>> head(std::string key) = 0;
  virtual Task<Result<Page>> list(ListRequest request) = 0;
  // Reads [offset, offset + into.size()); fewer bytes only where the object ends. `version`: conflict when the object
  // is another by now; "": any. connection_lost when the body breaks off: without its headers nobody knows
  // whether what came is this range of this version.
  virtual Task<Result<std::size_t>> get(std::string key, std::uint64_t offset, MutableByteSpan into,
                                        std::string version) = 0;
  virtual Task<Result<ObjectInfo>> put(std::string key, Payload payload, ObjectProperties properties,
                                       Condition condition) = 0;
  // Success also when there is none.
  virtual Task<Result<void>> remove(std::string key) = 0;
  // Only if it is this version; conflict: it is another by now; success: there is none. `version` "": as remove(). The
  // default, for services without a condition on DELETE, looks before it removes: what is put there in between is
  // removed.
  virtual Task<Result<void>> remove_version(std::string key, std::string version);
  // Several at once, at most 1000; success also for those that do not exist. The default removes one after another.
  virtual Task<Result<void>> remove_many(std::vector<std::string> keys);
  // `properties`: instead of those of the source; none: they are kept. `from` and `to` may be the same key (to set
  // times). `source_version`: conflict when the source is another by now.
  virtual Task<Result<ObjectInfo>> copy(std::string from, std::string to, std::optional<ObjectProperties> properties,
                                        std::string source_version, Condition condition) = 0;

  // `condition`: the one that complete() will name. Some services want it here, some there.
  virtual Task<Result<Upload>> begin_upload(std::string key, ObjectProperties properties, Condition condition) = 0;
  virtual Task<Result<Part>> put_part(Upload upload, std::uint32_t number, std::uint64_t offset, Payload payload) = 0;
  // Part `number` is [source_offset, source_offset + size) of another object. unsupported.
  virtual Task<Result<Part>> copy_part(Upload upload, std::uint32_t number, std::uint64_t offset, std::string source,
                                       std::uint64_t source_offset, std::uint64_t size, std::string source_version) = 0;
  virtual Task<Result<ObjectInfo>> complete(Upload upload, std::vector<Part> parts, ObjectProperties properties,
                                            Condition condition) = 0;
  // Removes the parts. Success also when there is no such upload any more.
  virtual Task<Result<void>> abort(Upload upload) = 0;
  // The parts that are stored, in order; to go on with an upload. not_found: it was completed or aborted.
  virtual Task<Result<std::vector<Part>>> parts(Upload upload) = 0;
};

}  // namespace ferry::vfs::object
