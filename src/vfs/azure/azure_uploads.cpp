// Uploads in blocks.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>

#include "crypto/encoding.h"
#include "crypto/secret.h"
#include "vfs/azure/answers.h"
#include "vfs/azure/azure_store.h"
#include "vfs/azure/properties.h"

namespace ferry::vfs::azure {

namespace {

// 50,000 committed blocks and 100,000 others, each of about 150 bytes of XML.
constexpr std::size_t longest_block_list = std::size_t{32} << 20;
constexpr std::size_t id_size = 16;  // hexadecimal digits

template <class Number>
bool read_hex(std::string_view text, Number& into) {
  const auto [end, problem] = std::from_chars(text.data(), text.data() + text.size(), into, 16);
  return problem == std::errc() && end == text.data() + text.size();
}

}  // namespace

std::string block_id(std::string_view upload, const object::Part& part) {
  return crypto::base64_encode(as_bytes(fmt::format("{}{:08x}{:016x}", upload, part.number, part.offset)));
}

std::optional<object::Part> part_of_block(std::string_view upload, std::string_view id, std::uint64_t size) {
  const auto decoded = crypto::base64_decode(id);
  if (!decoded) return std::nullopt;
  std::string_view text = as_text(*decoded);
  if (text.size() != upload.size() + 24 || !text.starts_with(upload)) return std::nullopt;
  text.remove_prefix(upload.size());
  object::Part part;
  if (!read_hex(text.substr(0, 8), part.number) || !read_hex(text.substr(8), part.offset)) return std::nullopt;
  part.size = size;
  part.tag = id;
  return part;
}

Task<Result<object::Upload>> AzureStore::begin_upload(std::string key, object::ObjectProperties, object::Condition) {
  std::array<std::byte, id_size / 2> chosen{};
  crypto::random_bytes(chosen);
  co_return object::Upload{.key = std::move(key), .id = crypto::hex_encode(chosen)};
}

Task<Result<object::Part>> AzureStore::put_part(object::Upload upload, std::uint32_t number, std::uint64_t offset,
                                                object::Payload payload) {
  object::Part part;
  part.number = number;
  part.offset = offset;
  part.size = payload.size;
  part.crc32c = payload.crc32c;
  part.tag = block_id(upload.id, part);
  Call call;
  call.method = "PUT";
  call.key = std::move(upload.key);
  call.query = {{"comp", "block"}, {"blockid", part.tag}};
  call.pieces = std::move(payload.pieces);
  auto answer = co_await service_->send(std::move(call));
  if (!answer) co_return fail(answer.error());
  co_return part;
}

// "Put Block From URL" wants the source readable by its URL alone, which a blob of this container is only with a SAS;
// copy() has no limit, so nobody needs parts for it.
Task<Result<object::Part>> AzureStore::copy_part(object::Upload, std::uint32_t, std::uint64_t, std::string,
                                                 std::uint64_t, std::uint64_t, std::string) {
  co_return fail(ErrorCode::unsupported, "azure: parts are not copied from other blobs");
}

Task<Result<object::ObjectInfo>> AzureStore::complete(object::Upload upload, std::vector<object::Part> parts,
                                                      object::ObjectProperties properties,
                                                      object::Condition condition) {
  std::vector<std::string> ids;
  std::uint64_t size = 0;
  Call call;
  call.method = "PUT";
  call.key = upload.key;
  call.query = {{"comp", "blocklist"}};
  call.body = "<?xml version=\"1.0\" encoding=\"utf-8\"?>\n<BlockList>";
  for (const object::Part& part : parts) {
    if (!part_of_block(upload.id, part.tag, part.size)) {
      co_return fail(ErrorCode::invalid_argument, "azure: a block of another upload");
    }
    call.body += "<Uncommitted>" + part.tag + "</Uncommitted>";
    ids.push_back(part.tag);
    size += part.size;
  }
  call.body += "</BlockList>";
  if (!service_->access_tier().empty()) call.headers.emplace_back("x-ms-access-tier", service_->access_tier());
  add_properties(call.headers, properties);
  add_condition(call.headers, condition);
  auto answer = co_await service_->send(std::move(call));
  if (answer) co_return stored_info(std::move(upload.key), size, properties, *answer);
  Error error = with_condition(answer.error(), condition);
  const bool refused = error.code == ErrorCode::invalid_argument || error.code == ErrorCode::conflict ||
                       error.code == ErrorCode::already_exists;
  if (!refused) co_return fail(std::move(error));
  // The second try of a request whose answer was lost: the blocks are committed, by us.
  const bool done = co_await holds_exactly(upload.key, std::move(ids));
  if (done) {
    auto info = co_await head(std::move(upload.key));
    co_return info;
  }
  // Blocks that are not there any more: another upload to the same key has been published meanwhile.
  if (error.message.contains(" InvalidBlockList")) error.code = ErrorCode::conflict;
  co_return fail(std::move(error));
}

Task<bool> AzureStore::holds_exactly(std::string key, std::vector<std::string> ids) {
  Call call;
  call.key = std::move(key);
  call.query = {{"comp", "blocklist"}, {"blocklisttype", "committed"}};
  call.max_response = longest_block_list;
  auto answer = co_await service_->send(std::move(call));
  if (!answer || ids.empty()) co_return false;
  const auto lists = parse_block_lists(answer->body);
  co_return lists&& std::ranges::equal(lists->committed, ids, {}, &Block::id);
}

Task<Result<void>> AzureStore::abort(object::Upload) { co_return Result<void>(); }

Task<Result<std::vector<object::Part>>> AzureStore::parts(object::Upload upload) {
  Call call;
  call.key = upload.key;
  call.query = {{"comp", "blocklist"}, {"blocklisttype", "uncommitted"}};
  call.max_response = longest_block_list;
  auto answer = co_await service_->send(std::move(call));
  if (!answer) co_return fail(answer.error());
  const auto lists = parse_block_lists(answer->body);
  if (!lists) co_return fail(lists.error());
  std::vector<object::Part> found;
  for (const Block& block : lists->uncommitted) {
    if (auto part = part_of_block(upload.id, block.id, block.size)) found.push_back(std::move(*part));
  }
  if (found.empty()) co_return fail(ErrorCode::not_found, "azure: no blocks of this upload");
  std::ranges::sort(found, {}, &object::Part::number);
  co_return found;
}

}  // namespace ferry::vfs::azure
