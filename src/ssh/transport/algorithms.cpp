#include "ssh/transport/algorithms.h"

#include <algorithm>
#include <array>

#include "ssh/kex/key_agreement.h"

namespace ferry::ssh {

namespace {

// AES-GCM first: on processors with AES instructions it costs least.
constexpr std::array ciphers{
    CipherAlgorithm{"aes128-gcm@openssh.com", CipherKind::aes_gcm, 16, 12, true},
    CipherAlgorithm{"aes256-gcm@openssh.com", CipherKind::aes_gcm, 32, 12, true},
    CipherAlgorithm{"chacha20-poly1305@openssh.com", CipherKind::chacha20_poly1305, 64, 0, true},
    CipherAlgorithm{"aes128-ctr", CipherKind::aes_ctr, 16, 16, true},
    CipherAlgorithm{"aes192-ctr", CipherKind::aes_ctr, 24, 16, true},
    CipherAlgorithm{"aes256-ctr", CipherKind::aes_ctr, 32, 16, true},
};

constexpr std::array macs{
    MacAlgorithm{"hmac-sha2-256-etm@openssh.com", crypto::HashAlgorithm::sha256, true, true},
    MacAlgorithm{"hmac-sha2-512-etm@openssh.com", crypto::HashAlgorithm::sha512, true, true},
    MacAlgorithm{"hmac-sha2-256", crypto::HashAlgorithm::sha256, false, true},
    MacAlgorithm{"hmac-sha2-512", crypto::HashAlgorithm::sha512, false, true},
};

constexpr std::array<std::string_view, 6> host_key_names{
    "ssh-ed25519", "ecdsa-sha2-nistp256", "ecdsa-sha2-nistp384", "ecdsa-sha2-nistp521", "rsa-sha2-512", "rsa-sha2-256"};

template <class Table>
std::vector<std::string_view> names_of(const Table& table) {
  std::vector<std::string_view> names;
  for (const auto& entry : table) names.push_back(entry.name);
  return names;
}

Result<void> check_names(std::string_view kind, const std::vector<std::string>& names,
                         const std::vector<std::string_view>& valid) {
  for (const std::string& name : names) {
    if (std::ranges::find(valid, name) != valid.end()) continue;
    return fail(ErrorCode::invalid_argument,
                "unknown " + std::string(kind) + " \"" + name + "\"; valid: " + join_name_list(valid));
  }
  return {};
}

template <class Table>
void fill_if_empty(std::vector<std::string>& names, const Table& table) {
  if (!names.empty()) return;
  for (const auto& entry : table) {
    if (entry.by_default) names.emplace_back(entry.name);
  }
}

}  // namespace

std::span<const CipherAlgorithm> cipher_algorithms() { return ciphers; }
std::span<const MacAlgorithm> mac_algorithms() { return macs; }

const CipherAlgorithm* find_cipher(std::string_view name) {
  const auto found = std::ranges::find(ciphers, name, &CipherAlgorithm::name);
  return found == ciphers.end() ? nullptr : &*found;
}

const MacAlgorithm* find_mac(std::string_view name) {
  const auto found = std::ranges::find(macs, name, &MacAlgorithm::name);
  return found == macs.end() ? nullptr : &*found;
}

Result<void> check_offer(const AlgorithmOffer& offer) {
  Result<void> checked = check_names("key exchange algorithm", offer.key_agreements, names_of(key_agreements()));
  if (checked) {
    checked =
        check_names("host key algorithm", offer.host_key_algorithms, {host_key_names.begin(), host_key_names.end()});
  }
  if (checked) checked = check_names("cipher", offer.ciphers, names_of(ciphers));
  if (checked) checked = check_names("MAC", offer.macs, names_of(macs));
  return checked;
}

AlgorithmOffer complete_offer(AlgorithmOffer offer) {
  fill_if_empty(offer.key_agreements, key_agreements());
  fill_if_empty(offer.ciphers, ciphers);
  fill_if_empty(offer.macs, macs);
  return offer;
}

std::optional<NameList> parse_name_list(std::string_view text) {
  constexpr std::size_t most_names = 256;
  constexpr std::size_t longest_name = 64;
  NameList names;
  while (!text.empty()) {
    const std::size_t comma = text.find(',');
    const std::string_view name = text.substr(0, comma);
    const auto printable = [](char c) { return c > ' ' && c < 0x7f; };
    if (name.empty() || name.size() > longest_name || !std::ranges::all_of(name, printable)) return std::nullopt;
    if (names.size() == most_names) return std::nullopt;
    names.push_back(name);
    text.remove_prefix(comma == std::string_view::npos ? text.size() : comma + 1);
  }
  return names;
}

std::string_view choose(const NameList& client, const std::vector<std::string>& server) {
  for (const std::string_view name : client) {
    if (std::ranges::find(server, name) != server.end()) return name;
  }
  return {};
}

}  // namespace ferry::ssh
