#include "vfs/object/counted_store.h"

#include <gtest/gtest.h>

#include <map>

#include "base/storage_metrics.h"
#include "tests/support/run.h"

namespace ferry::vfs::object {
namespace {

// Answers every request with one error, or, without one, with something.
class OneAnswer final : public ObjectStore {
 public:
  explicit OneAnswer(std::optional<ErrorCode> error) : error_(error) { traits_.name = "s3fs"; }
  const Traits& traits() const override { return traits_; }
  std::string location(std::string_view key) const override { return "x://" + std::string(key); }
  std::chrono::milliseconds retry_after() const override { return std::chrono::milliseconds(42); }
  Task<Result<void>> check() override { return answer<void>(); }
  Task<Result<ObjectInfo>> head(std::string) override { return answer<ObjectInfo>(); }
  Task<Result<Page>> list(ListRequest) override { return answer<Page>(); }
  Task<Result<std::size_t>> get(std::string, std::uint64_t, MutableByteSpan, std::string) override {
    return answer<std::size_t>();
  }
  Task<Result<ObjectInfo>> put(std::string, Payload, ObjectProperties, Condition) override {
    return answer<ObjectInfo>();
  }
  Task<Result<void>> remove(std::string) override { return answer<void>(); }
  Task<Result<void>> remove_many(std::vector<std::string>) override { return answer<void>(); }
  Task<Result<ObjectInfo>> copy(std::string, std::string, std::optional<ObjectProperties>, std::string,
                                Condition) override {
    return answer<ObjectInfo>();
  }
  Task<Result<Upload>> begin_upload(std::string, ObjectProperties, Condition) override { return answer<Upload>(); }
  Task<Result<Part>> put_part(Upload, std::uint32_t, std::uint64_t, Payload) override { return answer<Part>(); }
  Task<Result<Part>> copy_part(Upload, std::uint32_t, std::uint64_t, std::string, std::uint64_t, std::uint64_t,
                               std::string) override {
    return answer<Part>();
  }
  Task<Result<ObjectInfo>> complete(Upload, std::vector<Part>, ObjectProperties, Condition) override {
    return answer<ObjectInfo>();
  }
  Task<Result<void>> abort(Upload) override { return answer<void>(); }
  Task<Result<std::vector<Part>>> parts(Upload) override { return answer<std::vector<Part>>(); }

 private:
  template <class T>
  Task<Result<T>> answer() {
    if (error_) co_return fail(*error_);
    if constexpr (std::is_void_v<T>) {
      co_return Result<void>();
    } else {
      co_return T{};
    }
  }
  const std::optional<ErrorCode> error_;
  Traits traits_;
};

using Values = std::map<std::string, std::uint64_t>;

// Every request once; how much the counters of S3 have grown by it.
Values counted(std::optional<ErrorCode> error) {
  const auto now = [] {
    Values values;
    for (const metrics::Counter& counter : metrics::storage_counters()) values[counter.name] = counter.value;
    return values;
  };
  const Values before = now();
  const std::shared_ptr<ObjectStore> store = make_counted(std::make_shared<OneAnswer>(error));
  EXPECT_EQ(store->location("k"), "x://k");
  EXPECT_EQ(store->retry_after().count(), 42);
  const auto expect = [&](auto answer) {
    EXPECT_EQ(answer.has_value(), !error);
    EXPECT_EQ(answer ? std::nullopt : std::optional(answer.error().code), error);
  };
  expect(test::run(store->check()));
  expect(test::run(store->head("k")));
  expect(test::run(store->list({})));
  expect(test::run(store->get("k", 0, {}, "")));
  expect(test::run(store->put("k", {}, {}, {})));
  expect(test::run(store->remove("k")));
  expect(test::run(store->remove_many({"k"})));
  expect(test::run(store->copy("k", "l", std::nullopt, "", {})));
  expect(test::run(store->begin_upload("k", {}, {})));
  expect(test::run(store->put_part({}, 1, 0, {})));
  expect(test::run(store->copy_part({}, 1, 0, "k", 0, 1, "")));
  expect(test::run(store->complete({}, {}, {}, {})));
  expect(test::run(store->abort({})));
  expect(test::run(store->parts({})));
  Values grown;
  for (const auto& [name, value] : now()) {
    if (value > before.at(name)) grown[name] = value - before.at(name);
  }
  return grown;
}

TEST(CountedStore, CountsWhatTheStoreAnswered) {
  EXPECT_EQ(counted(std::nullopt), (Values{{"sftpgo_s3_head_object", 1},
                                           {"sftpgo_s3_list_objects", 1},
                                           {"sftpgo_s3_delete_object", 2},
                                           {"sftpgo_s3_copy_object", 2}}));
  EXPECT_EQ(counted(ErrorCode::connection_lost), (Values{{"sftpgo_s3_head_object_errors", 1},
                                                         {"sftpgo_s3_list_objects_errors", 1},
                                                         {"sftpgo_s3_delete_object_errors", 2},
                                                         {"sftpgo_s3_copy_object_errors", 2}}));
  EXPECT_EQ(counted(ErrorCode::not_found).at("sftpgo_s3_head_object"), 1U);
}

}  // namespace
}  // namespace ferry::vfs::object
