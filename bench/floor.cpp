// What a transfer costs at least: read, seal, send and nothing else, over loopback TCP.
//
//   bench_floor <file> <bytes> <aes-128-gcm | aes-256-gcm | chacha20-poly1305 | aes-128-ctr+hmac-sha2-256>
//
// down: 32 KiB pread, sealed in place, 8 packets a send. up: the file is cut to nothing, as a client's OPEN does, then
// 256 KiB recv, packets opened in place, pwrite.
// The ciphers do what SSH's of that name do to a packet of that size; nothing is parsed, no window is kept.
// The client is a child process that opens and seals as well; its CPU is not counted. Prints one JSON object: GB/s and
// CPU seconds per GB.
#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/params.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace {

constexpr std::size_t payload_size = 32 * 1024;
constexpr std::size_t header_size = 4;  // the packet's length, authenticated, not encrypted
constexpr std::size_t longest_tag = 32;
constexpr std::size_t packets_a_send = 8;

void check(bool good, const char* what) {
  if (good) return;
  std::perror(what);
  std::exit(1);
}

struct Free {
  void operator()(EVP_CIPHER_CTX* context) const { EVP_CIPHER_CTX_free(context); }
  void operator()(EVP_MAC_CTX* context) const { EVP_MAC_CTX_free(context); }
};
using CipherContext = std::unique_ptr<EVP_CIPHER_CTX, Free>;
using MacContext = std::unique_ptr<EVP_MAC_CTX, Free>;

constexpr std::array<unsigned char, 64> some_key{1, 2, 3};

CipherContext cipher_context(const char* name, bool sealing) {
  const EVP_CIPHER* cipher = EVP_get_cipherbyname(name);
  check(cipher != nullptr, "unknown cipher");
  CipherContext context(EVP_CIPHER_CTX_new());
  const std::array<unsigned char, 16> nonce{};
  check(EVP_CipherInit_ex(context.get(), cipher, nullptr, some_key.data(), nonce.data(), sealing) == 1, "init");
  return context;
}

void apply(EVP_CIPHER_CTX* context, unsigned char* data, std::size_t size) {
  int length = 0;
  check(EVP_CipherUpdate(context, data, &length, data, static_cast<int>(size)) == 1, "cipher");
}

MacContext mac_context(const char* name) {
  EVP_MAC* mac = EVP_MAC_fetch(nullptr, name, nullptr);
  check(mac != nullptr, "unknown MAC");
  MacContext context(EVP_MAC_CTX_new(mac));
  EVP_MAC_free(mac);
  return context;
}

// One direction's protection of packets: header, payload, tag.
class Cipher {
 public:
  explicit Cipher(std::size_t tag_size) : tag_size_(tag_size) {}
  virtual ~Cipher() = default;
  std::size_t packet_size() const { return header_size + payload_size + tag_size_; }
  virtual void seal(unsigned char* packet) = 0;
  virtual void open(unsigned char* packet) = 0;

 private:
  std::size_t tag_size_;
};

// With a counted nonce, as RFC 5647 has it.
class Gcm final : public Cipher {
 public:
  Gcm(const char* name, bool sealing) : Cipher(16), context_(cipher_context(name, sealing)) {}

  void seal(unsigned char* packet) override { process(packet, true); }
  void open(unsigned char* packet) override { process(packet, false); }

 private:
  void process(unsigned char* packet, bool sealing) {
    for (std::size_t i = nonce_.size(); i-- > 4 && ++nonce_[i] == 0;) {
    }
    EVP_CIPHER_CTX* context = context_.get();
    unsigned char* body = packet + header_size;
    unsigned char* tag = body + payload_size;
    int length = 0;
    check(EVP_CipherInit_ex(context, nullptr, nullptr, nullptr, nonce_.data(), -1) == 1, "nonce");
    if (!sealing) check(EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_AEAD_SET_TAG, 16, tag) == 1, "set tag");
    check(EVP_CipherUpdate(context, nullptr, &length, packet, header_size) == 1, "header");
    apply(context, body, payload_size);
    check(EVP_CipherFinal_ex(context, tag, &length) == 1, "packet not authentic");
    if (sealing) check(EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_AEAD_GET_TAG, 16, tag) == 1, "get tag");
  }

  CipherContext context_;
  std::array<unsigned char, 12> nonce_{};
};

// chacha20-poly1305@openssh.com: the length under a key of its own, a Poly1305 key a packet.
class ChaCha final : public Cipher {
 public:
  ChaCha()
      : Cipher(16),
        main_(cipher_context("chacha20", true)),
        length_(cipher_context("chacha20", true)),
        poly_(mac_context("POLY1305")) {}

