// Running the real ssh-keygen in a directory that goes away with the test.
#pragma once

#include <gtest/gtest.h>
#include <stdlib.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>

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

}  // namespace ferry::ssh::test
