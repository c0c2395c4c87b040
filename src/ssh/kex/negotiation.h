// KEXINIT: building ours, reading the client's, choosing (RFC 4253 section 7.1; RFC 8308; strict key exchange
// of OpenSSH's PROTOCOL section 1.10).
#pragma once

#include "base/bytes.h"
#include "base/error.h"
#include "ssh/kex/key_agreement.h"
#include "ssh/transport/algorithms.h"

namespace ferry::ssh {

// What both sides agreed on. Names point into static tables or into the host key algorithm's own string.
struct Negotiated {
  const KeyAgreement* key_agreement = nullptr;
  std::string host_key_algorithm;
  struct Direction {
    const CipherAlgorithm* cipher = nullptr;
    const MacAlgorithm* mac = nullptr;  // null for authenticated ciphers
  };
  Direction to_server, to_client;
  // The client sent a packet on a wrong guess: the next one is to be dropped (first_kex_packet_follows).
  bool drop_next_packet = false;
  bool client_wants_ext_info = false;  // ext-info-c
  bool client_is_strict = false;       // kex-strict-c-v00@openssh.com
};

// Our KEXINIT payload, message number included. `first`: the connection's first exchange, which carries the
// markers of ext-info and strict key exchange.
Bytes make_kexinit(const AlgorithmOffer& offer, bool first);

// Reads the client's KEXINIT and chooses. protocol_error: malformed. unsupported: nothing in common, the
// message names the kind and both lists.
Result<Negotiated> negotiate(ByteSpan client_kexinit, const AlgorithmOffer& offer);

// In one line, in the form of SFTPGo's log: "{KeyExchange:... HostKey:... Read:{Cipher:... MAC:... compression:none}
// Write:{...}}", without the line break. Read is what the server reads.
std::string describe(const Negotiated& negotiated);

}  // namespace ferry::ssh
