// A bucket of S3, or of a service that is like it. Source: AWS, "Amazon S3 API Reference" (2006-03-01).
#pragma once

#include <atomic>
#include <chrono>
#include <functional>
#include <memory>
#include <string>

#include "http/client.h"
#include "vfs/object/object_store.h"
#include "vfs/s3/answers.h"
#include "vfs/s3/credentials.h"
#include "vfs/s3/endpoint.h"
#include "vfs/s3/sigv4.h"

namespace ferry::vfs::s3 {

struct StoreOptions {
  EndpointOptions endpoint;
  std::string storage_class = {};        // "": the bucket's default
  std::string acl = {};                  // a canned one, "private"; "": none is sent
  crypto::Secret sse_customer_key = {};  // 32 bytes: SSE-C; empty: none
};

class S3Store final : public object::ObjectStore {
 public:
  // invalid_argument: options that cannot be meant, in words for an operator.
  static Result<std::unique_ptr<S3Store>> make(StoreOptions options, std::shared_ptr<http::Client> client,
                                               std::shared_ptr<CredentialSource> credentials);

  const object::Traits& traits() const override { return traits_; }
  std::string location(std::string_view key) const override;
  std::chrono::milliseconds retry_after() const override { return std::chrono::milliseconds(retry_after_.load()); }
  Task<Result<void>> check() override;
  Task<Result<object::ObjectInfo>> head(std::string key) override;
  Task<Result<object::Page>> list(object::ListRequest request) override;
  Task<Result<std::size_t>> get(std::string key, std::uint64_t offset, MutableByteSpan into,
                                std::string version) override;
  Task<Result<object::ObjectInfo>> put(std::string key, object::Payload payload, object::ObjectProperties properties,
                                       object::Condition condition) override;
  Task<Result<void>> remove(std::string key) override;
  Task<Result<void>> remove_many(std::vector<std::string> keys) override;
  Task<Result<object::ObjectInfo>> copy(std::string from, std::string to,
                                        std::optional<object::ObjectProperties> properties, std::string source_version,
                                        object::Condition condition) override;
  Task<Result<object::Upload>> begin_upload(std::string key, object::ObjectProperties properties,
                                            object::Condition condition) override;
  Task<Result<object::Part>> put_part(object::Upload upload, std::uint32_t number, std::uint64_t offset,
                                      object::Payload payload) override;
  Task<Result<object::Part>> copy_part(object::Upload upload, std::uint32_t number, std::uint64_t offset,
                                       std::string source, std::uint64_t source_offset, std::uint64_t size,
                                       std::string source_version) override;
  Task<Result<object::ObjectInfo>> complete(object::Upload upload, std::vector<object::Part> parts,
                                            object::ObjectProperties properties, object::Condition condition) override;
  Task<Result<void>> abort(object::Upload upload) override;
  Task<Result<std::vector<object::Part>>> parts(object::Upload upload) override;

 private:
  // One request, and how its answer is read.
  struct Call {
    std::string method = "GET";
    std::string key = {};  // "": the bucket
    Pairs query = {};
    Pairs headers = {};  // beside those that every request has
    std::string content_type = {};
    std::string body = {};
    object::Payload payload = {};  // instead of body
    bool checked = false;          // its CRC32C is sent, where the service takes that
    bool creates = false;          // with Condition::absent: a failed condition is already_exists
    std::optional<MutableByteSpan> into = {};
    std::uint64_t* received = nullptr;
    std::chrono::seconds limit{60};  // without a payload or `into`
  };

  S3Store(StoreOptions options, Endpoint endpoint, std::shared_ptr<http::Client> client,
          std::shared_ptr<CredentialSource> credentials);
  // An answer of a status below 300, and no error in its body; others as the Error that ObjectStore asks for.
  Task<Result<http::ClientResponse>> send(Call call);
  Task<Result<http::ClientResponse>> send_once(const Call& call, const Credentials& credentials, bool with_checksum);
  std::string path_of(std::string_view key) const;
  std::string payload_hash(const Call& call) const;
  Error error_of(const Call& call, const http::ClientResponse& answer);
  bool learns(const Call& call, const http::ClientResponse& answer, const Credentials& used, bool with_checksum);
  bool learns_clock(const http::ClientResponse& answer, const ServiceError& error);
  void add_encryption(Pairs& headers, const std::string& prefix) const;
  void add_properties(Pairs& headers, Call& call, const object::ObjectProperties& properties) const;
  std::string copy_source(std::string_view key) const;
  Task<Result<http::ClientResponse>> send_copy(Call call, std::string source, std::string version);
  Task<Result<void>> remove_some(std::vector<std::string> keys);

  const StoreOptions options_;
  const Endpoint endpoint_;
  const std::shared_ptr<http::Client> client_;
  const std::shared_ptr<CredentialSource> credentials_;
  object::Traits traits_;
  std::atomic<std::int64_t> retry_after_ = 0;   // milliseconds
  std::atomic<std::int64_t> skew_ = 0;          // seconds that the service's clock is ahead of ours
  std::atomic<bool> checksums_ = true;          // the service has not refused them
  std::atomic<bool> source_conditions_ = true;  // nor conditions on the source of a copy
};

}  // namespace ferry::vfs::s3
