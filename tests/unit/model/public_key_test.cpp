// Keys as they stand in authorized_keys: their options, and which of them can log in.
#include "model/public_key.h"

#include <gtest/gtest.h>

#include "crypto/encoding.h"

namespace ferry::model {
namespace {

constexpr const char* key_line = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIB6YsCWxDCoIcFKuaOvTFJmlRZhqP5AfvEEgHzuU1vvJ me";

KeyOptions options_of(const std::string& options) {
  const auto key = parse_authorized_key(options + " " + key_line);
  EXPECT_TRUE(key) << options << ": " << (key ? "" : key.error().message);
  return key ? key->options : KeyOptions();
}
std::string refusal(const std::string& options) {
  const auto key = parse_authorized_key(options + " " + key_line);
  return key ? "" : key.error().message;
}
// What is wrong with a key of these fields behind its type.
std::string unusable(const std::string& type, const ByteWriter& fields, const std::string& options = "") {
  Bytes blob = ByteWriter().string(type).bytes(fields.data()).take();
  const std::string line = options + type + " " + crypto::base64_encode(blob);
  const auto key = parse_authorized_key(line);
  if (!key) return key.error().message;
  const auto usable = check_usable(*key);
  return usable ? "" : usable.error().message;
}
// A number of exactly so many bits, as an mpint holds it.
Bytes number(std::size_t bits) {
  Bytes bytes(bits / 8 + 1, std::byte{0xff});
  bytes[0] = std::byte{0};
  return bytes;
}
ByteWriter rsa(std::size_t bits) {
  ByteWriter fields;
  fields.string(Bytes{std::byte{1}, std::byte{0}, std::byte{1}}).string(number(bits));
  return fields;
}

TEST(AuthorizedKey, OptionsThatAreHonoured) {
  const KeyOptions none = parse_authorized_key(key_line)->options;
  EXPECT_TRUE(none.allow_address("192.0.2.1"));
  EXPECT_FALSE(none.expires_at || none.verify_required || none.no_touch_required);
  const KeyOptions all = options_of(R"(from="10.0.0.0/8",No-Touch-Required,expiry-time="20300102Z",verify-required)");
  EXPECT_TRUE(all.verify_required && all.no_touch_required);
  EXPECT_EQ(all.expires_at, 1893542400);
  EXPECT_EQ(options_of(R"(expiry-time="203001020304Z")").expires_at, 1893542400 + 3 * 3600 + 4 * 60);
  EXPECT_EQ(options_of(R"(expiry-time="20300102030405Z")").expires_at, 1893542400 + 3 * 3600 + 4 * 60 + 5);
  ::setenv("TZ", "Asia/Tokyo", 1);
  ::tzset();
  EXPECT_EQ(options_of(R"(expiry-time="203001020900")").expires_at, 1893542400) << "in the system's time zone";
  ::unsetenv("TZ");
  ::tzset();
}

TEST(AuthorizedKey, From) {
  const KeyOptions mixed = options_of(R"(from="10.0.0.0/8,!10.6.6.6,192.0.2.*,2001:db8::/32,198.51.100.7")");
  for (const char* in : {"10.1.2.3", "192.0.2.200", "2001:db8::1", "198.51.100.7", "::ffff:10.1.2.3"}) {
    EXPECT_TRUE(mixed.allow_address(in)) << in;
  }
  for (const char* out : {"10.6.6.6", "11.0.0.1", "192.0.20.1", "2001:db9::1", "198.51.100.70", "::1", "", "host"}) {
    EXPECT_FALSE(mixed.allow_address(out)) << out;
  }
  EXPECT_TRUE(options_of(R"(from="*,!10.0.0.0/8")").allow_address("192.0.2.1"));
  EXPECT_FALSE(options_of(R"(from="*,!10.0.0.0/8")").allow_address("10.0.0.1"));
  EXPECT_TRUE(options_of(R"(from="1?.0.0.1")").allow_address("10.0.0.1"));
  for (const char* wrong :
       {R"(from="example.com")", R"(from="*.example.com,10.0.0.1")", R"(from="")", R"(from="10.0.0.1,")",
        R"(from="10.1.2.3/8")", R"(from="10.0.0.0/33")", R"(from="!10.0.0.1")", R"(from="10.0.0.1 ::1")",
        "from=10.0.0.1", "from", R"(from="10.0.0.1)", R"(from="*",from="*")"}) {
    EXPECT_NE(refusal(wrong), "") << wrong;
  }
}

TEST(AuthorizedKey, OtherOptionsAreRefusedByName) {
  for (const std::string name : {"command=\"rsync --server \\\"a b\\\"\"", "restrict", "cert-authority", "no-pty",
                                 "environment=\"A=b\"", "permitopen=\"h:1\"", "tunnel=\"1\"", "made-up"}) {
    const std::string shown = name.substr(0, name.find('='));
    EXPECT_EQ(refusal(name), "option " + shown + " is not supported");
    EXPECT_EQ(refusal("from=\"*\"," + name), "option " + shown + " is not supported") << name;
  }
  for (const char* wrong :
       {R"(expiry-time="tomorrow")", R"(expiry-time="20300231")", R"(expiry-time="2030010224")",
        R"(expiry-time="203001022400")", R"(expiry-time="19691231Z")", "expiry-time=20300102", "from=\"*\",",
        ",from=\"*\"", "verify-required=\"1\"", "verify-required,verify-required", "from=\"*\"restrict"}) {
    EXPECT_NE(refusal(wrong), "") << wrong;
  }
}

TEST(AuthorizedKey, KeysThatCanNeverLogIn) {
  EXPECT_EQ(unusable("ssh-rsa", rsa(2048)), "");
  EXPECT_EQ(unusable("ssh-rsa", rsa(1024)), "an RSA key of 1024 bits; 2048 to 16384 are accepted");
  EXPECT_NE(unusable("ssh-rsa", rsa(16392)), "");
  EXPECT_EQ(unusable("ssh-dss", ByteWriter().string("p").string("q")), "DSA keys are not accepted");
  const Bytes point = ByteWriter().u8(4).bytes(Bytes(64)).take();
  EXPECT_EQ(unusable("ecdsa-sha2-nistp256", ByteWriter().string("nistp256").string(point)), "");
  EXPECT_EQ(
      unusable("sk-ecdsa-sha2-nistp256@openssh.com", ByteWriter().string("nistp256").string(point).string("ssh:")), "");
  EXPECT_EQ(unusable("sk-ssh-ed25519@openssh.com", ByteWriter().string(Bytes(32)).string("ssh:")), "");
  const std::string cut = "the key is cut off or damaged";
  EXPECT_EQ(unusable("ssh-ed25519", ByteWriter().string(Bytes(31))), cut);
  EXPECT_EQ(unusable("ssh-ed25519", ByteWriter().string(Bytes(32)).u8(0)), cut);
  EXPECT_EQ(unusable("ssh-rsa", ByteWriter().string(Bytes{std::byte{3}})), cut);
  EXPECT_EQ(unusable("ecdsa-sha2-nistp256", ByteWriter().string("nistp384").string(point)), cut);
  EXPECT_EQ(unusable("ecdsa-sha2-nistp384", ByteWriter().string("nistp384").string(point)), cut);
  EXPECT_EQ(unusable("ecdsa-sha2-nistp521", ByteWriter().string("nistp521")), cut);
  EXPECT_EQ(unusable("sk-ssh-ed25519@openssh.com", ByteWriter().string(Bytes(32))), cut);
  EXPECT_EQ(unusable("ssh-ed448", ByteWriter().string(Bytes(57))), "keys of type ssh-ed448 are not known");
  EXPECT_NE(unusable("ssh-ed25519", ByteWriter().string(Bytes(32)), "verify-required "), "");
}

}  // namespace
}  // namespace ferry::model
