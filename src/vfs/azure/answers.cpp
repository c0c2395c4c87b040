#include "vfs/azure/answers.h"

#include <algorithm>
#include <charconv>
#include <nlohmann/json.hpp>
#include <optional>
#include <pugixml.hpp>

#include "http/message.h"
#include "vfs/object/times.h"

namespace ferry::vfs::azure {

namespace {

constexpr std::size_t longest_message = 300;

std::optional<std::uint64_t> number_in(std::string_view text) {
  std::uint64_t value = 0;
  const auto [end, problem] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (problem != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

bool same_name(std::string_view a, std::string_view b) {
  const auto lower = [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; };
  return std::ranges::equal(a, b, {}, lower, lower);
}

int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  return -1;
}

// A name with characters that XML has not comes percent-encoded, and says so.
std::optional<std::string> name_of(const pugi::xml_node& entry) {
  const pugi::xml_node name = entry.child("Name");
  const std::string_view text = name.child_value();
  if (text.empty()) return std::nullopt;
  if (!name.attribute("Encoded").as_bool()) return std::string(text);
  auto decoded = http::percent_decode(text);
  if (!decoded || decoded->empty()) return std::nullopt;
  return std::move(*decoded);
}

std::optional<object::ObjectInfo> blob_of(const pugi::xml_node& blob) {
  object::ObjectInfo info;
  auto name = name_of(blob);
  if (!name) return std::nullopt;
  info.key = std::move(*name);
  const pugi::xml_node properties = blob.child("Properties");
  const std::string_view length = properties.child_value("Content-Length");
  const auto size = number_in(length.empty() ? "0" : length);  // a directory has none
  const auto modified = object::parse_http_date(properties.child_value("Last-Modified"));
  if (!size || !modified) return std::nullopt;
  info.size = *size;
  info.modified.seconds = *modified;
  info.version = properties.child_value("Etag");
  info.content_type = properties.child_value("Content-Type");
  info.directory = std::string_view(properties.child_value("ResourceType")) == "directory";
  for (const pugi::xml_node& pair : blob.child("Metadata").children()) {
    apply_metadata(info, pair.name(), pair.child_value());
  }
  // Listings leave the quotes out that headers and conditions have.
  if (!info.version.empty() && info.version.front() != '"') info.version = '"' + info.version + '"';
  return info;
}

// An entry of a list of blocks.
std::optional<std::vector<Block>> blocks_of(const pugi::xml_node& list) {
  std::vector<Block> blocks;
  for (const pugi::xml_node& entry : list.children("Block")) {
    const auto size = number_in(entry.child_value("Size"));
    Block block{.id = entry.child_value("Name"), .size = size.value_or(0)};
    if (!size || block.id.empty()) return std::nullopt;
    blocks.push_back(std::move(block));
  }
  return blocks;
}

bool load(pugi::xml_document& document, std::string_view xml) {
  return static_cast<bool>(document.load_buffer(xml.data(), xml.size(), pugi::parse_default, pugi::encoding_utf8));
}

// A number, or a text that is one: managed identities answer texts.
std::optional<std::int64_t> seconds_in(const nlohmann::json& value) {
  if (value.is_number_integer()) return value.get<std::int64_t>();
  if (!value.is_string()) return std::nullopt;
  const auto number = number_in(value.get_ref<const std::string&>());
  if (!number || *number > std::uint64_t{1} << 40) return std::nullopt;
  return static_cast<std::int64_t>(*number);
}

}  // namespace

void apply_metadata(object::ObjectInfo& info, std::string_view name, std::string_view value) {
  if (same_name(name, "mtime")) {
    if (const auto time = object::parse_rfc3339(value)) info.modified = *time;
  } else if (same_name(name, "hdi_isfolder")) {
    info.directory = info.directory || same_name(value, "true");
  } else if (same_name(name, "sha256")) {
    const bool digest = value.size() == 64 && std::ranges::all_of(value, [](char c) { return hex_digit(c) >= 0; });
    if (digest) info.sha256 = value;
  } else if (same_name(name, "ferrywriting")) {
    info.writing = value;
  }
}

Result<object::Page> parse_listing(std::string_view xml) {
  pugi::xml_document document;
  if (!load(document, xml)) return fail(ErrorCode::protocol_error, "the listing is not XML");
  const pugi::xml_node root = document.child("EnumerationResults");
  if (!root) return fail(ErrorCode::protocol_error, "the listing is none of blobs");
  object::Page page;
  for (const pugi::xml_node& entry : root.child("Blobs").children()) {
    const std::string_view kind = entry.name();
    if (kind == "Blob") {
      auto blob = blob_of(entry);
      if (!blob) return fail(ErrorCode::protocol_error, "a blob in the listing is malformed");
      page.objects.push_back(std::move(*blob));
    } else if (kind == "BlobPrefix") {
      auto name = name_of(entry);
      if (!name) return fail(ErrorCode::protocol_error, "a prefix in the listing is malformed");
      page.prefixes.push_back(std::move(*name));
    }
  }
  page.next = root.child_value("NextMarker");
  return page;
}

Result<BlockLists> parse_block_lists(std::string_view xml) {
  pugi::xml_document document;
  if (!load(document, xml)) return fail(ErrorCode::protocol_error, "the list of blocks is not XML");
  const pugi::xml_node root = document.child("BlockList");
  if (!root) return fail(ErrorCode::protocol_error, "the answer is no list of blocks");
  auto committed = blocks_of(root.child("CommittedBlocks")), uncommitted = blocks_of(root.child("UncommittedBlocks"));
  if (!committed || !uncommitted) return fail(ErrorCode::protocol_error, "a block in the list is malformed");
  return BlockLists{.committed = std::move(*committed), .uncommitted = std::move(*uncommitted)};
}

std::string error_message(std::string_view xml) {
  pugi::xml_document document;
  if (!load(document, xml)) return {};
  const std::string_view message = document.child("Error").child_value("Message");
  std::string line(message.substr(0, std::min(message.find_first_of("\r\n"), longest_message)));
  std::erase_if(line, [](char c) { return (c >= 0 && c < ' ') || c == 0x7f; });
  return line;
}

Result<TokenAnswer> parse_token(std::string_view json, std::int64_t now) {
  const auto answer = nlohmann::json::parse(json, nullptr, false);
  if (!answer.is_object()) return fail(ErrorCode::protocol_error, "the answer with a token is not JSON");
  const auto token = answer.find("access_token");
  if (token == answer.end() || !token->is_string() || token->get_ref<const std::string&>().empty()) {
    return fail(ErrorCode::protocol_error, "there is no access_token in the answer");
  }
  std::optional<std::int64_t> lasts;
  if (const auto field = answer.find("expires_in"); field != answer.end()) lasts = seconds_in(*field);
  if (const auto field = answer.find("expires_on"); !lasts && field != answer.end()) {
    if (const auto ends = seconds_in(*field)) lasts = *ends - now;
  }
  if (!lasts || *lasts <= 0)
    return fail(ErrorCode::protocol_error, "the answer does not tell how long the token lasts");
  constexpr std::int64_t day = 86'400;
  return TokenAnswer{.token = token->get<std::string>(), .expires_in = std::min(*lasts, day)};
}

}  // namespace ferry::vfs::azure
