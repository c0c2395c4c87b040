#include "ssh/kex/negotiation.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "tests/unit/ssh/kexinit.h"

namespace ferry::ssh::test {
namespace {

AlgorithmOffer full_offer() {
  AlgorithmOffer offer;
  offer.host_key_algorithms = {"ssh-ed25519", "ecdsa-sha2-nistp256", "rsa-sha2-512", "rsa-sha2-256"};
  return complete_offer(std::move(offer));
}

Negotiated expect_agreed(const Kexinit& client, const AlgorithmOffer& offer = full_offer()) {
  Result<Negotiated> negotiated = negotiate(client.payload(), offer);
  EXPECT_TRUE(negotiated) << negotiated.error().message;
  return negotiated ? *negotiated : Negotiated{};
}

void expect_nothing_in_common(const Kexinit& client, std::string_view kind) {
  const Result<Negotiated> negotiated = negotiate(client.payload(), full_offer());
  ASSERT_FALSE(negotiated) << kind;
  EXPECT_EQ(negotiated.error().code, ErrorCode::unsupported);
  EXPECT_NE(negotiated.error().message.find(kind), std::string::npos) << negotiated.error().message;
}

void expect_malformed(const Bytes& payload, const char* what) {
  const Result<Negotiated> negotiated = negotiate(payload, full_offer());
  ASSERT_FALSE(negotiated) << what;
  EXPECT_EQ(negotiated.error().code, ErrorCode::protocol_error) << what;
}

// "The first algorithm on the client's name-list that is also on the server's" is chosen.
TEST(Negotiation, ClientsOrderDecides) {
  Kexinit client;
  client.kex = "sntrup761x25519-sha512@openssh.com,diffie-hellman-group14-sha256,curve25519-sha256";
  client.host_key = "ssh-rsa,rsa-sha2-256,ssh-ed25519";
  client.cipher_in = "aes128-cbc,aes256-ctr,aes128-gcm@openssh.com";
  client.cipher_out = "chacha20-poly1305@openssh.com,aes256-ctr";
  client.mac_in = "hmac-md5,hmac-sha2-512,hmac-sha2-256";
  client.mac_out = "umac-64@openssh.com";  // not needed: the cipher authenticates
  client.compression_in = "zlib,none";
  client.compression_out = "none,zlib@openssh.com";
  const Negotiated agreed = expect_agreed(client);
  EXPECT_EQ(agreed.key_agreement->name, "diffie-hellman-group14-sha256");
  EXPECT_EQ(agreed.host_key_algorithm, "rsa-sha2-256");
  EXPECT_EQ(agreed.to_server.cipher->name, "aes256-ctr");
  EXPECT_EQ(agreed.to_server.mac->name, "hmac-sha2-512");
  EXPECT_EQ(agreed.to_client.cipher->name, "chacha20-poly1305@openssh.com");
  EXPECT_EQ(agreed.to_client.mac, nullptr);
}

TEST(Negotiation, ServersOfferLimits) {
  AlgorithmOffer offer = full_offer();
  offer.ciphers = {"aes256-ctr"};
  offer.macs = {"hmac-sha2-512"};
  offer.key_agreements = {"ecdh-sha2-nistp384"};
  Kexinit client;
  client.kex = "curve25519-sha256,ecdh-sha2-nistp384";
  client.cipher_in = client.cipher_out = "aes128-gcm@openssh.com,aes128-ctr,aes256-ctr";
  client.mac_in = client.mac_out = "hmac-sha2-256,hmac-sha2-512";
  const Negotiated agreed = expect_agreed(client, offer);
  EXPECT_EQ(agreed.key_agreement->name, "ecdh-sha2-nistp384");
  EXPECT_EQ(agreed.to_client.cipher->name, "aes256-ctr");
  EXPECT_EQ(agreed.to_server.mac->name, "hmac-sha2-512");
}

TEST(Negotiation, NothingInCommon) {
  const auto with = [](std::string Kexinit::*field, const char* value) {
    Kexinit client;
    client.cipher_in = client.cipher_out = "aes128-ctr";
    client.*field = value;
    return client;
  };
  for (const char* none : {"", "unknown", "curve25519-sha25", "curve25519-sha2566", "Curve25519-SHA256"}) {
    expect_nothing_in_common(with(&Kexinit::kex, none), "key exchange algorithm");
  }
  expect_nothing_in_common(with(&Kexinit::kex, "ext-info-c,kex-strict-c-v00@openssh.com"), "key exchange algorithm");
  expect_nothing_in_common(with(&Kexinit::kex, "ext-info-s,kex-strict-s-v00@openssh.com"), "key exchange algorithm");
  for (const char* none : {"", "ssh-rsa", "ssh-dss"}) {
    expect_nothing_in_common(with(&Kexinit::host_key, none), "host key algorithm");
  }
  for (const char* none : {"", "none", "aes128-cbc,3des-cbc"}) {
    expect_nothing_in_common(with(&Kexinit::cipher_in, none), "cipher");
    expect_nothing_in_common(with(&Kexinit::cipher_out, none), "cipher");
  }
  for (const char* none : {"", "none", "hmac-sha1,hmac-md5"}) {
    expect_nothing_in_common(with(&Kexinit::mac_in, none), "MAC");
    expect_nothing_in_common(with(&Kexinit::mac_out, none), "MAC");
  }
  for (const char* none : {"", "zlib", "zlib@openssh.com"}) {
    expect_nothing_in_common(with(&Kexinit::compression_in, none), "compression");
    expect_nothing_in_common(with(&Kexinit::compression_out, none), "compression");
  }
}

TEST(Negotiation, ErrorNamesBothLists) {
  Kexinit client;
  client.kex = "my-own-method";
  const Result<Negotiated> negotiated = negotiate(client.payload(), full_offer());
  ASSERT_FALSE(negotiated);
  EXPECT_NE(negotiated.error().message.find("my-own-method"), std::string::npos);
  EXPECT_NE(negotiated.error().message.find("curve25519-sha256"), std::string::npos);
}

TEST(Negotiation, LanguagesAreIgnored) {
  Kexinit client;
  client.language_in = "en-US,de";
  client.language_out = "fr";
  expect_agreed(client);
}

TEST(Negotiation, Markers) {
  Kexinit client;
  EXPECT_FALSE(expect_agreed(client).client_wants_ext_info);
  EXPECT_FALSE(expect_agreed(client).client_is_strict);
  client.kex = "curve25519-sha256,ext-info-c";
  EXPECT_TRUE(expect_agreed(client).client_wants_ext_info);
  EXPECT_FALSE(expect_agreed(client).client_is_strict);
  client.kex = "kex-strict-c-v00@openssh.com,curve25519-sha256";
  EXPECT_FALSE(expect_agreed(client).client_wants_ext_info);
  EXPECT_TRUE(expect_agreed(client).client_is_strict);
  client.kex = "curve25519-sha256,ext-info-s,kex-strict-s-v00@openssh.com";  // the server's own, in the wrong mouth
  EXPECT_FALSE(expect_agreed(client).client_wants_ext_info);
  EXPECT_FALSE(expect_agreed(client).client_is_strict);
}

// RFC 4253 section 7: the guess is right when the first names of both lists are the same on both sides.
TEST(Negotiation, GuessedPacket) {
  struct Case {
    const char *kex, *host_key;
    bool wrong;
  };
  for (const Case& each : {Case{"mlkem768x25519-sha256", "ssh-ed25519", false},
                           Case{"mlkem768x25519-sha256,curve25519-sha256", "ssh-ed25519,rsa-sha2-256", false},
                           Case{"curve25519-sha256,mlkem768x25519-sha256", "ssh-ed25519", true},
                           Case{"mlkem768x25519-sha256", "rsa-sha2-512,ssh-ed25519", true},
                           Case{"unknown,mlkem768x25519-sha256", "ssh-ed25519", true},
                           Case{"ext-info-c,mlkem768x25519-sha256", "ssh-ed25519", true}}) {
    Kexinit client;
    client.kex = each.kex;
    client.host_key = each.host_key;
    EXPECT_FALSE(expect_agreed(client).drop_next_packet) << each.kex;
    client.first_kex_packet_follows = true;
    EXPECT_EQ(expect_agreed(client).drop_next_packet, each.wrong) << each.kex << " " << each.host_key;
  }
}

TEST(Negotiation, EveryTruncationIsMalformed) {
  const Bytes payload = Kexinit{}.payload();
  for (std::size_t size = 1; size < payload.size(); ++size) {
    expect_malformed(Bytes(payload.begin(), payload.begin() + static_cast<std::ptrdiff_t>(size)), "truncated");
  }
  Bytes longer = payload;
  longer.push_back(std::byte{0});
  expect_malformed(longer, "trailing byte");
}

TEST(Negotiation, MalformedNameLists) {
  const std::string long_name(65, 'a');
  std::string many;
  for (int i = 0; i < 257; ++i) many += (i > 0 ? ",a" : "a") + std::to_string(i);
  std::string nul = "curve25519-sha256,x";
  nul.back() = '\0';
  for (const std::string& bad :
       {std::string(","), std::string("curve25519-sha256,,"), std::string(",curve25519-sha256"),
        std::string("curve25519-sha256,,x"), std::string("curve25519-sha256,a b"),
        std::string("curve25519-sha256,\x01"), std::string("curve25519-sha256,\x7f"),
        std::string("curve25519-sha256,\xc3\xa9"), nul, "curve25519-sha256," + long_name, many}) {
    for (std::string Kexinit::*field : {&Kexinit::kex, &Kexinit::host_key, &Kexinit::cipher_in, &Kexinit::mac_out,
                                        &Kexinit::compression_in, &Kexinit::language_out}) {
      Kexinit client;
      client.*field = bad;
      expect_malformed(client.payload(), bad.substr(0, 40).c_str());
    }
  }
}

// As Debian's libssh sends it.
TEST(Negotiation, OneCommaAtTheEndIsForgiven) {
  Kexinit client;
  client.cipher_in = "aes256-ctr,";
  EXPECT_EQ(expect_agreed(client).to_server.cipher->name, "aes256-ctr");
}

TEST(Negotiation, LengthsThatLie) {
  const Bytes payload = Kexinit{}.payload();
  for (const std::uint32_t length : {0U, 1U, 0x7fffffffU, 0xffffffffU}) {
    Bytes changed = payload;
    store_u32(changed.data() + 17, length);
    expect_malformed(changed, "first list");
  }
}

TEST(Negotiation, HugeListsStayCheap) {
  Kexinit client;
  client.kex.assign(34'000, 'x');
  expect_malformed(client.payload(), "one name of 34,000 letters");
  client.kex.clear();
  for (int i = 0; i < 255; ++i) client.kex += "name-" + std::string(50, 'y') + std::to_string(i) + ",";
  client.kex += "curve25519-sha256";  // the 256th is still read
  EXPECT_EQ(expect_agreed(client).key_agreement->name, "curve25519-sha256");
}

// --- our own KEXINIT ---

std::vector<std::string> lists_of(const Bytes& kexinit) {
  ByteReader in(kexinit);
  EXPECT_EQ(in.u8(), 20);
  in.bytes(16);
  std::vector<std::string> lists;
  for (int i = 0; i < 10; ++i) lists.emplace_back(in.string());
  EXPECT_FALSE(in.boolean());
  EXPECT_EQ(in.u32(), 0U);
  EXPECT_TRUE(in.done());
  return lists;
}

TEST(OwnKexinit, CarriesTheOffer) {
  const AlgorithmOffer offer = full_offer();
  const auto lists = lists_of(make_kexinit(offer, false));
  EXPECT_EQ(lists[0], join_name_list(offer.key_agreements));
  EXPECT_EQ(lists[1], "ssh-ed25519,ecdsa-sha2-nistp256,rsa-sha2-512,rsa-sha2-256");
  EXPECT_EQ(lists[2], join_name_list(offer.ciphers));
  EXPECT_EQ(lists[3], lists[2]);
  EXPECT_EQ(lists[4], join_name_list(offer.macs));
  EXPECT_EQ(lists[5], lists[4]);
  EXPECT_EQ(lists[6], "none");
  EXPECT_EQ(lists[7], "none");
  EXPECT_EQ(lists[8], "");
  EXPECT_EQ(lists[9], "");
}

TEST(OwnKexinit, FirstOneAloneHasTheMarkers) {
  const std::string plain = lists_of(make_kexinit(full_offer(), false))[0];
  EXPECT_EQ(lists_of(make_kexinit(full_offer(), true))[0], plain + ",ext-info-s,kex-strict-s-v00@openssh.com");
}

TEST(OwnKexinit, CookieIsRandom) { EXPECT_NE(make_kexinit(full_offer(), true), make_kexinit(full_offer(), true)); }

TEST(Offer, UnknownNamesAreRefusedWithTheValidOnes) {
  for (std::vector<std::string> AlgorithmOffer::*list :
       {&AlgorithmOffer::key_agreements, &AlgorithmOffer::host_key_algorithms, &AlgorithmOffer::ciphers,
        &AlgorithmOffer::macs, &AlgorithmOffer::public_keys}) {
    AlgorithmOffer offer;
    EXPECT_TRUE(check_offer(offer));
    offer.*list = {"no-such-algorithm"};
    const Result<void> checked = check_offer(offer);
    ASSERT_FALSE(checked);
    EXPECT_EQ(checked.error().code, ErrorCode::invalid_argument);
    EXPECT_NE(checked.error().message.find("no-such-algorithm"), std::string::npos);
    EXPECT_NE(checked.error().message.find("valid: "), std::string::npos);
  }
}

TEST(Offer, EmptyListsAreFilled) {
  AlgorithmOffer offer;
  offer.ciphers = {"aes256-ctr"};
  const AlgorithmOffer complete = complete_offer(offer);
  EXPECT_EQ(complete.ciphers, offer.ciphers);
  EXPECT_EQ(complete.key_agreements.front(), "mlkem768x25519-sha256");
  for (const KeyAgreement& method : key_agreements()) {
    const bool offered = std::ranges::find(complete.key_agreements, method.name) != complete.key_agreements.end();
    EXPECT_EQ(offered, method.by_default) << method.name;
  }
  EXPECT_EQ(std::ranges::count(complete.macs, "hmac-sha2-256"), 1);
  EXPECT_EQ(std::ranges::count(complete.macs, "hmac-sha1"), 0);
  EXPECT_EQ(std::ranges::count(complete.host_key_algorithms, "ssh-rsa"), 0);
  EXPECT_EQ(std::ranges::count(complete.public_keys, "ssh-rsa"), 0);
  EXPECT_TRUE(check_offer(complete));
}

}  // namespace
}  // namespace ferry::ssh::test
