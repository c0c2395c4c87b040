// Running the real ssh-keygen in a directory that goes away with the test.
#pragma once

#include <gtest/gtest.h>
#include <stdlib.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>

#include "crypto/cipher.h"
#include "ssh/keys/private_key.h"
#include "ssh/keys/public_key.h"
#include "tests/unit/crypto/support.h"

namespace ferry::ssh::test {

class TemporaryDirectory {
 public:
  TemporaryDirectory() {
    std::string name = (std::filesystem::temp_directory_path() / "ferry-keys-XXXXXX").string();
    if (::mkdtemp(name.data()) == nullptr) throw std::runtime_error("no temporary directory");
    path_ = name;
  }
  ~TemporaryDirectory() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  std::filesystem::path operator/(const std::string& name) const { return path_ / name; }
  const std::filesystem::path& path() const { return path_; }

  // Runs a shell command in the directory; whether it succeeded.
  bool run(const std::string& command) const {
    return std::system(("cd '" + path_.string() + "' && (" + command + ") >out 2>err </dev/null").c_str()) == 0;
  }
  std::string read(const std::string& name) const {
    std::ifstream in(path_ / name, std::ios::binary);
    return {std::istreambuf_iterator<char>(in), {}};
  }
  void write(const std::string& name, std::string_view text) const {
    std::ofstream(path_ / name, std::ios::binary) << text;
  }

 private:
  std::filesystem::path path_;
};

// -t and -b of every kind of key that servers and clients use.
inline const char* const keygen_kinds[] = {"ed25519",      "ecdsa -b 256", "ecdsa -b 384",
                                           "ecdsa -b 521", "rsa -b 2048",  "rsa -b 3072"};

// One key of each kind for all tests: RSA keys take long to make.
inline const PrivateKey& any_key(PrivateKey::Kind kind) {
  static const PrivateKey ed25519 = PrivateKey::generate(PrivateKey::Kind::ed25519);
  static const PrivateKey ecdsa = PrivateKey::generate(PrivateKey::Kind::ecdsa_p256);
  static const PrivateKey rsa = PrivateKey::generate(PrivateKey::Kind::rsa_3072);
  return kind == PrivateKey::Kind::ed25519 ? ed25519 : kind == PrivateKey::Kind::ecdsa_p256 ? ecdsa : rsa;
}

inline PublicKey key_of(const Result<PublicKey>& key) {
  if (!key) throw std::runtime_error("key refused: " + key.error().message);
  return *key;
}

// A security key made of an ordinary one, signing as PROTOCOL.u2f says.
struct Token {
  PrivateKey key;
  PublicKey as_security_key;
  std::string type;

  explicit Token(PrivateKey::Kind kind, std::string_view application = "ssh:") : key(any_key(kind)) {
    type = "sk-" + std::string(key.public_key().type()) + "@openssh.com";
    ByteReader in(key.public_key().blob());
    (void)in.string();
    ByteWriter blob;
    blob.string(type).bytes(in.rest()).string(application);
    as_security_key = key_of(PublicKey::parse(blob.data()));
  }
  Bytes sign(std::uint8_t flags, std::uint32_t counter, std::string_view data,
             std::string_view application = "ssh:") const {
    using crypto::HashAlgorithm;
    ByteWriter message;
    message.bytes(crypto::hash(HashAlgorithm::sha256, {as_bytes(application)}));
    message.u8(flags).u32(counter).bytes(crypto::hash(HashAlgorithm::sha256, {as_bytes(data)}));
    const Bytes made = key.sign(key.public_key().type(), message.data()).value();
    ByteReader in(made);
    (void)in.string();
    return ByteWriter().string(type).string(in.blob()).u8(flags).u32(counter).take();
  }
};

}  // namespace ferry::ssh::test
