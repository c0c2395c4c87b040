#include "ssh/transport/transport.h"

#include <algorithm>

#include "net/proxy_header.h"
#include "ssh/keys/public_key.h"

namespace ferry::ssh {

namespace {

constexpr std::size_t longest_version_line = 255;  // RFC 4253 section 4.2, CR LF included
// Each costs more to answer than to ask for; no client renews keys before it has logged in.
constexpr int most_exchanges_before_auth = 3;
// RFC 4344 section 3.1 and RFC 5647: far below the 2^32 after which a sequence number would repeat.
constexpr std::uint64_t most_packets = std::uint64_t{1} << 30;

bool is_key_exchange(std::uint8_t number) { return number >= msg::kexinit && number < msg::userauth_request; }
// May come between the KEXINIT and NEWKEYS of a side (RFC 4253 section 7.1).
bool is_transport_generic(std::uint8_t number) { return number >= msg::disconnect && number <= msg::debug; }
// Memory of a message that is held back, about: a short one costs more than its bytes.
std::size_t cost_of(std::size_t payload_size) { return payload_size + 64; }

}  // namespace

Transport::Transport(std::shared_ptr<const TransportOptions> options) : options_(std::move(options)) {}

void Transport::start(SteadyTime now) {
  keys_since_ = now;
  output_.append_raw(as_bytes(options_->version + "\r\n"));
  start_exchange();
}

void Transport::start_exchange() {
  server_kexinit_ = make_kexinit(options_->offer, before_first_keys());
  exchanging_ = true;
  send_now(server_kexinit_);
}

// --- version exchange ---

Result<std::optional<bool>> Transport::read_version() {
  const std::string_view text = as_text(input_.unread());
  const std::size_t newline = text.substr(0, longest_version_line).find('\n');
  if (newline == std::string_view::npos) {
    if (text.size() >= longest_version_line) return fail(ErrorCode::protocol_error, "version line too long");
    return std::nullopt;
  }
  std::string_view line = text.substr(0, newline);
  if (line.ends_with('\r')) line.remove_suffix(1);
  // A client sends nothing before its version line (RFC 4253 section 4.2 allows that to servers alone).
  if (!line.starts_with("SSH-2.0-") && !line.starts_with("SSH-1.99-")) {
    const bool proxied = net::begins_like_proxy_header(as_bytes(text));
    return fail(ErrorCode::protocol_error, proxied ? "a PROXY header from one whose headers are not read: see "
                                                     "common.proxy_protocol, proxy_allowed and proxy_skipped"
                                                   : "not an SSH 2.0 client");
  }
  const auto printable = [](char c) { return c >= ' ' && c < 0x7f; };
  if (!std::ranges::all_of(line, printable)) return fail(ErrorCode::protocol_error, "bad version line");
  client_version_ = line;
  input_.skip(newline + 1);
  version_read_ = true;
  return true;
}

// --- incoming packets ---

Result<Transport::Event> Transport::next() {
  if (!version_read_) {
    const Result<std::optional<bool>> read = read_version();
    if (!read) return fail(read.error());
    if (!*read) return NeedInput{};
  }
  while (true) {
    const std::uint32_t longest = authenticated_ ? PacketInput::longest : PacketInput::longest_before_auth;
    Result<std::optional<MutableByteSpan>> packet = input_.next(*opener_, receive_sequence_, longest);
    if (!packet) return fail(packet.error());
    if (!*packet) return NeedInput{};
    last_received_ = receive_sequence_++;
    if (strict_ && before_first_keys() && receive_sequence_ == 0) {
      return fail(ErrorCode::protocol_error, "sequence number wrapped in the first key exchange");
    }
    bytes_since_keys_ += (*packet)->size();
    ++packets_since_keys_;
    Result<std::optional<Event>> event = handle(**packet);
    if (!event) return fail(event.error());
    if (*event) return std::move(**event);
  }
}

Result<void> Transport::check_order(std::uint8_t number) {
  if (is_key_exchange(number)) return {};
  if (before_first_keys() || client_newkeys_due_) {
    // Before the first keys, and between the client's own KEXINIT and NEWKEYS.
    const bool strict_first = first_exchange_ && strict_;
    if (!is_transport_generic(number) || (strict_first && number != msg::disconnect)) {
      return fail(ErrorCode::protocol_error, "message " + std::to_string(number) + " inside a key exchange");
    }
  } else if (client_kexinit_read_ && !is_transport_generic(number)) {
    return fail(ErrorCode::protocol_error, "message " + std::to_string(number) + " inside a key exchange");
  }
  return {};
}

Result<std::optional<Transport::Event>> Transport::handle(MutableByteSpan payload) {
  const auto number = std::to_integer<std::uint8_t>(payload[0]);
  if (drop_next_packet_) {
    drop_next_packet_ = false;
    return std::nullopt;
  }
  const Result<void> in_order = check_order(number);
  if (!in_order) return fail(in_order.error());
  if (is_key_exchange(number)) return handle_key_exchange(number, payload);
  switch (number) {
    case msg::disconnect: {
      ByteReader in(payload.subspan(1));
      in.u32();
      std::string text(in.string().substr(0, 200));
      std::ranges::replace_if(
          text, [](char c) { return c < ' ' || c == 0x7f; }, '?');
      return fail(ErrorCode::connection_lost, "disconnected by the client: " + text);
    }
    case msg::ignore:
    case msg::debug:
    case msg::unimplemented: return std::nullopt;
    case msg::ping: {
      ByteReader in(payload.subspan(1));
      const ByteSpan data = in.blob();
      if (!in.done()) return fail(ErrorCode::protocol_error, "malformed PING");
      ByteWriter pong(data.size() + 5);
      pong.u8(msg::pong).string(data);
      send(pong.data());
      return std::nullopt;
    }
    default: return Event(Packet{payload});
  }
}

Result<std::optional<Transport::Event>> Transport::handle_key_exchange(std::uint8_t number, MutableByteSpan payload) {
  switch (number) {
    case msg::kexinit: {
      const Result<void> handled = handle_kexinit(payload);
      if (!handled) return fail(handled.error());
      return std::nullopt;
    }
    case msg::kex_init: {
      Result<Event> event = handle_kex_init(payload);
      if (!event) return fail(event.error());
      return std::move(*event);
    }
    case msg::newkeys: {
      const Result<void> handled = handle_newkeys(payload);
      if (!handled) return fail(handled.error());
      return std::nullopt;
    }
    default: return fail(ErrorCode::protocol_error, "unexpected key exchange message " + std::to_string(number));
  }
}

Result<void> Transport::handle_kexinit(ByteSpan payload) {
  if (client_kexinit_read_ || client_newkeys_due_)
    return fail(ErrorCode::protocol_error, "KEXINIT inside a key exchange");
  if (!authenticated_ && ++exchanges_before_auth_ > most_exchanges_before_auth) {
    return fail(ErrorCode::protocol_error, "too many key exchanges before authentication");
  }
  if (!exchanging_) start_exchange();
  Result<Negotiated> negotiated = negotiate(payload, options_->offer);
  if (!negotiated) return fail(negotiated.error());
  negotiated_ = std::move(*negotiated);
  if (before_first_keys() && negotiated_.client_is_strict) {
    // Strict key exchange: KEXINIT must be the very first packet (PROTOCOL section 1.10).
    if (last_received_ != 0) return fail(ErrorCode::protocol_error, "KEXINIT was not the first packet");
    strict_ = true;
  }
  client_kexinit_.assign(payload.begin(), payload.end());
  client_kexinit_read_ = true;
  drop_next_packet_ = negotiated_.drop_next_packet;
  return {};
}

Result<Transport::Event> Transport::handle_kex_init(ByteSpan payload) {
  if (!client_kexinit_read_ || client_newkeys_due_ || client_kexinit_.empty()) {
    return fail(ErrorCode::protocol_error, "key exchange message without KEXINIT");
  }
  ByteReader in(payload.subspan(1));
  const ByteSpan value = in.blob();
  if (!in.done()) return fail(ErrorCode::protocol_error, "malformed key exchange message");

  RunExchange run;
  run.input.method = negotiated_.key_agreement;
  run.input.client_public.assign(value.begin(), value.end());
  run.input.client_version = client_version_;
  run.input.server_version = options_->version;
  run.input.client_kexinit = std::exchange(client_kexinit_, {});
  run.input.server_kexinit = std::exchange(server_kexinit_, {});
  const Result<void> chosen = choose_host_key(run.input);
  if (!chosen) return fail(chosen.error());
  return Event(std::move(run));
}

// The key that signs, and what stands for it: itself, or its certificate.
Result<void> Transport::choose_host_key(ExchangeInput& input) const {
  const HostKeyAlgorithm* algorithm = find_host_key_algorithm(negotiated_.host_key_algorithm);
  if (algorithm == nullptr) return fail(ErrorCode::internal, "unknown host key algorithm");
  input.signature_algorithm = algorithm->signature;
  const auto signs = [algorithm](const PrivateKey& key) {
    const auto algorithms = key.algorithms();
    return std::ranges::find(algorithms, algorithm->signature) != algorithms.end();
  };
  if (algorithm->certificate()) {
    const auto found = std::ranges::find_if(options_->host_certificates, signs,
                                            [](const HostCertificate& c) -> const PrivateKey& { return *c.key; });
    if (found == options_->host_certificates.end()) return fail(ErrorCode::internal, "no host certificate");
    input.host_key = found->key;
    input.host_key_blob = found->blob;
    return {};
  }
  for (const auto& key : options_->host_keys) {
    if (signs(*key)) input.host_key = key;
  }
  if (!input.host_key) return fail(ErrorCode::internal, "no host key for the negotiated algorithm");
  input.host_key_blob = input.host_key->public_key().blob();
  return {};
}

void Transport::finish_exchange(ExchangeResult result, SteadyTime now) {
  const bool first = before_first_keys();
  if (first) session_id_ = result.hash;
  const crypto::HashAlgorithm hash = negotiated_.key_agreement->hash;
  const DirectionKeys to_client = derive_keys(hash, result, session_id_, server_to_client, negotiated_.to_client);
  const DirectionKeys to_server = derive_keys(hash, result, session_id_, client_to_server, negotiated_.to_server);

  send_now(result.reply);
  const std::byte newkeys{msg::newkeys};
  send_now(ByteSpan(&newkeys, 1));
  sealer_ = make_sealer(*negotiated_.to_client.cipher, negotiated_.to_client.mac, to_client);
  next_opener_ = make_opener(*negotiated_.to_server.cipher, negotiated_.to_server.mac, to_server);
  if (strict_) send_sequence_ = 0;

  exchanging_ = false;
  client_newkeys_due_ = true;
  bytes_since_keys_ = packets_since_keys_ = 0;
  keys_since_ = now;
  if (first && negotiated_.client_wants_ext_info) send_ext_info();
  send_held_back();
}

Result<void> Transport::handle_newkeys(ByteSpan payload) {
  if (!client_newkeys_due_ || payload.size() != 1) return fail(ErrorCode::protocol_error, "unexpected NEWKEYS");
  opener_ = std::move(next_opener_);
  if (strict_) receive_sequence_ = 0;
  client_newkeys_due_ = false;
  first_exchange_ = false;
  client_kexinit_read_ = false;
  return {};
}

// RFC 8308 section 2.4: as the first message after our first NEWKEYS.
void Transport::send_ext_info() {
  ByteWriter out(512);
  out.u8(msg::ext_info).u32(2);
  out.string(std::string_view("server-sig-algs")).string(join_name_list(options_->offer.public_keys));
  out.string(std::string_view("ping@openssh.com")).string(std::string_view("0"));
  send_now(out.data());
}

// --- outgoing ---

void Transport::send(ByteSpan payload) {
  if (exchanging_ || reserving_) {
    held_back_.emplace_back(payload.begin(), payload.end());
    held_back_bytes_ += cost_of(payload.size());
    return;
  }
  send_now(payload);
}

bool Transport::accepts_signatures(std::string_view algorithm) const {
  return std::ranges::find(options_->offer.public_keys, algorithm) != options_->offer.public_keys.end();
}

void Transport::send_now(ByteSpan payload) {
  const PacketOutput::Slot slot = output_.lay_out(*sealer_, payload.size());
  std::ranges::copy(payload, slot.payload);
  seal(slot, payload.size());
}

void Transport::send_held_back() {
  while (!held_back_.empty() && !exchanging_ && !reserving_) {
    const Bytes payload = std::move(held_back_.front());
    held_back_.pop_front();
    held_back_bytes_ -= cost_of(payload.size());
    send_now(payload);
  }
}

PacketOutput::Slot Transport::lay_out(std::size_t payload_size) {
  reserving_ = true;
  return output_.lay_out(*sealer_, payload_size);
}

void Transport::seal(const PacketOutput::Slot& slot, std::size_t payload_size) {
  output_.seal(*sealer_, send_sequence_++, slot, payload_size);
  bytes_since_keys_ += payload_size;
  ++packets_since_keys_;
}

void Transport::give_back(const PacketOutput::Slot& slot) { output_.give_back(slot); }

void Transport::end_reservation() {
  reserving_ = false;
  send_held_back();
  // A client that only receives gives no other occasion.
  if (authenticated_ && !exchanging() && keys_used_up()) start_exchange();
}

void Transport::send_unimplemented() {
  ByteWriter out(5);
  out.u8(msg::unimplemented).u32(last_received_);
  send(out.data());
}

void Transport::disconnect(DisconnectReason reason, std::string_view text) {
  if (!version_read_ || reserving_) return;  // a peer that is no SSH client would not understand it
  ByteWriter out(64);
  out.u8(msg::disconnect).u32(static_cast<std::uint32_t>(reason)).string(text).string(std::string_view());
  send_now(out.data());
}

bool Transport::keys_used_up() const {
  return bytes_since_keys_ >= options_->rekey_bytes || packets_since_keys_ >= most_packets;
}

void Transport::rekey_if_due(SteadyTime now) {
  if (!authenticated_ || exchanging()) return;
  if (keys_used_up() || now - keys_since_ >= options_->rekey_time) start_exchange();
}

}  // namespace ferry::ssh
