// OpenSSH certificates (PROTOCOL.certkeys): a public key that an authority has signed, for names and for a time.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "base/error.h"
#include "ssh/keys/public_key.h"

namespace ferry::ssh {

class Certificate {
 public:
  enum class Kind : std::uint32_t { user = 1, host = 2 };
  struct Option {
    std::string name;
    Bytes data;
  };

  // A certificate blob. Only its form is checked: neither the authority's signature nor what it is worth.
  // unsupported: a type that is not built; protocol_error: malformed, more than 256 principals, options that are not
  // in order or that stand twice.
  static Result<Certificate> parse(ByteSpan blob);

  // ssh-ed25519-cert-v01@openssh.com, ssh-rsa-cert-v01@openssh.com, ...
  const std::string& type() const { return type_; }
  const Bytes& blob() const { return blob_; }
  const PublicKey& key() const { return *key_; }              // the certified one
  const PublicKey& authority() const { return *authority_; }  // never a certificate itself
  Kind kind() const { return kind_; }
  std::uint64_t serial() const { return serial_; }
  const std::string& key_id() const { return key_id_; }
  const std::vector<std::string>& principals() const { return principals_; }
  // Unix seconds: from valid_after until before valid_before.
  std::uint64_t valid_after() const { return valid_after_; }
  std::uint64_t valid_before() const { return valid_before_; }
  // What whoever accepts the certificate must know and honour.
  const std::vector<Option>& critical_options() const { return critical_options_; }
  const Option* find_critical_option(std::string_view name) const;

  // Whether the authority signed this, with an algorithm that is not SHA-1's.
  [[nodiscard]] bool signed_by_authority() const;

 private:
  Result<void> read_contents(ByteReader& in);

  std::string type_;
  Bytes blob_;
  std::optional<PublicKey> key_, authority_;
  Kind kind_ = Kind::user;
  std::uint64_t serial_ = 0;
  std::string key_id_;
  std::vector<std::string> principals_;
  std::uint64_t valid_after_ = 0, valid_before_ = 0;
  std::vector<Option> critical_options_;
  std::size_t signed_size_ = 0;  // of blob_
  Bytes signature_;
};

bool is_certificate_type(std::string_view type);
// The algorithm of signatures that belong to an algorithm of certificates: "rsa-sha2-512" to
// "rsa-sha2-512-cert-v01@openssh.com". Empty: no algorithm of certificates, or that of SHA-1.
std::string_view signature_algorithm_of_certificate(std::string_view algorithm);

}  // namespace ferry::ssh
