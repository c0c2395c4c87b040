// Answers of S3 and STS: listings, lists of parts, results, errors, credentials; the metadata "mtime"; AWS's shared
// files. The first byte says which.
#include <algorithm>

#include "fuzz/input.h"
#include "vfs/s3/answers.h"
#include "vfs/s3/profiles.h"
#include "vfs/s3/providers.h"

using namespace ferry;

namespace {

void listing(std::string_view text) {
  const auto page = vfs::s3::parse_listing(text);
  if (!page) return;
  for (const auto& info : page->objects) fuzz::require(!info.key.empty());
  for (const auto& prefix : page->prefixes) fuzz::require(prefix.ends_with('/'));
  fuzz::require(page->next.empty() || page->next.starts_with("1:") || page->next.starts_with("2:"));
}

void parts(std::string_view text) {
  const auto page = vfs::s3::parse_parts(text);
  if (!page) return;
  for (const auto& part : page->parts) fuzz::require(part.number > 0 && part.number <= 10'000 && !part.tag.empty());
}

void results(std::string_view text) {
  if (const auto id = vfs::s3::parse_upload_id(text)) fuzz::require(!id->empty());
  if (const auto tag = vfs::s3::parse_etag(text)) fuzz::require(tag->empty() || tag->size() >= 2);
  (void)vfs::s3::parse_checksum(text);
  if (const auto failed = vfs::s3::parse_failed_deletes(text)) {
    for (const auto& one : *failed) fuzz::require(one.error.code != "NoSuchKey");
  }
}

void error(std::string_view text) {
  const auto found = vfs::s3::parse_error(text);
  for (const std::string& line : {found.code, found.message}) {
    fuzz::require(line.size() <= 300 && std::ranges::none_of(line, [](char c) { return c >= 0 && c < ' '; }));
  }
}

void keys(std::string_view text) {
  for (const auto& found : {vfs::s3::parse_sts(text), vfs::s3::parse_json_credentials(text, "Token")}) {
    if (found) fuzz::require(!found->access_key.empty() && !found->secret.empty());
  }
}

void shared_files(std::string_view text) {
  vfs::s3::Profiles profiles;
  vfs::s3::read_profiles(text, false, profiles);
  vfs::s3::read_profiles(text, true, profiles);
  for (const auto& [name, profile] : profiles) fuzz::require(!name.empty());
}

// What was read is written to the same time.
void time_text(std::string_view text) {
  const auto time = vfs::s3::parse_mtime(text);
  if (!time) return;
  const auto again = vfs::s3::parse_mtime(vfs::s3::write_mtime(*time));
  fuzz::require(again && again->seconds == time->seconds && again->nanoseconds == time->nanoseconds);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::string_view text(reinterpret_cast<const char*>(data) + 1, size - 1);
  switch (data[0] % 8) {
    case 0: listing(text); break;
    case 1: parts(text); break;
    case 2: results(text); break;
    case 3: error(text); break;
    case 4: keys(text); break;
    case 5: shared_files(text); break;
    case 6: time_text(text); break;
    default: (void)vfs::s3::is_container_url(text);
  }
  return 0;
}
