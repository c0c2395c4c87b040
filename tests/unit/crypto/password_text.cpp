// Texts in the place of a password: what is a hash, what locks an account, and what must not become a password.
#include "crypto/password_text.h"

#include <gtest/gtest.h>

#include "crypto/password.h"

namespace ferry::crypto {
namespace {

TEST(PasswordText, LocksOfOtherSystems) {
  for (const char* mark :
       {"!", "!!", "*", "*LK*", "!*", "*NP*", "!$6$saltstring$svn8U", "!!$y$j9T$x", "*LK*$5$x$y", "!{SSHA}abc",
        "!$2a$10$x", "*LOCKED*", "*LOCKED*$6$salt$x", "!abJnggxhB/yWI", "*LK*abJnggxhB/yWI"}) {
    EXPECT_EQ(kind_of_password(mark, true), PasswordText::lock) << mark;
    EXPECT_EQ(kind_of_password(mark, false), PasswordText::lock) << mark;
  }
}

TEST(PasswordText, UnknownSchemesAndDamagedHashes) {
  const std::string bcrypt = hash_password("x", {.bcrypt_cost = 4});
  const std::string argon2 =
      hash_password("x", {.algorithm = PasswordHashing::Algorithm::argon2id, .argon2_memory = 64});
  for (const std::string& text : {std::string("{SSHA}W6ph5Mm5Pz8GgiULbPgzG37mj9g="),
                                  std::string("{CRYPT}$6$x$y"),
                                  std::string("{ssha512}x"),
                                  std::string("$argon2i$v=19$m=64,t=1,p=1$c2FsdHNhbHQ$aGFzaA"),
                                  std::string("$2x$05$abcdefghijklmnopqrstuu"),
                                  std::string("$7$C6..../....SodiumChloride$kBGj"),
                                  std::string("$P$B12345678saltsaltsalthash"),
                                  std::string("$H$9abc"),
                                  std::string("$sha1$40000$x$y"),
                                  std::string("$md5,rounds=5000$x$y"),
                                  std::string("$6$bad"),
                                  std::string("$6$"),
                                  std::string("$6$rounds=5000$salt$short"),
                                  std::string("$1$salt$short"),
                                  std::string("$5$saltstring$hP8Y3v5H039Gm6oEwYeXGQOqaUqXVrVPKrFK.zAzZP"),
                                  std::string("$apr1$x$y"),
                                  std::string("$y$j9T$x$y"),
                                  std::string("$y$j9"),
                                  std::string("{MD5}X03MO1qnZdYdgyfeuILPmQ=="),
                                  std::string("{SHA256}00"),
                                  std::string("{SHA512}"),
                                  std::string("$pbkdf2-sha256$5000$salt"),
                                  std::string("$pbkdf2-sha256$0$salt$HSVnk68miqCEggWlXROO0XpepeOT8Yc1wg7qLU3CpBQ="),
                                  bcrypt.substr(0, 59),
                                  bcrypt + "x",
                                  "$2a$31" + bcrypt.substr(6),
                                  std::string("$2b$05$abc"),
                                  argon2.substr(0, argon2.size() - 30),
                                  std::string("$argon2id$v=16$m=64,t=1,p=2$c2FsdHNhbHQ$aGFzaA")}) {
    EXPECT_EQ(kind_of_password(text, true), PasswordText::unusable) << text;
    EXPECT_EQ(kind_of_password(text, false), PasswordText::unusable) << text;
    EXPECT_NE(problem_of_password(text), "");
    EXPECT_FALSE(text.size() > 40 && problem_of_password(text).contains(text.substr(20))) << "tells the hash";
  }
  EXPECT_EQ(problem_of_password("{SSHA}W6ph5Mm5"), "hashes of scheme {SSHA} are not known");
  EXPECT_TRUE(problem_of_password("$6$bad").starts_with("a damaged hash: "));
  EXPECT_EQ(kind_of_password(bcrypt, true), PasswordText::hash);
  EXPECT_EQ(kind_of_password(argon2, false), PasswordText::hash);
}

TEST(PasswordText, OfDesAmongImportedOnesAlone) {
  for (const char* des : {"rl.3StKT.4T8M", "_J9..rasmBYk8r9AiWNc"}) {
    EXPECT_EQ(kind_of_password(des, true), PasswordText::unusable) << des;
    EXPECT_EQ(kind_of_password(des, false), PasswordText::password) << des;
  }
  EXPECT_EQ(kind_of_password("thirteenChars", true), PasswordText::unusable);
  EXPECT_EQ(kind_of_password("thirteenCharx", true), PasswordText::password) << "no hash of DES ends so";
}

TEST(PasswordText, PasswordsThatHoldSuchCharacters) {
  for (const char* password : {"!secret", "secret!", "a!b", "*star*", "**", "!!!", "$ecret", "pa$$word", "{brace",
                               "{}x", "{a b}c", "$$", "$a b$c", "x$6$salt", "*LK", "! $6$x$y", ""}) {
    EXPECT_EQ(kind_of_password(password, false), PasswordText::password) << password;
    EXPECT_EQ(kind_of_password(password, true), PasswordText::password) << password;
  }
}

}  // namespace
}  // namespace ferry::crypto
