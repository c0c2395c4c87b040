#include "auth/second_factor.h"

#include <gtest/gtest.h>

#include <thread>

#include "auth/dialogue.h"
#include "tests/unit/auth/auth_fixture.h"
#include "tests/unit/auth/one_time_code.h"

namespace ferry::auth {
namespace {

constexpr std::int64_t noon = 1'800'000'000;  // the first second of a step

model::TotpConfig totp_of(const char* configuration = "Default") {
  model::TotpConfig totp;
  totp.enabled = true;
  totp.config_name = configuration;
  totp.secret = {.status = "Plain", .payload = totp_secret, .key = {}, .additional_data = {}};
  totp.protocols = {"SSH"};
  return totp;
}

const std::vector<TotpConfiguration> configurations = {{"Default", crypto::HashAlgorithm::sha1},
                                                       {"Strong", crypto::HashAlgorithm::sha512}};

TEST(SecondFactor, ACodeServesOnce) {
  SecondFactor factor(configurations, {});
  EXPECT_TRUE(factor.use_code("maria", totp_of(), one_time_code(noon), noon));
  EXPECT_FALSE(factor.use_code("maria", totp_of(), one_time_code(noon), noon));
  EXPECT_FALSE(factor.use_code("maria", totp_of(), one_time_code(noon), noon + 31));
  EXPECT_TRUE(factor.use_code("peter", totp_of(), one_time_code(noon), noon));  // another account
  EXPECT_TRUE(factor.use_code("maria", totp_of(), one_time_code(noon + 30), noon + 31));
}

// A later code has been used: an older one that somebody saw is not good any more.
TEST(SecondFactor, NoGoingBack) {
  SecondFactor factor(configurations, {});
  EXPECT_TRUE(factor.use_code("maria", totp_of(), one_time_code(noon + 30), noon));  // a fast clock
  EXPECT_FALSE(factor.use_code("maria", totp_of(), one_time_code(noon), noon));
  EXPECT_FALSE(factor.use_code("maria", totp_of(), one_time_code(noon - 30), noon));
  EXPECT_TRUE(factor.use_code("maria", totp_of(), one_time_code(noon + 60), noon + 60));
}

TEST(SecondFactor, RememberedWhileACodeIsGood) {
  SecondFactor factor(configurations, {});
  ASSERT_TRUE(factor.use_code("maria", totp_of(), one_time_code(noon + 30), noon));
  for (std::int64_t later = noon; later < noon + 90; later += 10) {
    (void)factor.use_code("peter", totp_of(), one_time_code(later), later);  // sweeps
    EXPECT_FALSE(factor.use_code("maria", totp_of(), one_time_code(noon + 30), later)) << later - noon;
  }
}

TEST(SecondFactor, OneOfManyAtOnce) {
  SecondFactor factor(configurations, {});
  std::atomic<int> let_in = 0;
  std::vector<std::jthread> threads;
  for (int i = 0; i < 16; ++i) {
    threads.emplace_back([&] {
      if (factor.use_code("maria", totp_of(), one_time_code(noon), noon)) ++let_in;
    });
  }
  threads.clear();
  EXPECT_EQ(let_in, 1);
}

TEST(SecondFactor, TheAlgorithmIsTheConfigurations) {
  SecondFactor factor(configurations, {});
  EXPECT_FALSE(factor.use_code("maria", totp_of("Strong"), one_time_code(noon), noon));
  EXPECT_TRUE(factor.use_code("maria", totp_of("Strong"), one_time_code(noon, crypto::HashAlgorithm::sha512), noon));
}

TEST(SecondFactor, WhatCannotBeCheckedIsRefused) {
  SecondFactor factor(configurations, crypto::Secret(std::string_view("the master key")));
  const std::string code = one_time_code(noon);
  EXPECT_FALSE(factor.use_code("maria", totp_of("Gone"), code, noon));
  model::TotpConfig sealed = totp_of();
  model::seal(sealed.secret, "maria", crypto::Secret(std::string_view("the master key")));
  EXPECT_TRUE(factor.use_code("maria", sealed, code, noon));
  for (const auto& spoil : std::initializer_list<void (*)(model::ConfigSecret&)>{
           [](model::ConfigSecret& s) { s.payload[10] = s.payload[10] == 'A' ? 'B' : 'A'; },
           [](model::ConfigSecret& s) { s.additional_data = "peter"; }, [](model::ConfigSecret& s) { s = {}; },
           [](model::ConfigSecret& s) { s.status = "GCP"; }, [](model::ConfigSecret& s) { s.status = "Redacted"; },
           [](model::ConfigSecret& s) { s.mode = 0; }}) {
    model::TotpConfig spoiled = sealed;
    spoil(spoiled.secret);
    EXPECT_FALSE(factor.use_code("peter", spoiled, code, noon));
  }
  SecondFactor other_key(configurations, crypto::Secret(std::string_view("another key")));
  EXPECT_FALSE(other_key.use_code("maria", sealed, code, noon));
}

// --- as a part of the login ---

class CodeLoginTest : public testing::Test {
 protected:
  CodeLoginTest() {
    model::User user;
    user.username = "maria";
    user.home_dir = "/srv/maria";
    user.permissions["/"] = {"*"};
    user.password = crypto::hash_password("secret", fast_options().hashing);
    user.filters.totp_config = totp_of();
    if (!provider_.add_user(user)) throw std::runtime_error("add_user");
  }
  void change(const std::function<void(model::User&)>& edit) {
    ASSERT_TRUE(provider_.inner().change_user("maria", [&](model::User& user) -> Result<void> {
      edit(user);
      return {};
    }));
  }
  static LoginOptions options() {
    LoginOptions options = fast_options();
    options.totp = configurations;
    return options;
  }
  static LoginRequest request(std::string_view password, std::optional<std::string> code = {}) {
    LoginRequest request;
    request.protocol = "SSH";
    request.client_ip = "10.1.2.3";
    request.username = "maria";
    request.method = Method::keyboard_interactive;
    request.password = crypto::Secret(password);
    if (code) request.code.emplace(*code);
    return request;
  }
  static std::string code_of_now(std::int64_t later = 0) { return one_time_code(store::now_ms() / 1000 + later); }
  bool lets_in(const LoginRequest& request) {
    const auto outcome = login_now(auth_, request);
    if (!outcome) {
      EXPECT_EQ(outcome.error().message, "invalid credentials");
    }
    return outcome && !outcome->code_due && !outcome->partial && outcome->user != nullptr;
  }

