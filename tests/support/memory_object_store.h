// An object store in memory that fails as told: what the layer above does with lost answers, refusals and requests that
// hang is tested with it, without a service. It checks conditions and parts as services do, and runs under the suite of
// all stores (tests/conformance/object_store). Safe from any thread.
//
//   auto store = std::make_shared<test::MemoryObjectStore>();
//   store->fail({.call = "complete", .nth = 1, .how = Fault::lost_answer});
#pragma once

#include <algorithm>
#include <atomic>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <cstring>
#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "vfs/object/object_store.h"

namespace ferry::test {

enum class Fault : std::uint8_t {
  refused,      // nothing is done, and it says so
  lost_answer,  // it is done, but the caller hears an error
  hangs,        // nothing is done, and no answer comes until let_go()
};

struct Trouble {
  std::string call = {};  // the method's name: "put"
  unsigned nth = 1;       // the first such call that meets it, counted from when it was told
  Fault how = Fault::refused;
  unsigned times = 1;
  ErrorCode code = ErrorCode::connection_lost;
};

class MemoryObjectStore : public vfs::object::ObjectStore {
 public:
  using Info = vfs::object::ObjectInfo;
  using Properties = vfs::object::ObjectProperties;

  MemoryObjectStore() {
    traits_.name = "memory";
    traits_.min_part = 1;
  }

  // Before the first request.
  vfs::object::Traits& change_traits() { return traits_; }
  // What list() answers instead.
  std::function<Result<vfs::object::Page>(const vfs::object::ListRequest&)> listing = {};
  // Called before each request is looked at, with its name and key; without the mutex.
  std::function<void(std::string_view, std::string_view)> watch = {};
  std::chrono::milliseconds latency{0};

  void fail(Trouble trouble) {
    const std::scoped_lock lock(mutex_);
    troubles_.push_back(std::move(trouble));
  }
  void let_go() { released_ = true; }

  unsigned calls(const std::string& name) const {
    const std::scoped_lock lock(mutex_);
    const auto found = calls_.find(name);
    return found == calls_.end() ? 0 : found->second;
  }
  // Requests that run at the moment.
  unsigned running(const std::string& name) const {
    const std::scoped_lock lock(mutex_);
    const auto found = running_.find(name);
    return found == running_.end() ? 0 : found->second;
  }
  unsigned most_running(const std::string& name) const {
    const std::scoped_lock lock(mutex_);
    const auto found = most_running_.find(name);
    return found == most_running_.end() ? 0 : found->second;
  }
  std::size_t open_uploads() const {
    const std::scoped_lock lock(mutex_);
    return uploads_.size();
  }
  std::vector<std::string> keys() const {
    const std::scoped_lock lock(mutex_);
    std::vector<std::string> all;
    for (const auto& [key, object] : objects_) all.push_back(key);
    return all;
  }
  std::optional<std::string> content(const std::string& key) const {
    const std::scoped_lock lock(mutex_);
    const auto found = objects_.find(key);
    return found == objects_.end() ? std::nullopt : std::optional(found->second.content);
  }
  // As another client of the service would.
  void set(const std::string& key, std::string content, Properties properties = {}) {
    const std::scoped_lock lock(mutex_);
    store(key, std::move(content), std::move(properties));
  }

  const vfs::object::Traits& traits() const override { return traits_; }
  std::string location(std::string_view key) const override { return "memory:" + std::string(key); }
  Task<Result<void>> check() override { co_return Result<void>(); }

  Task<Result<Info>> head(std::string key) override {
    Request request(*this, "head");
    auto trouble = co_await begin(&request, key);
    if (trouble) co_return ferry::fail(*trouble);
    const std::scoped_lock lock(mutex_);
    const auto found = objects_.find(key);
    if (found == objects_.end()) co_return ferry::fail(ErrorCode::not_found, "memory: " + key);
    co_return request.answer(info_of(key, found->second));
  }

  Task<Result<vfs::object::Page>> list(vfs::object::ListRequest asked) override {
    Request request(*this, "list");
    auto trouble = co_await begin(&request, asked.prefix);
    if (trouble) co_return ferry::fail(*trouble);
    if (listing) co_return listing(asked);
    const std::scoped_lock lock(mutex_);
    co_return request.answer(page_of(asked));
  }

