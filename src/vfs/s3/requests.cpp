#include "vfs/s3/requests.h"

#include <algorithm>
#include <charconv>

#include "crypto/cipher.h"
#include "crypto/encoding.h"
#include "vfs/object/times.h"
#include "vfs/s3/answers.h"

namespace ferry::vfs::s3 {

std::string crc_text(std::uint32_t crc) {
  std::byte bytes[sizeof crc];
  store_u32(bytes, crc);
  return crypto::base64_encode(bytes);
}

std::string md5_text(ByteSpan bytes) {
  return crypto::base64_encode(crypto::hash(crypto::HashAlgorithm::md5, {bytes}));
}

// XML 1.0 has no control characters but these, so such keys cannot be named in a body.
bool fits_in_xml(std::string_view text) {
  return std::ranges::none_of(text, [](unsigned char c) { return c < ' ' && c != '\t' && c != '\n' && c != '\r'; });
}

std::string xml_text(std::string_view text) {
  std::string result;
  for (const char c : text) {
    switch (c) {
      case '&': result += "&amp;"; break;
      case '<': result += "&lt;"; break;
      case '>': result += "&gt;"; break;
      case '"': result += "&quot;"; break;
      case '\r': result += "&#13;"; break;
      case '\n': result += "&#10;"; break;
      case '\t': result += "&#9;"; break;
      default: result += c;
    }
  }
  return result;
}

object::ObjectInfo info_of(std::string key, const http::ClientResponse& answer) {
  object::ObjectInfo info;
  info.key = std::move(key);
  const std::string_view length = answer.header("content-length");
  std::from_chars(length.data(), length.data() + length.size(), info.size);
  info.version = quoted_tag(answer.header("etag"));
  info.content_type = answer.header("content-type");
  info.sha256 = answer.header("x-amz-meta-sha256");
  info.writing = answer.header("x-amz-meta-ferrywriting");
  const auto stored = object::parse_http_date(answer.header("last-modified"));
  if (stored) info.modified.seconds = *stored;
  if (const auto set = parse_mtime(answer.header("x-amz-meta-mtime"))) info.modified = *set;
  return info;
}

void add_condition(Pairs& headers, const object::Condition& condition) {
  if (condition.absent) headers.emplace_back("if-none-match", "*");
  if (!condition.version.empty()) headers.emplace_back("if-match", condition.version);
}

}  // namespace ferry::vfs::s3
