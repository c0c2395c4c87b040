#include "tests/unit/ssh/test_client.h"

#include <openssl/ec.h>
#include <openssl/evp.h>

#include <algorithm>
#include <array>
#include <stdexcept>

#include "ssh/messages.h"
#include "tests/unit/ssh/packet_support.h"

namespace ferry::ssh::test {
namespace {

void require(bool done, const char* what) {
  if (!done) throw std::runtime_error(std::string("test client: ") + what);
}

constexpr std::string_view hybrid = "mlkem768x25519-sha256";
constexpr std::size_t kem_ciphertext_size = crypto::ml_kem768::ciphertext_size;

EVP_PKEY* new_ephemeral(std::string_view method) {
  if (method.starts_with("curve25519") || method == hybrid) return EVP_PKEY_Q_keygen(nullptr, nullptr, "X25519");
  if (method == "ecdh-sha2-nistp256") return EVP_EC_gen("P-256");
  if (method == "ecdh-sha2-nistp384") return EVP_EC_gen("P-384");
  if (method == "ecdh-sha2-nistp521") return EVP_EC_gen("P-521");
  const char* group = method.starts_with("diffie-hellman-group14")   ? "modp_2048"
                      : method.starts_with("diffie-hellman-group16") ? "modp_4096"
                                                                     : "modp_8192";
  EVP_PKEY_CTX* context = EVP_PKEY_CTX_new_from_name(nullptr, "DH", nullptr);
  EVP_PKEY* key = nullptr;
  require(EVP_PKEY_keygen_init(context) == 1 && EVP_PKEY_CTX_set_group_name(context, group) == 1 &&
              EVP_PKEY_generate(context, &key) == 1,
          "no ephemeral key");
  EVP_PKEY_CTX_free(context);
  return key;
}

Bytes public_of(EVP_PKEY* key) {
  unsigned char* encoded = nullptr;
  const std::size_t size = EVP_PKEY_get1_encoded_public_key(key, &encoded);
  require(size > 0, "no public value");
  Bytes value(reinterpret_cast<std::byte*>(encoded), reinterpret_cast<std::byte*>(encoded) + size);
  OPENSSL_free(encoded);
  return value;
}

Bytes shared_secret(EVP_PKEY* own, ByteSpan peer_value) {
  EVP_PKEY* peer = EVP_PKEY_new();
  require(EVP_PKEY_copy_parameters(peer, own) == 1 || EVP_PKEY_is_a(own, "X25519") == 1, "parameters");
  if (EVP_PKEY_is_a(own, "X25519") == 1) {
    EVP_PKEY_free(peer);
    peer = EVP_PKEY_new_raw_public_key(EVP_PKEY_X25519, nullptr,
                                       reinterpret_cast<const unsigned char*>(peer_value.data()), peer_value.size());
  } else {
    require(EVP_PKEY_set1_encoded_public_key(peer, reinterpret_cast<const unsigned char*>(peer_value.data()),
                                             peer_value.size()) == 1,
            "server's public value");
  }
  EVP_PKEY_CTX* context = EVP_PKEY_CTX_new(own, nullptr);
  std::size_t size = 0;
  require(EVP_PKEY_derive_init(context) == 1 && EVP_PKEY_derive_set_peer(context, peer) == 1 &&
              EVP_PKEY_derive(context, nullptr, &size) == 1,
          "derive");
  Bytes secret(size);
  require(EVP_PKEY_derive(context, reinterpret_cast<unsigned char*>(secret.data()), &size) == 1, "derive");
  secret.resize(size);
  EVP_PKEY_CTX_free(context);
  EVP_PKEY_free(peer);
  return secret;
}

AlgorithmOffer offer_of(const Bytes& kexinit) {
  ByteReader in(kexinit);
  in.u8();
  in.bytes(16);
  std::array<std::vector<std::string>, 6> lists;
  for (auto& list : lists) {
    const std::string text(in.string());
    const std::optional<NameList> names = parse_name_list(text);
    require(names.has_value(), "bad name-list of the server");
    list.assign(names->begin(), names->end());
  }
  return {lists[0], lists[1], lists[2], lists[4]};
}

bool offers(const std::vector<std::string>& list, std::string_view name) {
  return std::ranges::find(list, name) != list.end();
}

}  // namespace

TestClient::TestClient() : ephemeral_(nullptr, [](EVP_PKEY* key) { EVP_PKEY_free(key); }) {}
TestClient::~TestClient() = default;

void TestClient::note(std::string what) {
  if (violation.empty()) violation = std::move(what);
}

// --- to the server ---

void TestClient::send_version() { append(out_, as_bytes(version + "\r\n")); }
void TestClient::send_raw(ByteSpan bytes) { append(out_, bytes); }
void TestClient::send(ByteSpan payload) { append(out_, sealed_packet(*sealer_, send_sequence_++, payload)); }
Bytes TestClient::take_output() { return std::exchange(out_, {}); }

void TestClient::send_kexinit() {
  Kexinit said = kexinit;
  if (exchanges_ == 0 && ext_info) said.kex += ",ext-info-c";
  if (exchanges_ == 0 && strict) said.kex += ",kex-strict-c-v00@openssh.com";
  client_kexinit_ = said.payload();
  kexinit_sent_ = true;
  send(client_kexinit_);
}

void TestClient::send_kex_init() {
  const std::string_view method = negotiated_.key_agreement->name;
  ephemeral_.reset(new_ephemeral(method));
  public_ = public_of(ephemeral_.get());
  if (method == hybrid) {
    kem_keys_ = crypto::ml_kem768::generate();
    public_.insert(public_.begin(), kem_keys_.encapsulation_key.begin(), kem_keys_.encapsulation_key.end());
  }
  ByteWriter out;
  out.u8(msg::kex_init);
  if (negotiated_.key_agreement->finite_field) {
    out.mpint(public_);
  } else {
    out.string(public_);
  }
  send(out.data());
}

void TestClient::send_newkeys() {
  const std::byte newkeys{msg::newkeys};
  send({&newkeys, 1});
  sealer_ = new_sealer();
  newkeys_sent_ = true;
  if (strict_agreed_) send_sequence_ = 0;
}

// K as it enters the hash: an mpint, or for the hybrid a string (draft-ietf-sshm-mlkem-hybrid-kex section 2.4).
Bytes TestClient::agree(const Bytes& server_public) {
  if (negotiated_.key_agreement->name != hybrid) {
    return ByteWriter().mpint(shared_secret(ephemeral_.get(), server_public)).take();
  }
  require(server_public.size() == kem_ciphertext_size + 32, "length of the server's public value");
  const ByteSpan both(server_public);
  const auto post_quantum = crypto::ml_kem768::decapsulate(kem_keys_.decapsulation_key.bytes(),  //
                                                           both.first(kem_ciphertext_size));
  require(post_quantum.has_value(), "decapsulation");
  const Bytes classical = shared_secret(ephemeral_.get(), both.subspan(kem_ciphertext_size));
  return ByteWriter().string(crypto::hash(crypto::HashAlgorithm::sha256, {post_quantum->bytes(), classical})).take();
}

// --- from the server ---

void TestClient::receive(ByteSpan bytes) {
  while (!bytes.empty() || server_version_.empty()) {
    const std::size_t count = std::min(bytes.size(), input_.space().size());
    feed(input_, bytes.first(count));
    bytes = bytes.subspan(count);
    if (server_version_.empty()) {
      const std::string_view text = as_text(input_.unread());
      const std::size_t end = text.find("\r\n");
      if (end == std::string_view::npos) return;
      server_version_ = text.substr(0, end);
      input_.skip(end + 2);
    }
    while (true) {
      const auto packet = input_.next(*opener_, receive_sequence_, PacketInput::longest);
      if (!packet) return note("cannot read the server: " + packet.error().message);
      if (!*packet) break;
      ++receive_sequence_;
      handle(**packet);
    }
  }
}

// Pitfall: anything but key exchange messages between the server's KEXINIT and NEWKEYS (RFC 4253 section 7.1).
void TestClient::check_order(std::uint8_t number) {
  const bool kex = number >= msg::kexinit && number < msg::userauth_request;
  if (server_kexinit_seen_ && !kex && number != msg::disconnect) {
    note("message " + std::to_string(number) + " inside the server's key exchange");
  }
  if (session_id_.empty() && !server_kexinit_seen_ && number != msg::kexinit) {
    note("message " + std::to_string(number) + " before KEXINIT");
  }
  if (number == msg::ext_info && !(first_packet_after_newkeys_ && exchanges_ == 1 && ext_info)) {
    note("EXT_INFO at a wrong time or not asked for");
  }
}

void TestClient::handle(ByteSpan payload) {
  const std::uint8_t number = std::to_integer<std::uint8_t>(payload[0]);
  numbers.push_back(number);
  check_order(number);
  first_packet_after_newkeys_ = false;
  switch (number) {
    case msg::kexinit: return handle_kexinit(payload);
    case msg::kex_reply: return handle_reply(payload);
    case msg::newkeys: return handle_newkeys();
    default: received.push_back(copy(payload));
  }
}

void TestClient::handle_kexinit(ByteSpan payload) {
  if (server_kexinit_seen_) note("second KEXINIT");
  server_kexinit_ = copy(payload);
  server_kexinit_seen_ = true;
  const AlgorithmOffer offer = offer_of(server_kexinit_);
  if (exchanges_ == 0) {
    strict_agreed_ = strict && offers(offer.key_agreements, "kex-strict-s-v00@openssh.com");
    if (strict_agreed_ && receive_sequence_ != 1) note("KEXINIT was not the server's first packet");
  } else if (offers(offer.key_agreements, "ext-info-s") ||
             offers(offer.key_agreements, "kex-strict-s-v00@openssh.com")) {
    note("markers of the first key exchange in a later one");
  }
  const Result<Negotiated> agreed = negotiate(kexinit.payload(), offer);
  if (!agreed) return note(agreed.error().message);
  negotiated_ = *agreed;
  if (!automatic) return;
  if (!kexinit_sent_) send_kexinit();
  send_kex_init();
}

void TestClient::handle_reply(ByteSpan payload) {
  ByteReader in(payload);
  in.u8();
  const Bytes host_key = copy(in.blob());
  const Bytes server_public = copy(in.blob());
  const Bytes signature = copy(in.blob());
  if (!in.done() || !server_kexinit_seen_ || !kexinit_sent_) return note("malformed or misplaced KEX_REPLY");
  shared_ = agree(server_public);
  ByteWriter hashed;
  hashed.string(version).string(server_version_).string(client_kexinit_).string(server_kexinit_).string(host_key);
  if (negotiated_.key_agreement->finite_field) {
    hashed.mpint(public_).mpint(server_public);
  } else {
    hashed.string(public_).string(server_public);
  }
  hashed.bytes(shared_);
  hash_ = crypto::hash(negotiated_.key_agreement->hash, {hashed.data()});
  if (session_id_.empty()) session_id_ = hash_;
  const Result<PublicKey> key = PublicKey::parse(host_key);
  host_key_verified_ = key && key->verify(negotiated_.host_key_algorithm, signature, hash_);
  if (!host_key_verified_) note("the host's signature is wrong");
  reply_seen_ = true;
  if (automatic) send_newkeys();
}

void TestClient::handle_newkeys() {
  if (!reply_seen_) note("NEWKEYS before KEX_REPLY");
  opener_ = new_opener();
  if (strict_agreed_) receive_sequence_ = 0;
  server_kexinit_seen_ = kexinit_sent_ = reply_seen_ = newkeys_sent_ = false;
  first_packet_after_newkeys_ = true;
  ++exchanges_;
}

// --- keys (RFC 4253 section 7.2) ---

crypto::Secret TestClient::derive(char letter, std::size_t size) const {
  const crypto::HashAlgorithm algorithm = negotiated_.key_agreement->hash;
  const std::byte which = static_cast<std::byte>(letter);
  Bytes material = crypto::hash(algorithm, {shared_, hash_, ByteSpan(&which, 1), session_id_});
  while (material.size() < size) append(material, crypto::hash(algorithm, {shared_, hash_, material}));
  return crypto::Secret(ByteSpan(material).first(size));
}

std::unique_ptr<PacketSealer> TestClient::new_sealer() const {
  const auto& [cipher, mac] = negotiated_.to_server;
  DirectionKeys keys{derive('A', cipher->iv_size), derive('C', cipher->key_size), {}};
  if (mac != nullptr) keys.integrity = derive('E', crypto::hash_size(mac->hash));
  return make_sealer(*cipher, mac, keys);
}

std::unique_ptr<PacketOpener> TestClient::new_opener() const {
  const auto& [cipher, mac] = negotiated_.to_client;
  DirectionKeys keys{derive('B', cipher->iv_size), derive('D', cipher->key_size), {}};
  if (mac != nullptr) keys.integrity = derive('F', crypto::hash_size(mac->hash));
  return make_opener(*cipher, mac, keys);
}

Bytes TestClient::take(std::uint8_t number) {
  const auto found = std::ranges::find_if(
      received, [number](const Bytes& payload) { return std::to_integer<std::uint8_t>(payload[0]) == number; });
  if (found == received.end()) return {};
  Bytes payload = std::move(*found);
  received.erase(found);
  return payload;
}

bool TestClient::got(std::uint8_t number) const {
  return std::ranges::any_of(
      received, [number](const Bytes& payload) { return std::to_integer<std::uint8_t>(payload[0]) == number; });
}

}  // namespace ferry::ssh::test
