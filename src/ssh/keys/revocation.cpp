#include "ssh/keys/revocation.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "crypto/cipher.h"
#include "crypto/encoding.h"

namespace ferry::ssh {

namespace {

constexpr std::string_view krl_magic("SSHKRL\n\0", 8);
constexpr std::uint32_t krl_format = 1;

// PROTOCOL.krl, sections.
enum Section : std::uint8_t { certificates = 1, explicit_keys = 2, sha1_prints = 3, signature = 4, sha256_prints = 5 };
enum CertificateSection : std::uint8_t {
  serial_list = 0x20,
  serial_range = 0x21,
  serial_bitmap = 0x22,
  key_ids = 0x23
};
constexpr std::uint8_t extension = 255, certificate_extension = 0x39;

std::unexpected<Error> malformed_list(std::string what) {
  return fail(ErrorCode::invalid_argument, "revocation list: " + std::move(what));
}

template <std::size_t size>
std::array<std::byte, size> digest(crypto::HashAlgorithm algorithm, ByteSpan data) {
  std::array<std::byte, size> result;
  std::ranges::copy(crypto::hash(algorithm, {data}), result.begin());
  return result;
}

// string name, boolean critical, string contents: only what is not critical may be passed over.
Result<void> pass_extension(ByteSpan data) {
  ByteReader in(data);
  in.string();
  const bool critical = in.boolean();
  in.blob();
  if (!in.done()) return malformed_list("malformed extension");
  if (critical) return malformed_list("an extension that must be understood and is not");
  return {};
}

}  // namespace

Result<RevocationList> RevocationList::parse(ByteSpan content) {
  const std::string_view text = as_text(content);
  if (text.starts_with(krl_magic)) return parse_krl(content);
  const std::size_t begin = text.find_first_not_of(" \t\r\n");
  if (begin != std::string_view::npos && text[begin] == '[') return parse_json(text);
  return parse_lines(text);
}

// --- the key revocation list of OpenSSH ---

Result<RevocationList> RevocationList::parse_krl(ByteSpan content) {
  RevocationList list;
  ByteReader in(content.subspan(krl_magic.size()));
  if (in.u32() != krl_format) return malformed_list("format not supported");
  in.u64();   // version of the list
  in.u64();   // when it was made
  in.u64();   // flags: none are defined
  in.blob();  // reserved
  in.blob();  // comment
  while (in.ok() && !in.done()) {
    const std::uint8_t type = in.u8();
    const ByteSpan data = in.blob();
    if (!in.ok()) break;
    if (auto read = list.read_section(type, data); !read) return fail(read.error());
  }
  if (!in.ok()) return malformed_list("cut short");
  for (Issued& issued : list.issued_) issued.sort();
  return list;
}

Result<void> RevocationList::read_section(std::uint8_t type, ByteSpan data) {
  if (type == certificates) return read_certificates(data);
  if (type == extension) return pass_extension(data);
  ByteReader in(data);
  while (in.ok() && !in.done()) {
    const ByteSpan entry = in.blob();
    if (!in.ok()) break;
    if (type == explicit_keys) {
      add_blob(entry);
    } else if (type == sha256_prints && entry.size() == Sha256().size()) {
      Sha256 print;
      std::ranges::copy(entry, print.begin());
      sha256_.insert(print);
    } else if (type == sha1_prints && entry.size() == Sha1().size()) {
      Sha1 print;
      std::ranges::copy(entry, print.begin());
      sha1_.insert(print);
    } else {
      return malformed_list(type == signature ? "signed lists are not supported" : "unknown section");
    }
  }
  if (!in.ok()) return malformed_list("malformed section");
  return {};
}

Result<void> RevocationList::read_certificates(ByteSpan data) {
  ByteReader in(data);
  Issued issued;
  const ByteSpan authority = in.blob();
  issued.authority.assign(authority.begin(), authority.end());
  in.blob();  // reserved
  while (in.ok() && !in.done()) {
    const std::uint8_t type = in.u8();
    const ByteSpan part = in.blob();
    if (!in.ok()) break;
    if (auto read = read_issued(type, part, issued); !read) return read;
  }
  if (!in.ok()) return malformed_list("malformed section of certificates");
  issued_.push_back(std::move(issued));
  return {};
}

Result<void> RevocationList::read_issued(std::uint8_t type, ByteSpan data, Issued& issued) {
  ByteReader in(data);
  switch (type) {
    case serial_list:
      while (in.ok() && !in.done()) {
        const std::uint64_t serial = in.u64();
        issued.serials.push_back({serial, serial});
      }
      break;
    case serial_range: {
      const std::uint64_t first = in.u64(), last = in.u64();
      if (last < first) return malformed_list("a range of serial numbers that ends before it begins");
      issued.serials.push_back({first, last});
      break;
    }
    case serial_bitmap: {
      const std::uint64_t offset = in.u64();
      const ByteSpan bits = in.blob();
      issued.bitmaps.push_back({offset, Bytes(bits.begin(), bits.end())});
      break;
    }
    case key_ids:
      while (in.ok() && !in.done()) issued.key_ids.emplace(in.string());
      break;
    case certificate_extension: return pass_extension(data);
    default: return malformed_list("unknown kind of certificates");
  }
  if (!in.done()) return malformed_list("malformed list of certificates");
  return {};
}

// --- texts ---

Result<RevocationList> RevocationList::parse_json(std::string_view text) {
  const auto json = nlohmann::json::parse(text, nullptr, false);
  if (!json.is_array()) return malformed_list("not a JSON list");
  RevocationList list;
  for (const auto& entry : json) {
    if (!entry.is_string()) return malformed_list("an entry that is no text");
    if (auto added = list.add_fingerprint(entry.get_ref<const std::string&>()); !added) return fail(added.error());
  }
  return list;
}

Result<RevocationList> RevocationList::parse_lines(std::string_view text) {
  RevocationList list;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    if (auto added = list.add_line(text.substr(0, end)); !added) return fail(added.error());
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return list;
}

Result<void> RevocationList::add_line(std::string_view line) {
  constexpr std::string_view blank = " \t\r";
  line.remove_prefix(std::min(line.find_first_not_of(blank), line.size()));
  if (line.empty() || line.front() == '#') return {};
  const std::string_view first = line.substr(0, std::min(line.find_first_of(blank), line.size()));
  if (first.starts_with("SHA256:")) return add_fingerprint(first);
  if (is_certificate_type(first)) {
    std::string_view rest = line.substr(first.size());
    rest.remove_prefix(std::min(rest.find_first_not_of(blank), rest.size()));
    const auto blob = crypto::base64_decode(rest.substr(0, std::min(rest.find_first_of(blank), rest.size())));
    if (!blob || !Certificate::parse(*blob)) return malformed_list("a line that is no certificate");
    add_blob(*blob);
    return {};
  }
  const auto key = PublicKey::parse_line(line);
  if (!key) return malformed_list("a line that is neither a fingerprint nor a key");
  add_blob(key->blob());
  return {};
}

Result<void> RevocationList::add_fingerprint(std::string_view text) {
  constexpr std::string_view prefix = "SHA256:";
  const auto print = text.starts_with(prefix)
                         ? crypto::base64_decode(text.substr(prefix.size()), crypto::Base64::unpadded)
                         : Result<Bytes>(fail(ErrorCode::invalid_argument));
  Sha256 digest;
  if (!print || print->size() != digest.size()) return malformed_list("an entry that is no SHA256 fingerprint");
  std::ranges::copy(*print, digest.begin());
  sha256_.insert(digest);
  return {};
}

void RevocationList::add_blob(ByteSpan blob) { sha256_.insert(digest<32>(crypto::HashAlgorithm::sha256, blob)); }

// --- asking ---

bool RevocationList::Bitmap::has(std::uint64_t serial) const {
  if (serial < offset) return false;
  const std::uint64_t bit = serial - offset;
  if (bit / 8 >= bits.size()) return false;
  const auto byte = std::to_integer<unsigned>(bits[bits.size() - 1 - static_cast<std::size_t>(bit / 8)]);
  return (byte >> (bit % 8) & 1U) != 0;
}

void RevocationList::Issued::sort() {
  std::ranges::sort(serials, {}, &Range::first);
  std::vector<Range> apart;
  for (const Range& range : serials) {
    if (!apart.empty() && range.first <= apart.back().last) {
      apart.back().last = std::max(apart.back().last, range.last);
    } else {
      apart.push_back(range);
    }
  }
  serials = std::move(apart);
}

bool RevocationList::Issued::revokes(const Certificate& certificate) const {
  if (!authority.empty() && authority != certificate.authority().blob()) return false;
  if (key_ids.contains(certificate.key_id())) return true;
  const std::uint64_t serial = certificate.serial();
  if (serial == 0) return false;  // what an authority writes that does not number
  const auto after = std::ranges::upper_bound(serials, serial, {}, &Range::first);
  if (after != serials.begin() && serial <= std::prev(after)->last) return true;
  return std::ranges::any_of(bitmaps, [serial](const Bitmap& bitmap) { return bitmap.has(serial); });
}

bool RevocationList::revokes(const PublicKey& key) const {
  if (sha256_.contains(digest<32>(crypto::HashAlgorithm::sha256, key.blob()))) return true;
  return !sha1_.empty() && sha1_.contains(digest<20>(crypto::HashAlgorithm::sha1, key.blob()));
}

bool RevocationList::revokes(const Certificate& certificate) const {
  if (revokes(certificate.key()) || revokes(certificate.authority())) return true;
  if (sha256_.contains(digest<32>(crypto::HashAlgorithm::sha256, certificate.blob()))) return true;
  return std::ranges::any_of(issued_, [&](const Issued& issued) { return issued.revokes(certificate); });
}

}  // namespace ferry::ssh
