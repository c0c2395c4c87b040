#include "ssh/transport/packet_cipher.h"

#include <algorithm>
#include <array>

namespace ferry::ssh {

namespace {

constexpr std::size_t length_bytes = 4;
constexpr std::size_t longest_tag = 64;
constexpr std::size_t aes_block = 16;

constexpr PacketShape plain_shape{8, 0, true};
constexpr PacketShape gcm_shape{aes_block, crypto::AesGcm::tag_size, false};
constexpr PacketShape chacha_shape{8, crypto::Poly1305::tag_size, false};
PacketShape stream_shape(const CipherAlgorithm& cipher, const MacAlgorithm& mac) {
  const bool cbc = cipher.kind != CipherKind::aes_ctr;
  return {cipher.iv_size, mac.tag_size, !mac.encrypt_then_mac, cbc && !mac.encrypt_then_mac};
}

using GcmTag = std::span<std::byte, crypto::AesGcm::tag_size>;
using GcmConstTag = std::span<const std::byte, crypto::AesGcm::tag_size>;
using PolyTag = std::span<std::byte, crypto::Poly1305::tag_size>;

struct PlainSealer final : PacketSealer {
  PlainSealer() : PacketSealer(plain_shape) {}
  void seal(std::uint32_t, MutableByteSpan, std::byte*) override {}
};

struct PlainOpener final : PacketOpener {
  PlainOpener() : PacketOpener(plain_shape, length_bytes) {}
  std::uint32_t open_length(std::uint32_t, MutableByteSpan prefix) override { return load_u32(prefix.data()); }
  bool open(std::uint32_t, MutableByteSpan, const std::byte*) override { return true; }
};

// RFC 5647 section 7.1: 4 fixed bytes and a 64-bit invocation counter that grows by one a packet.
class GcmNonce {
 public:
  explicit GcmNonce(ByteSpan iv) { std::copy(iv.begin(), iv.end(), bytes_.begin()); }
  ByteSpan bytes() const { return bytes_; }
  void advance() { store_u64(bytes_.data() + 4, load_u64(bytes_.data() + 4) + 1); }

 private:
  std::array<std::byte, crypto::AesGcm::nonce_size> bytes_{};
};

class GcmSealer final : public PacketSealer {
 public:
  explicit GcmSealer(const DirectionKeys& keys)
      : PacketSealer(gcm_shape), gcm_(keys.encryption.bytes(), crypto::Direction::encrypt), nonce_(keys.iv.bytes()) {}
  void seal(std::uint32_t, MutableByteSpan packet, std::byte* tag) override {
    gcm_.seal(nonce_.bytes(), packet.first(length_bytes), packet.subspan(length_bytes), GcmTag(tag, GcmTag::extent));
    nonce_.advance();
  }

 private:
  crypto::AesGcm gcm_;
  GcmNonce nonce_;
};

class GcmOpener final : public PacketOpener {
 public:
  explicit GcmOpener(const DirectionKeys& keys)
      : PacketOpener(gcm_shape, length_bytes),
        gcm_(keys.encryption.bytes(), crypto::Direction::decrypt),
        nonce_(keys.iv.bytes()) {}
  std::uint32_t open_length(std::uint32_t, MutableByteSpan prefix) override { return load_u32(prefix.data()); }
  bool open(std::uint32_t, MutableByteSpan packet, const std::byte* tag) override {
    const bool genuine = gcm_.open(nonce_.bytes(), packet.first(length_bytes), packet.subspan(length_bytes),
                                   GcmConstTag(tag, GcmConstTag::extent));
    nonce_.advance();
    return genuine;
  }