  void seal(unsigned char* packet) override {
    ++sequence_;
    start(length_.get());
    apply(length_.get(), packet, header_size);
    make_key();
    apply(main_.get(), packet + header_size, payload_size);
    tag(packet, packet + header_size + payload_size);
  }

  void open(unsigned char* packet) override {
    ++sequence_;
    std::array<unsigned char, header_size> length;
    std::memcpy(length.data(), packet, length.size());
    start(length_.get());
    apply(length_.get(), length.data(), length.size());
    make_key();
    std::array<unsigned char, 16> expected;
    tag(packet, expected.data());
    check(std::memcmp(expected.data(), packet + header_size + payload_size, expected.size()) == 0, "not authentic");
    apply(main_.get(), packet + header_size, payload_size);
  }

 private:
  void start(EVP_CIPHER_CTX* context) {
    std::array<unsigned char, 16> state{};
    std::memcpy(state.data() + 8, &sequence_, sizeof sequence_);
    check(EVP_CipherInit_ex(context, nullptr, nullptr, nullptr, state.data(), -1) == 1, "nonce");
  }
  // Block 0 of the key stream; the payload goes on with block 1.
  void make_key() {
    block_.fill(0);
    start(main_.get());
    apply(main_.get(), block_.data(), block_.size());
  }
  void tag(const unsigned char* packet, unsigned char* into) {
    std::size_t length = 0;
    check(EVP_MAC_init(poly_.get(), block_.data(), 32, nullptr) == 1 &&
              EVP_MAC_update(poly_.get(), packet, header_size + payload_size) == 1 &&
              EVP_MAC_final(poly_.get(), into, &length, 16) == 1,
          "Poly1305");
  }

  CipherContext main_, length_;
  MacContext poly_;
  std::array<unsigned char, 64> block_{};
  std::uint64_t sequence_ = 0;
};

// hmac-sha2-256 over the plain packet (RFC 4253 section 6.4), then everything but the tag encrypted.
class CtrHmac final : public Cipher {
 public:
  CtrHmac() : Cipher(32), context_(cipher_context("aes-128-ctr", true)), mac_(mac_context("HMAC")) {
    std::string digest = "SHA256";
    const OSSL_PARAM parameters[] = {OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, digest.data(), 0),
                                     OSSL_PARAM_construct_end()};
    check(EVP_MAC_init(mac_.get(), some_key.data(), 32, parameters) == 1, "HMAC key");
  }

  void seal(unsigned char* packet) override {
    tag(packet, packet + header_size + payload_size);
    apply(context_.get(), packet, header_size + payload_size);
  }

  void open(unsigned char* packet) override {
    apply(context_.get(), packet, header_size + payload_size);
    std::array<unsigned char, longest_tag> expected;
    tag(packet, expected.data());
    check(std::memcmp(expected.data(), packet + header_size + payload_size, expected.size()) == 0, "not authentic");
  }

 private:
  void tag(const unsigned char* packet, unsigned char* into) {
    ++sequence_;
    std::size_t length = 0;
    check(EVP_MAC_init(mac_.get(), nullptr, 0, nullptr) == 1 &&
              EVP_MAC_update(mac_.get(), reinterpret_cast<unsigned char*>(&sequence_), sizeof sequence_) == 1 &&
              EVP_MAC_update(mac_.get(), packet, header_size + payload_size) == 1 &&
              EVP_MAC_final(mac_.get(), into, &length, longest_tag) == 1,
          "HMAC");
  }

  CipherContext context_;
  MacContext mac_;
  std::uint32_t sequence_ = 0;
};

std::unique_ptr<Cipher> make_cipher(const char* name, bool sealing) {
  if (std::string_view(name) == "chacha20-poly1305") return std::make_unique<ChaCha>();
  if (std::string_view(name) == "aes-128-ctr+hmac-sha2-256") return std::make_unique<CtrHmac>();
  return std::make_unique<Gcm>(name, sealing);
}

void send_all(int socket, const unsigned char* data, std::size_t size) {
  while (size > 0) {
    const ssize_t sent = send(socket, data, size, MSG_NOSIGNAL);
    check(sent > 0, "send");
    data += sent;
    size -= static_cast<std::size_t>(sent);
  }
}

// Sends `packets` sealed packets; `fill` puts the payload of packet number n in place.
void send_packets(int socket, const char* cipher_name, std::size_t packets,
                  const std::function<void(std::size_t, unsigned char*)>& fill) {
  const std::unique_ptr<Cipher> cipher = make_cipher(cipher_name, true);
  const std::size_t packet_size = cipher->packet_size();
  std::vector<unsigned char> out(packet_size * packets_a_send);
  std::size_t filled = 0;
  for (std::size_t n = 0; n < packets; ++n) {
    unsigned char* packet = out.data() + filled * packet_size;
    const std::uint32_t length = htonl(payload_size);
    std::memcpy(packet, &length, header_size);
    fill(n, packet + header_size);
    cipher->seal(packet);
    if (++filled == packets_a_send || n + 1 == packets) {
      send_all(socket, out.data(), filled * packet_size);
      filled = 0;
    }
  }
}

