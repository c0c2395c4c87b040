// Files of encrypted storage: what was not sealed with the key must not open, whatever its bytes are.
#include "crypto/dare.h"

#include <vector>

#include "fuzz/input.h"

using namespace ferry;
namespace dare = crypto::dare;

// One byte says which package of the file is read and as which; the rest is the file.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  fuzz::Input in(data, size);
  const unsigned how = in.byte();
  const ByteSpan file = in.rest();
  const std::optional<std::uint64_t> plain = dare::plain_size(file.size());
  fuzz::require(!plain || dare::stored_size(*plain) == file.size());
  if (!plain) return 0;
  dare::FileHeader header;
  std::copy_n(file.begin(), header.size(), header.begin());
  const auto key = dare::file_key(header, crypto::Secret(std::string_view("a passphrase of the fuzzer's")));
  fuzz::require(key.has_value() == (header[0] == std::byte{0x10}));
  if (!key) return 0;
  dare::Opener opener(*key);
  Bytes packages(file.begin() + header.size(), file.end());
  for (std::size_t at = 0, number = how & 3U; at < packages.size(); at += dare::package_size, ++number) {
    const std::size_t length = std::min(dare::package_size, packages.size() - at);
    const MutableByteSpan package(packages.data() + at, length);
    const auto content = opener.open(number, package, (how & 4U) != 0 || at + length == packages.size());
    fuzz::require(!content || content->size() + 32 == length);
    // The seeds hold packages that open; only where they were written.
    fuzz::require(!content || number == at / dare::package_size);
    if (content) continue;
    for (const std::byte byte : package) fuzz::require(byte == std::byte{0});
  }
  return 0;
}
