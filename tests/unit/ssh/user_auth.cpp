#include "ssh/auth/user_auth.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "tests/unit/ssh/auth_client.h"
#include "tests/unit/ssh/packet_support.h"

namespace ferry::ssh::test {
namespace {

const PrivateKey& user_key(PrivateKey::Kind kind) {
  static std::map<PrivateKey::Kind, PrivateKey> keys;
  if (const auto found = keys.find(kind); found != keys.end()) return found->second;
  return keys.emplace(kind, PrivateKey::generate(kind)).first->second;
}

ByteWriter key_request(std::string_view user, bool has_signature, std::string_view algorithm, ByteSpan blob) {
  ByteWriter out = auth_request(user, "publickey");
  out.boolean(has_signature).string(algorithm).string(blob);
  return out;
}

// RFC 4252 section 7: string session identifier, then the request up to the key blob.
Bytes signed_request(ByteSpan session_id, std::string_view user, const PrivateKey& key, std::string_view algorithm) {
  const Bytes request = key_request(user, true, algorithm, key.public_key().blob()).take();
  const Result<Bytes> signature = key.sign(algorithm, ByteWriter().string(session_id).bytes(request).data());
  EXPECT_TRUE(signature) << signature.error().message;
  return ByteWriter().bytes(request).string(*signature).take();
}

// --- the service (RFC 4253 section 10) ---

TEST(UserAuth, ServiceMayBeAskedForAgain) {
  Auth auth;
  auth.start();
  auth.server.say(service_request());
  EXPECT_TRUE(auth.client.got(msg::service_accept));
}

TEST(UserAuth, OtherServicesAreRefused) {
  for (const Bytes& request : {service_request("ssh-connection"), service_request(""), message(msg::service_request),
                               ByteWriter().u8(5).string(std::string_view("ssh-userauth")).u8(0).take()}) {
    Auth auth;
    auth.server.connect();
    auth.server.say(request);
    auth.expect_refused();
    EXPECT_TRUE(auth.client.got(msg::disconnect));
  }
}

TEST(UserAuth, NothingWithoutTheService) {
  Auth auth;
  auth.server.connect();
  auth.server.say(password_request("user", "right"));
  auth.expect_refused();
  EXPECT_TRUE(auth.handler.calls.empty());
}

// --- passwords ---

TEST(UserAuth, Password) {
  Auth auth;
  auth.start();
  auth.server.say(password_request("user", "wrong"));
  auth.expect_failure("publickey,password");
  auth.server.say(password_request("user", ""));
  auth.expect_failure("publickey,password");
  auth.server.say(password_request("user", "right"));
  auth.expect_success();
  EXPECT_EQ(auth.server.auth.user(), "user");
}

TEST(UserAuth, PasswordChangeIsRefusedWithTheListOfMethods) {
  Auth auth;
  auth.start();
  auth.server.say(auth_request("user", "password")
                      .boolean(true)
                      .string(std::string_view("right"))
                      .string(std::string_view("new"))
                      .take());
  auth.expect_failure("publickey,password");
  EXPECT_EQ(std::ranges::count(auth.handler.calls, "password user"), 0) << "an old password is no login";
}

TEST(UserAuth, NoneAnswersWithTheListOfMethods) {
  Auth auth;
  auth.start();
  auth.handler.methods = "publickey";
  auth.server.say(none_request("user"));
  auth.expect_failure("publickey");
}

TEST(UserAuth, NoneSucceedsWhereTheHandlerSaysSo) {
  Auth auth;
  auth.start();
  auth.handler.none_is_enough = true;
  auth.server.say(none_request("user"));
  auth.expect_success();
}

// "none" may be let in by the handler; a method that failed or that nobody knows must not profit from that.
TEST(UserAuth, RefusedMethodsNeverFallBackToNone) {
  const PrivateKey& key = user_key(PrivateKey::Kind::ed25519);
  Bytes forged = signed_request(Bytes(32), "user", key, "ssh-ed25519");
  for (const Bytes& request : {auth_request("user", "hostbased").take(), dialogue_request("user"),
                               auth_request("user", "").take(), auth_request("user", "NONE").take(), forged,
                               key_request("user", true, "ssh-rsa", key.public_key().blob()).string(Bytes{}).take(),
                               key_request("user", false, "no-such-algorithm", key.public_key().blob()).take(),
                               auth_request("user", "password")
                                   .boolean(true)
                                   .string(std::string_view("right"))
                                   .string(std::string_view("x"))
                                   .take()}) {
    Auth auth;
    auth.start();
    auth.handler.none_is_enough = true;
    auth.server.say(request);
    auth.expect_failure("publickey,password");
  }
}

// --- limits ---

TEST(UserAuth, TooManyFailures) {
  for (const int most : {1, 3, 6}) {
    Auth auth({most, 4});
    auth.start();
    for (int i = 1; i < most; ++i) {
      auth.server.say(password_request("user", "wrong"));
      auth.expect_failure("publickey,password");
    }
    auth.server.say(password_request("user", "wrong"));
    auth.expect_refused(ErrorCode::authentication_failed);
    EXPECT_TRUE(auth.client.got(msg::disconnect));
  }
}

TEST(UserAuth, NoneDoesNotCount) {
  Auth auth({1, 4});
  auth.start();
  for (int i = 0; i < 20; ++i) {
    auth.server.say(none_request("user"));
    auth.expect_failure("publickey,password");
  }
  auth.server.say(password_request("user", "right"));
  auth.expect_success();
}

TEST(UserAuth, RequestsEndSomewhere) {
  Auth auth;
  auth.start();
  int answered = 0;
  while (!auth.server.error && answered < 10'000) {
    auth.server.say(none_request("user"));
    ++answered;
  }
  EXPECT_LE(answered, 201);
  auth.expect_refused(ErrorCode::limit_exceeded);
}

TEST(UserAuth, UserMayNotChange) {
  Auth auth;
  auth.start();
  auth.server.say(password_request("user", "wrong"));
  auth.expect_failure("publickey,password");
  auth.server.say(password_request("other", "right"));
  auth.expect_refused();
  EXPECT_EQ(std::ranges::count(auth.handler.calls, "password other"), 0);
}

TEST(UserAuth, OtherServicesCannotBeLoggedInTo) {
  Auth auth;
  auth.start();
  auth.server.say(
      auth_request("user", "password", "ssh-userauth").boolean(false).string(std::string_view("right")).take());
  auth.expect_refused();
}

TEST(UserAuth, LongUserNames) {
  Auth longest;
  longest.start();
  longest.server.say(none_request(std::string(255, 'u')));
  longest.expect_failure("publickey,password");
  Auth longer;
  longer.start();
  longer.server.say(none_request(std::string(256, 'u')));
  longer.expect_refused();
}

TEST(UserAuth, NamesAreBytes) {
  using namespace std::string_literals;
  for (const std::string& name : {""s, "a\0b"s, "\xff\xfe"s, "a/../b"s}) {
    Auth auth;
    auth.start();
    auth.server.say(none_request(name));
    auth.expect_failure("publickey,password");
    EXPECT_EQ(auth.handler.calls.back(), "none " + name);
  }
}

// --- banner (RFC 4252 section 5.4) ---

TEST(UserAuth, BannerOnceAndBeforeTheAnswer) {
  Auth auth;
  auth.start();
  auth.handler.greeting = "Welcome.\r\n";
  for (int i = 0; i < 3; ++i) auth.server.say(none_request("user"));
  EXPECT_EQ(std::ranges::count(auth.handler.calls, "banner"), 1);
  ASSERT_FALSE(auth.client.received.empty());
  EXPECT_EQ(auth.client.received.front(),
            ByteWriter().u8(53).string(std::string_view("Welcome.\r\n")).string(std::string_view()).take());
  auth.client.take(msg::userauth_banner);
  EXPECT_FALSE(auth.client.got(msg::userauth_banner));
}

TEST(UserAuth, NoEmptyBanner) {
  Auth auth;
  auth.start();
  auth.server.say(none_request("user"));
  EXPECT_FALSE(auth.client.got(msg::userauth_banner));
}

TEST(UserAuth, HugeBannerIsCut) {
  Auth auth;
  auth.start();
  auth.handler.greeting.assign(1'000'000, 'x');
  auth.server.say(none_request("user"));
  const Bytes banner = auth.client.take(msg::userauth_banner);
  EXPECT_GT(banner.size(), 1000U);
  EXPECT_LE(banner.size(), 32'768U);  // the payload that every client must take (RFC 4253 section 6.1)
  auth.expect_failure("publickey,password");
}

// --- public keys (RFC 4252 section 7) ---

struct KeyCase {
  PrivateKey::Kind kind;
  const char* algorithm;
};
constexpr std::array key_cases{
    KeyCase{PrivateKey::Kind::ed25519, "ssh-ed25519"}, KeyCase{PrivateKey::Kind::ecdsa_p256, "ecdsa-sha2-nistp256"},
    KeyCase{PrivateKey::Kind::rsa_3072, "rsa-sha2-256"}, KeyCase{PrivateKey::Kind::rsa_3072, "rsa-sha2-512"}};

TEST(UserAuth, KeyQuery) {
  for (const KeyCase& each : key_cases) {
    const PublicKey& key = user_key(each.kind).public_key();
    Auth auth({1, 4});
    auth.start();
    auth.handler.keys = {key};
    for (int i = 0; i < 5; ++i) {  // a query that is answered with PK_OK is no failure
      auth.server.say(key_request("user", false, each.algorithm, key.blob()).take());
      EXPECT_EQ(auth.client.take(msg::userauth_pk_ok),
                ByteWriter().u8(60).string(std::string_view(each.algorithm)).string(key.blob()).take());
      EXPECT_FALSE(auth.server.authenticated);
    }
    EXPECT_EQ(std::ranges::count(auth.handler.calls, "key user"), 0);
  }
}

TEST(UserAuth, KeyQueryForAnUnknownKey) {
  Auth auth;
  auth.start();
  auth.server.say(
      key_request("user", false, "ssh-ed25519", user_key(PrivateKey::Kind::ed25519).public_key().blob()).take());
  auth.expect_failure("publickey,password");
}

TEST(UserAuth, SignedRequest) {
  for (const KeyCase& each : key_cases) {
    const PrivateKey& key = user_key(each.kind);
    Auth auth;
    auth.start();
    auth.handler.keys = {key.public_key()};
    auth.server.say(signed_request(auth.client.session_id(), "user", key, each.algorithm));
    auth.expect_success();
  }
}

TEST(UserAuth, SignedRequestWithAKeyThatIsNotTheUsers) {
  Auth auth;
  auth.start();
  auth.server.say(signed_request(auth.client.session_id(), "user", user_key(PrivateKey::Kind::ed25519), "ssh-ed25519"));
  auth.expect_failure("publickey,password");
  EXPECT_EQ(auth.handler.calls.back(), "key user");
}

// What the signature must cover: the session, the user, the service, the algorithm, the key.
TEST(UserAuth, SignaturesOfSomethingElse) {
  const PrivateKey& key = user_key(PrivateKey::Kind::ed25519);
  const PrivateKey& rsa = user_key(PrivateKey::Kind::rsa_3072);
  const auto attempt = [&](const auto& make) {
    Auth auth;
    auth.start();
    auth.handler.keys = {key.public_key(), rsa.public_key()};
    const Bytes request = make(auth.client.session_id());
    auth.server.say(request);
    auth.expect_failure("publickey,password");
    EXPECT_EQ(std::ranges::count(auth.handler.calls, "key user"), 0) << "the handler sees verified keys alone";
  };
  const auto with_signature = [](ByteWriter request, const Bytes& signature) {
    return request.string(signature).take();
  };
  const auto sign = [](const PrivateKey& signer, std::string_view algorithm, ByteSpan session, ByteSpan request) {
    return *signer.sign(algorithm, ByteWriter().string(session).bytes(request).data());
  };
  const Bytes& blob = key.public_key().blob();

  attempt([&](Bytes session) {  // another session
    session[0] ^= std::byte{1};
    return signed_request(session, "user", key, "ssh-ed25519");
  });
  attempt([&](const Bytes& session) {  // another user
    const auto request = key_request("user", true, "ssh-ed25519", blob);
    return with_signature(request,
                          sign(key, "ssh-ed25519", session, key_request("admin", true, "ssh-ed25519", blob).data()));
  });
  attempt([&](const Bytes& session) {  // the query instead of the request
    const auto request = key_request("user", true, "ssh-ed25519", blob);
    return with_signature(request,
                          sign(key, "ssh-ed25519", session, key_request("user", false, "ssh-ed25519", blob).data()));
  });
  attempt([&](const Bytes& session) {  // no session identifier
    const auto request = key_request("user", true, "ssh-ed25519", blob);
    (void)session;
    return with_signature(request, *key.sign("ssh-ed25519", request.data()));
  });
  attempt([&](const Bytes& session) {  // made with another key
    const auto request = key_request("user", true, "ssh-ed25519", blob);
    const PrivateKey other = PrivateKey::generate(PrivateKey::Kind::ed25519);
    return with_signature(request, sign(other, "ssh-ed25519", session, request.data()));
  });
  attempt([&](const Bytes& session) {  // an algorithm inside that is not the one named
    const auto request = key_request("user", true, "rsa-sha2-256", rsa.public_key().blob());
    return with_signature(request, sign(rsa, "rsa-sha2-512", session, request.data()));
  });
  attempt([&](const Bytes& session) {  // one bit changed
    Bytes request = signed_request(session, "user", key, "ssh-ed25519");
    request.back() ^= std::byte{0x10};
    return request;
  });
  attempt([&](const Bytes& session) {  // empty
    (void)session;
    return with_signature(key_request("user", true, "ssh-ed25519", blob), {});
  });
}

TEST(UserAuth, AlgorithmsThatDoNotFitTheKey) {
  const PrivateKey& key = user_key(PrivateKey::Kind::ed25519);
  const PrivateKey& rsa = user_key(PrivateKey::Kind::rsa_3072);
  for (const auto& [algorithm, blob] :
       {std::pair<const char*, Bytes>{"ssh-rsa", rsa.public_key().blob()},
        {"ssh-ed25519", rsa.public_key().blob()},
        {"rsa-sha2-256", key.public_key().blob()},
        {"ecdsa-sha2-nistp256", key.public_key().blob()},
        {"", key.public_key().blob()},
        {"ssh-dss", key.public_key().blob()},
        {"ssh-ed25519", Bytes{}},
        {"ssh-ed25519", pattern(51)},
        {"ssh-ed25519", Bytes(key.public_key().blob().begin(), key.public_key().blob().end() - 1)},
        {"ssh-ed25519-cert-v01@openssh.com", key.public_key().blob()}}) {
    for (const bool has_signature : {false, true}) {
      Auth auth;
      auth.start();
      auth.handler.keys = {key.public_key(), rsa.public_key()};
      ByteWriter request = key_request("user", has_signature, algorithm, blob);
      if (has_signature) request.string(pattern(83));
      auth.server.say(request.data());
      auth.expect_failure("publickey,password");
    }
  }
}

TEST(UserAuth, PartialSuccess) {
  const PrivateKey& key = user_key(PrivateKey::Kind::ed25519);
  Auth auth({1, 4});
  auth.start();
  auth.handler.keys = {key.public_key()};
  auth.handler.key_then_password = true;
  auth.server.say(signed_request(auth.client.session_id(), "user", key, "ssh-ed25519"));
  auth.expect_failure("password", true);
  auth.server.say(password_request("user", "right"));
  auth.expect_success();
}

TEST(UserAuth, SecondStepAloneIsNotEnough) {
  Auth auth;
  auth.start();
  auth.handler.key_then_password = true;
  auth.server.say(password_request("user", "right"));
  auth.expect_failure("publickey,password");
}

// --- malformed requests ---

TEST(UserAuth, EveryTruncation) {
  const PrivateKey& key = user_key(PrivateKey::Kind::ed25519);
  Auth probe;
  probe.start();
  const std::vector<Bytes> whole{password_request("user", "right"),
                                 auth_request("user", "password")
                                     .boolean(true)
                                     .string(std::string_view("right"))
                                     .string(std::string_view("n"))
                                     .take(),
                                 key_request("user", false, "ssh-ed25519", key.public_key().blob()).take(),
                                 signed_request(probe.client.session_id(), "user", key, "ssh-ed25519")};
  for (const Bytes& request : whole) {
    for (std::size_t size = 1; size < request.size(); ++size) {
      Auth auth;
      auth.start();
      auth.handler.keys = {key.public_key()};
      auth.server.say(ByteSpan(request).first(size));
      EXPECT_FALSE(auth.server.authenticated) << size;
      EXPECT_EQ(std::ranges::count_if(
                    auth.handler.calls,
                    [](const std::string& call) { return call.starts_with("password") || call.starts_with("key"); }),
                0);
      if (size + 5 < request.size()) {
        EXPECT_TRUE(auth.server.error) << size;
      }
    }
  }
}

TEST(UserAuth, TrailingBytes) {
  const PrivateKey& key = user_key(PrivateKey::Kind::ed25519);
  Auth probe;
  probe.start();
  for (Bytes request :
       {password_request("user", "right"), key_request("user", false, "ssh-ed25519", key.public_key().blob()).take(),
        signed_request(probe.client.session_id(), "user", key, "ssh-ed25519")}) {
    request.push_back(std::byte{0});
    Auth auth;
    auth.start();
    auth.handler.keys = {key.public_key()};
    auth.server.say(request);
    auth.expect_refused();
  }
}

TEST(UserAuth, LengthsThatLie) {
  for (const std::uint32_t length : {0x7fffffffU, 0x80000000U, 0xffffffffU, 1'000'000U}) {
    for (const std::size_t at : {1U, 9U, 27U}) {  // user, service, method
      Bytes request = password_request("user", "right");
      store_u32(request.data() + at, length);
      Auth auth;
      auth.start();
      auth.server.say(request);
      auth.expect_refused();
    }
  }
}

// A re-key between two steps keeps the session identifier that signatures cover.
TEST(UserAuth, RekeyInBetween) {
  const PrivateKey& key = user_key(PrivateKey::Kind::ed25519);
  Auth auth;
  auth.start();
  auth.handler.keys = {key.public_key()};
  auth.server.say(none_request("user"));
  auth.expect_failure("publickey,password");
  auth.client.send_kexinit();
  auth.server.pump();
  EXPECT_EQ(auth.client.exchanges(), 2);
  auth.server.say(signed_request(auth.client.session_id(), "user", key, "ssh-ed25519"));
  auth.expect_success();
}

// Requests sent at once, behind a success: what follows it is no authentication any more.
TEST(UserAuth, RequestsAfterSuccessAreIgnored) {
  Auth auth;
  auth.start();
  auth.client.send(password_request("user", "right"));
  auth.client.send(password_request("other", "wrong"));
  auth.client.send(channel_open(3));
  auth.server.pump();
  auth.expect_success();
  EXPECT_FALSE(auth.client.got(msg::userauth_failure));
  EXPECT_TRUE(auth.client.got(msg::channel_open_confirmation));
  EXPECT_EQ(auth.server.auth.user(), "user");
}

}  // namespace
}  // namespace ferry::ssh::test
