// Uploads in parts that this server's processes have begun on object stores. A row is written before the first part is
// sent and removed when the upload is completed or its parts are gone, so that after a `kill -9` somebody knows which
// parts to remove (services keep them, and charge for them, without end).
//
// Every call may block, is safe from any thread, and is done completely or not at all. Errors: io_error, internal.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"

namespace ferry::store {

struct OpenUpload {
  std::int64_t id = 0;          // set by the store; later ones have larger ids
  std::string account = {};     // the user whose storage it is
  std::string folder = {};      // the virtual folder of this user; "": its home
  std::string location = {};    // "s3://bucket/key", as it was: the storage may be configured otherwise by now
  std::string key = {};         // of the object; any bytes
  std::string upload = {};      // the service's id of the upload
  std::string owner = {};       // the process that sends it; "": none, its parts are to be removed
  std::int64_t started_at = 0;  // Unix milliseconds
  bool operator==(const OpenUpload&) const = default;
};

class OpenUploads {
 public:
  virtual ~OpenUploads() = default;

  // Answers its id.
  virtual Result<std::int64_t> add_open_upload(const OpenUpload& upload) = 0;
  // It has no owner any more. One that does not exist is ignored; the same below.
  virtual Result<void> disown_open_upload(std::int64_t id) = 0;
  virtual Result<void> remove_open_upload(std::int64_t id) = 0;
  // At most `limit` by id, from the one after `after`.
  virtual Result<std::vector<OpenUpload>> open_uploads(std::int64_t after, std::size_t limit) = 0;
};

}  // namespace ferry::store
