// What is not trusted any more: keys, certificates and authorities, from a file in one of three forms.
//
//   a key revocation list of OpenSSH (PROTOCOL.krl), as `ssh-keygen -k` makes it
//   a JSON list of fingerprints: ["SHA256:...", ...]
//   lines, each a fingerprint or a public key or certificate as in authorized_keys; '#' begins a comment
#pragma once

#include <array>
#include <cstdint>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "base/error.h"
#include "ssh/keys/certificate.h"

namespace ferry::ssh {

class RevocationList {
 public:
  // The form shows itself by the content; nothing at all revokes nothing. invalid_argument: malformed, or a part that
  // must be understood and is not: a list that was read halfway would trust what it revokes.
  static Result<RevocationList> parse(ByteSpan content);

  bool revokes(const PublicKey& key) const;
  // By its key, itself, its authority's key, its serial number (0 is none) or its key id.
  bool revokes(const Certificate& certificate) const;

 private:
  using Sha256 = std::array<std::byte, 32>;
  using Sha1 = std::array<std::byte, 20>;
  struct Range {
    std::uint64_t first = 0, last = 0;
  };
  struct Bitmap {
    std::uint64_t offset = 0;
    Bytes bits;  // an unsigned big-endian number; bit i stands for serial number offset + i
    bool has(std::uint64_t serial) const;
  };
  // Certificates of one authority, or of every one.
  struct Issued {
    Bytes authority;             // key blob; empty: all
    std::vector<Range> serials;  // in order, apart
    std::vector<Bitmap> bitmaps;
    std::set<std::string, std::less<>> key_ids;
    void sort();
    bool revokes(const Certificate& certificate) const;
  };

  static Result<RevocationList> parse_krl(ByteSpan content);
  static Result<RevocationList> parse_json(std::string_view text);
  static Result<RevocationList> parse_lines(std::string_view text);
  Result<void> read_section(std::uint8_t type, ByteSpan data);
  Result<void> read_certificates(ByteSpan data);
  static Result<void> read_issued(std::uint8_t type, ByteSpan data, Issued& issued);
  Result<void> add_fingerprint(std::string_view text);
  Result<void> add_line(std::string_view line);
  void add_blob(ByteSpan blob);

  std::set<Sha256> sha256_;
  std::set<Sha1> sha1_;
  std::vector<Issued> issued_;
};

}  // namespace ferry::ssh