  Task<Result<std::size_t>> get(std::string key, std::uint64_t offset, MutableByteSpan into,
                                std::string version) override {
    Request request(*this, "get");
    auto trouble = co_await begin(&request, key);
    if (trouble) co_return ferry::fail(*trouble);
    const std::scoped_lock lock(mutex_);
    const auto found = objects_.find(key);
    if (found == objects_.end()) co_return ferry::fail(ErrorCode::not_found, "memory: " + key);
    if (!version.empty() && version != found->second.version) co_return ferry::fail(ErrorCode::conflict, "memory");
    const std::string& content = found->second.content;
    if (offset >= content.size()) co_return std::size_t{0};
    const std::size_t count = std::min<std::size_t>(into.size(), content.size() - offset);
    std::memcpy(into.data(), content.data() + offset, count);
    co_return request.answer(count);
  }

  Task<Result<Info>> put(std::string key, vfs::object::Payload payload, Properties properties,
                         vfs::object::Condition condition) override {
    Request request(*this, "put");
    auto trouble = co_await begin(&request, key);
    if (trouble) co_return ferry::fail(*trouble);
    std::string content = text_of(payload);
    const std::scoped_lock lock(mutex_);
    const auto refused = refuse(key, condition);
    if (refused) co_return ferry::fail(*refused);
    co_return request.answer(store(key, std::move(content), std::move(properties)));
  }

  Task<Result<void>> remove(std::string key) override {
    Request request(*this, "remove");
    auto trouble = co_await begin(&request, key);
    if (trouble) co_return ferry::fail(*trouble);
    const std::scoped_lock lock(mutex_);
    objects_.erase(key);
    if (request.lost()) co_return ferry::fail(*request.lost());
    co_return Result<void>();
  }

  Task<Result<Info>> copy(std::string from, std::string to, std::optional<Properties> properties,
                          std::string source_version, vfs::object::Condition condition) override {
    Request request(*this, "copy");
    auto trouble = co_await begin(&request, to);
    if (trouble) co_return ferry::fail(*trouble);
    const std::scoped_lock lock(mutex_);
    const auto found = objects_.find(from);
    if (found == objects_.end()) co_return ferry::fail(ErrorCode::not_found, "memory: " + from);
    if (!source_version.empty() && source_version != found->second.version) {
      co_return ferry::fail(ErrorCode::conflict, "memory: the source has changed");
    }
    const auto refused = refuse(to, condition);
    if (refused) co_return ferry::fail(*refused);
    std::string content = found->second.content;
    Properties kept = properties ? *properties : found->second.properties;
    co_return request.answer(store(to, std::move(content), std::move(kept)));
  }

  Task<Result<vfs::object::Upload>> begin_upload(std::string key, Properties properties,
                                                 vfs::object::Condition) override {
    Request request(*this, "begin_upload");
    auto trouble = co_await begin(&request, key);
    if (trouble) co_return ferry::fail(*trouble);
    const std::scoped_lock lock(mutex_);
    vfs::object::Upload upload{.key = key, .id = std::to_string(++clock_)};
    uploads_[upload.id] = {key, std::move(properties), {}};
    co_return request.answer(std::move(upload));
  }

  Task<Result<vfs::object::Part>> put_part(vfs::object::Upload upload, std::uint32_t number, std::uint64_t offset,
                                           vfs::object::Payload payload) override {
    Request request(*this, "put_part");
    auto trouble = co_await begin(&request, upload.key);
    if (trouble) co_return ferry::fail(*trouble);
    std::string content = text_of(payload);
    const std::scoped_lock lock(mutex_);
    const auto found = uploads_.find(upload.id);
    if (found == uploads_.end()) co_return ferry::fail(ErrorCode::not_found, "memory: no such upload");
    co_return request.answer(keep_part(found->second, number, offset, std::move(content), payload.crc32c));
  }