// Opens `packets` packets; `take` gets the payload of each.
void receive_packets(int socket, const char* cipher_name, std::size_t packets,
                     const std::function<void(std::size_t, const unsigned char*)>& take) {
  const std::unique_ptr<Cipher> cipher = make_cipher(cipher_name, false);
  const std::size_t packet_size = cipher->packet_size();
  std::vector<unsigned char> in(256 * 1024 + packet_size);
  std::size_t held = 0;
  for (std::size_t n = 0; n < packets;) {
    const ssize_t got = recv(socket, in.data() + held, 256 * 1024, 0);
    check(got > 0, "recv");
    held += static_cast<std::size_t>(got);
    std::size_t used = 0;
    for (; held - used >= packet_size; used += packet_size, ++n) {
      unsigned char* packet = in.data() + used;
      cipher->open(packet);
      take(n, packet + header_size);
    }
    held -= used;
    std::memmove(in.data(), in.data() + used, held);
  }
}

struct Pair {
  int server;
  int client;
};

Pair connected_pair() {
  const int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  auto* generic = reinterpret_cast<sockaddr*>(&address);
  check(bind(listener, generic, size) == 0 && listen(listener, 1) == 0, "listen");
  check(getsockname(listener, generic, &size) == 0, "getsockname");
  const int client = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  check(connect(client, generic, size) == 0, "connect");
  const int server = accept(listener, nullptr, nullptr);
  check(server >= 0, "accept");
  close(listener);
  return {server, client};
}

double cpu_seconds() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  const auto seconds = [](const timeval& t) {
    return static_cast<double>(t.tv_sec) + 1e-6 * static_cast<double>(t.tv_usec);
  };
  return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

// Runs `server` here and `client` in a child; prints the server's figures for `bytes`.
void measure(const char* name, double bytes, const std::function<void(int)>& server,
             const std::function<void(int)>& client) {
  const Pair pair = connected_pair();
  const pid_t child = fork();
  check(child >= 0, "fork");
  if (child == 0) {
    close(pair.server);
    client(pair.client);
    _exit(0);
  }
  close(pair.client);
  const auto start = std::chrono::steady_clock::now();
  const double cpu = cpu_seconds();
  server(pair.server);
  close(pair.server);
  int status = 0;
  check(waitpid(child, &status, 0) == child && status == 0, "client");
  const std::chrono::duration<double> wall = std::chrono::steady_clock::now() - start;
  std::printf("\"%s\": {\"gb_s\": %.4f, \"cpu_s_gb\": %.4f}", name, bytes / wall.count() / 1e9,
              (cpu_seconds() - cpu) / bytes * 1e9);
  std::fflush(stdout);
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 4) return std::fputs("usage: bench_floor <file> <bytes> <cipher>\n", stderr), 2;
  const std::size_t packets = std::strtoull(argv[2], nullptr, 10) / payload_size;
  const char* cipher = argv[3];
  const int file = open(argv[1], O_RDWR | O_CLOEXEC);
  check(file >= 0 && packets > 0, argv[1]);
  const double bytes = static_cast<double>(packets * payload_size);

  std::printf("{");
  std::fflush(stdout);
  const auto read_file = [file](std::size_t n, unsigned char* into) {
    const ssize_t got = pread(file, into, payload_size, static_cast<off_t>(n * payload_size));
    check(got == static_cast<ssize_t>(payload_size), "pread");
  };
  const auto write_file = [file](std::size_t n, const unsigned char* from) {
    const ssize_t written = pwrite(file, from, payload_size, static_cast<off_t>(n * payload_size));
    check(written == static_cast<ssize_t>(payload_size), "pwrite");
  };
  const auto drop = [](std::size_t, const unsigned char*) {};
  measure(
      "down", bytes, [&](int s) { send_packets(s, cipher, packets, read_file); },
      [&](int s) { receive_packets(s, cipher, packets, drop); });
  std::printf(", ");
  std::fflush(stdout);
  measure(
      "up", bytes,
      [&](int s) {
        check(ftruncate(file, 0) == 0, "ftruncate");
        receive_packets(s, cipher, packets, write_file);
      },
      [&](int s) { send_packets(s, cipher, packets, [](std::size_t, unsigned char*) {}); });
  std::printf("}\n");
  return 0;
}
