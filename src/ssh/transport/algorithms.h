// Which algorithms there are, which are offered, and how one of each kind is chosen (RFC 4253 section 7.1).
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "crypto/cipher.h"

namespace ferry::ssh {

enum class CipherKind : std::uint8_t { aes_gcm, chacha20_poly1305, aes_ctr, aes_cbc, des3_cbc };

struct CipherAlgorithm {
  std::string_view name;
  CipherKind kind;
  std::size_t key_size;
  std::size_t iv_size;
  bool by_default;  // offered when the configuration names none
  bool authenticated() const { return kind == CipherKind::aes_gcm || kind == CipherKind::chacha20_poly1305; }
};

struct MacAlgorithm {
  std::string_view name;
  crypto::HashAlgorithm hash;
  std::size_t tag_size;  // bytes of the hash that are sent
  bool encrypt_then_mac;
  bool by_default;
};

struct HostKeyAlgorithm {
  std::string_view name;       // as negotiated
  std::string_view signature;  // inside the signature: the same, or for certificates what lies below them
  bool by_default;
  bool certificate() const { return name != signature; }
};

// All that are built, best first.
std::span<const CipherAlgorithm> cipher_algorithms();
std::span<const MacAlgorithm> mac_algorithms();
std::span<const HostKeyAlgorithm> host_key_algorithms();
const CipherAlgorithm* find_cipher(std::string_view name);
const MacAlgorithm* find_mac(std::string_view name);
const HostKeyAlgorithm* find_host_key_algorithm(std::string_view name);

// What one server offers, best first. An empty list stands for those that are offered by default.
struct AlgorithmOffer {
  std::vector<std::string> key_agreements;
  std::vector<std::string> host_key_algorithms;
  std::vector<std::string> ciphers;
  std::vector<std::string> macs;
  // Of clients' signatures; a certificate is judged by the algorithm below it. Not negotiated: server-sig-algs.
  std::vector<std::string> public_keys = {};
};

enum class AlgorithmKind : std::uint8_t { key_agreement, host_key, cipher, mac, public_key };
// invalid_argument with the list of valid names when one of `names` is not built.
Result<void> check_algorithms(AlgorithmKind kind, const std::vector<std::string>& names);
// All five lists.
Result<void> check_offer(const AlgorithmOffer& offer);
// `offer` with its empty lists filled in.
AlgorithmOffer complete_offer(AlgorithmOffer offer);

using NameList = std::vector<std::string_view>;

// Splits a name-list (RFC 4251 section 5). No value: an empty, over-long (64) or non-printable name, or
// more than 256 of them. One comma at the end is forgiven: Debian's libssh ends its list of ciphers with it.
std::optional<NameList> parse_name_list(std::string_view text);
template <class Names>
std::string join_name_list(const Names& names) {
  std::string out;
  for (const auto& name : names) {
    if (!out.empty()) out += ',';
    out += name;
  }
  return out;
}

// The first of the client's names that the server has too; empty: none.
std::string_view choose(const NameList& client, const std::vector<std::string>& server);

}  // namespace ferry::ssh