 private:
  crypto::AesGcm gcm_;
  GcmNonce nonce_;
};

// PROTOCOL.chacha20poly1305: the first half of the key encrypts the packet and makes the Poly1305 key, the
// second half encrypts the length alone; the nonce is the sequence number. The Poly1305 key is the beginning of block
// 0 of the key stream, the body starts with block 1.
class ChaChaPoly {
 public:
  explicit ChaChaPoly(ByteSpan key) : main_(key.first(32)), length_(key.subspan(32, 32)) {}
  ~ChaChaPoly() { crypto::wipe(block_); }
  void apply_to_length(std::uint32_t sequence, MutableByteSpan length) {
    length_.start(sequence);
    length_.apply(length);
  }
  // First for each packet.
  void make_tag_key(std::uint32_t sequence) {
    block_.fill(std::byte{0});
    main_.start(sequence);
    main_.apply(block_);
  }
  void apply_to_body(MutableByteSpan body) { main_.apply(body); }
  void compute_tag(ByteSpan packet, PolyTag tag) {
    poly_.compute(std::span(block_).first<crypto::Poly1305::key_size>(), packet, tag);
  }

 private:
  std::array<std::byte, crypto::ChaCha20::block_size> block_{};
  crypto::ChaCha20 main_;
  crypto::ChaCha20 length_;
  crypto::Poly1305 poly_;
};

class ChaChaSealer final : public PacketSealer {
 public:
  explicit ChaChaSealer(const DirectionKeys& keys) : PacketSealer(chacha_shape), chacha_(keys.encryption.bytes()) {}
  void seal(std::uint32_t sequence, MutableByteSpan packet, std::byte* tag) override {
    chacha_.apply_to_length(sequence, packet.first(length_bytes));
    chacha_.make_tag_key(sequence);
    chacha_.apply_to_body(packet.subspan(length_bytes));
    chacha_.compute_tag(packet, PolyTag(tag, PolyTag::extent));
  }

 private:
  ChaChaPoly chacha_;
};

class ChaChaOpener final : public PacketOpener {
 public:
  explicit ChaChaOpener(const DirectionKeys& keys)
      : PacketOpener(chacha_shape, length_bytes), chacha_(keys.encryption.bytes()) {}
  std::uint32_t open_length(std::uint32_t sequence, MutableByteSpan prefix) override {
    std::array<std::byte, length_bytes> length{};
    std::copy_n(prefix.begin(), length_bytes, length.begin());  // the tag covers the encrypted length
    chacha_.apply_to_length(sequence, length);
    return load_u32(length.data());
  }
  bool open(std::uint32_t sequence, MutableByteSpan packet, const std::byte* tag) override {
    std::array<std::byte, crypto::Poly1305::tag_size> expected{};
    chacha_.make_tag_key(sequence);
    chacha_.compute_tag(packet, expected);
    if (!crypto::equal_in_constant_time(expected, ByteSpan(tag, expected.size()))) return false;
    chacha_.apply_to_body(packet.subspan(length_bytes));
    return true;
  }

 private:
  ChaChaPoly chacha_;
};

class PacketMac {
 public:
  PacketMac(const MacAlgorithm& algorithm, ByteSpan key) : hmac_(algorithm.hash, key), tag_size_(algorithm.tag_size) {}
  void compute(std::uint32_t sequence, ByteSpan packet, std::byte* tag) {
    std::array<std::byte, 4> number{};
    store_u32(number.data(), sequence);
    std::array<std::byte, longest_tag> whole;
    hmac_.compute({ByteSpan(number), packet}, MutableByteSpan(whole).first(hmac_.size()));
    std::copy_n(whole.begin(), tag_size_, tag);
  }
  bool check(std::uint32_t sequence, ByteSpan packet, const std::byte* tag) {
    std::array<std::byte, longest_tag> expected{};
    compute(sequence, packet, expected.data());
    return crypto::equal_in_constant_time(ByteSpan(expected).first(tag_size_), ByteSpan(tag, tag_size_));
  }

