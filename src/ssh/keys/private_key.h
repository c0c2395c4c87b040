// Host keys: generated, loaded from OpenSSH and PEM files, used to sign exchange hashes.
#pragma once

#include <filesystem>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "base/error.h"
#include "ssh/keys/public_key.h"

namespace ferry::ssh {

class PrivateKey {
 public:
  enum class Kind : std::uint8_t { ed25519, ecdsa_p256, rsa_3072 };
  static PrivateKey generate(Kind kind);

  // "BEGIN OPENSSH PRIVATE KEY" without passphrase, PKCS#8 and traditional PEM. ed25519, ecdsa nistp256/384/521, rsa.
  static Result<PrivateKey> parse(std::string_view text);
  // As parse; io errors name the file. A file others can write is refused.
  static Result<PrivateKey> load(const std::filesystem::path& file);
  // Writes OpenSSH format, mode 0600, through a temporary file and rename; never over an existing file.
  Result<void> save(const std::filesystem::path& file, std::string_view comment) const;

  const PublicKey& public_key() const { return public_; }
  // Signature algorithms this key can make, best first: e.g. rsa-sha2-512, rsa-sha2-256, ssh-rsa.
  std::vector<std::string_view> algorithms() const;
  // string algorithm, string signature. Safe from any thread.
  Result<Bytes> sign(std::string_view algorithm, ByteSpan data) const;

 private:
  struct Native;
  PublicKey public_;
  std::shared_ptr<const Native> native_;
};

}  // namespace ferry::ssh
