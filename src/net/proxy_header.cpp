#include "net/proxy_header.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <optional>
#include <string_view>

namespace ferry::net {

namespace {

using State = ProxyScan::State;

constexpr std::string_view v1_signature = "PROXY ";
constexpr std::string_view v2_signature{"\r\n\r\n\0\r\nQUIT\n", 12};
// Section 2.1: "the worst case ... => 107 chars", the line's end included.
constexpr std::size_t max_v1 = 107;
constexpr std::size_t v2_fixed = 16;

std::unexpected<Error> bad(const char* what) {
  return fail(ErrorCode::protocol_error, std::string("PROXY header: ") + what);
}

std::uint16_t u16(ByteReader& in) {
  const unsigned high = in.u8();
  return static_cast<std::uint16_t>(high << 8 | in.u8());
}

Result<ProxyScan> scan_v1(std::string_view text) {
  const std::string_view line = text.substr(0, max_v1);
  const std::size_t end = line.find('\n');
  if (end == std::string_view::npos) {
    if (line.size() == max_v1) return bad("the line is too long");
    return ProxyScan{State::incomplete, 0};
  }
  if (line[end - 1] != '\r') return bad("the line does not end with CRLF");
  return ProxyScan{State::complete, end + 1};
}

Result<ProxyScan> scan_v2(ByteSpan beginning) {
  ByteReader in(beginning);
  in.bytes(v2_signature.size());
  const unsigned version = in.u8() >> 4;
  in.u8();
  const std::size_t length = u16(in);
  if (!in.ok()) return ProxyScan{State::incomplete, 0};
  if (version != 2) return bad("its version is not known");
  if (v2_fixed + length > max_proxy_header) return bad("too long");
  if (beginning.size() < v2_fixed + length) return ProxyScan{State::incomplete, 0};
  return ProxyScan{State::complete, v2_fixed + length};
}

std::optional<IpAddress> address_of(std::string_view text, bool v4) {
  if (text.find('%') != std::string_view::npos || v4 == text.contains(':')) return std::nullopt;
  const auto address = IpAddress::parse(text);
  return address ? std::optional(*address) : std::nullopt;
}

// Section 2.1: a decimal number from 0 to 65535, no leading zeros.
std::optional<std::uint16_t> port_of(std::string_view text) {
  std::uint16_t port = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), port);
  const bool padded = text.size() > 1 && text.front() == '0';
  if (error != std::errc() || end != text.data() + text.size() || padded) return std::nullopt;
  return port;
}

// The words of the line have exactly one space between them.
std::string_view next_word(std::string_view& line) {
  const std::string_view word = line.substr(0, line.find(' '));
  line.remove_prefix(std::min(word.size() + 1, line.size()));
  return word;
}

Result<ProxyHeader> parse_v1(std::string_view line) {
  line.remove_prefix(v1_signature.size());
  line.remove_suffix(2);
  const std::string_view family = next_word(line);
  // "the receiver must ignore anything presented before the CRLF" after UNKNOWN.
  if (family == "UNKNOWN") return ProxyHeader{};
  if (family != "TCP4" && family != "TCP6") return bad("its protocol is not known");
  const bool v4 = family == "TCP4";
  const auto source = address_of(next_word(line), v4), destination = address_of(next_word(line), v4);
  const auto source_port = port_of(next_word(line)), destination_port = port_of(line);
  if (!source || !destination) return bad("an address is not valid");
  if (!source_port || !destination_port) return bad("a port is not valid");
  return ProxyHeader{true, {*source, *source_port}, {*destination, *destination_port}};
}

IpAddress address_of(ByteReader& in, bool v4) {
  std::array<std::uint8_t, 16> bytes{};
  if (v4) bytes[10] = bytes[11] = 0xff;
  for (std::size_t i = v4 ? 12 : 0; i < bytes.size(); ++i) bytes[i] = in.u8();
  return IpAddress(bytes);
}

// Section 2.2.7: type, length, value, one after another. Nothing in them is of use here.
bool skip_tlvs(ByteReader in) {
  while (in.ok() && !in.rest().empty()) {
    in.u8();
    in.bytes(u16(in));
  }
  return in.ok();
}

Result<ProxyHeader> parse_v2(ByteSpan header) {
  ByteReader in(header);
  in.bytes(v2_signature.size());
  const unsigned command = in.u8() & 15U;
  const unsigned family = in.u8();
  u16(in);
  if (command > 1) return bad("its command is not known");
  // LOCAL: "the receiver must accept this connection as valid and must use the real connection endpoints and discard
  // the protocol block including the family which is ignored".
  if (command == 0) return ProxyHeader{};
  const bool v4 = family >> 4 == 1, v6 = family >> 4 == 2;
  // AF_UNSPEC and AF_UNIX have no addresses that could be used.
  if (family >> 4 == 0 || family >> 4 == 3) return ProxyHeader{};
  if ((!v4 && !v6) || (family & 15U) != 1) return bad("its family is not known");
  ProxyHeader result;
  result.known = true;
  result.source.address = address_of(in, v4);
  result.destination.address = address_of(in, v4);
  result.source.port = u16(in);
  result.destination.port = u16(in);
  if (!in.ok()) return bad("too short for its addresses");
  if (!skip_tlvs(in)) return bad("a TLV is cut short");
  return result;
}

bool begins_like(std::string_view text, std::string_view signature) {
  const std::size_t common = std::min(text.size(), signature.size());
  return text.substr(0, common) == signature.substr(0, common);
}

}  // namespace

Result<ProxyScan> scan_proxy_header(ByteSpan beginning) {
  const std::string_view text = as_text(beginning);
  if (text.starts_with(v1_signature)) return scan_v1(text);
  if (text.starts_with(v2_signature)) return scan_v2(beginning);
  const bool may_become_one = begins_like(text, v1_signature) || begins_like(text, v2_signature);
  return ProxyScan{may_become_one ? State::incomplete : State::absent, 0};
}

bool begins_like_proxy_header(ByteSpan beginning) {
  const std::string_view text = as_text(beginning);
  return text.starts_with(v1_signature) || text.starts_with(v2_signature);
}

Result<ProxyHeader> parse_proxy_header(ByteSpan header) {
  const auto scanned = scan_proxy_header(header);
  if (!scanned) return fail(scanned.error());
  if (scanned->state != State::complete || scanned->size != header.size()) return bad("not one whole header");
  return as_text(header).starts_with(v1_signature) ? parse_v1(as_text(header)) : parse_v2(header);
}

}  // namespace ferry::net