  FaultyProvider provider_;
  Authenticator auth_{provider_, options()};
};

TEST_F(CodeLoginTest, PasswordThenCode) {
  const auto first = login_now(auth_, request("secret"));
  ASSERT_TRUE(first);
  EXPECT_TRUE(first->code_due);
  EXPECT_EQ(first->user, nullptr);
  EXPECT_EQ((*provider_.user("maria"))->last_login, 0);
  const std::string code = code_of_now();
  EXPECT_TRUE(lets_in(request("secret", code)));
  EXPECT_NE((*provider_.user("maria"))->last_login, 0);
  EXPECT_FALSE(lets_in(request("secret", code)));  // used
}

TEST_F(CodeLoginTest, NeitherAloneIsEnough) {
  EXPECT_FALSE(lets_in(request("wrong")));
  EXPECT_FALSE(lets_in(request("wrong", code_of_now())));
  EXPECT_FALSE(lets_in(request("", code_of_now())));
  EXPECT_FALSE(lets_in(request("secret", "")));
  EXPECT_FALSE(lets_in(request("secret", code_of_now(3600))));
  EXPECT_FALSE(lets_in(request("secret" + code_of_now())));
  LoginRequest by_password = request("secret", code_of_now());
  by_password.method = Method::password;
  EXPECT_FALSE(lets_in(by_password));
  EXPECT_TRUE(lets_in(request("secret", code_of_now())));  // a wrong password used no code up
}

TEST_F(CodeLoginTest, RecoveryCodesAreForTheWebInterface) {
  change([](model::User& user) {
    user.filters.recovery_codes = {
        {.secret = {.status = "Plain", .payload = "RC-123456", .key = {}, .additional_data = {}}}};
  });
  EXPECT_FALSE(lets_in(request("secret", "RC-123456")));
}

TEST_F(CodeLoginTest, OtherProtocolsAreNotAsked) {
  change([](model::User& user) { user.filters.totp_config.protocols = {"HTTP"}; });
  EXPECT_TRUE(lets_in(request("secret")));
  change([](model::User& user) {
    user.filters.totp_config.protocols = {"SSH"};
    user.filters.totp_config.enabled = false;
  });
  EXPECT_TRUE(lets_in(request("secret")));
}

// Whatever goes wrong on the way is a no.
TEST_F(CodeLoginTest, EveryStepThatFailsRefuses) {
  const model::User before = **provider_.user("maria");
  const std::function<void(model::User&)> faults[] = {
      [](model::User& user) { user.filters.totp_config.config_name = "Gone"; },
      [](model::User& user) { user.filters.totp_config.secret.payload = "not base32!"; },
      [](model::User& user) { user.filters.totp_config.secret = {}; },
      [](model::User& user) { user.filters.totp_config.secret.status = "VaultTransit"; },
      [](model::User& user) { user.status = 0; },
      [](model::User& user) { user.password = "$2a$04$damaged"; },
      [](model::User& user) { user.filters.denied_login_methods = {"keyboard-interactive"}; },
      [](model::User& user) { user.filters.denied_protocols = {"SSH"}; }};
  for (const auto& fault : faults) {
    ASSERT_TRUE(login_now(auth_, request("secret")));
    change(fault);  // between the password and the code
    EXPECT_FALSE(lets_in(request("secret", code_of_now())));
    change([&](model::User& user) { user = before; });
  }
  for (const bool throwing : {false, true}) {
    provider_.throwing = throwing;
    provider_.broken = true;
    EXPECT_FALSE(lets_in(request("secret", code_of_now())));
    EXPECT_FALSE(check_password_now(auth_, request("secret")));
    EXPECT_FALSE(check_code_now(auth_, request("secret", code_of_now())));
    provider_.broken = false;
  }
  EXPECT_TRUE(lets_in(request("secret", code_of_now())));
}

TEST_F(CodeLoginTest, PartsOfADialogueByHook) {
  EXPECT_TRUE(check_password_now(auth_, request("secret")));
  EXPECT_FALSE(check_password_now(auth_, request("wrong")));
  EXPECT_FALSE(check_code_now(auth_, request("", "000000x")));
  EXPECT_FALSE(check_code_now(auth_, request("secret")));
  const std::string code = code_of_now();
  EXPECT_TRUE(check_code_now(auth_, request("", code)));
  EXPECT_FALSE(check_code_now(auth_, request("", code)));
  EXPECT_EQ((*provider_.user("maria"))->last_login, 0);  // nobody was logged in
  LoginRequest vouched = request("");
  vouched.vouched = true;
  EXPECT_TRUE(lets_in(vouched));
  change([](model::User& user) { user.status = 0; });
  EXPECT_FALSE(lets_in(vouched));
  EXPECT_FALSE(check_password_now(auth_, request("secret")));
  EXPECT_FALSE(check_code_now(auth_, request("", code_of_now(30))));
  change([](model::User& user) {
    user.status = 1;
    user.filters.totp_config = {};
  });
  EXPECT_FALSE(check_code_now(auth_, request("", code_of_now(30))));
  vouched.method = Method::password;  // vouching is for dialogues alone
  EXPECT_FALSE(lets_in(vouched));
}

TEST_F(CodeLoginTest, AfterAKey) {
  change([](model::User& user) {
    user.filters.denied_login_methods = {"publickey", "password", "password-over-SSH", "keyboard-interactive",
                                         "publickey+password"};
  });
  EXPECT_FALSE(lets_in(request("secret", code_of_now())));
  LoginRequest second = request("secret");
  second.completed = {Method::publickey};
  const auto outcome = login_now(auth_, second);
  ASSERT_TRUE(outcome);
  EXPECT_TRUE(outcome->code_due);
  second.code.emplace(code_of_now());
  const auto end = login_now(auth_, second);
  ASSERT_TRUE(end);
  EXPECT_EQ(end->method, "publickey+keyboard-interactive");
  EXPECT_FALSE(end->partial);
}

}  // namespace
}  // namespace ferry::auth
