// Google Cloud Storage as an ObjectStore, over the JSON API (storage/v1).
//
// - A version is an object's generation. Reads, replacements and removals are bound to it (ifGenerationMatch).
// - An upload in parts is a resumable session, which takes its bytes in order: one part after another. Every request
//   but the last must end at a multiple of 256 KiB, so the rest of a part, less than that, waits in memory for the next
//   one. The last request, complete(), publishes the object.
// - When nothing is known of a part's end (no answer), the session is asked how much it has stored, and goes on there.
// - The time that a client set is the metadata `mtime`, as rclone writes it; `goog-reserved-file-mtime`, as gsutil
// writes
//   it, is read as well.
// - Names are UTF-8; others are invalid_argument.
#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "vfs/gcs/service.h"
#include "vfs/object/object_store.h"

namespace ferry::vfs::gcs {

class GcsStore : public object::ObjectStore {
 public:
  // invalid_argument, as Service::make.
  static Result<std::unique_ptr<GcsStore>> make(StoreOptions options, std::shared_ptr<http::Client> client,
                                                std::shared_ptr<TokenSource> tokens);

  const object::Traits& traits() const override { return traits_; }
  std::string location(std::string_view key) const override;
  std::chrono::milliseconds retry_after() const override { return service_->retry_after(); }
  Task<Result<void>> check() override;

  Task<Result<object::ObjectInfo>> head(std::string key) override;
  Task<Result<object::Page>> list(object::ListRequest request) override;
  Task<Result<std::size_t>> get(std::string key, std::uint64_t offset, MutableByteSpan into,
                                std::string version) override;
  Task<Result<object::ObjectInfo>> put(std::string key, object::Payload payload, object::ObjectProperties properties,
                                       object::Condition condition) override;
  Task<Result<void>> remove(std::string key) override;
  Task<Result<void>> remove_version(std::string key, std::string version) override;
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
  // What is known of a session. Used by one call at a time.
  struct Session {
    std::uint64_t stored = 0;  // by the service, of which it has told; a multiple of 256 KiB
    Bytes rest = {};           // comes after them, and waits for what follows
    std::uint32_t crc32c = 0;  // of all, the rest too
    bool in_doubt = false;     // the last request had no good answer: ask before the next
  };
  // What a session answered: how much it has stored, or the object that it has become.
  struct Progress {
    std::uint64_t stored = 0;
    std::optional<object::ObjectInfo> object = {};
  };

  explicit GcsStore(std::unique_ptr<Service> service);
  Task<Result<http::ClientResponse>> resource(std::string key, std::string version);
  Task<Result<object::ObjectInfo>> set_properties(std::string key, object::ObjectProperties properties,
                                                  std::string version);
  Task<Result<object::ObjectInfo>> rewrite(Call call);
  Task<void> remove_damaged(std::string key, std::string version);

  std::shared_ptr<Session> session_of(const std::string& id);
  void forget(const std::string& id);
  Task<Result<Progress>> ask_session(std::string id, std::string range, std::vector<ByteSpan> pieces,
                                     std::vector<http::ClientHeader> headers);
  Task<Result<Progress>> send_range(std::string id, std::shared_ptr<Session> session, std::vector<ByteSpan> pieces,
                                    std::uint64_t size, bool last);

  const std::unique_ptr<Service> service_;
  object::Traits traits_;
  std::mutex mutex_;
  std::map<std::string, std::shared_ptr<Session>> sessions_;  // by Upload::id
};

}  // namespace ferry::vfs::gcs
