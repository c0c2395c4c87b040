// Answers of Azure Blob Storage: listings, lists of blocks, errors, tokens. The first byte says which.
#include <algorithm>

#include "fuzz/input.h"
#include "vfs/azure/answers.h"

using namespace ferry;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::string_view text(reinterpret_cast<const char*>(data) + 1, size - 1);
  switch (data[0] % 4) {
    case 0:
      if (const auto page = vfs::azure::parse_listing(text)) {
        for (const auto& info : page->objects) fuzz::require(!info.key.empty());
        for (const auto& prefix : page->prefixes) fuzz::require(!prefix.empty());
      }
      break;
    case 1:
      if (const auto lists = vfs::azure::parse_block_lists(text)) {
        for (const auto& block : lists->committed) fuzz::require(!block.id.empty());
      }
      break;
    case 2: {
      const std::string line = vfs::azure::error_message(text);
      fuzz::require(line.size() <= 300 && std::ranges::none_of(line, [](char c) { return c >= 0 && c < ' '; }));
      break;
    }
    default:
      if (const auto token = vfs::azure::parse_token(text, 1000)) {
        fuzz::require(!token->token.empty() && token->expires_in > 0 && token->expires_in <= 86'400);
      }
  }
  return 0;
}
