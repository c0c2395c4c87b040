#include "vfs/gcs/answers.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <nlohmann/json.hpp>

#include "crypto/encoding.h"
#include "vfs/object/times.h"

namespace ferry::vfs::gcs {

namespace {

using nlohmann::json;

constexpr std::size_t longest_word = 80, longest_line = 300;
constexpr std::size_t digest_digits = 64;
// Fields of an object that a copy keeps; its metadata comes beside them.
constexpr std::array kept_fields{"contentType",     "cacheControl",    "contentDisposition",
                                 "contentEncoding", "contentLanguage", "customTime"};

json parsed(std::string_view text) { return json::parse(text, nullptr, false); }

// "": there is none, or it is no text.
std::string_view text_in(const json& object, const char* name) {
  const auto field = object.find(name);
  if (field == object.end() || !field->is_string()) return {};
  return field->get_ref<const std::string&>();
}

// Numbers of 64 bits come as texts.
std::optional<std::uint64_t> count_in(std::string_view text) {
  std::uint64_t value = 0;
  const auto [end, problem] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (problem != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

bool is_digest(std::string_view text) {
  return text.size() == digest_digits &&
         std::ranges::all_of(text, [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); });
}

// `mtime` as rclone writes it; else the seconds that gsutil and gcloud write; else when the content was stored.
std::optional<FileTime> time_of(const json& object, const json& metadata) {
  if (const auto time = object::parse_rfc3339(text_in(metadata, "mtime"))) return time;
  if (const auto seconds = count_in(text_in(metadata, "goog-reserved-file-mtime"))) {
    constexpr std::uint64_t last = 253'402'300'799;  // of the year 9999
    if (*seconds <= last) return FileTime{static_cast<std::int64_t>(*seconds), 0};
  }
  return object::parse_rfc3339(text_in(object, "timeCreated"));
}

Result<object::ObjectInfo> info_of(const json& object) {
  if (!object.is_object()) return fail(ErrorCode::protocol_error, "GCS: no object in the answer");
  const auto found = object.find("metadata");
  const json metadata = found != object.end() && found->is_object() ? *found : json::object();
  object::ObjectInfo info;
  info.key = text_in(object, "name");
  const auto size = count_in(text_in(object, "size"));
  const auto time = time_of(object, metadata);
  info.version = text_in(object, "generation");
  if (info.key.empty() || !size || !time || !count_in(info.version)) {
    return fail(ErrorCode::protocol_error, "GCS: an object without name, size, time or generation");
  }
  info.size = *size;
  info.modified = *time;
  info.content_type = text_in(object, "contentType");
  info.crc32c = parse_crc(text_in(object, "crc32c"));
  if (const std::string_view digest = text_in(metadata, "sha256"); is_digest(digest)) info.sha256 = digest;
  info.writing = text_in(metadata, "ferrywriting");
  return info;
}

std::string clean_line(std::string_view text, std::size_t longest) {
  std::string line(text.substr(0, std::min(text.find_first_of("\r\n"), longest)));
  std::erase_if(line, [](char c) { return (c >= 0 && c < ' ') || c == 0x7f; });
  return line;
}

}  // namespace

Result<object::ObjectInfo> parse_object(std::string_view json) { return info_of(parsed(json)); }

Result<object::Page> parse_listing(std::string_view json) {
  const auto answer = parsed(json);
  if (!answer.is_object()) return fail(ErrorCode::protocol_error, "GCS: the listing is not JSON");
  object::Page page;
  if (const auto items = answer.find("items"); items != answer.end()) {
    if (!items->is_array()) return fail(ErrorCode::protocol_error, "GCS: a malformed listing");
    for (const auto& item : *items) {
      auto info = info_of(item);
      if (!info) return fail(info.error());
      page.objects.push_back(std::move(*info));
    }
  }
  if (const auto prefixes = answer.find("prefixes"); prefixes != answer.end()) {
    if (!prefixes->is_array()) return fail(ErrorCode::protocol_error, "GCS: a malformed listing");
    for (const auto& prefix : *prefixes) {
      if (!prefix.is_string()) return fail(ErrorCode::protocol_error, "GCS: a prefix that is no text");
      page.prefixes.push_back(prefix.get<std::string>());
    }
  }
  page.next = text_in(answer, "nextPageToken");
  return page;
}

Result<Rewritten> parse_rewrite(std::string_view json) {
  const auto answer = parsed(json);
  const auto done = answer.is_object() ? answer.find("done") : answer.end();
  if (done == answer.end() || !done->is_boolean())
    return fail(ErrorCode::protocol_error, "GCS: no answer to a rewrite");
  Rewritten result;
  if (!done->get<bool>()) {
    result.token = text_in(answer, "rewriteToken");
    if (result.token.empty()) return fail(ErrorCode::protocol_error, "GCS: an unfinished rewrite without a token");
    return result;
  }
  const auto resource = answer.find("resource");
  if (resource == answer.end()) return fail(ErrorCode::protocol_error, "GCS: a rewrite without its object");
  auto info = info_of(*resource);
  if (!info) return fail(info.error());
  result.object = std::move(*info);
  return result;
}

Result<std::string> with_storage_class(std::string_view json, std::string_view storage_class) {
  const auto source = parsed(json);
  if (!source.is_object()) return fail(ErrorCode::protocol_error, "GCS: no object in the answer");
  auto body = nlohmann::json::object();
  for (const char* field : kept_fields) {
    if (const std::string_view text = text_in(source, field); !text.empty()) body[field] = text;
  }
  // Texts only: what is written is walked recursively, and the answer could be nested a million deep.
  if (const auto metadata = source.find("metadata"); metadata != source.end() && metadata->is_object()) {
    for (const auto& [name, value] : metadata->items()) {
      if (value.is_string()) body["metadata"][name] = value;
    }
  }
  body["storageClass"] = storage_class;
  return body.dump();
}

std::string describe_object(std::string_view name, const object::ObjectProperties& properties,
                            std::string_view storage_class, std::optional<std::uint32_t> crc32c) {
  auto body = json::object();
  if (!name.empty()) body["name"] = name;
  if (!properties.content_type.empty()) body["contentType"] = properties.content_type;
  if (!storage_class.empty()) body["storageClass"] = storage_class;
  if (crc32c) body["crc32c"] = crc_text(*crc32c);
  // A year that RFC 3339 cannot write is left out: the service's time counts.
  const std::string time = properties.modified ? object::rfc3339(*properties.modified) : "";
  if (!time.empty()) body["metadata"]["mtime"] = time;
  if (!properties.sha256.empty()) body["metadata"]["sha256"] = properties.sha256;
  if (!properties.writing.empty()) body["metadata"]["ferrywriting"] = properties.writing;
  // Names were checked to be UTF-8; a content type that is not must not throw.
  return body.dump(-1, ' ', false, json::error_handler_t::replace);
}

std::string crc_text(std::uint32_t crc) {
  std::array<std::byte, 4> bytes{};
  for (int i = 0; i < 4; ++i) bytes.at(i) = static_cast<std::byte>(crc >> (24 - 8 * i));
  return crypto::base64_encode(bytes);
}

std::optional<std::uint32_t> parse_crc(std::string_view text) {
  const auto bytes = crypto::base64_decode(text);
  if (!bytes || bytes->size() != 4) return std::nullopt;
  std::uint32_t crc = 0;
  for (const std::byte byte : *bytes) crc = crc << 8 | std::to_integer<std::uint32_t>(byte);
  return crc;
}

std::optional<std::uint64_t> stored_bytes(std::string_view range) {
  if (range.empty()) return 0;
  constexpr std::string_view beginning = "bytes=0-";
  if (!range.starts_with(beginning)) return std::nullopt;
  const auto last = count_in(range.substr(beginning.size()));
  constexpr std::uint64_t most = std::uint64_t{1} << 62;
  if (!last || *last > most) return std::nullopt;
  return *last + 1;
}

ServiceError parse_error(std::string_view json) {
  const auto answer = parsed(json);
  const auto error = answer.is_object() ? answer.find("error") : answer.end();
  if (error == answer.end() || !error->is_object()) return {};
  ServiceError result;
  result.message = clean_line(text_in(*error, "message"), longest_line);
  const auto details = error->find("errors");
  if (details != error->end() && details->is_array() && !details->empty() && details->front().is_object()) {
    result.reason = clean_line(text_in(details->front(), "reason"), longest_word);
  }
  return result;
}

}  // namespace ferry::vfs::gcs
