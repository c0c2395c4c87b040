#include "auth/login.h"

#include <gtest/gtest.h>

#include <boost/asio/co_spawn.hpp>
#include <filesystem>
#include <fstream>
#include <functional>
#include <nlohmann/json.hpp>

#include "base/log.h"
#include "crypto/encoding.h"
#include "model/public_key.h"
#include "tests/unit/auth/auth_fixture.h"

namespace ferry::auth {
namespace {

constexpr const char* key_line =
    "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIB6YsCWxDCoIcFKuaOvTFJmlRZhqP5AfvEEgHzuU1vvJ me@host";
constexpr const char* other_key_line =
    "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIC6YsCWxDCoIcFKuaOvTFJmlRZhqP5AfvEEgHzuU1vvJ me@host";

std::string argon2_hash() {
  crypto::PasswordHashing hashing;
  hashing.algorithm = crypto::PasswordHashing::Algorithm::argon2id;
  hashing.argon2_memory = 64;
  return crypto::hash_password("secret", hashing);
}

std::chrono::steady_clock::duration time_of(const std::function<void()>& work) {
  const auto begun = std::chrono::steady_clock::now();
  work();
  return std::chrono::steady_clock::now() - begun;
}

// When nothing else runs.
std::chrono::steady_clock::duration time_to_verify(const std::string& hash) {
  auto least = std::chrono::steady_clock::duration::max();
  for (int i = 0; i < 3; ++i) {
    least = std::min(least, time_of([&] { EXPECT_TRUE(crypto::verify_password(hash, "wrong")); }));
  }
  return least;
}

class LoginTest : public testing::Test {
 protected:
  LoginTest() {
    model::User user;
    user.username = "maria";
    user.home_dir = "/srv/maria";
    user.permissions["/"] = {"*"};
    user.public_keys = {key_line};
    user.password = crypto::hash_password("secret", fast_options().hashing);
    if (!provider_.add_user(user)) throw std::runtime_error("add_user");
    model::Admin admin;
    admin.username = "root";
    admin.password = crypto::hash_password("secret", fast_options().hashing);
    admin.permissions = {"*"};
    if (!provider_.add_admin(admin)) throw std::runtime_error("add_admin");
  }

  void change(const std::function<void(model::User&)>& edit) {
    ASSERT_TRUE(provider_.inner().change_user("maria", [&](model::User& user) -> Result<void> {
      edit(user);
      return {};
    }));
  }
  void change_admin(const std::function<void(model::Admin&)>& edit) {
    ASSERT_TRUE(provider_.inner().change_admin("root", [&](model::Admin& admin) -> Result<void> {
      edit(admin);
      return {};
    }));
  }

  static LoginRequest by_password(const char* password = "secret", const char* username = "maria") {
    LoginRequest request;
    request.protocol = "SSH";
    request.client_ip = "10.1.2.3";
    request.username = username;
    request.method = Method::password;
    request.password = crypto::Secret(std::string_view(password));
    return request;
  }
  static LoginRequest by_key(const char* line = key_line) {
    LoginRequest request = by_password("");
    request.method = Method::publickey;
    request.public_key = model::parse_authorized_key(line)->blob;
    return request;
  }
  Result<model::AdminPtr> admin_login(const char* password, const char* ip = "10.1.2.3") {
    return login_admin_now(auth_, {"root", crypto::Secret(std::string_view(password)), ip});
  }
  bool lets_in(const LoginRequest& request) {
    const auto outcome = login_now(auth_, request);
    if (outcome) return !outcome->partial;
    EXPECT_EQ(outcome.error().code, ErrorCode::authentication_failed);
    EXPECT_EQ(outcome.error().message, "invalid credentials");
    return false;
  }

