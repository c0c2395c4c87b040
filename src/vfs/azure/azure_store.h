// Azure Blob Storage as an ObjectStore: block blobs of one container. Requests, signing and errors are Service's.
//
// What is peculiar to Azure:
// - An upload in parts is nothing that the service knows: blocks are stored beside a blob until a list of them is
//   committed. Upload::id is the common beginning of its block ids, so that uploads to one key do not take one
//   another's blocks. Committing one discards the blocks of the others, whose complete() then answers conflict.
// - Blocks cannot be removed: abort() leaves them, and the service drops them a week after the last one was stored.
// - copy() is done by the service in the background; it is waited for. Until it ends, `to` shows an empty blob.
// - The service takes a backslash in a name for a slash, so such names are invalid_argument.
// - Directories of accounts with a hierarchical namespace are blobs with the metadata hdi_isfolder=true.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "vfs/azure/service.h"
#include "vfs/object/object_store.h"

namespace ferry::vfs::azure {

class AzureStore : public object::ObjectStore {
 public:
  // invalid_argument, as Service::make.
  static Result<std::unique_ptr<AzureStore>> make(StoreOptions options, std::shared_ptr<http::Client> client,
                                                  std::shared_ptr<Identity> identity);

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
  struct Described {
    object::ObjectInfo info;
    Pairs metadata;       // all of it, names as the service tells them
    std::string copy_id;  // of the copy that made the blob; "": none did
    std::string copy_status, copy_text;
  };

  explicit AzureStore(std::unique_ptr<Service> service);
  Task<Result<Described>> describe(std::string key);
  Task<Result<object::ObjectInfo>> set_metadata(std::string key, object::ObjectProperties properties,
                                                std::string version);
  Task<Result<object::ObjectInfo>> wait_for_copy(std::string key, std::string id);
  Task<void> abort_copy(std::string key, std::string id);
  Task<bool> holds_exactly(std::string key, std::vector<std::string> ids);

  const std::unique_ptr<Service> service_;
  object::Traits traits_;
};

// The base64 id of a block, the same length for all: upload id, number and offset.
std::string block_id(std::string_view upload, const object::Part& part);
// The other way; no value: it is no block of this upload.
std::optional<object::Part> part_of_block(std::string_view upload, std::string_view id, std::uint64_t size);

}  // namespace ferry::vfs::azure
