#include "ssh/keys/private_key.h"

#include <sys/stat.h>

#include "crypto/cipher.h"
#include "tests/unit/ssh/key_support.h"

namespace ferry::ssh {
namespace {

using ferry::test::hex;
using ferry::test::mutate;
using ferry::test::to_hex;
using test::any_key;
using test::key_of;
using test::TemporaryDirectory;

constexpr PrivateKey::Kind kinds[] = {PrivateKey::Kind::ed25519, PrivateKey::Kind::ecdsa_p256,
                                      PrivateKey::Kind::rsa_3072};

void expect_signs(const PrivateKey& key) {
  ASSERT_FALSE(key.algorithms().empty());
  for (const std::string_view algorithm : key.algorithms()) {
    const Result<Bytes> signature = key.sign(algorithm, as_bytes("exchange hash"));
    ASSERT_TRUE(signature) << algorithm;
    EXPECT_TRUE(key.public_key().verify(algorithm, *signature, as_bytes("exchange hash"))) << algorithm;
  }
}

std::string pkcs8_ed25519(std::string_view seed_hex) {
  return "-----BEGIN PRIVATE KEY-----\n" +
         crypto::base64_encode(hex("302e020100300506032b657004220420" + std::string(seed_hex))) +
         "\n-----END PRIVATE KEY-----\n";
}

// RFC 8032 section 7.1, test 3: the signature is deterministic.
TEST(PrivateKey, Ed25519Vector) {
  const Result<PrivateKey> key =
      PrivateKey::parse(pkcs8_ed25519("c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7"));
  ASSERT_TRUE(key) << key.error().message;
  EXPECT_EQ(to_hex(key->public_key().blob()),
            "0000000b7373682d6564323535313900000020fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025");
  EXPECT_EQ(
      to_hex(key->sign("ssh-ed25519", hex("af82")).value()),
      "0000000b7373682d65643235353139000000406291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac18ff9b53"
      "8d16f290ae67f760984dc6594a7c15e9716ed28dc027beceea1ec40a");
}

TEST(PrivateKey, SavedKeysComeBackAndSuitSshKeygen) {
  const TemporaryDirectory directory;
  int i = 0;
  for (const PrivateKey::Kind kind : kinds) {
    const PrivateKey key = PrivateKey::generate(kind);
    expect_signs(key);
    const std::string name = "key" + std::to_string(i++);
    ASSERT_TRUE(key.save(directory / name, "root@ferry"));
    struct stat info {};
    ASSERT_EQ(::stat((directory / name).c_str(), &info), 0);
    EXPECT_EQ(info.st_mode & 07777, 0600U);
    const Result<PrivateKey> loaded = PrivateKey::load(directory / name);
    ASSERT_TRUE(loaded) << loaded.error().message;
    EXPECT_EQ(loaded->public_key(), key.public_key());
    expect_signs(*loaded);
    ASSERT_TRUE(directory.run("ssh-keygen -y -f " + name)) << directory.read("err");
    EXPECT_EQ(directory.read("out"), key.public_key().to_line() + " root@ferry\n");
    std::filesystem::remove(directory / name);
  }
  std::filesystem::remove(directory / "out");
  std::filesystem::remove(directory / "err");
  EXPECT_TRUE(std::filesystem::is_empty(directory.path())) << "temporary files stay behind";
}

// ssh-keygen -Y verify accepts what we sign (PROTOCOL.sshsig).
TEST(PrivateKey, SshKeygenVerifiesOurSignatures) {
  const TemporaryDirectory directory;
  for (const PrivateKey::Kind kind : kinds) {
    const PrivateKey& key = any_key(kind);
    directory.write("signers", "someone " + key.public_key().to_line() + "\n");
    directory.write("message", "attack at dawn");
    ByteWriter data;
    data.bytes(as_bytes("SSHSIG")).string("file").string("").string("sha512");
    data.string(crypto::hash(crypto::HashAlgorithm::sha512, {as_bytes("attack at dawn")}));
    ByteWriter file;
    file.bytes(as_bytes("SSHSIG")).u32(1).string(key.public_key().blob()).string("file").string("").string("sha512");
    file.string(key.sign(key.algorithms().front(), data.data()).value());
    directory.write("sig", "-----BEGIN SSH SIGNATURE-----\n" + crypto::base64_encode(file.data()) +
                               "\n-----END SSH SIGNATURE-----\n");
    EXPECT_TRUE(directory.run("ssh-keygen -Y verify -f signers -I someone -n file -s sig < message"))
        << directory.read("err");
  }
}

TEST(PrivateKey, NeverOverAnExistingFile) {
  const TemporaryDirectory directory;
  directory.write("key", "precious");
  const Result<void> saved = any_key(PrivateKey::Kind::ed25519).save(directory / "key", "");
  ASSERT_FALSE(saved);
  EXPECT_EQ(saved.error().code, ErrorCode::already_exists);
  EXPECT_EQ(directory.read("key"), "precious");
  EXPECT_FALSE(any_key(PrivateKey::Kind::ed25519).save(directory / "no/such/key", ""));
  EXPECT_FALSE(PrivateKey().save(directory / "empty", ""));
}

// OpenSSH's own format, traditional PEM and PKCS#8 (ed25519 keys have no other than the first).
const std::pair<const char*, const char*> formats[] = {{"openssh", "RFC4716"}, {"pem", "PEM"}, {"pkcs8", "PKCS8"}};

TEST(PrivateKey, EveryFormatOfSshKeygen) {
  const TemporaryDirectory directory;
  for (const char* kind : test::keygen_kinds) {
    ASSERT_TRUE(directory.run("rm -f key key.pub && ssh-keygen -q -N '' -f key -t " + std::string(kind)));
    const PublicKey expected = key_of(PublicKey::parse_line(directory.read("key.pub")));
    for (const auto& [name, format] : formats) {
      ASSERT_TRUE(directory.run("ssh-keygen -q -p -P '' -N '' -f key -m " + std::string(format)));
      const Result<PrivateKey> key = PrivateKey::load(directory / "key");
      ASSERT_TRUE(key) << kind << " " << name << ": " << key.error().message;
      EXPECT_EQ(key->public_key(), expected);
      expect_signs(*key);
    }
  }
}

TEST(PrivateKey, EncryptedKeysAreNamedSo) {
  const TemporaryDirectory directory;
  for (const char* kind : {"ed25519", "ecdsa", "rsa -b 2048"}) {
    ASSERT_TRUE(directory.run("rm -f key key.pub && ssh-keygen -q -N secret -a 1 -f key -t " + std::string(kind)));
    for (const auto& [name, format] : formats) {
      ASSERT_TRUE(directory.run("ssh-keygen -q -p -a 1 -P secret -N secret -f key -m " + std::string(format)));
      const Result<PrivateKey> key = PrivateKey::load(directory / "key");
      ASSERT_FALSE(key) << kind << " " << name;
      EXPECT_EQ(key.error().code, ErrorCode::unsupported) << kind << " " << name << ": " << key.error().message;
      EXPECT_NE(key.error().message.find("encrypted"), std::string::npos);
    }
  }
}

TEST(PrivateKey, KeysThatAreRefused) {
  const TemporaryDirectory directory;
  ASSERT_TRUE(directory.run("openssl genrsa -out small 1024"));
  ASSERT_TRUE(directory.run("openssl ecparam -name secp256k1 -genkey -noout -out koblitz"));
  ASSERT_TRUE(directory.run("openssl genpkey -algorithm x25519 -out x25519"));
  ASSERT_TRUE(directory.run("ssh-keygen -q -N '' -f key -t ed25519"));
  EXPECT_FALSE(PrivateKey::load(directory / "small"));
  EXPECT_EQ(PrivateKey::load(directory / "koblitz").error().code, ErrorCode::unsupported);
  EXPECT_EQ(PrivateKey::load(directory / "x25519").error().code, ErrorCode::unsupported);
  EXPECT_FALSE(PrivateKey::load(directory / "key.pub"));
  EXPECT_FALSE(PrivateKey::parse(""));
  EXPECT_FALSE(PrivateKey::parse(std::string(1'000'000, '-')));
}

TEST(PrivateKey, CompressedPointsInPemAreWrittenOut) {
  const TemporaryDirectory directory;
  ASSERT_TRUE(
      directory.run("openssl ecparam -name prime256v1 -genkey -noout -conv_form compressed -out raw && "
                    "openssl ec -in raw -conv_form compressed -out key && ssh-keygen -y -f raw"))
      << directory.read("err");
  const Result<PrivateKey> key = PrivateKey::parse(directory.read("key"));
  ASSERT_TRUE(key) << key.error().message;
  expect_signs(*key);
}

TEST(PrivateKey, FilesThatAreRefused) {
  const TemporaryDirectory directory;
  EXPECT_EQ(PrivateKey::load(directory / "missing").error().code, ErrorCode::not_found);
  EXPECT_NE(PrivateKey::load(directory / "missing").error().message.find("missing"), std::string::npos);
  EXPECT_FALSE(PrivateKey::load(directory.path())) << "a directory";
  ASSERT_TRUE(any_key(PrivateKey::Kind::ed25519).save(directory / "key", ""));
  for (const ::mode_t mode : {0620, 0602, 0666}) {
    ASSERT_EQ(::chmod((directory / "key").c_str(), mode), 0);
    EXPECT_EQ(PrivateKey::load(directory / "key").error().code, ErrorCode::permission_denied);
  }
  ASSERT_EQ(::chmod((directory / "key").c_str(), 0444), 0);
  EXPECT_TRUE(PrivateKey::load(directory / "key")) << "mounted secrets are often readable by all";
  ASSERT_TRUE(directory.run("mkfifo -m 600 pipe"));
  EXPECT_FALSE(PrivateKey::load(directory / "pipe")) << "must not wait for a writer either";
  directory.write("large", std::string(1 << 20, 'x'));
  ASSERT_EQ(::chmod((directory / "large").c_str(), 0600), 0);
  EXPECT_FALSE(PrivateKey::load(directory / "large"));
}

TEST(PrivateKey, SignsOnlyWithItsAlgorithms) {
  const PrivateKey& key = any_key(PrivateKey::Kind::ed25519);
  EXPECT_EQ(key.sign("rsa-sha2-256", as_bytes("x")).error().code, ErrorCode::unsupported);
  EXPECT_FALSE(PrivateKey().sign("ssh-ed25519", as_bytes("x")));
  const PrivateKey& rsa = any_key(PrivateKey::Kind::rsa_3072);
  EXPECT_EQ(rsa.algorithms(), (std::vector<std::string_view>{"rsa-sha2-512", "rsa-sha2-256", "ssh-rsa"}));
  EXPECT_FALSE(rsa.sign("ssh-ed25519", as_bytes("x")));
}

const std::string_view begin = "-----BEGIN OPENSSH PRIVATE KEY-----\n", end = "\n-----END OPENSSH PRIVATE KEY-----\n";

std::string unwrapped(std::string text) {
  text = text.substr(begin.size(), text.find("\n-----END") - begin.size());
  std::erase(text, '\n');
  return std::string(as_text(crypto::base64_decode(text).value()));
}
std::string wrapped(std::string_view blob) {
  return std::string(begin) + crypto::base64_encode(as_bytes(blob)) + std::string(end);
}

// Whatever is cut or changed, no crash; what still loads has passed its self test.
TEST(PrivateKey, MutatedOpenSshKeys) {
  const TemporaryDirectory directory;
  int i = 0;
  for (const char* kind : {"ed25519", "ecdsa -b 256", "rsa -b 2048"}) {
    const std::string name = "key" + std::to_string(i++);
    ASSERT_TRUE(directory.run("ssh-keygen -q -N '' -f " + name + " -t " + kind));
    const std::string blob = unwrapped(directory.read(name));
    ASSERT_TRUE(PrivateKey::parse(wrapped(blob)));
    for (std::size_t size = 0; size < blob.size(); ++size) {
      EXPECT_FALSE(PrivateKey::parse(wrapped(blob.substr(0, size)))) << kind << " cut at " << size;
    }
    EXPECT_FALSE(PrivateKey::parse(wrapped(blob + '\0')));
    const int count = std::string_view(kind).starts_with("rsa") ? 2'000 : 10'000;
    mutate(blob, count, [](const std::string& mutated) { (void)PrivateKey::parse(wrapped(mutated)); });
  }
}

TEST(PrivateKey, MutatedPemKeys) {
  const TemporaryDirectory directory;
  ASSERT_TRUE(directory.run("ssh-keygen -q -N '' -m PEM -f ec -t ecdsa"));
  ASSERT_TRUE(directory.run("ssh-keygen -q -N '' -m PKCS8 -f rsa -t rsa -b 2048"));
  // The parser is OpenSSL's, and slow: few of the larger ones.
  const std::pair<std::string, int> samples[] = {
      {pkcs8_ed25519("c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7"), 1'000},
      {directory.read("ec"), 300},
      {directory.read("rsa"), 100}};
  for (const auto& [text, count] : samples) {
    ASSERT_TRUE(PrivateKey::parse(text));
    mutate(text, count, [](const std::string& mutated) { (void)PrivateKey::parse(mutated); });
  }
}

}  // namespace
}  // namespace ferry::ssh