  FaultyProvider provider_;
  Authenticator auth_{provider_, fast_options()};
};

TEST_F(LoginTest, RightCredentialsLogIn) {
  const auto outcome = login_now(auth_, by_password());
  ASSERT_TRUE(outcome);
  EXPECT_EQ(outcome->user->username, "maria");
  EXPECT_EQ(outcome->method, "password");
  EXPECT_TRUE(lets_in(by_key()));
  auto interactive = by_password();
  interactive.method = Method::keyboard_interactive;
  EXPECT_TRUE(lets_in(interactive));
  EXPECT_TRUE(lets_in(by_password("secret", "  maria ")));  // naming rules
}

TEST_F(LoginTest, WrongCredentialsDoNot) {
  EXPECT_FALSE(lets_in(by_password("wrong")));
  EXPECT_FALSE(lets_in(by_password("")));
  EXPECT_FALSE(lets_in(by_password("secret", "nobody")));
  EXPECT_FALSE(lets_in(by_password(std::string(1 << 20, 'x').c_str())));
  EXPECT_FALSE(lets_in(by_key(other_key_line)));
  LoginRequest no_key = by_key();
  no_key.public_key.clear();
  EXPECT_FALSE(lets_in(no_key));
  LoginRequest none = by_password();
  none.method = Method::none;
  EXPECT_FALSE(lets_in(none));
  change([](model::User& user) { user.password = ""; });
  EXPECT_FALSE(lets_in(by_password("")));
  EXPECT_FALSE(lets_in(by_password("secret")));
  change([](model::User& user) { user.password = "$2a$04$damaged"; });
  EXPECT_FALSE(lets_in(by_password("secret")));
  change([](model::User& user) { user.password = "secret"; });
  EXPECT_FALSE(lets_in(by_password("secret")));
}

// A key of a remembered account is decided about without the provider, and only when it is right.
TEST_F(LoginTest, RightKeysOfRememberedAccountsAskNobody) {
  provider_.remembers = true;
  EXPECT_TRUE(lets_in(by_key()));
  EXPECT_EQ(provider_.lookups, 1) << "its login is to be noted";
  EXPECT_GT((*provider_.inner().user("maria"))->last_login, 0);
  EXPECT_TRUE(lets_in(by_key()));
  EXPECT_EQ(provider_.lookups, 1);
  provider_.broken = true;
  EXPECT_TRUE(lets_in(by_key()));
  EXPECT_FALSE(lets_in(by_key(other_key_line)));
  provider_.broken = false;
  EXPECT_FALSE(lets_in(by_key(other_key_line)));
  EXPECT_FALSE(lets_in(by_password("wrong")));
  change([](model::User& user) { user.status = 0; });
  EXPECT_FALSE(lets_in(by_key()));
}

TEST_F(LoginTest, OptionsOfKeysAreHonoured) {
  const auto with = [&](const std::string& options) {
    change([&](model::User& user) { user.public_keys = {other_key_line, options + " " + key_line}; });
  };
  with("from=\"10.0.0.0/8\"");
  EXPECT_TRUE(lets_in(by_key()));
  with("from=\"10.0.0.0/8,!10.1.2.3\"");
  EXPECT_FALSE(lets_in(by_key()));
  LoginRequest asks = by_key();
  asks.probe = true;
  EXPECT_FALSE(lets_in(asks)) << "the client need not sign in vain";
  EXPECT_TRUE(lets_in(by_key(other_key_line)));
  with("expiry-time=\"20200101Z\"");
  EXPECT_FALSE(lets_in(by_key()));
  with("expiry-time=\"22000101Z\"");
  EXPECT_TRUE(lets_in(by_key()));
  // Stored before such options were refused.
  with("command=\"rsync --server\"");
  EXPECT_FALSE(lets_in(by_key()));

  LoginRequest verified = by_key(), untouched = by_key();
  verified.user_verified = true;
  untouched.user_present = false;
  with("verify-required");
  EXPECT_FALSE(lets_in(by_key()));
  EXPECT_TRUE(lets_in(verified));
  asks = by_key();
  asks.probe = true;
  EXPECT_TRUE(lets_in(asks));
  with("");
  EXPECT_FALSE(lets_in(untouched));
  with("no-touch-required");
  EXPECT_TRUE(lets_in(untouched));
  // One of two lines with the same key is enough.
  change([&](model::User& user) { user.public_keys = {std::string("from=\"192.0.2.1\" ") + key_line, key_line}; });
  EXPECT_TRUE(lets_in(by_key()));
}

TEST_F(LoginTest, WhatNobodyCanUseLetsNobodyIn) {
  std::string why;
  LoginOptions options = fast_options();
  options.obstacle = [&](const model::User& user) { return user.username == "maria" ? why : "somebody else"; };
  Authenticator auth(provider_, options);
  EXPECT_TRUE(login_now(auth, by_key()));
  why = "its storage is not built";
  EXPECT_FALSE(login_now(auth, by_key()));
  EXPECT_FALSE(login_now(auth, by_password()));
}

TEST_F(LoginTest, WrongKeysTakeTheirTime) {
  provider_.remembers = true;
  for (const char* name : {"maria", "nobody"}) {
    LoginRequest wrong = by_key(other_key_line);
    wrong.username = name;
    const auto begun = std::chrono::steady_clock::now();
    EXPECT_FALSE(lets_in(wrong));
    EXPECT_GE(std::chrono::steady_clock::now() - begun, std::chrono::milliseconds(3)) << name;
  }
}

// Each step alone keeps a right credential out, for every method.
TEST_F(LoginTest, EveryStepRefuses) {
  const auto now = store::now_ms();
  const std::pair<const char*, std::function<void(model::User&)>> steps[] = {
      {"status", [](model::User& u) { u.status = 0; }},
      {"unknown status", [](model::User& u) { u.status = 2; }},
      {"expiration", [&](model::User& u) { u.expiration_date = now - 1; }},
      {"denied address", [](model::User& u) { u.filters.denied_ip = {"10.0.0.0/8"}; }},
      {"allowed address", [](model::User& u) { u.filters.allowed_ip = {"192.168.0.0/16"}; }},
      {"denied wins",
       [](model::User& u) {
         u.filters.allowed_ip = {"10.1.2.3"};
         u.filters.denied_ip = {"10.0.0.0/8"};
       }},
      {"protocol", [](model::User& u) { u.filters.denied_protocols = {"SSH"}; }},
      {"second factor", [](model::User& u) { u.filters.two_factor_protocols = {"SSH"}; }},
      {"anonymous", [](model::User& u) { u.filters.is_anonymous = true; }},
      {"methods",
       [](model::User& u) {
         u.filters.denied_login_methods = {"password", "publickey"};
       }},
      {"access time", [](model::User& u) {
         u.filters.access_time = {{7, "00:00", "24:00"}};
       }}};
  const model::User before = **provider_.user("maria");
  for (const auto& [name, spoil] : steps) {
    ASSERT_TRUE(lets_in(by_password())) << name;
    change(spoil);
    EXPECT_FALSE(lets_in(by_password())) << name;
    EXPECT_FALSE(lets_in(by_key())) << name;
    change([&](model::User& user) { user = before; });
  }
  change([](model::User& u) { u.filters.allowed_ip = {"10.0.0.0/8"}; });
  EXPECT_TRUE(lets_in(by_password()));
  LoginRequest nowhere = by_password();
  nowhere.client_ip = "";
  EXPECT_FALSE(lets_in(nowhere));
}

TEST_F(LoginTest, AccessTime) {
  model::TimePeriod today{0, "00:00", "24:00"};
  const std::time_t now = std::time(nullptr);
  std::tm parts{};
  gmtime_r(&now, &parts);
  today.day_of_week = parts.tm_wday;
  change([&](model::User& u) { u.filters.access_time = {today}; });
  EXPECT_TRUE(lets_in(by_password()));
  today.day_of_week = (parts.tm_wday + 3) % 7;
  change([&](model::User& u) { u.filters.access_time = {today}; });
  EXPECT_FALSE(lets_in(by_password()));
}

TEST_F(LoginTest, PasswordExpires) {
  constexpr std::int64_t day = 86'400'000;
  const auto now = store::now_ms();
  change([&](model::User& u) {
    u.filters.password_expiration = 10;
    u.last_password_change = now - 9 * day;
  });
  EXPECT_TRUE(lets_in(by_password()));
  change([&](model::User& u) { u.last_password_change = now - 11 * day; });
  EXPECT_FALSE(lets_in(by_password()));
  EXPECT_TRUE(lets_in(by_key()));
}

TEST_F(LoginTest, APasswordThatMustBeChanged) {
  change([](model::User& u) { u.filters.require_password_change = true; });
  EXPECT_FALSE(lets_in(by_password()));
  EXPECT_TRUE(lets_in(by_key()));
  LoginRequest http = by_password();
  http.protocol = "HTTP";
  EXPECT_TRUE(lets_in(http));  // to change it
}

TEST_F(LoginTest, APasswordAloneLacksTheSecondFactor) {
  change([](model::User& u) {
    u.filters.totp_config.enabled = true;
    u.filters.totp_config.protocols = {"SSH"};
  });
  EXPECT_FALSE(lets_in(by_password()));
  EXPECT_TRUE(lets_in(by_key()));
  LoginRequest ftp = by_password();
  ftp.protocol = "FTP";
  EXPECT_TRUE(lets_in(ftp));
}

TEST_F(LoginTest, DeniedMethods) {
  change([](model::User& u) { u.filters.denied_login_methods = {"password-over-SSH"}; });
  EXPECT_FALSE(lets_in(by_password()));
  EXPECT_TRUE(lets_in(by_key()));
  LoginRequest ftp = by_password();
  ftp.protocol = "FTP";
  EXPECT_TRUE(lets_in(ftp));
  change([](model::User& u) { u.filters.denied_login_methods = {"password"}; });
  EXPECT_FALSE(lets_in(ftp));
  // Another single step is allowed: the key is just denied, not a first step.
  change([](model::User& u) { u.filters.denied_login_methods = {"publickey"}; });
  EXPECT_FALSE(login_now(auth_, by_key()));
  EXPECT_TRUE(lets_in(by_password()));
}

TEST_F(LoginTest, TwoSteps) {
  change([](model::User& u) {
    u.filters.denied_login_methods = {"publickey", "password-over-SSH", "keyboard-interactive",
                                      "publickey+keyboard-interactive"};
  });
  EXPECT_FALSE(lets_in(by_password()));
  const auto first = login_now(auth_, by_key());
  ASSERT_TRUE(first);
  EXPECT_TRUE(first->partial);
  EXPECT_EQ(first->remaining, std::vector<std::string>{"password"});
  EXPECT_EQ((*provider_.user("maria"))->last_login, 0);
  EXPECT_FALSE(login_now(auth_, by_key(other_key_line)));

  LoginRequest second = by_password();
  second.completed = {Method::publickey};
  const auto outcome = login_now(auth_, second);
  ASSERT_TRUE(outcome);
  EXPECT_FALSE(outcome->partial);
  EXPECT_EQ(outcome->method, "publickey+password");
  second.password = crypto::Secret(std::string_view("wrong"));
  EXPECT_FALSE(lets_in(second));
  second = by_password();
  second.method = Method::keyboard_interactive;
  second.completed = {Method::publickey};
  EXPECT_FALSE(lets_in(second));
  second.completed = {Method::password};
  EXPECT_FALSE(lets_in(second));
  LoginRequest key_again = by_key();
  key_again.completed = {Method::publickey};
  EXPECT_FALSE(lets_in(key_again));
  LoginRequest other_protocol = by_password();
  other_protocol.protocol = "HTTP";
  other_protocol.completed = {Method::publickey};
  EXPECT_TRUE(lets_in(other_protocol));  // only SSH's methods are denied
}

TEST_F(LoginTest, AnonymousUsersNeedNoPasswordWhereTheyAreAllowed) {
  change([](model::User& u) { u.filters.is_anonymous = true; });
  LoginRequest ftp = by_password("guest@example.com");
  ftp.protocol = "FTP";
  EXPECT_TRUE(lets_in(ftp));
  ftp.protocol = "HTTP";
  EXPECT_FALSE(lets_in(ftp));
}

TEST_F(LoginTest, ABrokenProviderLetsNobodyIn) {
  for (const bool throwing : {false, true}) {
    provider_.throwing = throwing;
    provider_.broken = true;
    EXPECT_FALSE(lets_in(by_password()));
    EXPECT_FALSE(lets_in(by_key()));
    EXPECT_FALSE(admin_login("secret"));
    provider_.broken = false;
    EXPECT_TRUE(lets_in(by_password()));
    EXPECT_TRUE(admin_login("secret"));
  }
  // A hash that must be renewed and cannot be.
  change([](model::User& u) { u.password = argon2_hash(); });
  change_admin([](model::Admin& a) { a.password = argon2_hash(); });
  provider_.broken_writes = true;
  EXPECT_FALSE(lets_in(by_password()));
  EXPECT_FALSE(admin_login("secret"));
  // A login that is to be noted and cannot be.
  change([](model::User& u) { u.password = crypto::hash_password("secret", fast_options().hashing); });
  change_admin([](model::Admin& a) { a.password = crypto::hash_password("secret", fast_options().hashing); });
  EXPECT_TRUE(lets_in(by_password()) && admin_login("secret")) << "they were noted a moment ago";
  ASSERT_TRUE(provider_.inner().set_user_last_login("maria", 0) && provider_.inner().set_admin_last_login("root", 0));
  EXPECT_FALSE(lets_in(by_password()));
  EXPECT_FALSE(lets_in(by_key()));
  EXPECT_FALSE(admin_login("secret"));
}

TEST_F(LoginTest, ManyKeysAreLookedThroughOnThePool) {
  provider_.remembers = true;
  ASSERT_TRUE(lets_in(by_key()));  // notes it
  change([](model::User& u) { u.public_keys.assign(1000, other_key_line); });
  const int asked = provider_.lookups;
  EXPECT_FALSE(lets_in(by_key()));
  change([](model::User& u) { u.public_keys.push_back(key_line); });
  EXPECT_TRUE(lets_in(by_key()));
  EXPECT_EQ(provider_.lookups - asked, 2) << "neither was decided at once";
  change([](model::User& u) { u.public_keys = {key_line}; });
  EXPECT_TRUE(lets_in(by_key()));
  EXPECT_EQ(provider_.lookups - asked, 2) << "this one was";
}

TEST_F(LoginTest, RenewsHashesOfTheOtherAlgorithm) {
  change([](model::User& u) { u.password = argon2_hash(); });
  EXPECT_FALSE(lets_in(by_password("wrong")));
  EXPECT_TRUE((*provider_.user("maria"))->password.starts_with("$argon2id$"));
  const auto outcome = login_now(auth_, by_password());
  ASSERT_TRUE(outcome);
  EXPECT_TRUE(outcome->user->password.starts_with("$2a$04$"));
  EXPECT_EQ((*provider_.user("maria"))->password, outcome->user->password);
  EXPECT_TRUE(lets_in(by_password()));
  // Imported hashes of other kinds stay: {MD5} of "secret".
  const char* const imported = "{MD5}5ebe2294ecd0e0f08eab7690d2a6ee69";
  change([&](model::User& u) { u.password = imported; });
  EXPECT_TRUE(lets_in(by_password()));
  EXPECT_EQ((*provider_.user("maria"))->password, imported);
}

TEST_F(LoginTest, NotesTheLastLoginSeldom) {
  const auto before = store::now_ms();
  LoginRequest probe = by_key();
  probe.probe = true;
  EXPECT_TRUE(lets_in(probe));
  EXPECT_EQ((*provider_.user("maria"))->last_login, 0);
  ASSERT_TRUE(lets_in(by_key()));
  const auto first = (*provider_.user("maria"))->last_login;
  EXPECT_GE(first, before);
  ASSERT_TRUE(lets_in(by_key()));
  EXPECT_EQ((*provider_.user("maria"))->last_login, first);
  ASSERT_TRUE(provider_.set_user_last_login("maria", first - 11 * 60 * 1000));
  ASSERT_TRUE(lets_in(by_key()));
  EXPECT_GE((*provider_.user("maria"))->last_login, first);
  ASSERT_TRUE(admin_login("secret"));
  EXPECT_GE((*provider_.admin("root"))->last_login, before);
}

TEST_F(LoginTest, CachedPasswordEndsWithTheHash) {
  ASSERT_TRUE(lets_in(by_password()));
  ASSERT_TRUE(lets_in(by_password()));
  change([](model::User& u) { u.password = crypto::hash_password("changed", fast_options().hashing); });
  EXPECT_FALSE(lets_in(by_password()));
  EXPECT_TRUE(lets_in(by_password("changed")));
  change([](model::User& u) { u.status = 0; });
  EXPECT_FALSE(lets_in(by_password("changed")));
}

TEST_F(LoginTest, Admins) {
  EXPECT_TRUE(admin_login("secret"));
  EXPECT_FALSE(admin_login("wrong"));
  EXPECT_FALSE(admin_login(""));
  EXPECT_FALSE(login_admin_now(auth_, {"nobody", crypto::Secret(std::string_view("secret")), "10.1.2.3"}));
  change_admin([](model::Admin& a) { a.filters.allow_list = {"192.168.0.0/16"}; });
  EXPECT_FALSE(admin_login("secret"));
  EXPECT_FALSE(admin_login("secret", "nonsense"));
  EXPECT_TRUE(admin_login("secret", "192.168.1.1"));
  change_admin([](model::Admin& a) { a.filters.totp_config.enabled = true; });
  EXPECT_FALSE(admin_login("secret", "192.168.1.1"));
  change_admin([](model::Admin& a) {
    a.filters.totp_config.enabled = false;
    a.status = 0;
  });
  EXPECT_FALSE(admin_login("secret", "192.168.1.1"));
  // A user's name and password are no administrator's.
  EXPECT_FALSE(login_admin_now(auth_, {"maria", crypto::Secret(std::string_view("secret")), "10.1.2.3"}));
}

// One slow hash, whatever is wrong and whether or not there is an account: the time says nothing.
TEST_F(LoginTest, EveryRefusalCostsTheSameWork) {
  const auto work = [&](LoginRequest request) {
    const std::uint64_t before = crypto::password_hashes_computed();
    EXPECT_FALSE(lets_in(request));
    return crypto::password_hashes_computed() - before;
  };
  const std::pair<const char*, std::function<void(model::User&)>> accounts[] = {
      {"as it is", [](model::User&) {}},
      {"disabled", [](model::User& u) { u.status = 0; }},
      {"expired", [](model::User& u) { u.expiration_date = 1; }},
      {"no password", [](model::User& u) { u.password.clear(); }},
      {"damaged hash", [](model::User& u) { u.password = "$2a$04$damaged"; }},
      {"address", [](model::User& u) { u.filters.denied_ip = {"10.0.0.0/8"}; }},
      {"protocol", [](model::User& u) { u.filters.denied_protocols = {"SSH"}; }},
      {"methods",
       [](model::User& u) {
         u.filters.denied_login_methods = {"password", "keyboard-interactive"};
       }},
      {"second factor due", [](model::User& u) { u.filters.two_factor_protocols = {"SSH"}; }},
      {"anonymous", [](model::User& u) { u.filters.is_anonymous = true; }}};
  const model::User before = **provider_.user("maria");
  for (const auto& [name, spoil] : accounts) {
    change(spoil);
    for (const Method method : {Method::password, Method::keyboard_interactive}) {
      for (const char* password : {"wrong", ""}) {
        LoginRequest known = by_password(password), unknown = by_password(password, "nobody");
        known.method = unknown.method = method;
        EXPECT_EQ(work(known), 1U) << name << " " << to_string(method);
        EXPECT_EQ(work(unknown), 1U) << name << " " << to_string(method);
      }
    }
    change([&](model::User& user) { user = before; });
  }
  // Keys cost none, nor do the names of accounts that a key is offered for.
  EXPECT_EQ(work(by_key(other_key_line)), 0U);
  LoginRequest stranger = by_key();
  stranger.username = "nobody";
  EXPECT_EQ(work(stranger), 0U);
  // Parts of dialogues by hook.
  for (const char* name : {"maria", "nobody"}) {
    const std::uint64_t so_far = crypto::password_hashes_computed();
    EXPECT_FALSE(check_password_now(auth_, by_password("wrong", name)));
    EXPECT_EQ(crypto::password_hashes_computed() - so_far, 1U) << name;
    EXPECT_FALSE(check_code_now(auth_, by_password("wrong", name)));
    EXPECT_EQ(crypto::password_hashes_computed() - so_far, 1U) << name;
  }
}

// Nor does it where stored hashes are of another kind than ours.
TEST_F(LoginTest, EveryRefusalTakesAsLongAsTheCostliestHash) {
  const std::string costly = "$pbkdf2-sha256$300000$salt$" + crypto::base64_encode(Bytes(32));
  const auto least = time_to_verify(costly);
  const auto refusal = [&](const char* name) {
    return time_of([&] { EXPECT_FALSE(lets_in(by_password("wrong", name))); });
  };
  ASSERT_LT(refusal("nobody"), least) << "else this test shows nothing";
  change([&](model::User& user) { user.password = costly; });
  refusal("maria");
  const auto expected = least / 2;  // this machine may have been busier a moment ago
  EXPECT_GT(refusal("maria"), expected);
  EXPECT_GT(refusal("nobody"), expected);
  // What is refused without any work measures nothing.
  LoginRequest odd = by_password();
  odd.password = crypto::Secret(std::string_view("\0", 1));
  EXPECT_GT(time_of([&] { EXPECT_FALSE(lets_in(odd)); }), expected);
  EXPECT_GT(refusal("nobody"), expected);
  change([&](model::User& user) { user.password = "{SHA256}" + std::string(64, '0'); });
  EXPECT_GT(refusal("maria"), expected);
  EXPECT_GT(time_of([&] { EXPECT_FALSE(check_password_now(auth_, by_password("wrong", "nobody"))); }), expected);
  EXPECT_GT(time_of([&] {
              EXPECT_FALSE(login_admin_now(auth_, {"nobody", crypto::Secret(std::string_view("x")), ""}));
            }),
            expected);
}

// Eight tries at the same time, as long as the last of them takes.
std::chrono::steady_clock::duration time_of_eight(Authenticator& authenticator, const LoginRequest& request) {
  asio::io_context& context = test::lasting_context();
  return time_of([&] {
    for (int i = 0; i < 8; ++i) {
      asio::co_spawn(context, authenticator.login(request),
                     [](std::exception_ptr thrown, Result<LoginOutcome> outcome) {
                       EXPECT_FALSE(thrown);
                       EXPECT_FALSE(outcome);
                     });
    }
    context.run();
  });
}

// Many at once must not tell either: costly hashes slow one another down more than cheap ones.
TEST_F(LoginTest, RefusalsAtTheSameTimeTakeAsLongAsThoseOfTheCostliestHash) {
  change([](model::User& user) { user.password = "$pbkdf2-sha256$300000$salt$" + crypto::base64_encode(Bytes(32)); });
  (void)time_of([&] { EXPECT_FALSE(lets_in(by_password("wrong"))); });  // it is known from now on
  const auto costly = time_of_eight(auth_, by_password("wrong"));
  const auto cheap = time_of_eight(auth_, by_password("wrong", "nobody"));
  EXPECT_GT(cheap, costly * 2 / 3);
  EXPECT_GT(costly, cheap / 2);
}

// A refusal that is not the client's fault, and that is told as any other.
TEST_F(LoginTest, WhoseDirectoriesAreTheServersIsRefused) {
  LoginOptions options = fast_options();
  bool asked_at_once = false;
  options.check_places = [&](const model::User& user, bool at_once) -> Result<void> {
    asked_at_once = asked_at_once || at_once;
    if (user.home_dir == "/srv/maria") return {};
    return fail(ErrorCode::permission_denied, "home directory: it is the server's");
  };
  provider_.remembers = true;
  Authenticator guarded(provider_, options);
  EXPECT_TRUE(login_now(guarded, by_password()));
  EXPECT_TRUE(login_now(guarded, by_key()));
  change([](model::User& user) { user.home_dir = "/etc"; });
  EXPECT_EQ(login_now(guarded, by_password()).error().code, ErrorCode::authentication_failed);
  EXPECT_FALSE(login_now(guarded, by_key()));
  EXPECT_FALSE(check_password_now(guarded, by_password()));
  EXPECT_TRUE(asked_at_once);
}

TEST_F(LoginTest, TheFirstRefusalTakesAsLongAsTheNext) {
  LoginOptions options = fast_options();
  options.hashing.bcrypt_cost = 9;
  Authenticator fresh(provider_, options);
  const std::string ours = crypto::hash_password("x", options.hashing);
  change([&](model::User& user) { user.password = "{SHA256}" + std::string(64, '0'); });
  EXPECT_GT(time_of([&] { EXPECT_FALSE(check_password_now(fresh, by_password("wrong"))); }), time_to_verify(ours) / 2);
}

TEST_F(LoginTest, FailuresAreLoggedInTheDocumentedShape) {
  const std::filesystem::path path = std::filesystem::path(testing::TempDir()) / "ferry-login-test.log";
  std::filesystem::remove(path);
  log::Options options;
  options.file_path = path;
  ASSERT_TRUE(log::open(options));
  EXPECT_FALSE(lets_in(by_password("wr0ng", "nobody\n\"x\"")));
  EXPECT_FALSE(lets_in(by_password("wr0ng", std::string(100'000, 'n').c_str())));
  LoginRequest probe = by_key(other_key_line);
  probe.probe = true;
  EXPECT_FALSE(lets_in(probe));
  log::flush();
  ASSERT_TRUE(log::open({}));
  std::ifstream file(path);
  std::vector<std::string> lines;
  for (std::string line; std::getline(file, line);) lines.push_back(line);
  ASSERT_EQ(lines.size(), 2U);
  const auto json = nlohmann::json::parse(lines[0]);
  EXPECT_EQ(json["sender"], "connection_failed");
  EXPECT_EQ(json["level"], "debug");
  EXPECT_EQ(json["username"], "nobody\n\"x\"");
  EXPECT_EQ(json["client_ip"], "10.1.2.3");
  EXPECT_EQ(json["protocol"], "SSH");
  EXPECT_EQ(json["login_type"], "password");
  EXPECT_TRUE(json["error"].is_string());
  EXPECT_EQ(lines[0].find("wr0ng"), std::string::npos);
  EXPECT_LT(lines[1].size(), 1000U);
  std::filesystem::remove(path);
}

Task<void> log_in(Authenticator& auth, LoginRequest request, Result<LoginOutcome>& result) {
  auto outcome = co_await auth.login(std::move(request));
  result = std::move(outcome);
}
Task<void> log_in(Authenticator& auth, AdminLoginRequest request, Result<model::AdminPtr>& result) {
  auto outcome = co_await auth.login_admin(std::move(request));
  result = std::move(outcome);
}

TEST_F(LoginTest, RunsAsACoroutine) {
  asio::io_context& context = test::lasting_context();
  Result<LoginOutcome> outcome = fail(ErrorCode::internal);
  Result<model::AdminPtr> admin = fail(ErrorCode::internal);
  const AdminLoginRequest root{"root", crypto::Secret(std::string_view("secret")), "::1"};
  const auto rethrow = [](std::exception_ptr failure) {
    if (failure) std::rethrow_exception(failure);
  };
  asio::co_spawn(context, log_in(auth_, by_password(), outcome), rethrow);
  asio::co_spawn(context, log_in(auth_, root, admin), rethrow);
  context.run();
  ASSERT_TRUE(outcome);
  EXPECT_EQ(outcome->user->username, "maria");
  EXPECT_TRUE(admin);
}

}  // namespace
}  // namespace ferry::auth
