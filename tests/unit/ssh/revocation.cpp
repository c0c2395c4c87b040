#include "ssh/keys/revocation.h"

#include "crypto/encoding.h"
#include "tests/unit/ssh/certificate_support.h"

namespace ferry::ssh::test {
namespace {

RevocationList list_of(std::string_view content) {
  auto list = RevocationList::parse(as_bytes(content));
  if (!list) throw std::runtime_error(list.error().message);
  return std::move(*list);
}
bool is_malformed(ByteSpan content) {
  const auto list = RevocationList::parse(content);
  return !list && list.error().code == ErrorCode::invalid_argument;
}
bool is_malformed(std::string_view content) { return is_malformed(as_bytes(content)); }

TEST(Revocation, NothingRevokesNothing) {
  const CertificateFields fields;
  for (const char* empty : {"", "\n\n", "# nothing yet\n", "[]", " [ ]\n"}) {
    EXPECT_FALSE(list_of(empty).revokes(fields.key)) << empty;
    EXPECT_FALSE(list_of(empty).revokes(fields.certificate())) << empty;
  }
}

TEST(Revocation, Texts) {
  const CertificateFields fields;
  const PublicKey other = any_key(PrivateKey::Kind::rsa_3072).public_key();
  const std::string key = fields.key.fingerprint(), authority = fields.authority.public_key().fingerprint();
  const Certificate certificate = fields.certificate();
  const std::string line = "ssh-ed25519-cert-v01@openssh.com " + crypto::base64_encode(certificate.blob());
  for (const std::string& text : {"[\"" + other.fingerprint() + "\",\"" + key + "\"]", "\n[\n\"" + key + "\"\n]\n",
                                  "# gone\r\n" + key + " maria's\r\n", fields.key.to_line() + " maria@host\n",
                                  "\n" + other.to_line() + "\n" + fields.key.to_line()}) {
    const RevocationList list = list_of(text);
    EXPECT_TRUE(list.revokes(fields.key)) << text;
    EXPECT_TRUE(list.revokes(fields.certificate())) << text;
    EXPECT_FALSE(list.revokes(any_key(PrivateKey::Kind::ecdsa_p256).public_key())) << text;
  }
  // An authority: all that it signed; a certificate: that one alone.
  EXPECT_TRUE(list_of(authority).revokes(fields.certificate()));
  EXPECT_FALSE(list_of(authority).revokes(fields.key));
  EXPECT_TRUE(list_of(line + " comment\n").revokes(certificate));
  EXPECT_FALSE(list_of(line).revokes(fields.certificate())) << "signed again";
  EXPECT_FALSE(list_of(line).revokes(fields.key));
  EXPECT_FALSE(list_of(other.to_line()).revokes(fields.certificate()));
}

// A list that is read halfway would trust what it revokes.
TEST(Revocation, MalformedTexts) {
  const std::string key = any_key(PrivateKey::Kind::ed25519).public_key().fingerprint();
  for (const std::string& text :
       {std::string("rubbish"), key + "\nrubbish\n", std::string("SHA256:short"), key + "=", key.substr(0, 49),
        std::string("MD5:00:11"), "[\"" + key + "\"", "[\"" + key + "\", 5]", std::string("[\"x\"]"),
        std::string("[{}]"), std::string("ssh-ed25519 AAAA"), std::string("ssh-ed25519-cert-v01@openssh.com AAAA")}) {
    EXPECT_TRUE(is_malformed(text)) << text;
  }
}

// --- key revocation lists made by ssh-keygen ---

class KrlTest : public testing::Test {
 protected:
  void SetUp() override {
    ASSERT_TRUE(directory_.run("for k in ca ca2 a b c; do ssh-keygen -q -t ed25519 -N '' -f $k; done"));
    sign("a", "ca", 1, "id-a");
    sign("b", "ca", 70, "id-b");
    sign("c", "ca2", 1, "id-c");
  }
  void sign(const std::string& key, const std::string& ca, int serial, const std::string& id) {
    ASSERT_TRUE(directory_.run("ssh-keygen -q -s " + ca + " -I " + id + " -n maria -z " + std::to_string(serial) + " " +
                               key + ".pub"));
  }
  // `specification` as ssh-keygen -k reads it (KEY REVOCATION LISTS in its manual).
  RevocationList krl(const std::string& specification, const std::string& options = "-s ca.pub") {
    directory_.write("spec", specification);
    EXPECT_TRUE(directory_.run("rm -f krl; ssh-keygen -q -k -f krl " + options + " spec")) << directory_.read("err");
    return list_of(directory_.read("krl"));
  }
  Certificate certificate(const std::string& name) { return read_certificate(directory_, name + "-cert.pub"); }
  PublicKey key(const std::string& name) { return key_of(PublicKey::parse_line(directory_.read(name + ".pub"))); }
  // Which of a, b and c are revoked, as "ab".
  std::string revoked(const RevocationList& list) {
    std::string names;
    for (const char* name : {"a", "b", "c"}) names += list.revokes(certificate(name)) ? name : "";
    return names;
  }

