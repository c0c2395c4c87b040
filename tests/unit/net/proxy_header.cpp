#include "net/proxy_header.h"

#include <gtest/gtest.h>

namespace ferry::net {
namespace {

using State = ProxyScan::State;
using namespace std::string_literals;

const std::string signature = "\r\n\r\n\0\r\nQUIT\n"s;

std::string v2(unsigned char command, unsigned char family, const std::string& block) {
  return signature + static_cast<char>(command) + static_cast<char>(family) + static_cast<char>(block.size() >> 8) +
         static_cast<char>(block.size() & 255) + block;
}
const std::string four = "\xc0\x00\x02\x01\x0a\x00\x00\x01\x12\x34\x00\x16"s;  // 192.0.2.1:4660 to 10.0.0.1:22

ProxyScan scan(std::string_view text) {
  const auto scanned = scan_proxy_header(as_bytes(text));
  EXPECT_TRUE(scanned) << scanned.error().message;
  return scanned.value_or(ProxyScan{});
}
bool bad_scan(std::string_view text) { return !scan_proxy_header(as_bytes(text)); }
bool bad(std::string_view text) { return !parse_proxy_header(as_bytes(text)); }
ProxyHeader parse(std::string_view text) {
  const auto parsed = parse_proxy_header(as_bytes(text));
  EXPECT_TRUE(parsed) << parsed.error().message;
  return parsed.value_or(ProxyHeader{});
}

TEST(ProxyHeader, Version1) {
  const ProxyHeader header = parse("PROXY TCP4 192.0.2.1 10.0.0.1 4660 22\r\n");
  EXPECT_TRUE(header.known);
  EXPECT_EQ(header.source.address.to_string(), "192.0.2.1");
  EXPECT_EQ(header.source.port, 4660);
  EXPECT_EQ(header.destination.address.to_string(), "10.0.0.1");
  EXPECT_EQ(header.destination.port, 22);
  EXPECT_EQ(parse("PROXY TCP6 2001:db8::1 2001:db8::2 65535 0\r\n").source.address.to_string(), "2001:db8::1");
  EXPECT_FALSE(parse("PROXY UNKNOWN\r\n").known);
  EXPECT_FALSE(parse("PROXY UNKNOWN ffff:f...f:ffff ffff:f...f:ffff 65535 65535\r\n").known);
}

TEST(ProxyHeader, Version1Refused) {
  for (const char* line :
       {"TCP4 192.0.2.1 10.0.0.1 1", "TCP4 192.0.2.1 10.0.0.1 1 2 3", "TCP4  192.0.2.1 10.0.0.1 1 2",
        "TCP4 192.0.2.1 10.0.0.1 1 2 ", "TCP4 192.0.2.1 10.0.0.1 65536 2", "TCP4 192.0.2.1 10.0.0.1 01 2",
        "TCP4 192.0.2.1 10.0.0.1 -1 2", "TCP4 192.0.2.1 10.0.0.1 1 ", "TCP4 2001:db8::1 2001:db8::2 1 2",
        "TCP6 192.0.2.1 10.0.0.1 1 2", "TCP6 fe80::1%eth0 2001:db8::2 1 2", "TCP4 192.0.2.256 10.0.0.1 1 2",
        "TCP4 192.0.2.1/24 10.0.0.1 1 2", "UDP4 192.0.2.1 10.0.0.1 1 2", "tcp4 192.0.2.1 10.0.0.1 1 2", "", "TCP4"}) {
    EXPECT_TRUE(bad("PROXY " + std::string(line) + "\r\n")) << line;
  }
  EXPECT_TRUE(bad("PROXY TCP4 192.0.2.1 10.0.0.1 4660 22\n"));
  EXPECT_TRUE(bad("PROXY TCP4 192.0.2.1 10.0.0.1 4660 22\r\nSSH"));
}

TEST(ProxyHeader, Version2) {
  const ProxyHeader header = parse(v2(0x21, 0x11, four));
  EXPECT_TRUE(header.known);
  EXPECT_EQ(header.source.address.to_string(), "192.0.2.1");
  EXPECT_EQ(header.source.port, 0x1234);
  EXPECT_EQ(header.destination.port, 22);
  const std::string six = std::string(15, '\0') + "\x01"s + std::string(15, '\0') + "\x02\x00\x01\x00\x02"s;
  EXPECT_EQ(parse(v2(0x21, 0x21, six)).destination.address.to_string(), "::2");
  EXPECT_EQ(parse(v2(0x21, 0x11, four + "\x04\x00\x03xyz\x01\x00\x00"s)).source.port, 0x1234) << "TLVs are skipped";
  EXPECT_FALSE(parse(v2(0x20, 0x00, "")).known) << "LOCAL";
  EXPECT_FALSE(parse(v2(0x20, 0xff, "anything at all")).known) << "LOCAL ignores the rest";
  EXPECT_FALSE(parse(v2(0x21, 0x00, "")).known) << "unspecified family";
  EXPECT_FALSE(parse(v2(0x21, 0x31, std::string(216, 'x'))).known) << "Unix sockets";
}

TEST(ProxyHeader, Version2Refused) {
  EXPECT_TRUE(bad(v2(0x22, 0x11, four))) << "command";
  EXPECT_TRUE(bad(v2(0x11, 0x11, four))) << "version";
  EXPECT_TRUE(bad(v2(0x21, 0x12, four))) << "a datagram on a stream";
  EXPECT_TRUE(bad(v2(0x21, 0x41, four))) << "family";
  EXPECT_TRUE(bad(v2(0x21, 0x11, four.substr(1)))) << "short of its addresses";
  EXPECT_TRUE(bad(v2(0x21, 0x21, four))) << "short of its addresses";
  EXPECT_TRUE(bad(v2(0x21, 0x11, four + "\x04\x00\x04xyz"s))) << "a TLV past the end";
  EXPECT_TRUE(bad(v2(0x21, 0x11, four + "\x04"s))) << "half a TLV";
}

TEST(ProxyHeader, IsRecognisedWhereverItIsCut) {
  for (const std::string& header : {"PROXY TCP4 192.0.2.1 10.0.0.1 4660 22\r\n"s, v2(0x21, 0x11, four)}) {
    for (std::size_t size = 0; size < header.size(); ++size) {
      EXPECT_EQ(scan(header.substr(0, size)).state, State::incomplete) << size;
      EXPECT_TRUE(bad(header.substr(0, size))) << size;
    }
    EXPECT_EQ(scan(header).size, header.size());
    EXPECT_EQ(scan(header + "SSH-2.0-x\r\n").size, header.size()) << "what follows is not touched";
  }
  for (const char* other : {"SSH-2.0-x\r\n", "GET / HTTP/1.1\r\n", "PROXX", "PROXY\r", "\r\n\r\nA", "\x16\x03\x01"}) {
    EXPECT_EQ(scan(other).state, State::absent) << other;
  }
}

TEST(ProxyHeader, IsKnownByItsBeginning) {
  const std::string_view version_2{"\r\n\r\n\0\r\nQUIT\n!", 13};
  EXPECT_TRUE(begins_like_proxy_header(as_bytes(std::string_view("PROXY TCP4 1.2.3.4 5.6.7.8 1 2\r\n"))));
  EXPECT_TRUE(begins_like_proxy_header(as_bytes(version_2)));
  EXPECT_FALSE(begins_like_proxy_header(as_bytes(std::string_view("SSH-2.0-x\r\n"))));
  EXPECT_FALSE(begins_like_proxy_header({}));
}

TEST(ProxyHeader, IsBounded) {
  EXPECT_EQ(scan("PROXY UNKNOWN " + std::string(91, 'x') + "\r\n").size, 107U);
  EXPECT_TRUE(bad_scan("PROXY UNKNOWN " + std::string(92, 'x') + "\r\n"));
  EXPECT_TRUE(bad_scan("PROXY UNKNOWN " + std::string(93, 'x')));
  EXPECT_EQ(scan(v2(0x20, 0, std::string(4096, 'x'))).state, State::complete);
  EXPECT_TRUE(bad_scan(v2(0x20, 0, std::string(4097, 'x')).substr(0, 16)));
}

}  // namespace
}  // namespace ferry::net