  Task<Result<vfs::object::Part>> copy_part(vfs::object::Upload upload, std::uint32_t number, std::uint64_t offset,
                                            std::string source, std::uint64_t source_offset, std::uint64_t size,
                                            std::string source_version) override {
    Request request(*this, "copy_part");
    auto trouble = co_await begin(&request, upload.key);
    if (trouble) co_return ferry::fail(*trouble);
    const std::scoped_lock lock(mutex_);
    const auto found = uploads_.find(upload.id);
    const auto object = objects_.find(source);
    if (found == uploads_.end() || object == objects_.end()) co_return ferry::fail(ErrorCode::not_found, "memory");
    if (!source_version.empty() && source_version != object->second.version) {
      co_return ferry::fail(ErrorCode::conflict, "memory: the source has changed");
    }
    std::string content = object->second.content.substr(source_offset, size);
    co_return request.answer(keep_part(found->second, number, offset, std::move(content), 0));
  }

  Task<Result<Info>> complete(vfs::object::Upload upload, std::vector<vfs::object::Part> parts, Properties,
                              vfs::object::Condition condition) override {
    Request request(*this, "complete");
    auto trouble = co_await begin(&request, upload.key);
    if (trouble) co_return ferry::fail(*trouble);
    const std::scoped_lock lock(mutex_);
    const auto found = uploads_.find(upload.id);
    if (found == uploads_.end()) co_return ferry::fail(ErrorCode::not_found, "memory: no such upload");
    const auto refused = refuse(upload.key, condition);
    if (refused) co_return ferry::fail(*refused);
    std::string content;
    for (const vfs::object::Part& part : parts) {
      const auto stored = found->second.parts.find(part.number);
      const bool last = &part == &parts.back();
      if (stored == found->second.parts.end() || stored->second.part.tag != part.tag ||
          (!last && part.size < traits_.min_part)) {
        co_return ferry::fail(ErrorCode::invalid_argument, "memory: InvalidPart");
      }
      content += stored->second.content;
    }
    Properties properties = std::move(found->second.properties);
    uploads_.erase(found);
    co_return request.answer(store(upload.key, std::move(content), std::move(properties)));
  }

  Task<Result<void>> abort(vfs::object::Upload upload) override {
    Request request(*this, "abort");
    auto trouble = co_await begin(&request, upload.key);
    if (trouble) co_return ferry::fail(*trouble);
    const std::scoped_lock lock(mutex_);
    uploads_.erase(upload.id);
    if (request.lost()) co_return ferry::fail(*request.lost());
    co_return Result<void>();
  }

  Task<Result<std::vector<vfs::object::Part>>> parts(vfs::object::Upload upload) override {
    Request request(*this, "parts");
    auto trouble = co_await begin(&request, upload.key);
    if (trouble) co_return ferry::fail(*trouble);
    const std::scoped_lock lock(mutex_);
    const auto found = uploads_.find(upload.id);
    if (found == uploads_.end()) co_return ferry::fail(ErrorCode::not_found, "memory: no such upload");
    std::vector<vfs::object::Part> all;
    for (const auto& [number, stored] : found->second.parts) all.push_back(stored.part);
    co_return request.answer(std::move(all));
  }

 private:
  struct Object {
    std::string content;
    std::string version;
    Properties properties;
    std::int64_t stored_at = 0;
  };
  struct StoredPart {
    vfs::object::Part part;
    std::string content;
  };
  struct OpenUpload {
    std::string key;
    Properties properties;
    std::map<std::uint32_t, StoredPart> parts;
  };

  // One call of a method: counted while it runs.
  class Request {
   public:
    Request(MemoryObjectStore& store, const char* name) : store_(store), name_(name) {
      const std::scoped_lock lock(store_.mutex_);
      ++store_.calls_[name_];
      unsigned& most = store_.most_running_[name_];
      most = std::max(most, ++store_.running_[name_]);
      for (Trouble& trouble : store_.troubles_) {
        if (trouble.call != name_) continue;
        if (trouble.nth > 1) {
          --trouble.nth;
        } else if (trouble.times > 0 && !trouble_) {
          --trouble.times;
          trouble_ = trouble;
        }
      }
    }
    Request(const Request&) = delete;
    ~Request() {
      const std::scoped_lock lock(store_.mutex_);
      --store_.running_[name_];
    }
    const std::optional<Trouble>& trouble() const { return trouble_; }
    std::optional<Error> lost() const {
      if (!trouble_) return std::nullopt;
      return Error{trouble_->code, "memory: the answer was lost"};
    }
    template <class T>
    Result<T> answer(T value) const {
      if (const auto error = lost()) return ferry::fail(*error);
      return value;
    }
    const char* name() const { return name_; }

