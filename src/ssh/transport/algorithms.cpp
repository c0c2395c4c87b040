#include "ssh/transport/algorithms.h"

#include <algorithm>
#include <array>
#include <stdexcept>

#include "ssh/kex/key_agreement.h"
#include "ssh/keys/public_key.h"

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
    // For clients of long ago. CBC's initial vectors can be foreseen, and triple DES has blocks of 64 bits.
    CipherAlgorithm{"aes128-cbc", CipherKind::aes_cbc, 16, 16, false},
    CipherAlgorithm{"aes192-cbc", CipherKind::aes_cbc, 24, 16, false},
    CipherAlgorithm{"aes256-cbc", CipherKind::aes_cbc, 32, 16, false},
    CipherAlgorithm{"3des-cbc", CipherKind::des3_cbc, 24, 8, false},
};

constexpr std::array macs{
    MacAlgorithm{"hmac-sha2-256-etm@openssh.com", crypto::HashAlgorithm::sha256, 32, true, true},
    MacAlgorithm{"hmac-sha2-512-etm@openssh.com", crypto::HashAlgorithm::sha512, 64, true, true},
    MacAlgorithm{"hmac-sha2-256", crypto::HashAlgorithm::sha256, 32, false, true},
    MacAlgorithm{"hmac-sha2-512", crypto::HashAlgorithm::sha512, 64, false, true},
    MacAlgorithm{"hmac-sha1", crypto::HashAlgorithm::sha1, 20, false, false},
    MacAlgorithm{"hmac-sha1-96", crypto::HashAlgorithm::sha1, 12, false, false},
};

// NIST's curves only on demand: nobody can tell how they were chosen, and a bad random number gives an ECDSA key away.
// ssh-rsa is SHA-1.
constexpr std::array host_keys{
    HostKeyAlgorithm{"ssh-ed25519-cert-v01@openssh.com", "ssh-ed25519", true},
    HostKeyAlgorithm{"rsa-sha2-512-cert-v01@openssh.com", "rsa-sha2-512", true},
    HostKeyAlgorithm{"rsa-sha2-256-cert-v01@openssh.com", "rsa-sha2-256", true},
    HostKeyAlgorithm{"ecdsa-sha2-nistp256-cert-v01@openssh.com", "ecdsa-sha2-nistp256", false},
    HostKeyAlgorithm{"ecdsa-sha2-nistp384-cert-v01@openssh.com", "ecdsa-sha2-nistp384", false},
    HostKeyAlgorithm{"ecdsa-sha2-nistp521-cert-v01@openssh.com", "ecdsa-sha2-nistp521", false},
    HostKeyAlgorithm{"ssh-ed25519", "ssh-ed25519", true},
    HostKeyAlgorithm{"rsa-sha2-512", "rsa-sha2-512", true},
    HostKeyAlgorithm{"rsa-sha2-256", "rsa-sha2-256", true},
    HostKeyAlgorithm{"ecdsa-sha2-nistp256", "ecdsa-sha2-nistp256", false},
    HostKeyAlgorithm{"ecdsa-sha2-nistp384", "ecdsa-sha2-nistp384", false},
    HostKeyAlgorithm{"ecdsa-sha2-nistp521", "ecdsa-sha2-nistp521", false},
    HostKeyAlgorithm{"ssh-rsa", "ssh-rsa", false},
};

template <class Table>
std::vector<std::string_view> names_of(const Table& table) {
  std::vector<std::string_view> names;
  for (const auto& entry : table) names.push_back(entry.name);
  return names;
}

std::vector<std::string_view> public_key_names() {
  const auto secure = public_key_algorithms();
  std::vector<std::string_view> names(secure.begin(), secure.end());
  names.push_back("ssh-rsa");
  return names;
}

struct KindOfAlgorithm {
  const char* name;
  std::vector<std::string_view> valid;
};

KindOfAlgorithm describe(AlgorithmKind kind) {
  switch (kind) {
    case AlgorithmKind::key_agreement: return {"key exchange algorithm", names_of(key_agreements())};
    case AlgorithmKind::host_key: return {"host key algorithm", names_of(host_keys)};
    case AlgorithmKind::cipher: return {"cipher", names_of(ciphers)};
    case AlgorithmKind::mac: return {"MAC", names_of(macs)};
    case AlgorithmKind::public_key: return {"public key algorithm", public_key_names()};
  }
  throw std::logic_error("unknown kind of algorithm");
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
std::span<const HostKeyAlgorithm> host_key_algorithms() { return host_keys; }

const CipherAlgorithm* find_cipher(std::string_view name) {
  const auto found = std::ranges::find(ciphers, name, &CipherAlgorithm::name);
  return found == ciphers.end() ? nullptr : &*found;
}

const MacAlgorithm* find_mac(std::string_view name) {
  const auto found = std::ranges::find(macs, name, &MacAlgorithm::name);
  return found == macs.end() ? nullptr : &*found;
}

const HostKeyAlgorithm* find_host_key_algorithm(std::string_view name) {
  const auto found = std::ranges::find(host_keys, name, &HostKeyAlgorithm::name);
  return found == host_keys.end() ? nullptr : &*found;
}

Result<void> check_algorithms(AlgorithmKind kind, const std::vector<std::string>& names) {
  const KindOfAlgorithm known = describe(kind);
  for (const std::string& name : names) {
    if (std::ranges::find(known.valid, name) != known.valid.end()) continue;
    return fail(ErrorCode::invalid_argument,
                "unknown " + std::string(known.name) + " \"" + name + "\", valid: " + join_name_list(known.valid));
  }
  return {};
}

Result<void> check_offer(const AlgorithmOffer& offer) {
  Result<void> checked = check_algorithms(AlgorithmKind::key_agreement, offer.key_agreements);
  if (checked) checked = check_algorithms(AlgorithmKind::host_key, offer.host_key_algorithms);
  if (checked) checked = check_algorithms(AlgorithmKind::cipher, offer.ciphers);
  if (checked) checked = check_algorithms(AlgorithmKind::mac, offer.macs);
  if (checked) checked = check_algorithms(AlgorithmKind::public_key, offer.public_keys);
  return checked;
}

AlgorithmOffer complete_offer(AlgorithmOffer offer) {
  fill_if_empty(offer.key_agreements, key_agreements());
  fill_if_empty(offer.host_key_algorithms, host_keys);
  fill_if_empty(offer.ciphers, ciphers);
  fill_if_empty(offer.macs, macs);
  if (offer.public_keys.empty()) {
    const auto accepted = public_key_algorithms();
    offer.public_keys.assign(accepted.begin(), accepted.end());
  }
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
