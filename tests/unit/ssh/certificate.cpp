#include "ssh/keys/certificate.h"

#include "crypto/encoding.h"
#include "ssh/keys/user_certificate.h"
#include "tests/unit/ssh/auth_client.h"
#include "tests/unit/ssh/certificate_support.h"
#include "tests/unit/ssh/packet_support.h"

namespace ferry::ssh::test {
namespace {

// --- what ssh-keygen makes ---

TEST(CertificateTest, OfSshKeygen) {
  const TemporaryDirectory directory;
  ASSERT_TRUE(directory.run("ssh-keygen -q -t ed25519 -N '' -f ca"));
  for (const char* kind : keygen_kinds) {
    ASSERT_TRUE(
        directory.run(std::string("rm -f id*; ssh-keygen -q -N '' -f id -t ") + kind +
                      " && ssh-keygen -q -s ca -I 'the id' -n maria,peter -z 42 -V 20200101000000Z:20300101000000Z"
                      " -O force-command=internal-sftp -O source-address=10.0.0.0/8,::1 id.pub"));
    const Certificate certificate = read_certificate(directory, "id-cert.pub");
    EXPECT_EQ(certificate.key(), key_of(PublicKey::parse_line(directory.read("id.pub")))) << kind;
    EXPECT_EQ(certificate.authority(), key_of(PublicKey::parse_line(directory.read("ca.pub"))));
    EXPECT_TRUE(certificate.signed_by_authority());
    EXPECT_EQ(certificate.kind(), Certificate::Kind::user);
    EXPECT_EQ(certificate.serial(), 42U);
    EXPECT_EQ(certificate.key_id(), "the id");
    EXPECT_EQ(certificate.principals(), (std::vector<std::string>{"maria", "peter"}));
    EXPECT_EQ(certificate.valid_after(), 1577836800U);
    EXPECT_EQ(certificate.valid_before(), 1893456000U);
    ASSERT_EQ(certificate.critical_options().size(), 2U);
    EXPECT_EQ(forced_command(certificate), "internal-sftp");
    EXPECT_FALSE(requires_user_verification(certificate));
  }
}

TEST(CertificateTest, OfEveryAuthority) {
  const TemporaryDirectory directory;
  ASSERT_TRUE(directory.run("ssh-keygen -q -t ed25519 -N '' -f id"));
  for (const char* kind : keygen_kinds) {
    ASSERT_TRUE(directory.run(std::string("rm -f ca*; ssh-keygen -q -N '' -f ca -t ") + kind +
                              " && ssh-keygen -q -s ca -I id -h -n host id.pub"));
    const Certificate certificate = read_certificate(directory, "id-cert.pub");
    EXPECT_TRUE(certificate.signed_by_authority()) << kind;
    EXPECT_EQ(certificate.kind(), Certificate::Kind::host);
  }
  ASSERT_TRUE(
      directory.run("rm -f ca*; ssh-keygen -q -N '' -f ca -t rsa && ssh-keygen -q -s ca -t ssh-rsa -I id id.pub"));
  EXPECT_FALSE(read_certificate(directory, "id-cert.pub").signed_by_authority()) << "SHA-1";
}

TEST(CertificateTest, OfSecurityKeys) {
  const TemporaryDirectory directory;
  ASSERT_TRUE(directory.run("ssh-keygen -q -t ed25519 -N '' -f ca"));
  for (const auto kind : {PrivateKey::Kind::ed25519, PrivateKey::Kind::ecdsa_p256}) {
    const Token token(kind);
    directory.write("id.pub", token.as_security_key.to_line() + " me\n");
    ASSERT_TRUE(directory.run("ssh-keygen -q -s ca -I id -n maria -O verify-required id.pub")) << directory.read("err");
    const Certificate certificate = read_certificate(directory, "id-cert.pub");
    EXPECT_EQ(certificate.key(), token.as_security_key);
    EXPECT_TRUE(certificate.signed_by_authority());
    EXPECT_TRUE(requires_user_verification(certificate));
  }
}

// --- hostile ones ---

TEST(CertificateTest, EveryTruncationAndEveryBit) {
  CertificateFields fields;
  fields.critical = {{"force-command", option_text("x")}};
  const Bytes whole = fields.blob();
  ASSERT_TRUE(fields.certificate().signed_by_authority());
  for (std::size_t size = 0; size < whole.size(); ++size) {
    EXPECT_FALSE(Certificate::parse(ByteSpan(whole).first(size)));
  }
  for (std::size_t i = 0; i < whole.size(); ++i) {
    Bytes changed = whole;
    changed[i] ^= std::byte{0x10};
    const auto parsed = Certificate::parse(changed);
    EXPECT_FALSE(parsed && parsed->signed_by_authority()) << i;
  }
  Bytes longer = whole;
  longer.push_back(std::byte{0});
  EXPECT_FALSE(Certificate::parse(longer));
}

TEST(CertificateTest, LengthsThatLie) {
  const Bytes whole = CertificateFields().blob();
  for (std::size_t at = 0; at + 4 <= whole.size(); ++at) {
    for (const std::uint32_t length : {0U, 0x7fffffffU, 0xffffffffU}) {
      Bytes changed = whole;
      store_u32(changed.data() + at, length);
      const auto parsed = Certificate::parse(changed);
      EXPECT_FALSE(parsed && changed != whole && parsed->signed_by_authority());
    }
  }
}

TEST(CertificateTest, WhatIsNotAllowed) {
  const auto refused = [](const std::function<void(CertificateFields&)>& spoil) {
    CertificateFields fields;
    spoil(fields);
    return !Certificate::parse(fields.blob());
  };
  EXPECT_FALSE(refused([](auto& f) { f.principals.assign(256, "x"); }));
  EXPECT_TRUE(refused([](auto& f) { f.principals.assign(257, "x"); }));
  EXPECT_TRUE(refused([](auto& f) { f.kind = 0; }));
  EXPECT_TRUE(refused([](auto& f) { f.kind = 3; }));
  EXPECT_TRUE(refused([](auto& f) { f.critical = {{"a", {}}, {"a", {}}}; }));
  EXPECT_TRUE(refused([](auto& f) { f.critical = {{"b", {}}, {"a", {}}}; }));
  EXPECT_TRUE(refused([](auto& f) { f.extensions = {{"b", {}}, {"a", {}}}; }));
  EXPECT_TRUE(refused([](auto& f) {
    for (int i = 100; i < 200; ++i) f.critical.emplace_back(std::to_string(i), Bytes());
  }));
  EXPECT_FALSE(Certificate::parse(any_key(PrivateKey::Kind::ed25519).public_key().blob()));
  // An authority that is itself certified, as PROTOCOL.certkeys forbids.
  CertificateFields fields;
  Bytes chained = fields.contents();
  chained.resize(chained.size() - fields.authority.public_key().blob().size() - 4);
  const Bytes inner = fields.blob();
  EXPECT_FALSE(Certificate::parse(ByteWriter().bytes(chained).string(inner).string(Bytes(80)).take()));
}

TEST(CertificateTest, AlgorithmNames) {
  EXPECT_EQ(signature_algorithm_of_certificate("rsa-sha2-512-cert-v01@openssh.com"), "rsa-sha2-512");
  EXPECT_EQ(signature_algorithm_of_certificate("sk-ssh-ed25519-cert-v01@openssh.com"), "sk-ssh-ed25519@openssh.com");
  EXPECT_EQ(signature_algorithm_of_certificate("ecdsa-sha2-nistp521-cert-v01@openssh.com"), "ecdsa-sha2-nistp521");
  for (const char* other : {"ssh-rsa-cert-v01@openssh.com", "ssh-ed25519", "ssh-dss-cert-v01@openssh.com", ""}) {
    EXPECT_EQ(signature_algorithm_of_certificate(other), "");
  }
}

// --- which are accepted ---

UserTrust trust_in(const PrivateKey& authority) {
  UserTrust trust;
  trust.authorities = {any_key(PrivateKey::Kind::rsa_3072).public_key(), authority.public_key()};
  return trust;
}

TEST(UserCertificate, Accepted) {
  const CertificateFields fields;
  const UserTrust trust = trust_in(fields.authority);
  for (const std::int64_t now : {1000, 1500, 1999}) {
    EXPECT_TRUE(check_user_certificate(fields.certificate(), trust, "10.1.2.3", now));
  }
}

TEST(UserCertificate, EachReasonAloneRefuses) {
  struct Case {
    const char* reason;
    std::function<void(CertificateFields&)> spoil;
  };
  const Case cases[] = {
      {"kind", [](auto& f) { f.kind = 2; }},
      {"authority", [](auto& f) { f.authority = PrivateKey::generate(PrivateKey::Kind::ed25519); }},
      {"not yet", [](auto& f) { f.valid_after = 1501; }},
      {"expired", [](auto& f) { f.valid_before = 1500; }},
      {"nobody", [](auto& f) { f.principals.clear(); }},
      {"unknown option",
       [](auto& f) {
         f.critical = {{"no-such-option", {}}};
       }},
      {"unknown option beside a known one",
       [](auto& f) {
         f.critical = {{"force-command", option_text("x")}, {"later@example.com", {}}};
       }},
      {"force-command without a string",
       [](auto& f) {
         f.critical = {{"force-command", {}}};
       }},
      {"empty force-command",
       [](auto& f) {
         f.critical = {{"force-command", option_text("")}};
       }},
      {"verify-required with data",
       [](auto& f) {
         f.critical = {{"verify-required", option_text("")}};
       }},
      {"another address",
       [](auto& f) {
         f.critical = {{"source-address", option_text("10.2.0.0/16")}};
       }},
      {"no address",
       [](auto& f) {
         f.critical = {{"source-address", option_text("")}};
       }},
      {"an address that is none",
       [](auto& f) {
         f.critical = {{"source-address", option_text("10.1.2.3,example.com")}};
       }},
      {"source-address without a string",
       [](auto& f) {
         f.critical = {{"source-address", to_bytes("10.1.2.3")}};
       }},
  };
  for (const Case& each : cases) {
    CertificateFields fields;
    const UserTrust trust = trust_in(fields.authority);
    each.spoil(fields);
    EXPECT_FALSE(check_user_certificate(fields.certificate(), trust, "10.1.2.3", 1500)) << each.reason;
  }
  const CertificateFields fields;
  EXPECT_FALSE(check_user_certificate(fields.certificate(), UserTrust(), "10.1.2.3", 1500));
  EXPECT_FALSE(check_user_certificate(fields.certificate(), trust_in(fields.authority), "10.1.2.3", -1));
}

TEST(UserCertificate, SourceAddress) {
  const auto accepted = [](std::string_view list, std::string_view client) {
    CertificateFields fields;
    fields.critical = {{"source-address", option_text(list)}};
    return check_user_certificate(fields.certificate(), trust_in(fields.authority), client, 1500).has_value();
  };
  EXPECT_TRUE(accepted("10.1.2.3", "10.1.2.3"));
  EXPECT_TRUE(accepted("192.168.0.0/16,10.0.0.0/8", "10.1.2.3"));
  EXPECT_TRUE(accepted("2001:db8::/32", "2001:db8::1"));
  EXPECT_TRUE(accepted("10.0.0.0/8", "::ffff:10.1.2.3"));
  EXPECT_FALSE(accepted("192.168.0.0/16", "10.1.2.3"));
  EXPECT_FALSE(accepted("10.1.2.3,", "10.1.2.3"));
  EXPECT_FALSE(accepted("10.0.0.0/8", ""));
}

TEST(UserCertificate, SignatureOfSomebodyElse) {
  CertificateFields fields;
  const UserTrust trust = trust_in(fields.authority);
  const Bytes covered = fields.contents();
  const PrivateKey other = PrivateKey::generate(PrivateKey::Kind::ecdsa_p256);
  const Bytes forged = ByteWriter().bytes(covered).string(other.sign("ecdsa-sha2-nistp256", covered).value()).take();
  const auto certificate = Certificate::parse(forged);
  ASSERT_TRUE(certificate);
  EXPECT_FALSE(check_user_certificate(*certificate, trust, "10.1.2.3", 1500));
}

TEST(UserCertificate, Authorities) {
  const std::string one = any_key(PrivateKey::Kind::ed25519).public_key().to_line();
  const std::string two = any_key(PrivateKey::Kind::rsa_3072).public_key().to_line();
  const auto both = parse_authorities("# comment\n\n  " + one + " first\r\n" + two);
  ASSERT_TRUE(both);
  EXPECT_EQ(both->size(), 2U);
  for (const std::string& text : {std::string(), std::string("# nothing\n"), one + "\nrubbish\n"}) {
    EXPECT_FALSE(parse_authorities(text)) << text;
  }
}

// --- in authentication ---

Bytes certificate_request(const Auth& auth, std::string_view algorithm, ByteSpan blob, bool with_signature,
                          const std::function<Bytes(std::string_view)>& sign) {
  const Bytes request =
      auth_request("maria", "publickey").boolean(with_signature).string(algorithm).string(blob).take();
  if (!with_signature) return request;
  const Bytes covered = ByteWriter().string(auth.server.client.session_id()).bytes(request).take();
  return ByteWriter().bytes(request).string(sign(as_text(covered))).take();
}

TEST(CertificateAuth, TheHandlerSeesWhatTheKeySigned) {
  for (const auto& [kind, algorithm, signature] :
       {std::tuple{PrivateKey::Kind::ed25519, "ssh-ed25519-cert-v01@openssh.com", "ssh-ed25519"},
        std::tuple{PrivateKey::Kind::rsa_3072, "rsa-sha2-256-cert-v01@openssh.com", "rsa-sha2-256"},
        std::tuple{PrivateKey::Kind::rsa_3072, "rsa-sha2-512-cert-v01@openssh.com", "rsa-sha2-512"}}) {
    CertificateFields fields;
    fields.key = any_key(kind).public_key();
    const auto sign = [&](std::string_view data) { return any_key(kind).sign(signature, as_bytes(data)).value(); };
    const auto wrong = [&](std::string_view) { return any_key(kind).sign(signature, as_bytes("other")).value(); };
    Auth auth;
    auth.start();
    auth.handler.keys = {fields.key};
    auth.server.say(certificate_request(auth, algorithm, fields.blob(), false, sign));
    EXPECT_TRUE(auth.client.got(msg::userauth_pk_ok)) << algorithm;
    auth.server.say(certificate_request(auth, algorithm, fields.blob(), true, wrong));
    auth.expect_failure("publickey,password");
    EXPECT_EQ(std::ranges::count(auth.handler.calls, "certificate maria"), 0);
    auth.server.say(certificate_request(auth, algorithm, fields.blob(), true, sign));
    auth.expect_success();
    EXPECT_EQ(std::ranges::count(auth.handler.calls, "certificate maria"), 1);
    EXPECT_EQ(std::ranges::count(auth.handler.calls, "key maria"), 0);
  }
}

TEST(CertificateAuth, AlgorithmsThatDoNotFit) {
  CertificateFields fields;  // of an ed25519 key
  for (const char* algorithm :
       {"ssh-ed25519", "ecdsa-sha2-nistp256-cert-v01@openssh.com", "rsa-sha2-512-cert-v01@openssh.com",
        "ssh-rsa-cert-v01@openssh.com", "sk-ssh-ed25519-cert-v01@openssh.com"}) {
    Auth auth;
    auth.start();
    auth.handler.keys = {fields.key};
    const auto sign = [&](std::string_view data) {
      return any_key(PrivateKey::Kind::ed25519).sign("ssh-ed25519", as_bytes(data)).value();
    };
    auth.server.say(certificate_request(auth, algorithm, fields.blob(), true, sign));
    auth.expect_failure("publickey,password");
    auth.server.say(certificate_request(auth, algorithm, fields.blob(), false, sign));
    auth.expect_failure("publickey,password");
  }
}

TEST(CertificateAuth, VerifyRequired) {
  for (const auto kind : {PrivateKey::Kind::ed25519, PrivateKey::Kind::ecdsa_p256}) {
    const Token token(kind);
    CertificateFields fields;
    fields.key = token.as_security_key;
    for (const bool required : {false, true}) {
      if (required) fields.critical = {{"verify-required", {}}};
      for (const std::uint8_t flags : {0x00, 0x01, 0x04, 0x05}) {
        Auth auth;
        auth.start();
        auth.handler.keys = {fields.key};
        auth.server.say(certificate_request(auth, fields.type(), fields.blob(), true,
                                            [&](std::string_view data) { return token.sign(flags, 1, data); }));
        const bool good = required ? flags == 0x05 : (flags & 0x01) != 0;
        good ? auth.expect_success() : auth.expect_failure("publickey,password");
      }
    }
  }
  // No other key can say so.
  CertificateFields fields;
  fields.critical = {{"verify-required", {}}};
  Auth auth;
  auth.start();
  auth.handler.keys = {fields.key};
  auth.server.say(certificate_request(auth, fields.type(), fields.blob(), true, [](std::string_view data) {
    return any_key(PrivateKey::Kind::ed25519).sign("ssh-ed25519", as_bytes(data)).value();
  }));
  auth.expect_failure("publickey,password");
}

}  // namespace
}  // namespace ferry::ssh::test