   private:
    MemoryObjectStore& store_;
    const char* name_;
    std::optional<Trouble> trouble_;
  };

  // A value: how the request ends before anything is done.
  Task<std::optional<Error>> begin(const Request* request, std::string key) {
    if (watch) watch(request->name(), key);
    asio::steady_timer timer(co_await asio::this_coro::executor);
    if (latency.count() > 0) {
      timer.expires_after(latency);
      co_await timer.async_wait(asio::use_awaitable);
    }
    if (!request->trouble() || request->trouble()->how == Fault::lost_answer) co_return std::nullopt;
    boost::system::error_code cancelled;
    while (request->trouble()->how == Fault::hangs && !released_ && !cancelled) {
      timer.expires_after(std::chrono::milliseconds(1));
      co_await timer.async_wait(asio::redirect_error(asio::use_awaitable, cancelled));
    }
    co_return Error{request->trouble()->code, std::string("memory: no answer to ") + request->name()};
  }

  // All below need the mutex.
  static Info info_of(const std::string& key, const Object& object) {
    Info info{.key = key, .size = object.content.size()};
    info.modified = object.properties.modified.value_or(vfs::FileTime{object.stored_at, 0});
    info.version = object.version;
    info.content_type = object.properties.content_type;
    info.sha256 = object.properties.sha256;
    info.writing = object.properties.writing;
    return info;
  }
  Info store(const std::string& key, std::string content, Properties properties) {
    Object& object = objects_[key];
    object = {std::move(content), '"' + std::to_string(++clock_) + '"', std::move(properties), clock_};
    return info_of(key, object);
  }
  std::optional<Error> refuse(const std::string& key, const vfs::object::Condition& condition) const {
    const auto there = objects_.find(key);
    const bool any = there != objects_.end();
    if (condition.absent && any) return Error{ErrorCode::already_exists, "memory: " + key};
    const bool other = !any || there->second.version != condition.version;
    if (!condition.version.empty() && other) return Error{ErrorCode::conflict, "memory: " + key};
    return std::nullopt;
  }
  vfs::object::Part keep_part(OpenUpload& upload, std::uint32_t number, std::uint64_t offset, std::string content,
                              std::uint32_t crc32c) {
    vfs::object::Part part{.number = number, .offset = offset, .size = content.size()};
    part.tag = std::to_string(++clock_);
    part.crc32c = crc32c;
    upload.parts[number] = {part, std::move(content)};
    return part;
  }
  vfs::object::Page page_of(const vfs::object::ListRequest& asked) const {
    vfs::object::Page page;
    const std::size_t most = std::min(asked.max, traits_.max_page);
    auto at = objects_.lower_bound(asked.prefix);
    if (!asked.token.empty()) at = objects_.lower_bound(asked.token);
    while (at != objects_.end() && at->first.starts_with(asked.prefix)) {
      if (page.objects.size() + page.prefixes.size() == most) {
        page.next = at->first;
        break;
      }
      const std::size_t slash = asked.flat ? std::string::npos : at->first.find('/', asked.prefix.size());
      if (slash == std::string::npos) {
        page.objects.push_back(info_of(at->first, at->second));
        ++at;
        continue;
      }
      page.prefixes.push_back(at->first.substr(0, slash + 1));
      while (at != objects_.end() && at->first.starts_with(page.prefixes.back())) ++at;
    }
    return page;
  }
  static std::string text_of(const vfs::object::Payload& payload) {
    std::string text;
    for (const ByteSpan piece : payload.pieces) text += as_text(piece);
    return text;
  }

  vfs::object::Traits traits_;
  mutable std::mutex mutex_;
  std::map<std::string, Object> objects_;
  std::map<std::string, OpenUpload> uploads_;
  std::vector<Trouble> troubles_;
  std::map<std::string, unsigned> calls_, running_, most_running_;
  std::int64_t clock_ = 1'800'000'000;
  std::atomic<bool> released_ = false;
};

}  // namespace ferry::test
