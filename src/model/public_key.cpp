#include "model/public_key.h"

#include <algorithm>
#include <bit>

#include "crypto/encoding.h"
#include "model/key_options.h"

namespace ferry::model {

namespace {

constexpr std::string_view sk_ecdsa = "sk-ecdsa-sha2-nistp256@openssh.com", sk_ed25519 = "sk-ssh-ed25519@openssh.com";
// As logins take them (ssh/keys/native_key.h).
constexpr std::size_t least_rsa_bits = 2048, most_rsa_bits = 16384;

std::unexpected<Error> refuse_key(std::string why) { return fail(ErrorCode::invalid_argument, std::move(why)); }

std::string_view next_word(std::string_view& rest) {
  rest.remove_prefix(std::min(rest.find_first_not_of(" \t"), rest.size()));
  const std::size_t end = std::min(rest.find_first_of(" \t"), rest.size());
  const std::string_view word = rest.substr(0, end);
  rest.remove_prefix(end);
  return word;
}

bool is_key_type(std::string_view word) {
  return word.starts_with("ssh-") || word.starts_with("ecdsa-sha2-") || word.starts_with("sk-");
}

// Bits of an mpint that is positive and minimal, else 0.
std::size_t bits_of(ByteSpan mpint) {
  const auto byte = [&](std::size_t i) { return std::to_integer<unsigned>(mpint[i]); };
  if (mpint.empty() || byte(0) >= 0x80) return 0;
  const std::size_t first = byte(0) == 0 ? 1 : 0;
  if (first == mpint.size() || (first == 1 && byte(1) < 0x80)) return 0;
  return (mpint.size() - first) * 8 -
         static_cast<std::size_t>(std::countl_zero(static_cast<std::uint8_t>(byte(first))));
}

// `whole`: there are two numbers of the right form.
Result<void> check_rsa(ByteReader& in, bool& whole) {
  const std::size_t exponent = bits_of(in.blob());
  const std::size_t modulus = bits_of(in.blob());
  whole = exponent >= 2 && modulus > 0;
  if (!whole || (modulus >= least_rsa_bits && modulus <= most_rsa_bits)) return {};
  return refuse_key("an RSA key of " + std::to_string(modulus) + " bits; " + std::to_string(least_rsa_bits) + " to " +
                    std::to_string(most_rsa_bits) + " are accepted");
}

// Whether the fields behind the type are those of an ECDSA key on `curve` with coordinates of `size` bytes.
bool is_ecdsa(ByteReader& in, std::string_view curve, std::size_t size) {
  if (in.string() != curve) return false;
  const ByteSpan point = in.blob();
  return point.size() == 1 + 2 * size && point[0] == std::byte{4};
}

}  // namespace

Result<AuthorizedKey> parse_authorized_key(std::string_view line) {
  if (line.find_first_of("\r\n") != std::string_view::npos) return refuse_key("a public key is one line");
  std::string_view rest = line;
  std::string_view type = next_word(rest);
  AuthorizedKey key;
  if (!is_key_type(type)) {
    rest = line.substr(std::min(line.find_first_not_of(" \t"), line.size()));
    const std::string_view text = take_key_options(rest);
    type = next_word(rest);
    if (!is_key_type(type)) return refuse_key("not a public key of authorized_keys form");
    auto options = parse_key_options(text);
    if (!options) return fail(options.error());
    key.options = std::move(*options);
  }
  if (type.contains("-cert-v0")) return refuse_key("a certificate is not a public key");
  auto blob = crypto::base64_decode(next_word(rest));
  if (!blob) return refuse_key("the public key is not base64");
  ByteReader reader(*blob);
  if (reader.string() != type || !reader.ok() || reader.rest().empty()) {
    return refuse_key("the public key's data is not of its type");
  }
  key.type = type;
  key.blob = std::move(*blob);
  return key;
}

Result<void> check_usable(const AuthorizedKey& key) {
  const std::string type(key.type);
  ByteReader in(key.blob);
  in.string();
  bool whole = true;
  if (type == "ssh-dss") return refuse_key("DSA keys are not accepted");
  if (type == "ssh-rsa") {
    if (auto checked = check_rsa(in, whole); !checked) return checked;
  } else if (type == "ssh-ed25519" || type == sk_ed25519) {
    whole = in.blob().size() == 32;
  } else if (type == "ecdsa-sha2-nistp256" || type == sk_ecdsa) {
    whole = is_ecdsa(in, "nistp256", 32);
  } else if (type == "ecdsa-sha2-nistp384") {
    whole = is_ecdsa(in, "nistp384", 48);
  } else if (type == "ecdsa-sha2-nistp521") {
    whole = is_ecdsa(in, "nistp521", 66);
  } else {
    return refuse_key("keys of type " + type.substr(0, 64) + " are not known");
  }
  const bool security_key = type == sk_ed25519 || type == sk_ecdsa;
  if (security_key) in.string();
  if (!whole || !in.done()) return refuse_key("the key is cut off or damaged");
  if (key.options.verify_required && !security_key) {
    return refuse_key("option verify-required: only security keys can say that their owner was verified");
  }
  return {};
}

}  // namespace ferry::model
