// The SSH transport layer of a server, without I/O: bytes in, events out; payloads in, bytes out (RFC 4253).
//
//   transport.start(now);
//   loop: receive into transport.input().space(), transport.input().received(n);
//         while (event = transport.next()) ...   // packets for the layers above, or a key agreement to run
//         send transport.output().pieces()
//
// It does the version exchange, strict key exchange, re-keying, and the transport's own messages. While a key
// exchange runs, everything but key exchange messages is held back, whatever the layers above send.
#pragma once

#include <chrono>
#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "ssh/kex/exchange.h"
#include "ssh/kex/negotiation.h"
#include "ssh/keys/host_certificate.h"
#include "ssh/messages.h"
#include "ssh/transport/packet_input.h"
#include "ssh/transport/packet_output.h"

namespace ferry::ssh {

using SteadyTime = std::chrono::steady_clock::time_point;

struct TransportOptions {
  std::string version = "SSH-2.0-Ferry";  // without CR LF, at most 253 bytes
  AlgorithmOffer offer;                   // complete (complete_offer), host key algorithms matching host_keys
  std::vector<std::shared_ptr<const PrivateKey>> host_keys;
  std::vector<HostCertificate> host_certificates;
  std::uint64_t rekey_bytes = std::uint64_t{1} << 30;  // both directions together (RFC 4253 section 9)
  std::chrono::seconds rekey_time{3600};
};

class Transport {
 public:
  explicit Transport(std::shared_ptr<const TransportOptions> options);

  // Queues our version line and first KEXINIT.
  void start(SteadyTime now);

  PacketInput& input() { return input_; }
  PacketOutput& output() { return output_; }

  struct NeedInput {};
  // A key agreement is to be computed (run_exchange, on any thread), then finish_exchange called.
  struct RunExchange {
    ExchangeInput input;
  };
  // A message for the layers above; the payload (message number first) lies in input().block().
  struct Packet {
    MutableByteSpan payload;
  };
  using Event = std::variant<NeedInput, RunExchange, Packet>;
  // protocol_error and the like: call disconnect with the error and close. connection_lost: the peer sent DISCONNECT.
  Result<Event> next();
  void finish_exchange(ExchangeResult result, SteadyTime now);

  // Queues a message. Held back while a key exchange runs; see held_back().
  void send(ByteSpan payload);
  // Memory of messages held back by the running key exchange, or by a reservation of output.
  std::size_t held_back() const { return held_back_bytes_; }
  // Answers the last packet with UNIMPLEMENTED (RFC 4253 section 11.4).
  void send_unimplemented();
  void disconnect(DisconnectReason reason, std::string_view text);

  // Channel data composed in place: lay out, fill, seal; while `reserving` send() holds back.
  bool can_send_data() const { return !exchanging_; }
  PacketOutput::Slot lay_out(std::size_t payload_size);
  void seal(const PacketOutput::Slot& slot, std::size_t payload_size);
  void end_reservation();
  void give_back(const PacketOutput::Slot& slot);

  // Starts a re-key when the limits say so; otherwise cheap. `now` may be coarse.
  void rekey_if_due(SteadyTime now);

  // Larger packets are accepted and re-keying by us starts once the peer is authenticated.
  void set_authenticated() { authenticated_ = true; }
  // No key exchange finished yet.
  bool before_first_keys() const { return session_id_.empty(); }
  bool exchanging() const { return exchanging_ || client_newkeys_due_; }

  const Bytes& session_id() const { return session_id_; }
  const std::string& client_version() const { return client_version_; }
  const Negotiated& negotiated() const { return negotiated_; }
  // Whether clients may sign with this algorithm; for a certificate it is the one below the certificate's.
  bool accepts_signatures(std::string_view algorithm) const;

 private:
  Result<std::optional<bool>> read_version();
  Result<std::optional<Event>> handle(MutableByteSpan payload);
  Result<std::optional<Event>> handle_key_exchange(std::uint8_t number, MutableByteSpan payload);
  Result<void> handle_kexinit(ByteSpan payload);
  Result<Event> handle_kex_init(ByteSpan payload);
  Result<void> choose_host_key(ExchangeInput& input) const;
  Result<void> handle_newkeys(ByteSpan payload);
  Result<void> check_order(std::uint8_t number);
  void start_exchange();
  bool keys_used_up() const;
  void send_now(ByteSpan payload);
  void send_held_back();
  void send_ext_info();

  std::shared_ptr<const TransportOptions> options_;
  PacketInput input_;
  PacketOutput output_;
  std::unique_ptr<PacketOpener> opener_ = make_plain_opener();
  std::unique_ptr<PacketSealer> sealer_ = make_plain_sealer();
  std::uint32_t receive_sequence_ = 0, send_sequence_ = 0;
  std::uint32_t last_received_ = 0;  // sequence number of the packet being handled

  std::string client_version_;
  bool version_read_ = false;

  bool exchanging_ = false;           // our KEXINIT is out, our NEWKEYS is not
  bool client_kexinit_read_ = false;  // of the running exchange
  bool client_newkeys_due_ = false;   // our NEWKEYS is out, the client's is not in
  bool drop_next_packet_ = false;
  bool strict_ = false;
  bool first_exchange_ = true;  // until the client's first NEWKEYS
  bool authenticated_ = false;
  int exchanges_before_auth_ = 0;
  Bytes client_kexinit_, server_kexinit_, session_id_;
  Negotiated negotiated_;
  std::unique_ptr<PacketOpener> next_opener_;  // takes over at the client's NEWKEYS

  bool reserving_ = false;
  std::deque<Bytes> held_back_;
  std::size_t held_back_bytes_ = 0;

  std::uint64_t bytes_since_keys_ = 0;
  std::uint64_t packets_since_keys_ = 0;
  SteadyTime keys_since_;
};

}  // namespace ferry::ssh
