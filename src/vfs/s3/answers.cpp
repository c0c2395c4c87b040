#include "vfs/s3/answers.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <nlohmann/json.hpp>
#include <optional>
#include <pugixml.hpp>

#include "crypto/encoding.h"
#include "http/message.h"
#include "vfs/object/times.h"

namespace ferry::vfs::s3 {

std::string quoted_tag(std::string_view tag) {
  if (tag.empty() || tag.starts_with('"') || tag.starts_with("W/")) return std::string(tag);
  return "\"" + std::string(tag) + "\"";
}

namespace {

constexpr std::size_t longest_message = 300;

std::optional<std::uint64_t> number_in(std::string_view text) {
  std::uint64_t value = 0;
  const auto [end, problem] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (problem != std::errc() || end != text.data() + text.size() || text.empty()) return std::nullopt;
  return value;
}

std::unexpected<Error> unreadable(const char* what) {
  return fail(ErrorCode::protocol_error, std::string("S3: an answer that is no ") + what);
}

// The root element; services that are like S3 give it other names. No node: it is no XML, or an error.
pugi::xml_node read(pugi::xml_document& document, std::string_view xml) {
  if (!document.load_buffer(xml.data(), xml.size(), pugi::parse_default)) return {};
  const pugi::xml_node root = document.document_element();
  return std::string_view(root.name()) == "Error" ? pugi::xml_node() : root;
}

std::string text_of(const pugi::xml_node& node, const char* name) { return node.child_value(name); }

ServiceError error_in(const pugi::xml_node& node) {
  ServiceError found{text_of(node, "Code"), text_of(node, "Message")};
  for (std::string* text : {&found.code, &found.message}) {
    if (text->size() > longest_message) text->resize(longest_message);
    std::ranges::replace_if(
        *text, [](unsigned char c) { return c < ' ' || c == 0x7f; }, ' ');
  }
  return found;
}

// Keys come encoded when that was asked for and the service can; a space is "+" then.
std::optional<std::string> key_of(const pugi::xml_node& node, const char* name, bool encoded) {
  const std::string_view text = node.child_value(name);
  if (text.empty()) return std::nullopt;
  if (!encoded) return std::string(text);
  auto decoded = http::percent_decode(text, true);
  if (!decoded || decoded->empty()) return std::nullopt;
  return std::move(*decoded);
}

std::optional<object::ObjectInfo> object_of(const pugi::xml_node& node, bool encoded) {
  object::ObjectInfo info;
  auto key = key_of(node, "Key", encoded);
  const auto size = number_in(node.child_value("Size"));
  const auto modified = object::parse_rfc3339(node.child_value("LastModified"));
  if (!key || !size || !modified) return std::nullopt;
  info.key = std::move(*key);
  info.size = *size;
  info.modified = *modified;
  info.version = quoted_tag(node.child_value("ETag"));
  return info;
}

// Where the next page begins. Services that only know the first form of listings answer in it, without a token; there
// the last name of the page is named. An answer in the second form without a token is broken: asked for in the first
// form, what follows could begin anywhere.
std::string next_page(const pugi::xml_node& root, const object::Page& page, bool encoded) {
  if (std::string_view(root.child_value("IsTruncated")) != "true") return {};
  const std::string token = text_of(root, "NextContinuationToken");
  if (!token.empty()) return "2:" + token;
  if (root.child("KeyCount")) return {};
  if (const auto marker = key_of(root, "NextMarker", encoded)) return "1:" + *marker;
  std::string last;
  if (!page.objects.empty()) last = page.objects.back().key;
  if (!page.prefixes.empty()) last = std::max(last, page.prefixes.back());
  return last.empty() ? std::string() : "1:" + last;
}

}  // namespace

Result<object::Page> parse_listing(std::string_view xml) {
  pugi::xml_document document;
  const pugi::xml_node root = read(document, xml);
  if (std::string_view(root.name()) != "ListBucketResult") return unreadable("listing");
  const bool encoded = std::string_view(root.child_value("EncodingType")) == "url";
  object::Page page;
  for (const pugi::xml_node& node : root.children("Contents")) {
    auto info = object_of(node, encoded);
    if (!info) return unreadable("listing: an entry without key, size or time");
    page.objects.push_back(std::move(*info));
  }
  for (const pugi::xml_node& node : root.children("CommonPrefixes")) {
    auto prefix = key_of(node, "Prefix", encoded);
    if (!prefix || !prefix->ends_with('/')) return unreadable("listing: a prefix that does not end in /");
    page.prefixes.push_back(std::move(*prefix));
  }
  page.next = next_page(root, page, encoded);
  if (page.next.empty() && std::string_view(root.child_value("IsTruncated")) == "true") {
    return unreadable("listing: cut, and not said where it goes on");
  }
  return page;
}

Result<PartsPage> parse_parts(std::string_view xml) {
  pugi::xml_document document;
  const pugi::xml_node root = read(document, xml);
  if (!root) return unreadable("list of parts");
  PartsPage page;
  for (const pugi::xml_node& node : root.children("Part")) {
    const auto number = number_in(node.child_value("PartNumber")), size = number_in(node.child_value("Size"));
    std::string tag = quoted_tag(node.child_value("ETag"));
    if (!number || *number == 0 || *number > 10'000 || !size || tag.empty()) return unreadable("list of parts");
    page.parts.push_back({.number = static_cast<std::uint32_t>(*number), .size = *size, .tag = tag});
  }
  if (std::string_view(root.child_value("IsTruncated")) == "true") page.next = text_of(root, "NextPartNumberMarker");
  return page;
}

Result<std::string> parse_upload_id(std::string_view xml) {
  pugi::xml_document document;
  const pugi::xml_node root = read(document, xml);
  std::string id = text_of(root, "UploadId");
  if (id.empty()) return unreadable("upload id");
  return id;
}

Result<std::string> parse_etag(std::string_view xml) {
  pugi::xml_document document;
  const pugi::xml_node root = read(document, xml);
  // A page of a proxy's is no result, nor is an error of another name.
  if (!std::string_view(root.name()).ends_with("Result")) return unreadable("ETag");
  return quoted_tag(root.child_value("ETag"));
}

std::uint32_t parse_checksum(std::string_view xml) {
  pugi::xml_document document;
  if (!document.load_buffer(xml.data(), xml.size(), pugi::parse_default)) return 0;
  const auto bytes = crypto::base64_decode(document.document_element().child_value("ChecksumCRC32C"));
  return bytes && bytes->size() == sizeof(std::uint32_t) ? load_u32(bytes->data()) : 0;
}

Result<std::vector<FailedDelete>> parse_failed_deletes(std::string_view xml) {
  pugi::xml_document document;
  const pugi::xml_node root = read(document, xml);
  if (!root) return unreadable("result of a removal");
  std::vector<FailedDelete> failed;
  for (const pugi::xml_node& node : root.children("Error")) {
    FailedDelete one{text_of(node, "Key"), error_in(node)};
    if (one.error.code != "NoSuchKey") failed.push_back(std::move(one));
  }
  return failed;
}

Result<Credentials> parse_sts(std::string_view xml) {
  pugi::xml_document document;
  if (!document.load_buffer(xml.data(), xml.size(), pugi::parse_default)) return unreadable("answer of STS");
  const pugi::xml_node found =
      document.find_node([](const pugi::xml_node& node) { return std::string_view(node.name()) == "Credentials"; });
  const auto expires = object::parse_rfc3339(found.child_value("Expiration"));
  Credentials credentials{.access_key = text_of(found, "AccessKeyId"),
                          .secret = crypto::Secret(std::string_view(found.child_value("SecretAccessKey"))),
                          .session_token = text_of(found, "SessionToken"),
                          .expires = expires ? expires->seconds : 0};
  if (credentials.access_key.empty() || credentials.secret.empty() || !expires) return unreadable("answer of STS");
  return credentials;
}

Result<Credentials> parse_json_credentials(std::string_view text, const char* token) {
  const auto json = nlohmann::json::parse(text, nullptr, false);
  const auto field = [&](const char* name) {
    return json.is_object() && json.contains(name) && json[name].is_string() ? json[name].get<std::string>()
                                                                             : std::string();
  };
  const auto refused = [](const char* why) {
    return fail(ErrorCode::permission_denied, std::string("S3 credentials: an answer ") + why);
  };
  const std::string code = field("Code"), until = field("Expiration");
  if (!code.empty() && code != "Success") return refused("that there are none");
  std::string secret = field("SecretAccessKey");
  Credentials found{.access_key = field("AccessKeyId"),
                    .secret = crypto::Secret(std::string_view(secret)),
                    .session_token = field(token)};
  crypto::wipe(secret.data(), secret.size());
  const auto expires = object::parse_rfc3339(until);
  if (found.access_key.empty() || found.secret.empty()) return refused("without keys");
  if (!until.empty() && !expires) return refused("with an unreadable Expiration");
  if (expires) found.expires = expires->seconds;
  return found;
}

ServiceError parse_error(std::string_view xml) {
  pugi::xml_document document;
  if (!document.load_buffer(xml.data(), xml.size(), pugi::parse_default)) return {};
  pugi::xml_node error = document.child("Error");
  if (!error) error = document.child("ErrorResponse").child("Error");  // STS
  return error_in(error);
}

std::optional<FileTime> parse_mtime(std::string_view text) {
  constexpr std::size_t most_digits = 9;
  const std::size_t point = text.find('.');
  const std::string_view whole = text.substr(0, point);
  FileTime time;
  const auto [end, problem] = std::from_chars(whole.data(), whole.data() + whole.size(), time.seconds);
  if (problem != std::errc() || end != whole.data() + whole.size() || whole.empty()) return std::nullopt;
  if (point == std::string_view::npos) return time;
  std::string fraction(text.substr(point + 1, most_digits));
  if (fraction.empty() || !std::ranges::all_of(text.substr(point + 1), [](char c) { return c >= '0' && c <= '9'; })) {
    return std::nullopt;
  }
  fraction.resize(most_digits, '0');
  time.nanoseconds = static_cast<std::uint32_t>(*number_in(fraction));
  return time;
}

std::string write_mtime(FileTime time) {
  if (time.nanoseconds == 0) return std::to_string(time.seconds);
  std::string text = fmt::format("{}.{:09}", time.seconds, time.nanoseconds);
  while (text.back() == '0') text.pop_back();
  return text;
}

}  // namespace ferry::vfs::s3
