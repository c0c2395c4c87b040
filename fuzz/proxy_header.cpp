// The header of the PROXY protocol: whatever comes first on a connection is a header as a whole, the beginning of one,
// or none; what is read as one stays within its bytes, and means the same however it is cut.
#include "net/proxy_header.h"

#include "fuzz/input.h"

using namespace ferry;
using net::ProxyScan;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const ByteSpan all(reinterpret_cast<const std::byte*>(data), size);
  const auto scanned = net::scan_proxy_header(all);
  if (!scanned) return 0;
  if (scanned->state != ProxyScan::State::complete) {
    fuzz::require(!net::parse_proxy_header(all));
    return 0;
  }
  fuzz::require(scanned->size <= size && scanned->size <= net::max_proxy_header);
  for (std::size_t cut = 0; cut < scanned->size; cut += 1 + cut / 8) {
    const auto part = net::scan_proxy_header(all.first(cut));
    fuzz::require(part && part->state == ProxyScan::State::incomplete);
  }
  const auto header = net::parse_proxy_header(all.first(scanned->size));
  if (header && header->known) fuzz::require(header->source.address.to_string().size() >= 2);
  return 0;
}
