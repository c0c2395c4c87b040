#include "vfs/azure/azure_store.h"

#include <algorithm>
#include <boost/asio/steady_timer.hpp>
#include <charconv>

#include "vfs/azure/answers.h"
#include "vfs/azure/properties.h"
#include "vfs/object/times.h"

namespace ferry::vfs::azure {

namespace {

// A page of 5000 names of 1024 bytes, each character as an entity, with metadata.
constexpr std::size_t longest_listing = std::size_t{64} << 20;
constexpr std::string_view metadata_prefix = "x-ms-meta-";
constexpr std::chrono::hours longest_copy{24};  // of terabytes between accounts; others take seconds
constexpr std::chrono::milliseconds first_look{50}, longest_between_looks{5'000};

object::Traits azure_traits() {
  object::Traits traits;
  traits.name = "azblobfs";
  traits.min_part = std::uint64_t{1} << 20;  // the service has none; smaller ones are only slower
  traits.max_part = std::uint64_t{4000} << 20;
  traits.max_parts = 50'000;
  traits.max_put = std::uint64_t{5000} << 20;
  traits.max_object = traits.max_part * traits.max_parts;
  traits.max_copy = traits.max_object;
  traits.max_page = 5000;
  traits.part_copy = false;
  traits.parts_expire = true;
  traits.times_in_listings = true;
  return traits;
}

// Whether the answer is of a range that begins at `offset`.
bool begins_at(const http::ClientResponse& answer, std::uint64_t offset) {
  if (answer.status == 200) return offset == 0;
  return answer.header("content-range").starts_with("bytes " + std::to_string(offset) + "-");
}

}  // namespace

AzureStore::AzureStore(std::unique_ptr<Service> service) : service_(std::move(service)), traits_(azure_traits()) {}

Result<std::unique_ptr<AzureStore>> AzureStore::make(StoreOptions options, std::shared_ptr<http::Client> client,
                                                     std::shared_ptr<Identity> identity) {
  auto service = Service::make(std::move(options), std::move(client), std::move(identity));
  if (!service) return fail(service.error());
  return std::unique_ptr<AzureStore>(new AzureStore(std::move(*service)));
}

std::string AzureStore::location(std::string_view key) const {
  return "azblob://" + service_->container() + "/" + std::string(key);
}

Task<Result<void>> AzureStore::check() {
  Call call;
  call.query = {{"restype", "container"}, {"comp", "list"}, {"maxresults", "1"}};
  auto answer = co_await service_->send(std::move(call));
  if (!answer) co_return fail(answer.error());
  const auto page = parse_listing(answer->body);
  if (!page) co_return fail(page.error().code, "azure: what answers is no blob storage: " + page.error().message);
  co_return Result<void>();
}

Task<Result<AzureStore::Described>> AzureStore::describe(std::string key) {
  Call call;
  call.method = "HEAD";
  call.key = key;
  auto answer = co_await service_->send(std::move(call));
  if (!answer) co_return fail(answer.error());
  Described found;
  found.info.key = std::move(key);
  const std::string_view length = answer->header("content-length");
  const auto [end, problem] = std::from_chars(length.data(), length.data() + length.size(), found.info.size);
  const auto modified = object::parse_http_date(answer->header("last-modified"));
  if (problem != std::errc() || end != length.data() + length.size() || !modified) {
    co_return fail(ErrorCode::protocol_error, "azure: the answer to HEAD has no length or no time");
  }
  found.info.modified.seconds = *modified;
  found.info.version = answer->header("etag");
  found.info.content_type = answer->header("content-type");
  found.info.directory = answer->header("x-ms-resource-type") == "directory";
  found.copy_id = answer->header("x-ms-copy-id");
  found.copy_status = answer->header("x-ms-copy-status");
  found.copy_text = answer->header("x-ms-copy-status-description");
  for (const http::ClientHeader& header : answer->headers) {
    if (!header.name.starts_with(metadata_prefix)) continue;
    found.metadata.emplace_back(header.name, header.value);
    apply_metadata(found.info, std::string_view(header.name).substr(metadata_prefix.size()), header.value);
  }
  co_return found;
}

Task<Result<object::ObjectInfo>> AzureStore::head(std::string key) {
  auto found = co_await describe(std::move(key));
  if (!found) co_return fail(found.error());
  // While a copy is made its target is there already, as long as the source and with all that says whose it is. Taken
  // for complete it would end a rename, which removes the source, and then the copy fails.
  if (!found->copy_status.empty() && found->copy_status != "success") found->info.writing.clear();
  co_return std::move(found->info);
}

Task<Result<object::Page>> AzureStore::list(object::ListRequest request) {
  Call call;
  call.query = {{"restype", "container"}, {"comp", "list"}, {"include", "metadata"}};
  call.query.emplace_back("maxresults", std::to_string(std::clamp<std::size_t>(request.max, 1, traits_.max_page)));
  if (!request.prefix.empty()) call.query.emplace_back("prefix", request.prefix);
  if (!request.flat) call.query.emplace_back("delimiter", "/");
  if (!request.token.empty()) call.query.emplace_back("marker", request.token);
  call.max_response = longest_listing;
  auto answer = co_await service_->send(std::move(call));
  if (!answer) co_return fail(answer.error());
  auto page = parse_listing(answer->body);
  // A page that leads to itself would never end.
  if (page && !page->next.empty() && page->next == request.token) {
    co_return fail(ErrorCode::io_error, "azure: a page of a listing names itself as the next one");
  }
  co_return page;
}

Task<Result<std::size_t>> AzureStore::get(std::string key, std::uint64_t offset, MutableByteSpan into,
                                          std::string version) {
  if (into.empty()) co_return std::size_t{0};
  Call call;
  call.key = std::move(key);
  call.headers.emplace_back("x-ms-range",
                            "bytes=" + std::to_string(offset) + "-" + std::to_string(offset + into.size() - 1));
  if (!version.empty()) call.headers.emplace_back("If-Match", version);
  call.into = into;
  auto answer = co_await service_->send(std::move(call));
  if (answer && begins_at(*answer, offset)) co_return static_cast<std::size_t>(answer->received);
  if (answer) co_return fail(ErrorCode::protocol_error, "azure: the answer is of another range");
  // A range that begins at the end or behind it.
  if (answer.error().message.contains(" InvalidRange")) co_return std::size_t{0};
  co_return fail(answer.error());
}

Task<Result<object::ObjectInfo>> AzureStore::put(std::string key, object::Payload payload,
                                                 object::ObjectProperties properties, object::Condition condition) {
  Call call;
  call.method = "PUT";
  call.key = key;
  call.headers.emplace_back("x-ms-blob-type", "BlockBlob");
  if (!service_->access_tier().empty()) call.headers.emplace_back("x-ms-access-tier", service_->access_tier());
  add_properties(call.headers, properties);
  add_condition(call.headers, condition);
  call.pieces = std::move(payload.pieces);
  auto answer = co_await service_->send(std::move(call));
  if (!answer) co_return fail(with_condition(answer.error(), condition));
  co_return stored_info(std::move(key), payload.size, properties, *answer);
}

Task<Result<void>> AzureStore::remove(std::string key) {
  auto removed = co_await remove_version(std::move(key), "");
  co_return removed;
}

Task<Result<void>> AzureStore::remove_version(std::string key, std::string version) {
  Call call;
  call.method = "DELETE";
  call.key = key;
  call.headers.emplace_back("x-ms-delete-snapshots", "include");
  if (!version.empty()) call.headers.emplace_back("If-Match", version);
  auto answer = co_await service_->send(std::move(call));
  // A blob that is gone does not have the version either.
  if (!answer && !version.empty() && answer.error().code == ErrorCode::conflict) {
    auto there = co_await describe(std::move(key));
    if (!there && there.error().code == ErrorCode::not_found) co_return Result<void>();
    // Another version would be somebody else's. This one is kept by a lease or a policy.
    if (there && there->info.version == version) co_return fail(ErrorCode::permission_denied, answer.error().message);
  }
  if (!answer && answer.error().code != ErrorCode::not_found) co_return fail(answer.error());
  co_return Result<void>();
}

Task<Result<object::ObjectInfo>> AzureStore::set_metadata(std::string key, object::ObjectProperties properties,
                                                          std::string version) {
  auto before = co_await describe(key);
  if (!before) co_return fail(before.error());
  if (!version.empty() && before->info.version != version) co_return fail(ErrorCode::conflict, "azure: it has changed");
  Call call;
  call.method = "PUT";
  call.key = key;
  call.query = {{"comp", "metadata"}};
  call.headers = metadata_headers(properties);
  // What others have stored with it stays.
  for (const auto& [name, value] : before->metadata) {
    const bool ours = name == "x-ms-meta-mtime" || name == "x-ms-meta-sha256" || name == "x-ms-meta-ferrywriting";
    if (!ours) call.headers.emplace_back(name, value);
  }
  call.headers.emplace_back("If-Match", before->info.version);
  auto answer = co_await service_->send(std::move(call));
  if (!answer) co_return fail(answer.error());
  object::ObjectInfo info = stored_info(std::move(key), before->info.size, properties, *answer);
  info.content_type = before->info.content_type;
  info.directory = before->info.directory;
  co_return info;
}

Task<Result<object::ObjectInfo>> AzureStore::copy(std::string from, std::string to,
                                                  std::optional<object::ObjectProperties> properties,
                                                  std::string source_version, object::Condition condition) {
  // As all other names: see Service::send.
  if (from.contains('\\')) co_return fail(ErrorCode::invalid_argument, "azure: a name with a backslash");
  if (from == to && properties) {
    const std::string version = condition.version.empty() ? source_version : condition.version;
    auto set = co_await set_metadata(std::move(to), std::move(*properties), version);
    co_return set;
  }
  Call call;
  call.method = "PUT";
  call.key = to;
  if (properties) call.headers = metadata_headers(*properties);
  const bool clear = properties && call.headers.empty();  // without metadata the source's would be kept
  call.headers.emplace_back("x-ms-copy-source", service_->copy_source(from).text());
  if (!source_version.empty()) call.headers.emplace_back("x-ms-source-if-match", source_version);
  if (!service_->access_tier().empty()) call.headers.emplace_back("x-ms-access-tier", service_->access_tier());
  add_condition(call.headers, condition);
  auto answer = co_await service_->send(std::move(call));
  std::string id;
  if (answer) id = answer->header("x-ms-copy-id");
  if (!answer) {
    // It may have begun, and its answer was lost: then a second request finds a blob, or a copy, there.
    bool begun = false;
    if (properties && !properties->writing.empty()) {
      const auto there = co_await describe(to);
      begun = there && !there->copy_id.empty() && there->info.writing == properties->writing;
      if (begun) id = there->copy_id;
    }
    if (!begun) co_return fail(with_condition(answer.error(), condition));
  }
  auto copied = co_await wait_for_copy(to, std::move(id));
  if (!copied || !clear) co_return copied;
  auto set = co_await set_metadata(std::move(to), std::move(*properties), copied->version);
  co_return set;
}

Task<void> AzureStore::abort_copy(std::string key, std::string id) {
  Call call;
  call.method = "PUT";
  call.key = std::move(key);
  call.query = {{"comp", "copy"}, {"copyid", std::move(id)}};
  call.headers.emplace_back("x-ms-copy-action", "abort");
  (void)co_await service_->send(std::move(call));
}

Task<Result<object::ObjectInfo>> AzureStore::wait_for_copy(std::string key, std::string id) {
  const auto executor = co_await asio::this_coro::executor;
  asio::steady_timer timer(executor);
  std::chrono::milliseconds pause = first_look;
  int lost = 0;  // answers in a row that did not come
  const auto until = std::chrono::steady_clock::now() + longest_copy;
  while (true) {
    auto found = co_await describe(key);
    // Somebody has stored something else there: that is his, whatever became of this copy.
    if (found && found->copy_id != id) co_return fail(ErrorCode::conflict, "azure: the target of a copy was replaced");
    if (found && found->copy_status == "success") co_return std::move(found->info);
    if (found && found->copy_status != "pending") {
      // What a failed copy leaves is an empty blob.
      auto removed = co_await remove_version(key, found->info.version);
      (void)removed;
      co_return fail(ErrorCode::io_error, "azure: the copy ended as " + found->copy_status + " " + found->copy_text);
    }
    if (!found && (found.error().code == ErrorCode::not_found || ++lost > 10)) co_return fail(found.error());
    if (found) lost = 0;
    if (std::chrono::steady_clock::now() > until) {
      co_await abort_copy(key, id);
      co_return fail(ErrorCode::timeout, "azure: a copy that does not end");
    }
    timer.expires_after(pause);
    co_await timer.async_wait(asio::use_awaitable);
    pause = std::min(pause * 2, longest_between_looks);
  }
}

}  // namespace ferry::vfs::azure
