#include "ssh/transport/packet_cipher.h"

#include <gtest/gtest.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include <algorithm>

#include "tests/unit/ssh/packet_support.h"

namespace ferry::ssh::test {
namespace {

// --- seal, then open ---

class PacketCipher : public testing::TestWithParam<Protection> {};

std::optional<Bytes> open_packet(PacketOpener& opener, std::uint32_t sequence, Bytes packet) {
  const std::size_t tag_size = opener.shape().tag_size;
  const std::uint32_t length = opener.open_length(sequence, MutableByteSpan(packet).first(opener.prefix_size()));
  if (4 + length + tag_size != packet.size()) return std::nullopt;
  const MutableByteSpan covered = MutableByteSpan(packet).first(4 + length);
  if (!opener.open(sequence, covered, packet.data() + covered.size())) return std::nullopt;
  const auto padding = std::to_integer<std::size_t>(packet[4]);
  return Bytes(packet.begin() + 5, packet.begin() + static_cast<std::ptrdiff_t>(4 + length - padding));
}

TEST_P(PacketCipher, OpensWhatItSealed) {
  const auto sealer = GetParam().sealer();
  const auto opener = GetParam().opener();
  std::uint32_t sequence = 0xfffffff0;  // wraps on the way
  const auto round = [&](std::size_t size) {
    const Bytes payload = pattern(size, sequence);
    const Bytes packet = sealed_packet(*sealer, sequence, payload);
    EXPECT_EQ(packet.size(), sealed_size(sealer->shape(), size));
    const std::optional<Bytes> opened = open_packet(*opener, sequence, packet);
    ASSERT_TRUE(opened) << "payload of " << size;
    EXPECT_EQ(*opened, payload) << "payload of " << size;
    ++sequence;
  };
  for (std::size_t size = 1; size <= 600; ++size) round(size);
  round(32 * 1024);
  round(1);
}

TEST_P(PacketCipher, HidesThePayload) {
  const auto sealer = GetParam().sealer();
  const Bytes payload(64, std::byte{0x55});
  const Bytes packet = sealed_packet(*sealer, 3, payload);
  EXPECT_EQ(std::ranges::search(packet, Bytes(8, std::byte{0x55})).size(), 0U);
}

TEST_P(PacketCipher, RefusesAReplay) {
  const auto sealer = GetParam().sealer();
  const auto opener = GetParam().opener();
  const Bytes packet = sealed_packet(*sealer, 0, pattern(40));
  ASSERT_TRUE(open_packet(*opener, 0, packet));
  EXPECT_FALSE(open_packet(*opener, 1, packet));
}

TEST_P(PacketCipher, RefusesASwappedPair) {
  const auto sealer = GetParam().sealer();
  const auto opener = GetParam().opener();
  sealed_packet(*sealer, 0, pattern(40, 1));
  const Bytes second = sealed_packet(*sealer, 1, pattern(40, 2));
  EXPECT_FALSE(open_packet(*opener, 0, second));
}

TEST_P(PacketCipher, CoversTheSequenceNumber) {
  const bool ignored = GetParam().cipher->kind == CipherKind::aes_gcm;  // RFC 5647 counts invocations instead
  for (const std::uint32_t wrong : {0U, 8U, 0x80000007U}) {
    const Bytes packet = sealed_packet(*GetParam().sealer(), 7, pattern(40));
    const auto opener = GetParam().opener();
    EXPECT_EQ(open_packet(*opener, wrong, packet).has_value(), ignored) << wrong;
  }
}

TEST_P(PacketCipher, RefusesOtherKeys) {
  const Bytes packet = sealed_packet(*GetParam().sealer(), 0, pattern(40));
  DirectionKeys keys = test_keys(*GetParam().cipher, GetParam().mac);
  crypto::Secret& changed = keys.integrity.empty() ? keys.encryption : keys.integrity;
  changed.bytes()[0] ^= std::byte{1};
  const auto opener = make_opener(*GetParam().cipher, GetParam().mac, keys);
  EXPECT_FALSE(open_packet(*opener, 0, packet));
}

// Through PacketInput, as a connection reads: a changed length may ask for more bytes, which then come.
TEST_P(PacketCipher, RefusesEverySingleBitFlip) {
  const Bytes genuine = sealed_packet(*GetParam().sealer(), 9, pattern(23));
  const Bytes more(40'000, std::byte{0});
  for (std::size_t bit = 0; bit < genuine.size() * 8; ++bit) {
    Bytes forged = genuine;
    forged[bit / 8] ^= static_cast<std::byte>(1U << bit % 8);
    const auto opener = GetParam().opener();
    PacketInput input;
    feed(input, forged);
    auto opened = input.next(*opener, 9, PacketInput::longest_before_auth);
    if (opened && !*opened) {
      feed(input, more);
      opened = input.next(*opener, 9, PacketInput::longest_before_auth);
    }
    ASSERT_FALSE(opened) << "bit " << bit;
    EXPECT_EQ(opened.error().code, ErrorCode::protocol_error);
  }
  const auto opener = GetParam().opener();
  PacketInput input;
  feed(input, genuine);
  const auto opened = input.next(*opener, 9, PacketInput::longest_before_auth);
  ASSERT_TRUE(opened && *opened);
  EXPECT_EQ(copy(**opened), pattern(23));
}

INSTANTIATE_TEST_SUITE_P(All, PacketCipher, testing::ValuesIn(all_protections()),
                         [](const auto& info) { return info.param.name(); });

TEST(PacketCipherTable, HasEveryNameOfTheManual) {
  for (const char* name :
       {"aes128-gcm@openssh.com", "aes256-gcm@openssh.com", "chacha20-poly1305@openssh.com", "aes128-ctr", "aes192-ctr",
        "aes256-ctr", "aes128-cbc", "aes192-cbc", "aes256-cbc", "3des-cbc"}) {
    EXPECT_NE(find_cipher(name), nullptr) << name;
  }
  for (const char* name : {"hmac-sha2-256-etm@openssh.com", "hmac-sha2-512-etm@openssh.com", "hmac-sha2-256",
                           "hmac-sha2-512", "hmac-sha1", "hmac-sha1-96"}) {
    EXPECT_NE(find_mac(name), nullptr) << name;
  }
  EXPECT_EQ(find_cipher("none"), nullptr);
  EXPECT_EQ(find_cipher("arcfour"), nullptr);
  EXPECT_EQ(find_mac("hmac-md5"), nullptr);
  EXPECT_EQ(find_mac(""), nullptr);
}

// --- the same bytes as OpenSSL makes when called by hand ---

const unsigned char* raw(ByteSpan bytes) { return reinterpret_cast<const unsigned char*>(bytes.data()); }

Bytes stream(const EVP_CIPHER* cipher, ByteSpan key, ByteSpan iv, ByteSpan data) {
  EVP_CIPHER_CTX* context = EVP_CIPHER_CTX_new();
  Bytes out(data.size());
  int done = 0;
  EXPECT_EQ(EVP_EncryptInit_ex(context, cipher, nullptr, raw(key), raw(iv)), 1);
  EXPECT_EQ(EVP_EncryptUpdate(context, reinterpret_cast<unsigned char*>(out.data()), &done, raw(data),
                              static_cast<int>(data.size())),
            1);
  EVP_CIPHER_CTX_free(context);
  return out;
}

Bytes gcm(const EVP_CIPHER* cipher, ByteSpan key, ByteSpan nonce, ByteSpan packet) {
  EVP_CIPHER_CTX* context = EVP_CIPHER_CTX_new();
  Bytes out = copy(packet);
  out.resize(packet.size() + 16);
  auto* const to = reinterpret_cast<unsigned char*>(out.data());
  int done = 0;
  EXPECT_EQ(EVP_EncryptInit_ex(context, cipher, nullptr, raw(key), raw(nonce)), 1);
  EXPECT_EQ(EVP_EncryptUpdate(context, nullptr, &done, raw(packet), 4), 1);
  EXPECT_EQ(EVP_EncryptUpdate(context, to + 4, &done, raw(packet) + 4, static_cast<int>(packet.size() - 4)), 1);
  EXPECT_EQ(EVP_EncryptFinal_ex(context, to + packet.size(), &done), 1);
  EXPECT_EQ(EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_GCM_GET_TAG, 16, to + packet.size()), 1);
  EVP_CIPHER_CTX_free(context);
  return out;
}

// RFC 5647: the nonce's last eight bytes count up, modulo 2^64, and its first four never change.
TEST(PacketCipherKnown, AesGcm) {
  for (const char* name : {"aes128-gcm@openssh.com", "aes256-gcm@openssh.com"}) {
    const CipherAlgorithm& cipher = *find_cipher(name);
    DirectionKeys keys = test_keys(cipher, nullptr);
    Bytes nonce = Bytes{std::byte{0xa1}, std::byte{0xa2}, std::byte{0xa3}, std::byte{0xff}};
    nonce.resize(12, std::byte{0xff});
    nonce[11] = std::byte{0xfe};
    keys.iv = crypto::Secret(nonce);
    const auto sealer = make_sealer(cipher, nullptr, keys);
    const EVP_CIPHER* evp = cipher.key_size == 16 ? EVP_aes_128_gcm() : EVP_aes_256_gcm();
    for (const std::uint64_t counter : {0xfffffffffffffffeULL, 0xffffffffffffffffULL, 0ULL, 1ULL}) {
      store_u64(nonce.data() + 4, counter);
      const Bytes payload = pattern(100, static_cast<unsigned>(counter));
      const Bytes expected = gcm(evp, keys.encryption.bytes(), nonce, plain_packet(sealer->shape(), payload));
      EXPECT_EQ(sealed_packet(*sealer, 77, payload), expected) << name << " " << counter;
      EXPECT_EQ(expected.size() % 16, 4U);  // the length is not encrypted and does not count
    }
  }
}

// PROTOCOL.chacha20poly1305: K_2 (first half) for the body and the Poly1305 key, K_1 (second half) for the length.
TEST(PacketCipherKnown, ChaCha20Poly1305) {
  const CipherAlgorithm& cipher = *find_cipher("chacha20-poly1305@openssh.com");
  const DirectionKeys keys = test_keys(cipher, nullptr);
  const ByteSpan body_key = keys.encryption.bytes().first(32);
  const ByteSpan length_key = keys.encryption.bytes().subspan(32);
  const auto sealer = make_sealer(cipher, nullptr, keys);
  for (const std::uint32_t sequence : {0U, 1U, 255U, 256U, 0x01020304U, 0xffffffffU}) {
    const auto iv = [sequence](std::uint8_t block) {  // block counter little-endian, sequence number big-endian
      Bytes bytes(16);
      bytes[0] = std::byte{block};
      store_u64(bytes.data() + 8, sequence);
      return bytes;
    };
    const Bytes payload = pattern(300, sequence);
    const Bytes packet = plain_packet(sealer->shape(), payload);
    Bytes expected = stream(EVP_chacha20(), length_key, iv(0), ByteSpan(packet).first(4));
    append(expected, stream(EVP_chacha20(), body_key, iv(1), ByteSpan(packet).subspan(4)));
    const Bytes poly_key = stream(EVP_chacha20(), body_key, iv(0), Bytes(32));
    std::array<unsigned char, 16> tag{};
    std::size_t tag_size = 0;
    ASSERT_NE(EVP_Q_mac(nullptr, "POLY1305", nullptr, nullptr, nullptr, poly_key.data(), poly_key.size(), raw(expected),
                        expected.size(), tag.data(), tag.size(), &tag_size),
              nullptr);
    append(expected, std::as_bytes(std::span(tag)));
    EXPECT_EQ(sealed_packet(*sealer, sequence, payload), expected) << sequence;
  }
}

Bytes hmac(const EVP_MD* digest, ByteSpan key, std::uint32_t sequence, ByteSpan data) {
  const Bytes covered = ByteWriter().u32(sequence).bytes(data).take();
  Bytes tag(static_cast<std::size_t>(EVP_MD_get_size(digest)));
  unsigned size = 0;
  HMAC(digest, key.data(), static_cast<int>(key.size()), raw(covered), covered.size(),
       reinterpret_cast<unsigned char*>(tag.data()), &size);
  return tag;
}

// RFC 4253 section 6.4 (the MAC covers what is not encrypted yet) and OpenSSH's encrypt-then-mac (it covers the
// length in clear and the rest encrypted), with the counter of RFC 4344 or the chain of CBC running on from packet to
// packet.
const EVP_CIPHER* evp_cipher_of(const CipherAlgorithm& cipher) {
  if (cipher.kind == CipherKind::des3_cbc) return EVP_des_ede3_cbc();
  const bool ctr = cipher.kind == CipherKind::aes_ctr;
  if (cipher.key_size == 16) return ctr ? EVP_aes_128_ctr() : EVP_aes_128_cbc();
  if (cipher.key_size == 24) return ctr ? EVP_aes_192_ctr() : EVP_aes_192_cbc();
  return ctr ? EVP_aes_256_ctr() : EVP_aes_256_cbc();
}

TEST(PacketCipherKnown, StreamWithHmac) {
  for (const Protection& protection : all_protections()) {
    if (protection.mac == nullptr) continue;
    const DirectionKeys keys = test_keys(*protection.cipher, protection.mac);
    const auto sealer = protection.sealer();
    const EVP_CIPHER* evp = evp_cipher_of(*protection.cipher);
    const EVP_MD* digest = protection.mac->hash == crypto::HashAlgorithm::sha1     ? EVP_sha1()
                           : protection.mac->hash == crypto::HashAlgorithm::sha256 ? EVP_sha256()
                                                                                   : EVP_sha512();
    const std::size_t tag_size = protection.mac->name == "hmac-sha1-96" ? 12 : EVP_MD_get_size(digest);
    const bool etm = protection.mac->encrypt_then_mac;
    Bytes plain_stream;  // what the key stream has covered so far
    for (const std::uint32_t sequence : {3U, 4U, 5U}) {
      const Bytes payload = pattern(90 + sequence, sequence);
      const Bytes packet = plain_packet(sealer->shape(), payload);
      const std::size_t clear = etm ? 4 : 0;
      append(plain_stream, ByteSpan(packet).subspan(clear));
      const Bytes cipher_stream = stream(evp, keys.encryption.bytes(), keys.iv.bytes(), plain_stream);
      Bytes expected(packet.begin(), packet.begin() + static_cast<std::ptrdiff_t>(clear));
      append(expected, ByteSpan(cipher_stream).last(packet.size() - clear));
      const Bytes tag = hmac(digest, keys.integrity.bytes(), sequence, etm ? ByteSpan(expected) : ByteSpan(packet));
      append(expected, ByteSpan(tag).first(tag_size));
      EXPECT_EQ(sealed_packet(*sealer, sequence, payload), expected) << protection.name();
      EXPECT_EQ((packet.size() - clear) % static_cast<std::size_t>(EVP_CIPHER_get_iv_length(evp)), 0U);
    }
  }
}

}  // namespace
}  // namespace ferry::ssh::test
