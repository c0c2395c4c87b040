#include "ssh/keys/public_key.h"

#include <algorithm>

#include "crypto/cipher.h"
#include "tests/unit/ssh/key_support.h"

namespace ferry::ssh {
namespace {

using ferry::test::hex;
using ferry::test::mutate;
using test::any_key;
using test::key_of;
using test::TemporaryDirectory;
using test::Token;

Bytes ed25519_blob(ByteSpan point) { return ByteWriter().string("ssh-ed25519").string(point).take(); }
Bytes signature_blob(std::string_view algorithm, ByteSpan value) {
  return ByteWriter().string(algorithm).string(value).take();
}

struct Ed25519Vector {
  const char *point, *message, *signature;
};
// RFC 8032 section 7.1, tests 1 to 3.
const Ed25519Vector ed25519_vectors[] = {
    {"d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a", "",
     "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe246"
     "55141438e7a100b"},
    {"3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c", "72",
     "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb"
     "00d291612bb0c00"},
    {"fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025", "af82",
     "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28dc"
     "027beceea1ec40a"}};

TEST(PublicKey, Ed25519Vectors) {
  for (const auto& v : ed25519_vectors) {
    const PublicKey key = key_of(PublicKey::parse(ed25519_blob(hex(v.point))));
    const Bytes message = hex(v.message);
    const Bytes good = signature_blob("ssh-ed25519", hex(v.signature));
    EXPECT_TRUE(key.verify("ssh-ed25519", good, message));
    Bytes other = message;
    other.push_back(std::byte{0});
    EXPECT_FALSE(key.verify("ssh-ed25519", good, other));
    for (std::size_t i = 0; i < good.size(); ++i) {
      Bytes changed = good;
      changed[i] ^= std::byte{0x10};
      EXPECT_FALSE(key.verify("ssh-ed25519", changed, message)) << "byte " << i;
      EXPECT_FALSE(key.verify("ssh-ed25519", ByteSpan(good).first(i), message)) << "cut at " << i;
    }
    Bytes longer = good;
    longer.push_back(std::byte{0});
    EXPECT_FALSE(key.verify("ssh-ed25519", longer, message));
  }
}

// What `ssh-keygen -Y sign` writes (PROTOCOL.sshsig): the signature and the bytes that it signs.
struct KeygenSignature {
  std::string algorithm;
  Bytes signature, signed_data;
};
KeygenSignature read_sshsig(std::string text, std::string_view message) {
  std::erase(text, '\n');
  const std::string_view begin = "-----BEGIN SSH SIGNATURE-----", end = "-----END SSH SIGNATURE-----";
  const auto blob =
      crypto::base64_decode(std::string_view(text).substr(begin.size(), text.size() - begin.size() - end.size()));
  ByteReader in(blob.value());
  (void)in.bytes(6);
  (void)in.u32();
  (void)in.blob();
  const std::string_view name = in.string(), reserved = in.string(), hash = in.string();
  const ByteSpan signature = in.blob();
  if (!in.done() || hash != "sha512") throw std::runtime_error("not the expected signature file");
  ByteReader inner(signature);
  ByteWriter data;
  data.bytes(as_bytes("SSHSIG")).string(name).string(reserved).string(hash);
  data.string(crypto::hash(crypto::HashAlgorithm::sha512, {as_bytes(message)}));
  return {std::string(inner.string()), Bytes(signature.begin(), signature.end()), data.take()};
}

TEST(PublicKey, AgreesWithSshKeygen) {
  const TemporaryDirectory directory;
  directory.write("message", "attack at dawn");
  int i = 0;
  for (const char* kind : test::keygen_kinds) {
    const std::string name = "key" + std::to_string(i++);
    ASSERT_TRUE(directory.run("ssh-keygen -q -N '' -C 'a comment' -f " + name + " -t " + kind)) << kind;
    const std::string line = directory.read(name + ".pub");
    const PublicKey key = key_of(PublicKey::parse_line(line));
    EXPECT_EQ(key.to_line() + " a comment\n", line);

    ASSERT_TRUE(directory.run("ssh-keygen -l -f " + name + ".pub"));
    EXPECT_NE(directory.read("out").find(" " + key.fingerprint() + " "), std::string::npos) << directory.read("out");

    ASSERT_TRUE(directory.run("ssh-keygen -q -Y sign -n file -f " + name + " message")) << directory.read("err");
    const KeygenSignature made = read_sshsig(directory.read("message.sig"), "attack at dawn");
    std::filesystem::remove(directory / "message.sig");
    EXPECT_TRUE(key.allows_algorithm(made.algorithm)) << made.algorithm;
    EXPECT_TRUE(key.verify(made.algorithm, made.signature, made.signed_data)) << kind;
    EXPECT_FALSE(key.verify(made.algorithm, made.signature, as_bytes("attack at dusk"))) << kind;
    EXPECT_FALSE(key.verify("ssh-rsa", made.signature, made.signed_data));
    EXPECT_FALSE(PublicKey().verify(made.algorithm, made.signature, made.signed_data));
  }
}

TEST(PublicKey, Algorithms) {
  const PublicKey rsa = any_key(PrivateKey::Kind::rsa_3072).public_key();
  EXPECT_TRUE(rsa.allows_algorithm("rsa-sha2-256"));
  EXPECT_TRUE(rsa.allows_algorithm("rsa-sha2-512"));
  EXPECT_FALSE(rsa.allows_algorithm("ssh-rsa")) << "SHA-1";
  EXPECT_TRUE(rsa.fits_algorithm("ssh-rsa"));
  EXPECT_FALSE(any_key(PrivateKey::Kind::ed25519).public_key().fits_algorithm("ssh-rsa"));
  const PublicKey ed25519 = any_key(PrivateKey::Kind::ed25519).public_key();
  EXPECT_TRUE(ed25519.allows_algorithm("ssh-ed25519"));
  EXPECT_FALSE(ed25519.allows_algorithm("rsa-sha2-256"));
  EXPECT_FALSE(PublicKey().allows_algorithm(""));
  EXPECT_EQ(public_key_algorithms().front(), "ssh-ed25519");
  EXPECT_EQ(std::ranges::count(public_key_algorithms(), "ssh-rsa"), 0);
}

// RFC 4253 section 6.6, for who asks for it.
TEST(PublicKey, SignaturesWithSha1) {
  const PrivateKey& rsa = any_key(PrivateKey::Kind::rsa_3072);
  const Bytes made = rsa.sign("ssh-rsa", as_bytes("data")).value();
  EXPECT_TRUE(rsa.public_key().verify("ssh-rsa", made, as_bytes("data")));
  EXPECT_FALSE(rsa.public_key().verify("ssh-rsa", made, as_bytes("date")));
  EXPECT_FALSE(rsa.public_key().verify("rsa-sha2-256", made, as_bytes("data")));
}

// The named algorithm must be the one inside: a sha2-256 signature must not pass for sha2-512.
TEST(PublicKey, AlgorithmInsideMustBeTheOneNamed) {
  const PrivateKey& rsa = any_key(PrivateKey::Kind::rsa_3072);
  const Bytes made = rsa.sign("rsa-sha2-256", as_bytes("data")).value();
  EXPECT_TRUE(rsa.public_key().verify("rsa-sha2-256", made, as_bytes("data")));
  EXPECT_FALSE(rsa.public_key().verify("rsa-sha2-512", made, as_bytes("data")));
  ByteReader in(made);
  (void)in.string();
  EXPECT_FALSE(rsa.public_key().verify("rsa-sha2-512", signature_blob("rsa-sha2-512", in.blob()), as_bytes("data")));
}

TEST(PublicKey, SecurityKeys) {
  for (const auto kind : {PrivateKey::Kind::ed25519, PrivateKey::Kind::ecdsa_p256}) {
    const Token token(kind);
    const PublicKey& key = token.as_security_key;
    EXPECT_EQ(key.type(), token.type);
    EXPECT_TRUE(key.allows_algorithm(token.type));
    EXPECT_FALSE(key.allows_algorithm(token.key.public_key().type()));
    const Bytes good = token.sign(0x01, 7, "data");
    EXPECT_TRUE(key.verify(token.type, good, as_bytes("data")));
    EXPECT_TRUE(key.verify(token.type, token.sign(0x05, 0xffffffff, "data"), as_bytes("data"))) << "user verified too";
    EXPECT_FALSE(key.verify(token.type, token.sign(0x00, 7, "data"), as_bytes("data"))) << "nobody was present";
    EXPECT_TRUE(key.verify(token.type, token.sign(0x05, 7, "data"), as_bytes("data"), true));
    EXPECT_FALSE(key.verify(token.type, good, as_bytes("data"), true)) << "the user was not verified";
    EXPECT_FALSE(key.verify(token.type, token.sign(0x04, 7, "data"), as_bytes("data"), true));
    EXPECT_FALSE(key.verify(token.type, token.sign(0x04, 7, "data"), as_bytes("data"))) << "nobody was present";
    const auto flags = key.check(token.type, token.sign(0x04, 7, "data"), as_bytes("data"));
    ASSERT_TRUE(flags);
    EXPECT_FALSE(flags->user_present);
    EXPECT_TRUE(flags->user_verified);
    EXPECT_FALSE(key.check(token.type, good, as_bytes("other")));
    EXPECT_FALSE(key.verify(token.type, token.sign(0x01, 7, "data", "https://evil"), as_bytes("data")));
    EXPECT_FALSE(key.verify(token.type, good, as_bytes("other")));
    for (std::size_t back = 1; back <= 5; ++back) {  // the counter and the flags are signed
      Bytes changed = good;
      changed[changed.size() - back] ^= std::byte{0x02};
      EXPECT_FALSE(key.verify(token.type, changed, as_bytes("data"))) << back;
    }
    for (std::size_t size = 0; size < good.size(); ++size) {
      EXPECT_FALSE(key.verify(token.type, ByteSpan(good).first(size), as_bytes("data")));
    }
    // A plain signature of the same key must not pass.
    const Bytes plain = token.key.sign(token.key.public_key().type(), as_bytes("data")).value();
    EXPECT_FALSE(token.key.public_key().verify(token.key.public_key().type(), plain, as_bytes("data"), true));
    EXPECT_FALSE(key.verify(token.type, plain, as_bytes("data")));
    EXPECT_FALSE(key.verify(token.key.public_key().type(), plain, as_bytes("data")));
  }
}

TEST(PublicKey, LinesWithOptions) {
  const PublicKey key = any_key(PrivateKey::Kind::ed25519).public_key();
  const std::string line = key.to_line();
  for (const std::string& form :
       {line, "  " + line, line + " user@host", line + "\r\n", "no-pty " + line,
        "command=\"echo \\\"ssh-rsa x\\\"\",from=\"10.0.0.0/8 ::1\",restrict\t" + line + " a b c"}) {
    const Result<PublicKey> parsed = PublicKey::parse_line(form);
    ASSERT_TRUE(parsed) << form;
    EXPECT_EQ(*parsed, key);
  }
  const std::string base64 = line.substr(line.find(' ') + 1);
  for (const std::string& form :
       {std::string(), std::string("ssh-ed25519"), "ssh-ed25519 " + base64.substr(1), "ssh-rsa " + base64,
        "ssh-dss " + base64, "command=\"unclosed " + line, base64, "# " + base64, std::string(100'000, ' ')}) {
    EXPECT_FALSE(PublicKey::parse_line(form)) << form.substr(0, 100);
  }
}

void expect_refused(const Bytes& blob, ErrorCode code) {
  const Result<PublicKey> key = PublicKey::parse(blob);
  ASSERT_FALSE(key);
  EXPECT_EQ(key.error().code, code) << key.error().message;
}

TEST(PublicKey, EveryTruncationIsRefused) {
  const Token sk_ed25519(PrivateKey::Kind::ed25519), sk_ecdsa(PrivateKey::Kind::ecdsa_p256);
  for (const PublicKey& key :
       {any_key(PrivateKey::Kind::ed25519).public_key(), any_key(PrivateKey::Kind::ecdsa_p256).public_key(),
        any_key(PrivateKey::Kind::rsa_3072).public_key(), sk_ed25519.as_security_key, sk_ecdsa.as_security_key}) {
    for (std::size_t size = 0; size < key.blob().size(); ++size) {
      EXPECT_FALSE(PublicKey::parse(ByteSpan(key.blob()).first(size))) << key.type() << " at " << size;
    }
    Bytes longer = key.blob();
    longer.push_back(std::byte{0});
    expect_refused(longer, ErrorCode::protocol_error);
    mutate(as_text(key.blob()), 10'000, [](const std::string& blob) {
      const Result<PublicKey> parsed = PublicKey::parse(as_bytes(blob));
      if (parsed) {
        EXPECT_EQ(as_text(parsed->blob()), blob);
      }
    });
    mutate("no-pty,command=\"a b\" " + key.to_line() + " comment", 2'000,
           [](const std::string& line) { (void)PublicKey::parse_line(line); });
  }
}

TEST(PublicKey, MutatedSignaturesDoNotVerify) {
  for (const auto kind : {PrivateKey::Kind::ed25519, PrivateKey::Kind::ecdsa_p256, PrivateKey::Kind::rsa_3072}) {
    const PrivateKey& key = any_key(kind);
    const std::string algorithm(key.algorithms().front());
    const std::string good(as_text(key.sign(algorithm, as_bytes("data")).value()));
    mutate(good, 10'000, [&](const std::string& signature) {
      EXPECT_EQ(key.public_key().verify(algorithm, as_bytes(signature), as_bytes("data")), signature == good);
    });
  }
}

TEST(PublicKey, OtherTypesAreUnsupported) {
  expect_refused(ByteWriter().string("ssh-dss").string("x").take(), ErrorCode::unsupported);
  expect_refused(ByteWriter().string("ssh-ed25519-cert-v01@openssh.com").string("x").take(), ErrorCode::unsupported);
  expect_refused(ByteWriter().string("").take(), ErrorCode::unsupported);
  expect_refused({}, ErrorCode::protocol_error);
  expect_refused(hex("ffffffff"), ErrorCode::protocol_error);
}

TEST(PublicKey, MalformedRsa) {
  Bytes modulus(256, std::byte{0xc3});
  const auto blob = [](ByteSpan e, ByteSpan n) { return ByteWriter().string("ssh-rsa").mpint(e).mpint(n).take(); };
  const Bytes f4 = hex("010001");
  EXPECT_TRUE(PublicKey::parse(blob(f4, modulus)));
  EXPECT_TRUE(PublicKey::parse(blob(hex("23"), modulus)));
  for (const char* exponent : {"", "01", "02", "010000", "010000000000000001"}) {
    expect_refused(blob(hex(exponent), modulus), ErrorCode::protocol_error);
  }
  Bytes even = modulus;
  even.back() = std::byte{0xc2};
  expect_refused(blob(f4, even), ErrorCode::protocol_error);
  Bytes short_modulus = modulus;  // 2047 bits
  short_modulus[0] = std::byte{0x7f};
  expect_refused(blob(f4, short_modulus), ErrorCode::protocol_error);
  EXPECT_TRUE(PublicKey::parse(blob(f4, Bytes(2048, std::byte{0xc3}))));
  expect_refused(blob(f4, Bytes(2049, std::byte{0xc3})), ErrorCode::protocol_error);
  // Negative, and with a leading zero too many.
  expect_refused(ByteWriter().string("ssh-rsa").mpint(f4).string(modulus).take(), ErrorCode::protocol_error);
  Bytes padded = modulus;
  padded.insert(padded.begin(), 2, std::byte{0});
  expect_refused(ByteWriter().string("ssh-rsa").mpint(f4).string(padded).take(), ErrorCode::protocol_error);
}

TEST(PublicKey, MalformedEcdsa) {
  const PublicKey good = any_key(PrivateKey::Kind::ecdsa_p256).public_key();
  ByteReader in(good.blob());
  (void)in.string();
  (void)in.string();
  const ByteSpan point = in.blob();
  const auto blob = [](std::string_view curve, ByteSpan q) {
    return ByteWriter().string("ecdsa-sha2-nistp256").string(curve).string(q).take();
  };
  EXPECT_TRUE(PublicKey::parse(blob("nistp256", point)));
  expect_refused(blob("nistp384", point), ErrorCode::protocol_error);
  Bytes off(point.begin(), point.end());
  off[40] ^= std::byte{1};
  expect_refused(blob("nistp256", off), ErrorCode::protocol_error);
  Bytes compressed(point.begin(), point.begin() + 33);
  compressed[0] = std::byte{2};
  expect_refused(blob("nistp256", compressed), ErrorCode::protocol_error);
  expect_refused(blob("nistp256", hex("00")), ErrorCode::protocol_error);
  expect_refused(blob("nistp256", {}), ErrorCode::protocol_error);
}

// RFC 5656 section 3.1.2: r and s are positive and below the order.
TEST(PublicKey, MalformedEcdsaSignatures) {
  const PrivateKey& key = any_key(PrivateKey::Kind::ecdsa_p256);
  const auto verifies = [&](ByteSpan r, ByteSpan s) {
    const Bytes pair = ByteWriter().string(r).string(s).take();
    return key.public_key().verify("ecdsa-sha2-nistp256", signature_blob("ecdsa-sha2-nistp256", pair),
                                   as_bytes("data"));
  };
  const Bytes one = hex("01"), order = hex("00ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551");
  for (const Bytes& bad : {Bytes{}, hex("00"), hex("ff"), order, Bytes(1000, std::byte{0x55})}) {
    EXPECT_FALSE(verifies(bad, bad));
    EXPECT_FALSE(verifies(one, bad));
    EXPECT_FALSE(verifies(bad, one));
  }
}

}  // namespace
}  // namespace ferry::ssh