 private:
  crypto::Hmac hmac_;
  std::size_t tag_size_;
};

crypto::StreamCipher make_stream(CipherKind kind, const DirectionKeys& keys, crypto::Direction direction) {
  using Kind = crypto::StreamCipher::Kind;
  const Kind mode = kind == CipherKind::aes_ctr   ? Kind::aes_ctr
                    : kind == CipherKind::aes_cbc ? Kind::aes_cbc
                                                  : Kind::des3_cbc;
  return {mode, keys.encryption.bytes(), keys.iv.bytes(), direction};
}

// A cipher in CTR or CBC mode beside a MAC.
class StreamSealer final : public PacketSealer {
 public:
  StreamSealer(const CipherAlgorithm& cipher, const MacAlgorithm& mac, const DirectionKeys& keys)
      : PacketSealer(stream_shape(cipher, mac)),
        etm_(mac.encrypt_then_mac),
        stream_(make_stream(cipher.kind, keys, crypto::Direction::encrypt)),
        mac_(mac, keys.integrity.bytes()) {}
  void seal(std::uint32_t sequence, MutableByteSpan packet, std::byte* tag) override {
    if (etm_) {
      stream_.apply(packet.subspan(length_bytes));
      mac_.compute(sequence, packet, tag);
    } else {
      mac_.compute(sequence, packet, tag);
      stream_.apply(packet);
    }
  }

 private:
  bool etm_;
  crypto::StreamCipher stream_;
  PacketMac mac_;
};

class StreamOpener final : public PacketOpener {
 public:
  StreamOpener(const CipherAlgorithm& cipher, const MacAlgorithm& mac, const DirectionKeys& keys)
      : PacketOpener(stream_shape(cipher, mac), mac.encrypt_then_mac ? length_bytes : cipher.iv_size),
        etm_(mac.encrypt_then_mac),
        stream_(make_stream(cipher.kind, keys, crypto::Direction::decrypt)),
        mac_(mac, keys.integrity.bytes()) {}
  std::uint32_t open_length(std::uint32_t, MutableByteSpan prefix) override {
    if (!etm_) stream_.apply(prefix.first(prefix_size()));
    return load_u32(prefix.data());
  }
  bool open(std::uint32_t sequence, MutableByteSpan packet, const std::byte* tag) override {
    if (etm_) {
      if (!mac_.check(sequence, packet, tag)) return false;
      stream_.apply(packet.subspan(length_bytes));
      return true;
    }
    stream_.apply(packet.subspan(prefix_size()));
    return mac_.check(sequence, packet, tag);
  }

 private:
  bool etm_;
  crypto::StreamCipher stream_;
  PacketMac mac_;
};

}  // namespace

std::unique_ptr<PacketSealer> make_plain_sealer() { return std::make_unique<PlainSealer>(); }
std::unique_ptr<PacketOpener> make_plain_opener() { return std::make_unique<PlainOpener>(); }

std::unique_ptr<PacketSealer> make_sealer(const CipherAlgorithm& cipher, const MacAlgorithm* mac,
                                          const DirectionKeys& keys) {
  switch (cipher.kind) {
    case CipherKind::aes_gcm: return std::make_unique<GcmSealer>(keys);
    case CipherKind::chacha20_poly1305: return std::make_unique<ChaChaSealer>(keys);
    case CipherKind::aes_ctr:
    case CipherKind::aes_cbc:
    case CipherKind::des3_cbc: return std::make_unique<StreamSealer>(cipher, *mac, keys);
  }
  return nullptr;
}

std::unique_ptr<PacketOpener> make_opener(const CipherAlgorithm& cipher, const MacAlgorithm* mac,
                                          const DirectionKeys& keys) {
  switch (cipher.kind) {
    case CipherKind::aes_gcm: return std::make_unique<GcmOpener>(keys);
    case CipherKind::chacha20_poly1305: return std::make_unique<ChaChaOpener>(keys);
    case CipherKind::aes_ctr:
    case CipherKind::aes_cbc:
    case CipherKind::des3_cbc: return std::make_unique<StreamOpener>(cipher, *mac, keys);
  }
  return nullptr;
}

}  // namespace ferry::ssh
