// Public keys and signatures as SSH carries them (RFC 4253 section 6.6, RFC 5656, RFC 8332, RFC 8709,
// PROTOCOL.u2f of OpenSSH for sk-* keys).
#pragma once

#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "base/bytes.h"
#include "base/error.h"

namespace ferry::ssh {

// What a signature says of its making. Only those of security keys can say that nobody touched the key, or that its
// owner was verified (a PIN, a finger).
struct SignatureFlags {
  bool user_present = true;
  bool user_verified = false;
};

class PublicKey {
 public:
  // A key blob: string type, then the type's fields; no trailing bytes. unsupported: a type that is not
  // built; protocol_error: malformed, RSA outside 2048..16384 bits, a point not on its curve.
  static Result<PublicKey> parse(ByteSpan blob);
  // One line of authorized_keys form: [options] type base64 [comment]. Options are not honoured here.
  static Result<PublicKey> parse_line(std::string_view line);

  // ssh-ed25519, ecdsa-sha2-nistp256/384/521, ssh-rsa, sk-ssh-ed25519@openssh.com,
  // sk-ecdsa-sha2-nistp256@openssh.com
  const std::string& type() const { return type_; }
  const Bytes& blob() const { return blob_; }
  // "SHA256:" and unpadded base64, as ssh-keygen -l prints it.
  std::string fingerprint() const;
  // "type base64"
  std::string to_line() const;
  // Whether a signature named `algorithm` may be made with this key (rsa-sha2-256/512 for ssh-rsa; the type
  // itself for the others; never "ssh-rsa", which is SHA-1).
  bool allows_algorithm(std::string_view algorithm) const;
  // The same, and "ssh-rsa" for RSA keys: for who was told to accept SHA-1.
  bool fits_algorithm(std::string_view algorithm) const;

  // signature: string algorithm, string signature data; `algorithm` is the one the request named and must be
  // the one inside. sk keys: the user-presence flag must be set; with `user_verified` the user-verification flag
  // too, which no other key has: none of them verifies then. Safe from any thread.
  [[nodiscard]] bool verify(std::string_view algorithm, ByteSpan signature, ByteSpan data,
                            bool user_verified = false) const;
  // The same, but with any flags, which are returned; nothing when the signature is wrong.
  [[nodiscard]] std::optional<SignatureFlags> check(std::string_view algorithm, ByteSpan signature,
                                                    ByteSpan data) const;

  bool operator==(const PublicKey& other) const { return blob_ == other.blob_; }

 private:
  struct Native;  // the parsed key
  // Whether `value` is the key's signature of `data`, which is all that it signs.
  bool is_right(std::string_view algorithm, ByteSpan value, ByteSpan data) const;
  std::string type_;
  Bytes blob_;
  std::shared_ptr<const Native> native_;
};

// Signature algorithms accepted from clients, best first: what server-sig-algs (RFC 8308) announces.
std::span<const std::string_view> public_key_algorithms();

}  // namespace ferry::ssh
