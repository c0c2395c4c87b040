#include "tests/unit/ssh/link.h"

#include <algorithm>
#include <map>

#include "tests/unit/ssh/packet_support.h"

namespace ferry::ssh::test {

std::shared_ptr<const PrivateKey> host_key(PrivateKey::Kind kind) {
  static std::map<PrivateKey::Kind, std::shared_ptr<const PrivateKey>> keys;
  auto& key = keys[kind];
  if (!key) key = std::make_shared<PrivateKey>(PrivateKey::generate(kind));
  return key;
}

void offer_everything(AlgorithmOffer& offer) {
  for (const auto& method : key_agreements()) offer.key_agreements.emplace_back(method.name);
  for (const auto& cipher : cipher_algorithms()) offer.ciphers.emplace_back(cipher.name);
  for (const auto& mac : mac_algorithms()) offer.macs.emplace_back(mac.name);
}

TransportOptions transport_options() {
  TransportOptions options;
  options.version = "SSH-2.0-FerryTest";
  options.offer.host_key_algorithms = {"ssh-ed25519", "ecdsa-sha2-nistp256", "rsa-sha2-512", "rsa-sha2-256"};
  offer_everything(options.offer);
  options.offer = complete_offer(options.offer);
  options.host_keys = {host_key(PrivateKey::Kind::ed25519), host_key(PrivateKey::Kind::ecdsa_p256),
                       host_key(PrivateKey::Kind::rsa_3072)};
  return options;
}

Link::Link(TransportOptions options) : transport(std::make_shared<TransportOptions>(std::move(options))) {}

Bytes Link::drain_output() { return drain(transport.output()); }

void Link::fail_with(Error why) {
  error = std::move(why);
  if (error->code != ErrorCode::connection_lost) transport.disconnect(DisconnectReason::protocol_error, error->message);
}

void Link::serve() {
  while (!error && !pending_exchange) {
    Result<Transport::Event> event = transport.next();
    if (!event) return fail_with(event.error());
    if (std::holds_alternative<Transport::NeedInput>(*event)) return;
    if (auto* packet = std::get_if<Transport::Packet>(&*event)) {
      const Result<void> delivered = deliver(packet->payload);
      if (!delivered) return fail_with(delivered.error());
    } else {
      pending_exchange = std::move(std::get<Transport::RunExchange>(*event).input);
      if (!hold_exchange) finish_exchange();
    }
  }
}

void Link::finish_exchange() {
  Result<ExchangeResult> result = run_exchange(*std::exchange(pending_exchange, {}));
  if (!result) return fail_with(result.error());
  transport.finish_exchange(std::move(*result), time);
}

Result<void> Link::deliver(MutableByteSpan payload) {
  packets.push_back(copy(payload));
  return {};
}

void Link::to_server() {
  if (!std::exchange(started_, true)) transport.start(time);
  const Bytes bytes = client.take_output();
  ByteSpan rest(bytes);
  serve();
  while (!rest.empty() && !error) {
    std::size_t count = std::min(rest.size(), transport.input().space().size());
    if (piece > 0) count = std::min(count, piece);
    feed(transport.input(), rest.first(count));
    rest = rest.subspan(count);
    serve();
  }
  if (!error) idle();
}

void Link::pump() {
  for (int round = 0; round < 1000; ++round) {
    to_server();
    const Bytes bytes = drain_output();
    client.receive(bytes);
    const Bytes more = client.take_output();
    if (more.empty() && bytes.empty()) return;
    client.send_raw(more);
    if (error && bytes.empty()) return;
  }
  throw std::runtime_error("client and server never stop talking");
}

void Link::connect() {
  client.send_version();
  pump();
}

void Link::say(ByteSpan payload) {
  client.send(payload);
  pump();
}

}  // namespace ferry::ssh::test
