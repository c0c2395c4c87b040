#include "crypto/password.h"

#include <set>

#include "tests/unit/crypto/support.h"

namespace ferry::crypto {
namespace {

using Algorithm = PasswordHashing::Algorithm;

bool verifies(std::string_view stored, std::string_view password) {
  const Result<bool> verified = verify_password(stored, password);
  EXPECT_TRUE(verified) << stored << ": " << (verified ? "" : verified.error().message);
  return verified && *verified;
}

ErrorCode refusal(std::string_view stored) {
  const Result<bool> verified = verify_password(stored, "password");
  EXPECT_FALSE(verified) << stored;
  return verified ? ErrorCode::internal : verified.error().code;
}

// One of each form, made by other programs: openssl passwd, Python's hashlib and crypt, the reference argon2,
// and the test vectors of crypt_blowfish.
const std::pair<const char*, const char*> known[] = {
    {"$2a$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW", "U*U"},
    {"$2b$05$XXXXXXXXXXXXXXXXXXXXXOAcXxm9kjPGEMsLznoKqmqw7tc8WCx4a", "U*U*U"},
    {"$2a$05$CCCCCCCCCCCCCCCCCCCCC.7uG0VCzI2bS7j6ymqJi9CdcdxiRTWNy", ""},
    {"$2y$05$/OK.fbVrR/bpIqNJ5ianF.CE5elHaaO4EbggVDjb8P19RukzXSM3e", "\xff\xff\xa3"},
    {"$2a$05$/OK.fbVrR/bpIqNJ5ianF.CE5elHaaO4EbggVDjb8P19RukzXSM3e", "\xff\xff\xa3"},
    {"$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc", "password"},
    {"$pbkdf2-sha1$5000$E86a9YMX3zC7$zLMkoacSh/pU1SUvqYHYTDzRQzw=", "password"},
    {"$pbkdf2-sha256$5000$E86a9YMX3zC7$HSVnk68miqCEggWlXROO0XpepeOT8Yc1wg7qLU3CpBQ=", "password"},
    {"$pbkdf2-sha256$5000$E86a9YMX3zC7$HSVnk68miqCEggWlXROO0XpepeOT8Yc1wg7qLU3CpBQ", "password"},
    {"$pbkdf2-sha512$5000$E86a9YMX3zC7$L+3+C2L5EggTuvljxQMp+iEK/RzhhDIMElXaLnDYcipoZZo0n5KfOlzncHHtIafp1MjdM0KGowho+"
     "y53QCtlmQ==",
     "password"},
    {"$pbkdf2-b64salt-sha256$1200$8PHy8/T19vf4+fr7/P3+/w==$vkN4OwBiBvN1uEeILbuwptrTAH+JmjWi4so/YVihtdw=", "password"},
    {"$1$xxxxxxxx$UYCIxa628.9qXjpQCjM4a.", "password"},
    {"$apr1$xxxxxxxx$dxHfLAsjHkDRmG83UXe8K0", "password"},
    {"$apr1$ab$S8K6Sgp3W8c9Jb6LxgywZ.", ""},
    {"$apr1$abcdefgh$jHIxB/Yz7pJlmn7/ordj8/", "a much longer password than sixteen bytes of it"},
    {"$5$xxxxxxxx$hP8Y3v5H039Gm6oEwYeXGQOqaUqXVrVPKrFK.zAzZPA", "password"},
    {"$5$rounds=10000$saltstringsaltst$DnR6.aMZDwOMqtynA.o2eobA3dYZepULoyGw/CZ4ID0", "password"},
    {"$6$saltstring$svn8UoSVapNtMuq1ukKS4tPQd8iKwSMHWjl/O817G3uBnIFNjnQJuesI68u4OTLiBFdcbYEdFCoEOfaS35inz1",
     "Hello world!"},
    {"$y$j9T$F5Jx5fExrKuPp53xLKQ..1$tnSYvahCwPBHKZUspmcxMfb0.WiB9W.zEaKlOBL35rC", "password"},
    {"{MD5}5f4dcc3b5aa765d61d8327deb882cf99", "password"},
    {"{SHA256}5E884898da28047151d0e56f8dc6292773603d0d6aabbdd62a11ef721d1542d8", "password"},
    {"{SHA512}b109f3bbbc244eb82441917ed06d618b9008dd09b3befd1b5e07394c706a8bb980b1d7785e5976ec049b46df5f1326af5a2ea6d1"
     "03fd07c95385ffab0cacbc86",
     "password"}};

TEST(Password, EveryFormVerifies) {
  for (const auto& [stored, password] : known) {
    EXPECT_TRUE(is_password_hash(stored)) << stored;
    EXPECT_TRUE(verifies(stored, password)) << stored;
    EXPECT_FALSE(verifies(stored, std::string(password) + "x")) << stored;
    EXPECT_FALSE(verifies(stored, std::string("x") + password)) << stored;
    if (*password != 0) {
      EXPECT_FALSE(verifies(stored, "")) << stored;
    }
    EXPECT_FALSE(verifies(stored, std::string(password) + std::string("\0x", 2))) << "cut at NUL: " << stored;
  }
}

TEST(Password, NewHashes) {
  PasswordHashing hashing{.algorithm = Algorithm::bcrypt, .bcrypt_cost = 4, .argon2_memory = 64};
  const std::string bcrypt = hash_password("secret", hashing);
  EXPECT_TRUE(bcrypt.starts_with("$2a$04$")) << bcrypt;
  EXPECT_EQ(bcrypt.size(), 60U);
  EXPECT_TRUE(verifies(bcrypt, "secret"));
  EXPECT_FALSE(verifies(bcrypt, "Secret"));
  hashing.algorithm = Algorithm::argon2id;
  const std::string argon2 = hash_password("secret", hashing);
  EXPECT_TRUE(argon2.starts_with("$argon2id$v=19$m=64,t=1,p=2$")) << argon2;
  EXPECT_TRUE(verifies(argon2, "secret"));
  EXPECT_FALSE(verifies(argon2, "secret "));
  EXPECT_TRUE(hash_password("x", {}).starts_with("$2a$10$"));
  EXPECT_TRUE(hash_password("x", {.algorithm = Algorithm::argon2id}).starts_with("$argon2id$v=19$m=65536,t=1,p=2$"));
  std::set<std::string> different;
  for (int i = 0; i < 20; ++i) different.insert(hash_password("secret", {.bcrypt_cost = 4}));
  EXPECT_EQ(different.size(), 20U) << "salts repeat";
}

TEST(Password, ParametersAreBroughtInsideTheirLimits) {
  EXPECT_TRUE(hash_password("x", {.bcrypt_cost = -5}).starts_with("$2a$04$"));
  const std::string least = hash_password(
      "x", {.algorithm = Algorithm::argon2id, .argon2_memory = 0, .argon2_iterations = 0, .argon2_parallelism = 0});
  EXPECT_TRUE(least.starts_with("$argon2id$v=19$m=8,t=1,p=1$")) << least;
  EXPECT_TRUE(verifies(least, "x"));
}

// bcrypt reads 72 bytes and stops at a NUL. New hashes must not; imported ones go on as they were.
TEST(Password, WhatBcryptWouldCut) {
  const PasswordHashing cheap{.bcrypt_cost = 4, .argon2_memory = 64};
  for (const std::string& password : {std::string(73, 'a'), std::string(5000, 'b'), std::string("a\0b", 3)}) {
    const std::string stored = hash_password(password, cheap);
    EXPECT_TRUE(stored.starts_with("$argon2id$"));
    EXPECT_TRUE(verifies(stored, password));
    EXPECT_FALSE(verifies(stored, password.substr(0, password.size() - 1)));
    EXPECT_FALSE(verifies(stored, password + "x"));
    EXPECT_FALSE(needs_rehash(stored, cheap, password)) << "it would be re-hashed at every login";
  }
  const std::string exactly72(72, 'c');
  const std::string stored = hash_password(exactly72, cheap);
  EXPECT_TRUE(stored.starts_with("$2a$"));
  EXPECT_FALSE(verifies(stored, exactly72.substr(1)));
  EXPECT_TRUE(verifies("$2a$05$abcdefghijklmnopqrstuu5s2v8.iXieOjg/.AySBTTZIIVFJeBui",
                       "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789chars after 72 are "
                       "ignored"));
  EXPECT_FALSE(verifies(hash_password("a", cheap), std::string("a\0b", 3)));
}

TEST(Password, LongPasswords) {
  const std::string longest(1 << 20, 'p');
  for (const auto& [stored, password] : known) EXPECT_FALSE(verifies(stored, longest)) << stored;
}

TEST(Password, NeedsRehash) {
  const PasswordHashing bcrypt{.algorithm = Algorithm::bcrypt}, argon2{.algorithm = Algorithm::argon2id};
  EXPECT_FALSE(needs_rehash("$2y$05$x", bcrypt));
  EXPECT_TRUE(needs_rehash("$2y$05$x", argon2));
  EXPECT_TRUE(needs_rehash("$argon2id$v=19$x", bcrypt));
  EXPECT_FALSE(needs_rehash("$argon2id$v=19$x", argon2));
  for (const char* other : {"$6$salt$x", "{MD5}00", "$pbkdf2-sha1$1$x$y", "plain", ""}) {
    EXPECT_FALSE(needs_rehash(other, bcrypt)) << other;
    EXPECT_FALSE(needs_rehash(other, argon2)) << other;
  }
}

TEST(Password, WhatAHashCosts) {
  const auto ours = [](auto... fields) { return hash_password("secret", PasswordHashing{fields...}); };
  EXPECT_EQ(cost_of_hash(ours(PasswordHashing::Algorithm::bcrypt, 4)), "$2a$04$");
  EXPECT_EQ(cost_of_hash(ours(PasswordHashing::Algorithm::argon2id, 4, 64U, 2U, std::uint8_t{1})),
            "$argon2id$v=19$m=64,t=2,p=1$");
  EXPECT_EQ(cost_of_hash("$pbkdf2-sha256$150000$salt$digest"), "$pbkdf2-sha256$150000$");
  EXPECT_EQ(cost_of_hash("$1$salt$digest"), "$1$");
  EXPECT_EQ(cost_of_hash("$6$salt$digest"), "$6$");
  EXPECT_EQ(cost_of_hash("$6$rounds=9000$salt$digest"), "$6$rounds=9000$");
  EXPECT_EQ(cost_of_hash("$y$j9T$salt$digest"), "$y$j9T$");
  EXPECT_EQ(cost_of_hash("{SHA256}00ff"), "{SHA256}");
  EXPECT_EQ(cost_of_hash("$2a$"), "$2a$");
  EXPECT_EQ(cost_of_hash("$2a$04"), "$2a$04");
  EXPECT_EQ(cost_of_hash(""), "");
  EXPECT_EQ(cost_of_hash("$9$x"), "");
}

TEST(Password, UnknownForms) {
  for (const char* text : {"", "password", "$", "$$", "$2x$05$CCCC", "$2$05$x", "$argon2i$v=19$m=8,t=1,p=1$a$b",
                           "$md5$x", "{SHA}x", "{md5}5f4dcc3b5aa765d61d8327deb882cf99", "$3$x", "*0", "$7$x"}) {
    EXPECT_FALSE(is_password_hash(text)) << text;
    EXPECT_EQ(refusal(text), ErrorCode::unsupported);
  }
}

// A form's prefix and nothing behind it, empty digests above all, must never match anything.
TEST(Password, MalformedHashes) {
  for (const char* text : {"$2a$",
                           "$2a$10$",
                           "$2a$03$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW",
                           "$2a$32$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW",
                           "$argon2id$",
                           "$argon2id$v=16$m=64,t=1,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc",
                           "$argon2id$v=19$m=64,t=1,p=1$c29tZXNhbHQ$",
                           "$argon2id$v=19$m=64,t=1,p=1$$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8",
                           "$argon2id$v=19$m=64,t=0,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8",
                           "$argon2id$v=19$m=64,t=1,p=9$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8",
                           "$argon2id$v=19$m=-1,t=1,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8",
                           "$argon2id$v=19$m=64,t=1,p=1,x=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8",
                           "$pbkdf2-sha1$",
                           "$pbkdf2-sha256$1000$salt$",
                           "$pbkdf2-sha256$1000$salt",
                           "$pbkdf2-sha256$0$salt$zLMkoacSh/pU1SUvqYHYTDzRQzw=",
                           "$pbkdf2-sha256$x$salt$zLMkoacSh/pU1SUvqYHYTDzRQzw=",
                           "$pbkdf2-sha256$1$salt$AAAA",
                           "$pbkdf2-b64salt-sha256$1$!$zLMkoacSh/pU1SUvqYHYTDzRQzw=",
                           "$apr1$",
                           "$apr1$salt",
                           "$apr1$salt$",
                           "$apr1$$x",
                           "{MD5}",
                           "{MD5}00",
                           "{SHA256}5f4dcc3b5aa765d61d8327deb882cf99",
                           "$y$",
                           "$y$j$",
                           "$5$rounds=$x$y",
                           "$5$rounds=-1$x$y"}) {
    EXPECT_EQ(refusal(text), ErrorCode::invalid_argument) << text;
  }
  for (const char* text : {"$1$", "$5$", "$6$", "$1$salt", "$1$salt$", "$6$salt$", "$y$j9T$"}) {
    EXPECT_FALSE(verifies(text, "password")) << text;
    EXPECT_FALSE(verifies(text, "")) << text;
  }
  EXPECT_EQ(refusal(std::string_view("{MD5}5f4dcc3b5aa765d61d8327deb882cf99\0", 38)), ErrorCode::invalid_argument);
  EXPECT_EQ(refusal("$6$" + std::string(5000, 'x')), ErrorCode::invalid_argument);
}

TEST(Password, HashesThatCostTooMuch) {
  for (const char* text : {"$2a$21$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW",
                           "$2a$31$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW",
                           "$argon2id$v=19$m=4194304,t=1,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8",
                           "$argon2id$v=19$m=65536,t=4000000000,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8",
                           "$pbkdf2-sha256$4000000000$salt$zLMkoacSh/pU1SUvqYHYTDzRQzw=", "$5$rounds=999999999$salt$x",
                           "$6$rounds=999999999$salt$x", "$y$jZT$F5Jx5fExrKuPp53xLKQ..1$x",
                           "$y$j9zz$F5Jx5fExrKuPp53xLKQ..1$x", "$y$jFz$F5Jx5fExrKuPp53xLKQ..1$x"}) {
    EXPECT_EQ(refusal(text), ErrorCode::limit_exceeded) << text;
  }
  const std::string wide = "$pbkdf2-sha1$1$salt$" + base64_encode(Bytes(900));
  EXPECT_EQ(refusal(wide), ErrorCode::limit_exceeded);
}

// Whatever is cut or changed: no crash, no match of a wrong password, no minutes.
TEST(Password, MutatedHashes) {
  const std::pair<const char*, int> cheap[] = {
      {"$2a$04$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW", 200},
      {"$argon2id$v=19$m=64,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc", 300},
      {"$pbkdf2-sha256$10$E86a9YMX3zC7$HSVnk68miqCEggWlXROO0XpepeOT8Yc1wg7qLU3CpBQ=", 2'000},
      {"$pbkdf2-b64salt-sha256$12$8PHy8/T19vf4+fr7/P3+/w==$vkN4OwBiBvN1uEeILbuwptrTAH+JmjWi4so/YVihtdw=", 2'000},
      {"$1$xxxxxxxx$UYCIxa628.9qXjpQCjM4a.", 300},
      {"$apr1$xxxxxxxx$dxHfLAsjHkDRmG83UXe8K0", 300},
      {"{SHA256}5e884898da28047151d0e56f8dc6292773603d0d6aabbdd62a11ef721d1542d8", 10'000}};
  for (const auto& [stored, count] : cheap) {
    test::mutate(stored, count, [](const std::string& mutated) {
      // Digits inserted into a cost make hashes that are honest and merely slow.
      if (mutated.size() > 5 && mutated.starts_with("$2") && mutated.substr(4, 2) > "06") return;
      const Result<bool> verified = verify_password(mutated, "wrong");
      if (verified) {
        EXPECT_FALSE(*verified) << mutated;
      }
    });
  }
}

}  // namespace
}  // namespace ferry::crypto
