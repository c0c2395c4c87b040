// A link with a delay, where the kernel has no netem: a TUN device whose packets come back later, turned round.
//
//   bench_link <device> <own address> <far address> <one-way delay in ms>
//
// Whoever connects to the far address reaches the own one, `delay` later and from the far address; answers take as
// long. Swapping source and destination leaves every checksum as it is, so a packet is only held and given back: TCP
// sees a real round trip of twice the delay. Needs root. Prints "up" when packets can go; ends with its input.
#include <arpa/inet.h>
#include <fcntl.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <deque>
#include <utility>
#include <vector>

namespace {

using Clock = std::chrono::steady_clock;

constexpr int mtu = 9000;
constexpr std::size_t longest_queue = 64 * 1024 * 1024;  // bytes under way; what is beyond that is lost, as on a link

void check(bool good, const char* what) {
  if (good) return;
  std::perror(what);
  std::exit(1);
}

int open_tun(const char* name) {
  const int tun = ::open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC);
  check(tun >= 0, "/dev/net/tun");
  ifreq request{};
  std::strncpy(request.ifr_name, name, IFNAMSIZ - 1);
  request.ifr_flags = IFF_TUN | IFF_NO_PI;
  check(::ioctl(tun, TUNSETIFF, &request) == 0, "TUNSETIFF");
  return tun;
}

void set_up(const char* name, const char* own, const char* far) {
  const int control = ::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  ifreq request{};
  std::strncpy(request.ifr_name, name, IFNAMSIZ - 1);
  const auto set_address = [&](unsigned long what, const char* text) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    check(::inet_pton(AF_INET, text, &address.sin_addr) == 1, text);
    std::memcpy(&request.ifr_addr, &address, sizeof address);
    check(::ioctl(control, what, &request) == 0, text);
  };
  set_address(SIOCSIFADDR, own);
  set_address(SIOCSIFDSTADDR, far);
  request.ifr_mtu = mtu;
  check(::ioctl(control, SIOCSIFMTU, &request) == 0, "mtu");
  request.ifr_qlen = 10000;
  check(::ioctl(control, SIOCSIFTXQLEN, &request) == 0, "queue length");
  request.ifr_flags = IFF_UP | IFF_RUNNING;
  check(::ioctl(control, SIOCSIFFLAGS, &request) == 0, "up");
  ::close(control);
}

using Packet = std::vector<char>;
struct Held {
  Clock::time_point due;
  Packet packet;
};

// IPv4 alone: source at byte 12, destination at 16.
bool turn_round(Packet& packet) {
  if (packet.size() < 20 || (packet[0] >> 4 & 0xf) != 4) return false;
  char source[4];
  std::memcpy(source, packet.data() + 12, 4);
  std::memcpy(packet.data() + 12, packet.data() + 16, 4);
  std::memcpy(packet.data() + 16, source, 4);
  return true;
}

void run(int tun, Clock::duration delay) {
  std::deque<Held> held;
  std::size_t size = 0;
  pollfd waits[] = {{tun, POLLIN, 0}, {STDIN_FILENO, POLLIN, 0}};
  while (true) {
    timespec until{3600, 0};
    if (!held.empty()) {
      const auto left = std::max(Clock::duration::zero(), held.front().due - Clock::now());
      until = {0, static_cast<long>(std::chrono::nanoseconds(left).count())};
    }
    ::ppoll(waits, 2, &until, nullptr);
    if (waits[1].revents != 0) return;
    for (int i = 0; i < 64; ++i) {
      Packet packet(mtu);
      const ssize_t count = ::read(tun, packet.data(), packet.size());
      if (count <= 0) break;
      packet.resize(static_cast<std::size_t>(count));
      if (!turn_round(packet) || size + packet.size() > longest_queue) continue;
      size += packet.size();
      held.push_back({Clock::now() + delay, std::move(packet)});
    }
    while (!held.empty() && held.front().due <= Clock::now()) {
      const Packet& packet = held.front().packet;
      if (::write(tun, packet.data(), packet.size()) < 0 && errno == EAGAIN) break;
      size -= packet.size();
      held.pop_front();
    }
  }
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 5) return std::fputs("usage: bench_link <device> <own> <far> <delay ms>\n", stderr), 2;
  const int tun = open_tun(argv[1]);
  set_up(argv[1], argv[2], argv[3]);
  std::puts("up");
  std::fflush(stdout);
  run(tun, std::chrono::duration_cast<Clock::duration>(std::chrono::duration<double, std::milli>(std::atof(argv[4]))));
  return 0;
}
