#include "vfs/azure/signing.h"

#include <algorithm>
#include <array>
#include <map>

#include "crypto/cipher.h"
#include "crypto/encoding.h"

namespace ferry::vfs::azure {

namespace {

// In the order in which their values are signed, after the method.
constexpr std::array<std::string_view, 11> standard_headers{
    "content-encoding",  "content-language", "content-length", "content-md5",         "content-type", "date",
    "if-modified-since", "if-match",         "if-none-match",  "if-unmodified-since", "range"};

std::string lower_case(std::string_view text) {
  std::string result(text);
  for (char& c : result) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  return result;
}

}  // namespace

std::string string_to_sign(std::string_view account, const SignedParts& parts) {
  std::map<std::string, std::string> headers;
  for (const auto& [name, value] : parts.headers) headers[lower_case(name)] = value;
  if (parts.body_size > 0) headers["content-length"] = std::to_string(parts.body_size);
  std::string text = parts.method + "\n";
  for (const std::string_view name : standard_headers) {
    const auto found = headers.find(std::string(name));
    if (found != headers.end()) text += found->second;
    text += '\n';
  }
  for (const auto& [name, value] : headers) {
    if (name.starts_with("x-ms-")) text += name + ":" + value + "\n";
  }
  text += "/" + std::string(account) + parts.path;
  std::map<std::string, std::vector<std::string>> query;
  for (const auto& [name, value] : parts.query) query[lower_case(name)].push_back(value);
  for (auto& [name, values] : query) {
    std::ranges::sort(values);
    text += "\n" + name + ":";
    for (std::size_t i = 0; i < values.size(); ++i) text += (i == 0 ? "" : ",") + values[i];
  }
  return text;
}

std::string shared_key_authorization(std::string_view account, const crypto::Secret& key, const SignedParts& parts) {
  crypto::Hmac hmac(crypto::HashAlgorithm::sha256, key.bytes());
  std::array<std::byte, 32> signature{};
  hmac.compute({as_bytes(string_to_sign(account, parts))}, signature);
  return "SharedKey " + std::string(account) + ":" + crypto::base64_encode(signature);
}

}  // namespace ferry::vfs::azure
