#include "vfs/object/counted_store.h"

#include "base/storage_metrics.h"

namespace ferry::vfs::object {

namespace {

using metrics::Request;

class CountedStore final : public ObjectStore {
 public:
  explicit CountedStore(std::shared_ptr<ObjectStore> store) : store_(std::move(store)) {}

  const Traits& traits() const override { return store_->traits(); }
  std::string location(std::string_view key) const override { return store_->location(key); }
  std::chrono::milliseconds retry_after() const override { return store_->retry_after(); }
  Task<Result<void>> check() override { return store_->check(); }

  Task<Result<ObjectInfo>> head(std::string key) override {
    auto answer = co_await store_->head(std::move(key));
    // "There is none" is an answer.
    count(Request::head, answer.has_value() || answer.error().code == ErrorCode::not_found);
    co_return answer;
  }
  Task<Result<Page>> list(ListRequest request) override {
    auto answer = co_await store_->list(std::move(request));
    count(Request::list, answer.has_value());
    co_return answer;
  }
  Task<Result<std::size_t>> get(std::string key, std::uint64_t offset, MutableByteSpan into,
                                std::string version) override {
    return store_->get(std::move(key), offset, into, std::move(version));
  }
  Task<Result<ObjectInfo>> put(std::string key, Payload payload, ObjectProperties properties,
                               Condition condition) override {
    return store_->put(std::move(key), std::move(payload), std::move(properties), std::move(condition));
  }
  Task<Result<void>> remove(std::string key) override {
    auto answer = co_await store_->remove(std::move(key));
    count(Request::remove, answer.has_value());
    co_return answer;
  }
  Task<Result<void>> remove_version(std::string key, std::string version) override {
    auto answer = co_await store_->remove_version(std::move(key), std::move(version));
    count(Request::remove, answer.has_value() || answer.error().code == ErrorCode::conflict);
    co_return answer;
  }
  Task<Result<void>> remove_many(std::vector<std::string> keys) override {
    auto answer = co_await store_->remove_many(std::move(keys));
    count(Request::remove, answer.has_value());
    co_return answer;
  }
  Task<Result<ObjectInfo>> copy(std::string from, std::string to, std::optional<ObjectProperties> properties,
                                std::string source_version, Condition condition) override {
    auto answer = co_await store_->copy(std::move(from), std::move(to), std::move(properties),
                                        std::move(source_version), std::move(condition));
    count(Request::copy, answer.has_value());
    co_return answer;
  }
  Task<Result<Upload>> begin_upload(std::string key, ObjectProperties properties, Condition condition) override {
    return store_->begin_upload(std::move(key), std::move(properties), std::move(condition));
  }
  Task<Result<Part>> put_part(Upload upload, std::uint32_t number, std::uint64_t offset, Payload payload) override {
    return store_->put_part(std::move(upload), number, offset, std::move(payload));
  }
  Task<Result<Part>> copy_part(Upload upload, std::uint32_t number, std::uint64_t offset, std::string source,
                               std::uint64_t source_offset, std::uint64_t size, std::string source_version) override {
    auto answer = co_await store_->copy_part(std::move(upload), number, offset, std::move(source), source_offset, size,
                                             std::move(source_version));
    count(Request::copy, answer.has_value());
    co_return answer;
  }
  Task<Result<ObjectInfo>> complete(Upload upload, std::vector<Part> parts, ObjectProperties properties,
                                    Condition condition) override {
    return store_->complete(std::move(upload), std::move(parts), std::move(properties), std::move(condition));
  }
  Task<Result<void>> abort(Upload upload) override { return store_->abort(std::move(upload)); }
  Task<Result<std::vector<Part>>> parts(Upload upload) override { return store_->parts(std::move(upload)); }

 private:
  void count(Request request, bool good) const { metrics::count_request(store_->traits().name, request, good); }

  const std::shared_ptr<ObjectStore> store_;
};

}  // namespace

std::shared_ptr<ObjectStore> make_counted(std::shared_ptr<ObjectStore> store) {
  return std::make_shared<CountedStore>(std::move(store));
}

}  // namespace ferry::vfs::object
