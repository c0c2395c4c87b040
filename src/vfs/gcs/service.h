// Requests to one bucket of Google Cloud Storage over its JSON API: their URLs, who authorizes them, and what an error
// of the service means. GcsStore knows which requests there are.
#pragma once

#include <atomic>
#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/bytes.h"
#include "base/error.h"
#include "base/task.h"
#include "http/client.h"
#include "vfs/gcs/credentials.h"

namespace ferry::vfs::gcs {

using Pairs = std::vector<std::pair<std::string, std::string>>;

struct StoreOptions {
  std::string bucket = {};
  std::string storage_class = {};  // of what is written; "": the bucket's default
  std::string acl = {};            // a predefined one ("private"); "": the bucket's default
  // STORAGE_EMULATOR_HOST: "host:port" or a URL. Requests to an emulator carry no credentials. "": Google's own.
  std::string emulator = {};
};

// One request.
struct Call {
  std::string method = "GET";
  std::string path = {};  // encoded, with the slash in front
  std::string url = {};   // of an upload session, instead of path and query: authorizes itself
  Pairs query = {};       // not encoded
  std::vector<http::ClientHeader> headers = {};
  std::string content_type = {};
  std::string body = {};
  std::vector<ByteSpan> pieces = {};
  std::optional<MutableByteSpan> into = {};
  std::size_t max_response = std::size_t{1} << 20;
  bool of_object = true;  // false: 404 means that there is no such bucket
};

class Service {
 public:
  // invalid_argument, with a message for an operator: options that cannot be meant. `tokens` may be null for an
  // emulator.
  static Result<std::unique_ptr<Service>> make(StoreOptions options, std::shared_ptr<http::Client> client,
                                               std::shared_ptr<TokenSource> tokens);

  // Sends it once; an answer of any status.
  Task<Result<http::ClientResponse>> exchange(Call call);
  // The same, but a status of 300 or above is the Error that ObjectStore asks for.
  Task<Result<http::ClientResponse>> send(Call call);
  // Of an answer of a status of 300 or above.
  Error error_of(std::string_view method, bool of_object, const http::ClientResponse& answer);

  std::string list_path() const;
  std::string upload_path() const;
  std::string object_path(std::string_view key) const;
  std::string rewrite_path(std::string_view from, std::string_view to) const;
  // Whether an upload session may be there: contents are sent to it.
  bool is_ours(std::string_view url) const;

  const StoreOptions& options() const { return options_; }
  std::chrono::milliseconds retry_after() const { return std::chrono::milliseconds(retry_after_.load()); }

 private:
  Service(StoreOptions options, std::shared_ptr<http::Client> client, std::shared_ptr<TokenSource> tokens);

  StoreOptions options_;
  const std::shared_ptr<http::Client> client_;
  const std::shared_ptr<TokenSource> tokens_;
  std::string host_;                           // "https://storage.googleapis.com"
  std::atomic<std::int64_t> retry_after_ = 0;  // milliseconds
};

// UTF-8 as RFC 3629 says: object names are nothing else.
bool is_utf8(std::string_view text);

}  // namespace ferry::vfs::gcs
