#include "vfs/s3/sigv4.h"

#include <algorithm>
#include <ctime>

#include "crypto/cipher.h"
#include "crypto/encoding.h"

namespace ferry::vfs::s3 {

namespace {

constexpr std::string_view algorithm = "AWS4-HMAC-SHA256";

crypto::Secret hmac(ByteSpan key, std::string_view text) {
  crypto::Hmac mac(crypto::HashAlgorithm::sha256, key);
  crypto::Secret tag(mac.size());
  mac.compute({as_bytes(text)}, tag.bytes());
  return tag;
}

std::string hash_of(std::string_view text) {
  return crypto::hex_encode(crypto::hash(crypto::HashAlgorithm::sha256, {as_bytes(text)}));
}

// White space at the ends goes, and several spaces are one.
std::string collapsed(std::string_view value) {
  std::string result;
  for (const char c : value) {
    const bool space = c == ' ' || c == '\t';
    if (space && (result.empty() || result.back() == ' ')) continue;
    result += space ? ' ' : c;
  }
  while (!result.empty() && result.back() == ' ') result.pop_back();
  return result;
}

std::string scope_text(const SigningScope& scope, std::string_view date) {
  return std::string(date.substr(0, 8)) + "/" + scope.region + "/" + scope.service + "/aws4_request";
}

std::string signed_names(const Pairs& sorted) {
  std::string names;
  for (const auto& [name, value] : sorted) names += (names.empty() ? "" : ";") + name;
  return names;
}

std::string signature(const RequestToSign& request, const SigningScope& scope, const Credentials& credentials,
                      std::string_view date) {
  Pairs headers = request.headers;
  std::ranges::sort(headers);
  std::string canonical = request.method + "\n" + request.path + "\n" + canonical_query(request.query) + "\n";
  for (const auto& [name, value] : headers) canonical += name + ":" + collapsed(value) + "\n";
  canonical += "\n" + signed_names(headers) + "\n" + request.payload_hash;
  const std::string text =
      std::string(algorithm) + "\n" + std::string(date) + "\n" + scope_text(scope, date) + "\n" + hash_of(canonical);
  crypto::Secret key(std::string_view("AWS4"));
  crypto::Secret start(key.size() + credentials.secret.size());
  std::ranges::copy(key.bytes(), start.bytes().begin());
  std::ranges::copy(credentials.secret.bytes(), start.bytes().begin() + static_cast<std::ptrdiff_t>(key.size()));
  key = hmac(start.bytes(), date.substr(0, 8));
  key = hmac(key.bytes(), scope.region);
  key = hmac(key.bytes(), scope.service);
  key = hmac(key.bytes(), "aws4_request");
  return crypto::hex_encode(hmac(key.bytes(), text).bytes());
}

}  // namespace

std::string uri_encode(std::string_view text, bool keep_slash) {
  constexpr std::string_view digits = "0123456789ABCDEF";
  std::string result;
  result.reserve(text.size());
  for (const char c : text) {
    const bool kept = (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' ||
                      c == '.' || c == '_' || c == '~' || (keep_slash && c == '/');
    if (kept) {
      result += c;
      continue;
    }
    const auto byte = static_cast<unsigned char>(c);
    result += '%';
    result += digits[byte >> 4];
    result += digits[byte & 15U];
  }
  return result;
}

std::string canonical_query(const Pairs& query) {
  Pairs encoded;
  for (const auto& [name, value] : query) encoded.emplace_back(uri_encode(name, false), uri_encode(value, false));
  std::ranges::sort(encoded);
  std::string text;
  for (const auto& [name, value] : encoded) {
    if (!text.empty()) text += '&';
    text += name + "=" + value;
  }
  return text;
}

std::string amz_date(std::int64_t seconds) {
  const auto time = static_cast<std::time_t>(seconds);
  std::tm parts{};
  ::gmtime_r(&time, &parts);
  char text[32];
  return {text, std::strftime(text, sizeof text, "%Y%m%dT%H%M%SZ", &parts)};
}

std::string authorization(const RequestToSign& request, const SigningScope& scope, const Credentials& credentials,
                          std::int64_t now) {
  const std::string date = amz_date(now);
  Pairs sorted = request.headers;
  std::ranges::sort(sorted);
  return std::string(algorithm) + " Credential=" + credentials.access_key + "/" + scope_text(scope, date) +
         ", SignedHeaders=" + signed_names(sorted) + ", Signature=" + signature(request, scope, credentials, date);
}

std::string presigned_query(RequestToSign request, const SigningScope& scope, const Credentials& credentials,
                            std::int64_t now, std::int64_t valid) {
  const std::string date = amz_date(now);
  Pairs sorted = request.headers;
  std::ranges::sort(sorted);
  request.query.emplace_back("X-Amz-Algorithm", algorithm);
  request.query.emplace_back("X-Amz-Credential", credentials.access_key + "/" + scope_text(scope, date));
  request.query.emplace_back("X-Amz-Date", date);
  request.query.emplace_back("X-Amz-Expires", std::to_string(valid));
  request.query.emplace_back("X-Amz-SignedHeaders", signed_names(sorted));
  if (!credentials.session_token.empty()) {
    request.query.emplace_back("X-Amz-Security-Token", credentials.session_token);
  }
  const std::string sign = signature(request, scope, credentials, date);
  return canonical_query(request.query) + "&X-Amz-Signature=" + sign;
}

}  // namespace ferry::vfs::s3
