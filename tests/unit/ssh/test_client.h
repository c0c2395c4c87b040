// An SSH client without I/O: bytes from the server in, bytes for the server out.
//
// It negotiates, agrees on keys and derives them by itself, on OpenSSL alone; packets it seals and opens with the
// library's own PacketSealer and PacketOpener, whose bytes packet_cipher.cpp checks. It verifies the host's
// signature, and notes as a violation whatever a client must not accept from a server.
#pragma once

#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "crypto/ml_kem.h"
#include "ssh/kex/negotiation.h"
#include "ssh/keys/public_key.h"
#include "ssh/transport/packet_cipher.h"
#include "ssh/transport/packet_input.h"
#include "tests/unit/ssh/kexinit.h"

typedef struct evp_pkey_st EVP_PKEY;

namespace ferry::ssh::test {

class TestClient {
 public:
  TestClient();
  ~TestClient();

  // --- set before start ---
  std::string version = "SSH-2.0-TestClient";
  Kexinit kexinit;        // what the next KEXINIT of ours says; markers are added by `strict` and `ext_info`
  bool strict = true;     // offer strict key exchange
  bool ext_info = true;   // ask for EXT_INFO
  bool automatic = true;  // answer KEXINIT, KEX_REPLY and so drive key exchanges by itself

  // --- to the server ---
  void send_version();
  // Seals with the keys of the moment.
  void send(ByteSpan payload);
  void send_raw(ByteSpan bytes);
  void send_kexinit();
  void send_kex_init();
  void send_newkeys();
  Bytes take_output();
  // Sequence number of the next packet that send() makes.
  std::uint32_t send_sequence() const { return send_sequence_; }

  // --- from the server ---
  void receive(ByteSpan bytes);
  // Everything but KEXINIT, KEX_REPLY and NEWKEYS, in order.
  std::deque<Bytes> received;
  // All message numbers, KEX ones too.
  std::vector<std::uint8_t> numbers;
  // What broke the protocol; empty: nothing.
  std::string violation;

  // Takes the first received message of that number; empty when there is none.
  Bytes take(std::uint8_t number);
  bool got(std::uint8_t number) const;

  int exchanges() const { return exchanges_; }  // finished: both NEWKEYS passed
  bool exchanging() const { return server_kexinit_seen_ || kexinit_sent_; }
  bool host_key_verified() const { return host_key_verified_; }
  const Bytes& session_id() const { return session_id_; }
  const std::string& server_version() const { return server_version_; }
  const Negotiated& negotiated() const { return negotiated_; }
  std::uint32_t receive_sequence() const { return receive_sequence_; }

 private:
  struct Derivation;
  void handle(ByteSpan payload);
  void handle_kexinit(ByteSpan payload);
  void handle_reply(ByteSpan payload);
  void handle_newkeys();
  Bytes agree(const Bytes& server_public);
  void check_order(std::uint8_t number);
  void note(std::string what);
  crypto::Secret derive(char letter, std::size_t size) const;
  std::unique_ptr<PacketSealer> new_sealer() const;
  std::unique_ptr<PacketOpener> new_opener() const;

  Bytes out_;
  PacketInput input_;
  std::unique_ptr<PacketSealer> sealer_ = make_plain_sealer();
  std::unique_ptr<PacketOpener> opener_ = make_plain_opener();
  std::uint32_t send_sequence_ = 0, receive_sequence_ = 0;
  std::string server_version_;
  bool server_kexinit_seen_ = false, kexinit_sent_ = false, reply_seen_ = false, newkeys_sent_ = false;
  bool strict_agreed_ = false, first_packet_after_newkeys_ = false;
  bool host_key_verified_ = false;
  int exchanges_ = 0;
  Bytes client_kexinit_, server_kexinit_, session_id_, hash_, shared_, public_;
  Negotiated negotiated_;
  std::unique_ptr<EVP_PKEY, void (*)(EVP_PKEY*)> ephemeral_;
  crypto::ml_kem768::KeyPair kem_keys_;  // of the hybrid
};

}  // namespace ferry::ssh::test
