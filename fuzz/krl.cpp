// Lists of what is revoked, in each of their forms.
#include "crypto/encoding.h"
#include "fuzz/input.h"
#include "ssh/keys/revocation.h"

using namespace ferry;

namespace {

constexpr std::string_view certificate_base64 =
    "AAAAIHNzaC1lZDI1NTE5LWNlcnQtdjAxQG9wZW5zc2guY29tAAAAIDYOoNHvO7nkhHEdbbkA0PzhLcwrc+clv0hThXJ1B6SSAAAA"
    "IPmLZ5TjkjkU8rvhz4VlKm14Dk9gWEr06xtHKvS7Sm3FAAAAAAAAAAcAAAABAAAAAmlkAAAACQAAAAVtYXJpYQAAAAAAAAAA////"
    "//////8AAAAAAAAAggAAABVwZXJtaXQtWDExLWZvcndhcmRpbmcAAAAAAAAAF3Blcm1pdC1hZ2VudC1mb3J3YXJkaW5nAAAAAAAA"
    "ABZwZXJtaXQtcG9ydC1mb3J3YXJkaW5nAAAAAAAAAApwZXJtaXQtcHR5AAAAAAAAAA5wZXJtaXQtdXNlci1yYwAAAAAAAAAAAAAA"
    "MwAAAAtzc2gtZWQyNTUxOQAAACB66vrYQBJx3SMpiIYfKnbJwe62XM/IAubgjrGFoo6CDgAAAFMAAAALc3NoLWVkMjU1MTkAAABA"
    "1Z8XEjQv80N/gnF3R2GJB5d+pklOWNTVjHseFl9Ak2Zrx2c/OPS2M7EdEkzutsEXM2TcBfwBrg+I4LIvyabvDQ==";

const ssh::Certificate& certificate() {
  static const ssh::Certificate parsed =
      ssh::Certificate::parse(crypto::base64_decode(certificate_base64).value()).value();
  return parsed;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const fuzz::Input in(data, size);
  const Bytes content(in.rest().begin(), in.rest().end());
  const auto list = ssh::RevocationList::parse(content);
  if (!list) return 0;
  const bool by_key = list->revokes(certificate().key()) || list->revokes(certificate().authority());
  fuzz::require(!by_key || list->revokes(certificate()));
  return 0;
}
