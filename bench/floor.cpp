// What a transfer costs at least: read, seal, send and nothing else, over loopback TCP.
//
//   bench_floor <file> <bytes> <aes-128-gcm | aes-256-gcm>
//
// down: 32 KiB pread, sealed in place, 8 packets a send. up: 256 KiB recv, packets opened in place, pwrite.
// The peer is a child process whose CPU is not counted. Prints one JSON object: GB/s and CPU seconds per GB.
#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <openssl/evp.h>
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
#include <vector>

namespace {

constexpr std::size_t payload_size = 32 * 1024;
constexpr std::size_t header_size = 4;  // the packet's length, authenticated, not encrypted
constexpr std::size_t tag_size = 16;
constexpr std::size_t packet_size = header_size + payload_size + tag_size;
constexpr std::size_t packets_a_send = 8;

void check(bool good, const char* what) {
  if (good) return;
  std::perror(what);
  std::exit(1);
}

// One direction's AES-GCM with a counted nonce, as RFC 5647 has it.
class Cipher {
 public:
  Cipher(const char* name, bool sealing) : context_(EVP_CIPHER_CTX_new()), sealing_(sealing) {
    const EVP_CIPHER* cipher = EVP_get_cipherbyname(name);
    check(cipher != nullptr, "unknown cipher");
    const std::array<unsigned char, 32> key{1, 2, 3};
    check(EVP_CipherInit_ex(context_.get(), cipher, nullptr, key.data(), nonce_.data(), sealing) == 1, "init");
  }

  void process(unsigned char* packet) {
    for (std::size_t i = nonce_.size(); i-- > 4 && ++nonce_[i] == 0;) {
    }
    EVP_CIPHER_CTX* context = context_.get();
    unsigned char* body = packet + header_size;
    unsigned char* tag = body + payload_size;
    int length = 0;
    check(EVP_CipherInit_ex(context, nullptr, nullptr, nullptr, nonce_.data(), -1) == 1, "nonce");
    if (!sealing_) check(EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_AEAD_SET_TAG, tag_size, tag) == 1, "set tag");
    check(EVP_CipherUpdate(context, nullptr, &length, packet, header_size) == 1, "header");
    check(EVP_CipherUpdate(context, body, &length, body, payload_size) == 1, "body");
    check(EVP_CipherFinal_ex(context, tag, &length) == 1, "packet not authentic");
    if (sealing_) check(EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_AEAD_GET_TAG, tag_size, tag) == 1, "get tag");
  }

 private:
  struct Free {
    void operator()(EVP_CIPHER_CTX* context) const { EVP_CIPHER_CTX_free(context); }
  };
  std::unique_ptr<EVP_CIPHER_CTX, Free> context_;
  std::array<unsigned char, 12> nonce_{};
  bool sealing_;
};

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
  Cipher cipher(cipher_name, true);
  std::vector<unsigned char> out(packet_size * packets_a_send);
  std::size_t filled = 0;
  for (std::size_t n = 0; n < packets; ++n) {
    unsigned char* packet = out.data() + filled * packet_size;
    const std::uint32_t length = htonl(payload_size);
    std::memcpy(packet, &length, header_size);
    fill(n, packet + header_size);
    cipher.process(packet);
    if (++filled == packets_a_send || n + 1 == packets) {
      send_all(socket, out.data(), filled * packet_size);
      filled = 0;
    }
  }
}

void receive_packets(int socket, const char* cipher_name, std::size_t packets, int file) {
  Cipher cipher(cipher_name, false);
  std::vector<unsigned char> in(256 * 1024 + packet_size);
  std::size_t held = 0;
  for (std::size_t n = 0; n < packets;) {
    const ssize_t got = recv(socket, in.data() + held, 256 * 1024, 0);
    check(got > 0, "recv");
    held += static_cast<std::size_t>(got);
    std::size_t used = 0;
    for (; held - used >= packet_size; used += packet_size, ++n) {
      unsigned char* packet = in.data() + used;
      cipher.process(packet);
      const ssize_t written = pwrite(file, packet + header_size, payload_size, static_cast<off_t>(n * payload_size));
      check(written == static_cast<ssize_t>(payload_size), "pwrite");
    }
    held -= used;
    std::memmove(in.data(), in.data() + used, held);
  }
}

void discard(int socket) {
  std::vector<unsigned char> in(256 * 1024);
  while (recv(socket, in.data(), in.size(), 0) > 0) {
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
  measure(
      "down", bytes, [&](int s) { send_packets(s, cipher, packets, read_file); }, discard);
  std::printf(", ");
  std::fflush(stdout);
  measure(
      "up", bytes, [&](int s) { receive_packets(s, cipher, packets, file); },
      [&](int s) { send_packets(s, cipher, packets, [](std::size_t, unsigned char*) {}); });
  std::printf("}\n");
  return 0;
}
