// A server before its first keys: version line, KEXINIT and whatever else a client may send, as raw bytes or as
// well-formed plain packets around hostile payloads. Key agreements that the client reaches are computed.
#include "fuzz/input.h"
#include "ssh/transport/transport.h"

using namespace ferry;

namespace {

std::shared_ptr<const ssh::TransportOptions> options() {
  static const auto shared = [] {
    auto made = std::make_shared<ssh::TransportOptions>();
    for (const auto kind : {ssh::PrivateKey::Kind::ed25519, ssh::PrivateKey::Kind::ecdsa_p256}) {
      made->host_keys.push_back(std::make_shared<const ssh::PrivateKey>(ssh::PrivateKey::generate(kind)));
      for (const std::string_view name : made->host_keys.back()->algorithms()) {
        made->offer.host_key_algorithms.emplace_back(name);
      }
    }
    for (const ssh::KeyAgreement& method : ssh::key_agreements()) made->offer.key_agreements.emplace_back(method.name);
    made->offer = ssh::complete_offer(made->offer);
    return made;
  }();
  return shared;
}

struct Server {
  ssh::Transport transport{options()};
  ssh::SteadyTime now{std::chrono::hours(1)};
  std::size_t handed_up = 0;

  bool feed(ByteSpan bytes) {
    while (!bytes.empty()) {
      const MutableByteSpan space = transport.input().space();
      const std::size_t count = std::min(space.size(), bytes.size());
      std::copy_n(bytes.begin(), count, space.begin());
      transport.input().received(count);
      bytes = bytes.subspan(count);
      if (!handle()) return false;
    }
    return true;
  }

  bool handle() {
    while (true) {
      Result<ssh::Transport::Event> event = transport.next();
      if (!event) return false;
      if (std::holds_alternative<ssh::Transport::NeedInput>(*event)) return true;
      if (auto* exchange = std::get_if<ssh::Transport::RunExchange>(&*event)) {
        Result<ssh::ExchangeResult> result = ssh::run_exchange(exchange->input);
        if (!result) return false;
        transport.finish_exchange(std::move(*result), now);
      } else {
        // Nothing reaches the layers above before there are keys; the client cannot compute these.
        fuzz::require(false);
      }
    }
  }
};

Bytes plain_packet(ByteSpan payload) {
  constexpr std::size_t block = 8;
  std::size_t padding = 4;
  while ((4 + 1 + payload.size() + padding) % block != 0) ++padding;
  return ByteWriter()
      .u32(static_cast<std::uint32_t>(1 + payload.size() + padding))
      .u8(static_cast<std::uint8_t>(padding))
      .bytes(payload)
      .bytes(Bytes(padding))
      .take();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  fuzz::Input in(data, size);
  Server server;
  server.transport.start(server.now);
  const std::uint8_t how = in.byte();
  if (how & 1U) {
    const std::string version = "SSH-2.0-Fuzz\r\n";
    if (!server.feed(std::as_bytes(std::span(version)))) return 0;
    while (!in.empty()) {
      if (!server.feed(plain_packet(in.message()))) return 0;
    }
  } else {
    const std::size_t portion = std::size_t{in.byte()} + 1;
    while (!in.empty()) {
      if (!server.feed(in.take(portion))) return 0;
    }
  }
  return 0;
}
