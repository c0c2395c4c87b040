// A client's KEXINIT, field by field (RFC 4253 section 7.1).
#pragma once

#include <array>
#include <string>

#include "base/bytes.h"

namespace ferry::ssh::test {

struct Kexinit {
  std::string kex = "curve25519-sha256";
  std::string host_key = "ssh-ed25519";
  std::string cipher_in = "aes128-gcm@openssh.com", cipher_out = "aes128-gcm@openssh.com";
  std::string mac_in = "hmac-sha2-256", mac_out = "hmac-sha2-256";
  std::string compression_in = "none", compression_out = "none";
  std::string language_in, language_out;
  bool first_kex_packet_follows = false;

  Bytes payload() const {
    ByteWriter out;
    out.u8(20).bytes(std::array<std::byte, 16>{});
    for (const std::string* list : {&kex, &host_key, &cipher_in, &cipher_out, &mac_in, &mac_out, &compression_in,
                                    &compression_out, &language_in, &language_out}) {
      out.string(*list);
    }
    return out.boolean(first_kex_packet_follows).u32(0).take();
  }
};

}  // namespace ferry::ssh::test
