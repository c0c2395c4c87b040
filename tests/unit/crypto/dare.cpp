// The encrypted file format, by files that SFTPGo stored, and by what must not open.
#include "crypto/dare.h"

#include <fstream>
#include <map>
#include <stdexcept>

#include "tests/unit/crypto/support.h"

namespace ferry::crypto::dare {
namespace {

constexpr std::size_t overhead = header_size + Aead::tag_size;
const Secret passphrase(std::string_view("f8Kx2Lq9Zt5Rw7Vn3Mb6Yh1Jd4Gs0PcX"));

Bytes formula(std::size_t size) {
  Bytes content(size);
  for (std::size_t i = 0; i < size; ++i) content[i] = static_cast<std::byte>((i * 31 + 7) % 251);
  return content;
}

Bytes sample(const std::string& name) {
  std::ifstream in(FERRY_TEST_DATA "/encrypted/" + name, std::ios::binary);
  const std::string text{std::istreambuf_iterator<char>(in), {}};
  return to_bytes(text);
}

FileHeader header_of(ByteSpan file) {
  FileHeader header{};
  std::copy_n(file.begin(), std::min(file.size(), header.size()), header.begin());
  return header;
}

// The content of a whole file, its packages opened from the last to the first: any order does.
Result<Bytes> opened(ByteSpan file, const Secret& with = passphrase) {
  const std::optional<std::uint64_t> size = plain_size(file.size());
  if (!size) return fail(ErrorCode::io_error, "size");
  const Result<Secret> key = file_key(header_of(file), with);
  if (!key) return fail(key.error());
  Opener opener(*key);
  Bytes content(*size);
  const std::uint64_t packages = (*size + payload_size - 1) / payload_size;
  for (std::uint64_t number = packages; number-- > 0;) {
    const std::size_t at = package_offset(number);
    Bytes package(file.begin() + static_cast<std::ptrdiff_t>(at),
                  file.begin() + static_cast<std::ptrdiff_t>(std::min(file.size(), at + package_size)));
    const Result<MutableByteSpan> part = opener.open(number, package, number + 1 == packages);
    if (!part) {
      for (const std::byte byte : package) EXPECT_EQ(byte, std::byte{0}) << "what was not authenticated is wiped";
      return fail(part.error());
    }
    std::ranges::copy(*part, content.begin() + static_cast<std::ptrdiff_t>(number * payload_size));
  }
  return content;
}

Bytes sealed(ByteSpan content, Cipher cipher, const FileHeader& header = new_file_header(), bool complete = true) {
  Bytes file(header.begin(), header.end());
  Sealer sealer(file_key(header, passphrase).value(), cipher);
  while (!content.empty()) {
    const ByteSpan part = content.first(std::min(content.size(), payload_size));
    content = content.subspan(part.size());
    Bytes package(part.size() + overhead);
    std::ranges::copy(part, package.begin() + header_size);
    EXPECT_TRUE(sealer.seal(package, complete && content.empty()));
    file.insert(file.end(), package.begin(), package.end());
  }
  return file;
}

TEST(Dare, OpensWhatSftpgoStored) {
  for (const std::string name : {"v27/size_0", "v27/size_1", "v27/size_65535", "v27/size_65536", "v27/size_65537",
                                 "v27/size_200000", "v22/size_0", "v22/size_65537"}) {
    const Bytes file = sample(name + ".bin");
    const std::size_t size = std::stoul(name.substr(name.find('_') + 1));
    ASSERT_EQ(file.size(), stored_size(size)) << name;
    EXPECT_EQ(plain_size(file.size()), size) << name;
    const Result<Bytes> content = opened(file);
    ASSERT_TRUE(content) << name;
    EXPECT_EQ(*content, formula(size)) << name;
  }
}

TEST(Dare, SizesByArithmetic) {
  const std::map<std::uint64_t, std::uint64_t> known = {
      {0, 33}, {1, 66}, {65535, 65600}, {65536, 65601}, {65537, 65634}, {131072, 131169}, {200000, 200161}};
  for (const auto& [plain, stored] : known) {
    EXPECT_EQ(stored_size(plain), stored);
    EXPECT_EQ(plain_size(stored), plain);
  }
  for (const std::uint64_t impossible : {0ULL, 1ULL, 32ULL, 34ULL, 65ULL, 65602ULL, 65633ULL, ~0ULL}) {
    EXPECT_EQ(plain_size(impossible), std::nullopt) << impossible;
  }
  EXPECT_EQ(plain_size(stored_size(max_plain_size)), max_plain_size);
  EXPECT_EQ(plain_size(stored_size(max_plain_size) + 33), std::nullopt);
}

TEST(Dare, WhatIsSealedOpensWithEitherCipher) {
  for (const Cipher cipher : {Cipher::aes_256_gcm, Cipher::chacha20_poly1305}) {
    for (const std::size_t size : {0UL, 1UL, 65535UL, 65536UL, 65537UL, 131072UL, 200000UL}) {
      const Bytes file = sealed(formula(size), cipher);
      EXPECT_EQ(file.size(), stored_size(size));
      const Result<Bytes> content = opened(file);
      ASSERT_TRUE(content) << size;
      EXPECT_EQ(*content, formula(size)) << size;
      if (size > 0) {
        EXPECT_EQ(file[file_header_size + 1], static_cast<std::byte>(cipher));
      }
    }
  }
}

TEST(Dare, EveryFileHasAKeyAndANonceOfItsOwn) {
  EXPECT_NE(new_file_header(), new_file_header());
  const FileHeader header = new_file_header();
  EXPECT_NE(sealed(formula(10), Cipher::aes_256_gcm, header), sealed(formula(10), Cipher::aes_256_gcm, header));
}

TEST(Dare, NoChangeOfABitIsAccepted) {
  const Bytes whole = sealed(formula(100), Cipher::aes_256_gcm),
              other = sealed(formula(100), Cipher::chacha20_poly1305);
  for (const Bytes& file : {whole, other}) {
    for (std::size_t bit = 0; bit < file.size() * 8; ++bit) {
      Bytes changed = file;
      changed[bit / 8] ^= static_cast<std::byte>(1U << (bit % 8));
      EXPECT_FALSE(opened(changed)) << bit;
    }
  }
  EXPECT_FALSE(opened(whole, Secret(std::string_view("another passphrase"))));
}

TEST(Dare, NoOtherOrderOrEndIsAccepted) {
  const std::size_t three = 2 * payload_size + 100;
  const Bytes file = sealed(formula(three), Cipher::aes_256_gcm);
  const auto at = [&](std::size_t number) {
    return file.begin() + static_cast<std::ptrdiff_t>(package_offset(number));
  };
  const auto whole = [&](std::initializer_list<std::size_t> numbers) {
    Bytes made(file.begin(), at(0));
    for (const std::size_t number : numbers)
      made.insert(made.end(), at(number), number == 2 ? file.end() : at(number + 1));
    return made;
  };
  ASSERT_TRUE(opened(whole({0, 1, 2})));
  EXPECT_FALSE(opened(whole({1, 0, 2})));
  EXPECT_FALSE(opened(whole({0, 2})));
  EXPECT_FALSE(opened(whole({0, 1})));
  EXPECT_FALSE(opened(whole({0})));
  EXPECT_FALSE(opened(whole({0, 0, 2})));
  EXPECT_FALSE(opened(whole({2})));
  for (const std::size_t cut : {1UL, 50UL, 131UL, 132UL, 133UL, 70000UL}) {
    EXPECT_FALSE(opened(ByteSpan(file).first(file.size() - cut))) << cut;
  }
  Bytes longer = file;
  longer.resize(file.size() + 1);
  EXPECT_FALSE(opened(longer));
  longer = file;
  longer.insert(longer.end(), at(2), file.end());
  EXPECT_FALSE(opened(longer));
  EXPECT_FALSE(opened(sealed(formula(three), Cipher::aes_256_gcm, new_file_header(), false)));
  EXPECT_FALSE(opened(sealed(formula(payload_size), Cipher::aes_256_gcm, new_file_header(), false)));
}

// The same key, and packages that are right in themselves, but of two writers.
TEST(Dare, PackagesOfTwoFilesAreNotMixed) {
  const FileHeader header = new_file_header();
  const Bytes one = sealed(formula(2 * payload_size), Cipher::aes_256_gcm, header);
  for (const Cipher cipher : {Cipher::aes_256_gcm, Cipher::chacha20_poly1305}) {
    const Bytes two = sealed(formula(2 * payload_size), cipher, header);
    Bytes mixed(one.begin(), one.begin() + static_cast<std::ptrdiff_t>(package_offset(1)));
    mixed.insert(mixed.end(), two.begin() + static_cast<std::ptrdiff_t>(package_offset(1)), two.end());
    EXPECT_FALSE(opened(mixed));
  }
  Bytes foreign = one;
  std::ranges::copy(new_file_header(), foreign.begin());
  EXPECT_FALSE(opened(foreign));
}

TEST(Dare, NothingIsSealedAfterTheEnd) {
  Bytes package(overhead + 1);
  Sealer complete(Secret(std::size_t{32}), Cipher::aes_256_gcm);
  ASSERT_TRUE(complete.seal(package, true));
  EXPECT_THROW((void)complete.seal(package, false), std::logic_error);
  Sealer given_up(Secret(std::size_t{32}), Cipher::aes_256_gcm);
  ASSERT_TRUE(given_up.seal(package, false));
  EXPECT_THROW((void)given_up.seal(package, true), std::logic_error);
}

}  // namespace
}  // namespace ferry::crypto::dare