  const TemporaryDirectory directory_;
};

TEST_F(KrlTest, Empty) { EXPECT_EQ(revoked(krl("")), ""); }

TEST_F(KrlTest, SerialNumbers) {
  EXPECT_EQ(revoked(krl("serial: 1\n")), "a");
  EXPECT_EQ(revoked(krl("serial: 2-69\n")), "");
  EXPECT_EQ(revoked(krl("serial: 2-70\n")), "b");
  EXPECT_EQ(revoked(krl("serial: 1-18446744073709551615\n")), "ab");
  std::string every_other;  // ssh-keygen makes a bitmap of these
  for (int i = 2; i < 400; i += 2) every_other += "serial: " + std::to_string(i) + "\n";
  EXPECT_EQ(revoked(krl(every_other)), "b");
  EXPECT_EQ(revoked(krl("serial: 1\n" + every_other)), "ab");
}

TEST_F(KrlTest, NumberZeroIsNone) {
  sign("a", "ca", 0, "id-a");
  EXPECT_EQ(revoked(krl("serial: 1-100\n")), "b");
}

TEST_F(KrlTest, KeyIds) { EXPECT_EQ(revoked(krl("id: id-b\nid: id-c\nid: id-\n")), "b"); }

TEST_F(KrlTest, KeysAndFingerprints) {
  for (const std::string kind : {"key: ", "sha1: ", "sha256: "}) {
    const RevocationList list = krl(kind + directory_.read("c.pub"));
    EXPECT_EQ(revoked(list), "c") << kind;
    EXPECT_TRUE(list.revokes(key("c")));
    EXPECT_FALSE(list.revokes(key("a")));
  }
  EXPECT_EQ(revoked(krl("hash: " + key("a").fingerprint() + "\n")), "a");
  EXPECT_EQ(revoked(krl("key: " + directory_.read("ca.pub"))), "ab");  // all that the authority signed
}

TEST_F(KrlTest, OfAnyAuthority) { EXPECT_EQ(revoked(krl("serial: 1\n", "-s none")), "ac"); }

TEST_F(KrlTest, CertificatesThemselves) {
  EXPECT_TRUE(directory_.run("rm -f krl; ssh-keygen -q -k -f krl a-cert.pub c-cert.pub"));
  EXPECT_EQ(revoked(list_of(directory_.read("krl"))), "ac");
}

TEST_F(KrlTest, EveryTruncation) {
  (void)krl("serial: 5\nserial: 1-3\nid: x\nkey: " + directory_.read("c.pub") + "sha1: " + directory_.read("b.pub"));
  const std::string whole = directory_.read("krl");
  int accepted = 0;
  for (std::size_t size = 8; size < whole.size(); ++size) {
    accepted += is_malformed(std::string_view(whole).substr(0, size)) ? 0 : 1;
  }
  EXPECT_LE(accepted, 4);  // where one of its four sections ends
}

// --- lists that ssh-keygen does not make ---

ByteWriter krl_header() {
  ByteWriter out;
  out.bytes(as_bytes(std::string_view("SSHKRL\n\0", 8))).u32(1).u64(1).u64(1).u64(0);
  out.string(std::string_view()).string(std::string_view("comment"));
  return out;
}
Bytes with_section(std::uint8_t type, const Bytes& data) { return krl_header().u8(type).string(data).take(); }
Bytes certificates(std::uint8_t type, const Bytes& data) {
  return with_section(1,
                      ByteWriter().string(std::string_view()).string(std::string_view()).u8(type).string(data).take());
}

TEST(Krl, WhatMustBeUnderstood) {
  EXPECT_FALSE(is_malformed(krl_header().data()));
  Bytes other_format = krl_header().take();
  other_format[11] = std::byte{2};
  EXPECT_TRUE(is_malformed(other_format));
  const auto extension = [](bool critical) {
    return ByteWriter()
        .string(std::string_view("x@example.com"))
        .boolean(critical)
        .string(std::string_view("y"))
        .take();
  };
  EXPECT_FALSE(is_malformed(with_section(255, extension(false))));
  EXPECT_TRUE(is_malformed(with_section(255, extension(true))));
  EXPECT_FALSE(is_malformed(certificates(0x39, extension(false))));
  EXPECT_TRUE(is_malformed(certificates(0x39, extension(true))));
  EXPECT_TRUE(is_malformed(with_section(6, option_text("x"))));
  EXPECT_TRUE(is_malformed(with_section(4, ByteWriter().string(Bytes(51)).string(Bytes(83)).take()))) << "signed";
  EXPECT_TRUE(is_malformed(certificates(0x24, {})));
  EXPECT_TRUE(is_malformed(with_section(3, ByteWriter().string(Bytes(32)).take()))) << "a SHA-1 of 32 bytes";
  EXPECT_TRUE(is_malformed(with_section(5, ByteWriter().string(Bytes(20)).take())));
  EXPECT_TRUE(is_malformed(certificates(0x21, ByteWriter().u64(5).u64(4).take())));
  EXPECT_TRUE(is_malformed(certificates(0x21, ByteWriter().u64(5).u64(6).u8(0).take())));
  EXPECT_TRUE(is_malformed(certificates(0x20, ByteWriter().u64(5).u32(0).take())));
}

TEST(Krl, RangesThatOverlap) {
  ByteWriter section;
  section.string(std::string_view()).string(std::string_view());
  for (const auto& [first, last] : std::vector<std::pair<std::uint64_t, std::uint64_t>>{
           {10, 100}, {20, 30}, {~std::uint64_t{0} - 1, ~std::uint64_t{0}}, {101, 102}, {5, 5}}) {
    section.u8(0x21).string(ByteWriter().u64(first).u64(last).data());
  }
  section.u8(0x21).string(ByteWriter().u64(0).u64(0).data());
  section.u8(0x22).string(ByteWriter().u64(1000).string(Bytes{std::byte{0x80}, std::byte{0x01}}).data());
  section.u8(0x22).string(ByteWriter().u64(~std::uint64_t{0} - 3).string(Bytes(1000, std::byte{0xff})).data());
  const auto list = RevocationList::parse(with_section(1, section.take()));
  ASSERT_TRUE(list);
  const auto revoked = [&](std::uint64_t serial) {
    CertificateFields fields;
    fields.serial = serial;
    return list->revokes(fields.certificate());
  };
  for (const std::uint64_t serial :
       {std::uint64_t{5}, std::uint64_t{10}, std::uint64_t{31}, std::uint64_t{100}, std::uint64_t{102},
        std::uint64_t{1000}, std::uint64_t{1015}, ~std::uint64_t{0}, ~std::uint64_t{0} - 3}) {
    EXPECT_TRUE(revoked(serial)) << serial;
  }
  for (const std::uint64_t serial :
       {std::uint64_t{0}, std::uint64_t{4}, std::uint64_t{6}, std::uint64_t{9}, std::uint64_t{103}, std::uint64_t{1001},
        std::uint64_t{1014}, std::uint64_t{1016}, ~std::uint64_t{0} - 4}) {
    EXPECT_FALSE(revoked(serial)) << serial;
  }
}

}  // namespace
}  // namespace ferry::ssh::test
