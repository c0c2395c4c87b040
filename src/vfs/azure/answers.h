// Reading what Azure Blob Storage answers. All of it is hostile: sizes are bounded by who reads the body, and what
// does not fit the form is protocol_error.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "vfs/object/object_store.h"

namespace ferry::vfs::azure {

// "List Blobs" (EnumerationResults).
Result<object::Page> parse_listing(std::string_view xml);

struct Block {
  std::string id;  // base64, as it was sent
  std::uint64_t size = 0;
};
struct BlockLists {
  std::vector<Block> committed, uncommitted;
};
// "Get Block List".
Result<BlockLists> parse_block_lists(std::string_view xml);

// The Message of an error's body, its first line, without control characters, at most 300 bytes: the lines after it
// hold what was signed. "" where there is none.
std::string error_message(std::string_view xml);

// One metadata pair of a listing or of x-ms-meta- headers; names in any case.
void apply_metadata(object::ObjectInfo& info, std::string_view name, std::string_view value);

// ["access_token"] and the seconds it is valid for from an answer of OAuth 2.0 or of a managed identity.
struct TokenAnswer {
  std::string token;
  std::int64_t expires_in = 0;
};
// `now`: Unix seconds, for answers that tell when the token ends (expires_on) and not how long it lasts.
Result<TokenAnswer> parse_token(std::string_view json, std::int64_t now);

}  // namespace ferry::vfs::azure
