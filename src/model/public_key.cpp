#include "model/public_key.h"

#include "crypto/encoding.h"

namespace ferry::model {

namespace {

// The next word of `rest`; blanks inside double quotes do not end it (options such as command="a b").
std::string_view next_word(std::string_view& rest) {
  rest.remove_prefix(std::min(rest.find_first_not_of(" \t"), rest.size()));
  bool quoted = false;
  std::size_t end = 0;
  for (; end < rest.size(); ++end) {
    if (rest[end] == '"') quoted = !quoted;
    if (!quoted && (rest[end] == ' ' || rest[end] == '\t')) break;
  }
  const std::string_view word = rest.substr(0, end);
  rest.remove_prefix(end);
  return word;
}

bool is_key_type(std::string_view word) {
  return word.starts_with("ssh-") || word.starts_with("ecdsa-sha2-") || word.starts_with("sk-");
}

}  // namespace

Result<Bytes> public_key_blob(std::string_view line) {
  if (line.find_first_of("\r\n") != std::string_view::npos) {
    return fail(ErrorCode::invalid_argument, "a public key is one line");
  }
  std::string_view rest = line;
  std::string_view type = next_word(rest);
  if (!is_key_type(type)) type = next_word(rest);
  if (!is_key_type(type)) return fail(ErrorCode::invalid_argument, "not a public key of authorized_keys form");
  if (type.contains("-cert-v0")) return fail(ErrorCode::invalid_argument, "a certificate is not a public key");
  auto blob = crypto::base64_decode(next_word(rest));
  if (!blob) return fail(ErrorCode::invalid_argument, "the public key is not base64");
  ByteReader reader(*blob);
  if (reader.string() != type || !reader.ok() || reader.rest().empty()) {
    return fail(ErrorCode::invalid_argument, "the public key's data is not of its type");
  }
  return blob;
}

}  // namespace ferry::model
