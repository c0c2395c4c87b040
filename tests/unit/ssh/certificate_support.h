// Certificates with any contents, right or wrong (PROTOCOL.certkeys).
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "ssh/keys/certificate.h"
#include "tests/unit/ssh/key_support.h"

namespace ferry::ssh::test {

using Options = std::vector<std::pair<std::string, Bytes>>;

inline Bytes option_text(std::string_view text) { return ByteWriter().string(text).take(); }

inline Bytes encoded(const Options& options) {
  ByteWriter out;
  for (const auto& [name, data] : options) out.string(name).string(data);
  return out.take();
}

struct CertificateFields {
  PublicKey key = any_key(PrivateKey::Kind::ed25519).public_key();
  PrivateKey authority = any_key(PrivateKey::Kind::ecdsa_p256);
  std::uint64_t serial = 7;
  std::uint32_t kind = 1;
  std::string key_id = "id of maria";
  std::vector<std::string> principals = {"maria", "marias-other-name"};
  std::uint64_t valid_after = 1000, valid_before = 2000;
  Options critical, extensions = {{"permit-pty", {}}};

  std::string type() const {
    const std::string plain = key.type();
    const std::size_t vendor = plain.find('@');
    return plain.substr(0, vendor) + "-cert-v01@openssh.com";
  }
  // Without the signature.
  Bytes contents() const {
    ByteReader in(key.blob());
    (void)in.string();
    ByteWriter names, out;
    for (const std::string& name : principals) names.string(name);
    out.string(type()).string(std::string_view("nonce")).bytes(in.rest()).u64(serial).u32(kind).string(key_id);
    out.string(names.data()).u64(valid_after).u64(valid_before).string(encoded(critical)).string(encoded(extensions));
    out.string(std::string_view()).string(authority.public_key().blob());
    return out.take();
  }
  Bytes blob(std::string_view algorithm = {}) const {
    const Bytes covered = contents();
    if (algorithm.empty()) algorithm = authority.algorithms().front();
    return ByteWriter().bytes(covered).string(authority.sign(algorithm, covered).value()).take();
  }
  Certificate certificate() const {
    auto parsed = Certificate::parse(blob());
    if (!parsed) throw std::runtime_error("certificate refused: " + parsed.error().message);
    return std::move(*parsed);
  }
};

// The certificate in a file that ssh-keygen wrote.
inline Certificate read_certificate(const TemporaryDirectory& directory, const std::string& name) {
  const std::string line = directory.read(name);
  const std::size_t begin = line.find(' ') + 1;
  const auto blob = crypto::base64_decode(line.substr(begin, line.find(' ', begin) - begin));
  auto parsed = Certificate::parse(blob.value());
  if (!parsed) throw std::runtime_error("certificate refused: " + parsed.error().message);
  return std::move(*parsed);
}

}  // namespace ferry::ssh::test
