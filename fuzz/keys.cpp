// Public keys as blobs and as lines, signatures, and private keys in every text form.
#include "fuzz/input.h"
#include "ssh/keys/private_key.h"
#include "ssh/keys/public_key.h"

using namespace ferry;

namespace {

void use(const Result<ssh::PublicKey>& key, ByteSpan rest) {
  if (!key) return;
  const Result<ssh::PublicKey> again = ssh::PublicKey::parse_line(key->to_line());
  fuzz::require(again && *again == *key);
  const Bytes signed_data(20, std::byte{7});
  for (const std::string_view algorithm : ssh::public_key_algorithms()) {
    fuzz::require(!key->verify(algorithm, rest, signed_data));
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  fuzz::Input in(data, size);
  const std::uint8_t how = in.byte();
  const auto text = [](ByteSpan bytes) {
    return std::string_view(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  };
  if (how % 3 == 0) {
    const ByteSpan blob = in.message();
    use(ssh::PublicKey::parse(blob), in.rest());
  } else if (how % 3 == 1) {
    const ByteSpan line = in.message();
    use(ssh::PublicKey::parse_line(text(line)), in.rest());
  } else {
    const Result<ssh::PrivateKey> key = ssh::PrivateKey::parse(text(in.rest()));
    if (key) fuzz::require(!key->algorithms().empty());
  }
  return 0;
}
