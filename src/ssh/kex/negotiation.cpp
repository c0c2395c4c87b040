#include "ssh/kex/negotiation.h"

#include <algorithm>
#include <array>

#include "crypto/secret.h"
#include "ssh/messages.h"

namespace ferry::ssh {

namespace {

constexpr std::size_t cookie_size = 16;
constexpr std::string_view ext_info_client = "ext-info-c";
constexpr std::string_view ext_info_server = "ext-info-s";
constexpr std::string_view strict_client = "kex-strict-c-v00@openssh.com";
constexpr std::string_view strict_server = "kex-strict-s-v00@openssh.com";
constexpr std::string_view no_compression = "none";

// The ten name-lists of KEXINIT, in their order.
enum List {
  kex,
  host_key,
  cipher_in,
  cipher_out,
  mac_in,
  mac_out,
  compression_in,
  compression_out,
  language_in,
  language_out
};
constexpr std::size_t list_count = 10;

struct ClientKexinit {
  std::array<NameList, list_count> lists;
  bool first_kex_packet_follows = false;
};

Result<ClientKexinit> parse(ByteSpan payload) {
  ByteReader in(payload);
  in.u8();
  in.bytes(cookie_size);
  ClientKexinit kexinit;
  for (NameList& list : kexinit.lists) {
    std::optional<NameList> names = parse_name_list(in.string());
    if (!names) return fail(ErrorCode::protocol_error, "bad name-list in KEXINIT");
    list = std::move(*names);
  }
  kexinit.first_kex_packet_follows = in.boolean();
  in.u32();  // reserved
  if (!in.done()) return fail(ErrorCode::protocol_error, "malformed KEXINIT");
  return kexinit;
}

std::unexpected<Error> nothing_in_common(std::string_view kind, const NameList& client,
                                         const std::vector<std::string>& server) {
  return fail(ErrorCode::unsupported, "no " + std::string(kind) + " in common; client: " + join_name_list(client) +
                                          "; server: " + join_name_list(server));
}

Result<Negotiated::Direction> choose_direction(const NameList& ciphers, const NameList& macs,
                                               const NameList& compressions, const AlgorithmOffer& offer) {
  Negotiated::Direction direction;
  direction.cipher = find_cipher(choose(ciphers, offer.ciphers));
  if (direction.cipher == nullptr) return nothing_in_common("cipher", ciphers, offer.ciphers);
  if (!direction.cipher->authenticated()) {
    direction.mac = find_mac(choose(macs, offer.macs));
    if (direction.mac == nullptr) return nothing_in_common("MAC", macs, offer.macs);
  }
  if (std::ranges::find(compressions, no_compression) == compressions.end()) {
    return nothing_in_common("compression", compressions, {std::string(no_compression)});
  }
  return direction;
}

// RFC 4253 section 7.1: a guess is wrong when the first algorithms differ.
bool guessed_wrong(const ClientKexinit& client, const AlgorithmOffer& offer) {
  const auto differ = [](const NameList& theirs, const std::vector<std::string>& ours) {
    return theirs.empty() || ours.empty() || theirs.front() != ours.front();
  };
  return differ(client.lists[kex], offer.key_agreements) || differ(client.lists[host_key], offer.host_key_algorithms);
}

}  // namespace

Bytes make_kexinit(const AlgorithmOffer& offer, bool first) {
  std::array<std::byte, cookie_size> cookie{};
  crypto::random_bytes(cookie);
  std::string agreements = join_name_list(offer.key_agreements);
  if (first) {
    agreements += ',';
    agreements += ext_info_server;
    agreements += ',';
    agreements += strict_server;
  }
  const std::string ciphers = join_name_list(offer.ciphers);
  const std::string macs = join_name_list(offer.macs);
  ByteWriter out(1024);
  out.u8(msg::kexinit).bytes(cookie).string(agreements).string(join_name_list(offer.host_key_algorithms));
  out.string(ciphers).string(ciphers).string(macs).string(macs);
  out.string(no_compression).string(no_compression);
  out.string(std::string_view()).string(std::string_view());  // languages
  out.boolean(false).u32(0);
  return out.take();
}

Result<Negotiated> negotiate(ByteSpan client_kexinit, const AlgorithmOffer& offer) {
  const Result<ClientKexinit> parsed = parse(client_kexinit);
  if (!parsed) return fail(parsed.error());
  const auto& lists = parsed->lists;

  Negotiated negotiated;
  negotiated.key_agreement = find_key_agreement(choose(lists[kex], offer.key_agreements));
  if (negotiated.key_agreement == nullptr) {
    return nothing_in_common("key exchange algorithm", lists[kex], offer.key_agreements);
  }
  negotiated.host_key_algorithm = choose(lists[host_key], offer.host_key_algorithms);
  if (negotiated.host_key_algorithm.empty()) {
    return nothing_in_common("host key algorithm", lists[host_key], offer.host_key_algorithms);
  }
  const auto in = choose_direction(lists[cipher_in], lists[mac_in], lists[compression_in], offer);
  if (!in) return fail(in.error());
  const auto out = choose_direction(lists[cipher_out], lists[mac_out], lists[compression_out], offer);
  if (!out) return fail(out.error());
  negotiated.to_server = *in;
  negotiated.to_client = *out;

  const auto client_lists = [&lists](std::string_view marker) {
    return std::ranges::find(lists[kex], marker) != lists[kex].end();
  };
  negotiated.client_wants_ext_info = client_lists(ext_info_client);
  negotiated.client_is_strict = client_lists(strict_client);
  negotiated.drop_next_packet = parsed->first_kex_packet_follows && guessed_wrong(*parsed, offer);
  return negotiated;
}

std::string describe(const Negotiated& negotiated) {
  const auto shown = [](const Negotiated::Direction& direction) {
    std::string text = "{Cipher:" + std::string(direction.cipher->name) + " MAC:";
    if (direction.mac != nullptr) text += direction.mac->name;
    return text + " compression:" + std::string(no_compression) + "}";
  };
  return "{KeyExchange:" + std::string(negotiated.key_agreement->name) + " HostKey:" + negotiated.host_key_algorithm +
         " Read:" + shown(negotiated.to_server) + " Write:" + shown(negotiated.to_client) + "}";
}

}  // namespace ferry::ssh
