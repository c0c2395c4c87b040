#include "crypto/token.h"

#include <array>
#include <nlohmann/json.hpp>

#include "crypto/cipher.h"
#include "crypto/encoding.h"
#include "crypto/secret.h"

namespace ferry::crypto {
namespace {

using nlohmann::json;

constexpr std::string_view header = R"({"alg":"HS256","typ":"JWT"})";

std::unexpected<Error> refuse(const char* why) {
  return fail(ErrorCode::authentication_failed, std::string("token: ") + why);
}

Bytes sign(std::string_view text, ByteSpan key) {
  Hmac mac(HashAlgorithm::sha256, key);
  Bytes tag(mac.size());
  mac.compute({as_bytes(text)}, tag);
  return tag;
}

// RFC 7515 section 4.1: the algorithm is ours to choose, never the token's; "crit" asks for what we do not know.
bool is_our_header(std::string_view text) {
  const json parsed = json::parse(text, nullptr, false);
  if (!parsed.is_object() || parsed.contains("crit")) return false;
  const auto algorithm = parsed.find("alg");
  return algorithm != parsed.end() && algorithm->is_string() && *algorithm == "HS256";
}

// RFC 7519 sections 4.1.4 and 4.1.5.
Result<void> check_times(const json& claims, std::int64_t now) {
  const auto expires = claims.find("exp");
  if (expires == claims.end() || !expires->is_number()) return refuse("it never expires");
  if (!(expires->get<double>() > static_cast<double>(now))) return refuse("expired");
  const auto not_before = claims.find("nbf");
  if (not_before == claims.end()) return {};
  if (!not_before->is_number() || !(not_before->get<double>() <= static_cast<double>(now))) {
    return refuse("not valid yet");
  }
  return {};
}

}  // namespace

std::string random_id(std::size_t length) {
  constexpr std::string_view alphabet = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
  constexpr unsigned fair = 256 / alphabet.size() * alphabet.size();  // bytes from here on would favour some letters
  std::string id;
  id.reserve(length);
  std::array<std::byte, 64> random;
  while (id.size() < length) {
    random_bytes(random);
    for (const std::byte b : random) {
      const auto value = std::to_integer<unsigned>(b);
      if (value < fair && id.size() < length) id += alphabet[value % alphabet.size()];
    }
  }
  return id;
}

std::string sign_jwt(std::string_view claims, ByteSpan key) {
  std::string token = base64_encode(as_bytes(header), Base64::url) + "." + base64_encode(as_bytes(claims), Base64::url);
  return token + "." + base64_encode(sign(token, key), Base64::url);
}

Result<std::string> verify_jwt(std::string_view token, ByteSpan key, std::int64_t now) {
  if (token.size() > max_jwt_size) return refuse("too long");
  const std::size_t first = token.find('.');
  const std::size_t last = token.rfind('.');
  if (first == std::string_view::npos || first == last) return refuse("not three parts");
  if (key.empty()) return refuse("no key to check it with");
  const Result<Bytes> signature = base64_decode(token.substr(last + 1), Base64::url);
  if (!signature || !equal_in_constant_time(*signature, sign(token.substr(0, last), key))) {
    return refuse("wrong signature");
  }
  // From here on the token is one that the key's owner signed.
  const Result<Bytes> head = base64_decode(token.substr(0, first), Base64::url);
  if (!head || !is_our_header(as_text(*head))) return refuse("not signed with HS256");
  const Result<Bytes> body = base64_decode(token.substr(first + 1, last - first - 1), Base64::url);
  if (!body) return refuse("claims not base64url");
  const json claims = json::parse(as_text(*body), nullptr, false);
  if (!claims.is_object()) return refuse("claims not a JSON object");
  if (const Result<void> checked = check_times(claims, now); !checked) return fail(checked.error());
  return std::string(as_text(*body));
}

}  // namespace ferry::crypto
