#include "auth/second_factor.h"

#include <gtest/gtest.h>

#include <thread>

#include "auth/dialogue.h"
#include "auth/duty.h"
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

// The factor on a provider of its own, as it is asked for users.
struct Factor {
  explicit Factor(crypto::Secret master_key = {}) : factor(provider, configurations, std::move(master_key)) {}
  Result<void> use_code(const std::string& name, const model::TotpConfig& totp, std::string_view code,
                        std::int64_t now) {
    model::User user;
    user.username = name;
    user.filters.totp_config = totp;
    return factor.use_code(user, "SSH", code, now);
  }
  FaultyProvider provider;
  SecondFactor factor;
};

TEST(SecondFactor, ACodeServesOnce) {
  Factor factor;
  EXPECT_TRUE(factor.use_code("maria", totp_of(), one_time_code(noon), noon));
  EXPECT_FALSE(factor.use_code("maria", totp_of(), one_time_code(noon), noon));
  EXPECT_FALSE(factor.use_code("maria", totp_of(), one_time_code(noon), noon + 31));
  EXPECT_TRUE(factor.use_code("peter", totp_of(), one_time_code(noon), noon));  // another account
  EXPECT_TRUE(factor.use_code("maria", totp_of(), one_time_code(noon + 30), noon + 31));
}

// A later code has been used: an older one that somebody saw is not good any more.
TEST(SecondFactor, NoGoingBack) {
  Factor factor;
  EXPECT_TRUE(factor.use_code("maria", totp_of(), one_time_code(noon + 30), noon));  // a fast clock
  EXPECT_FALSE(factor.use_code("maria", totp_of(), one_time_code(noon), noon));
  EXPECT_FALSE(factor.use_code("maria", totp_of(), one_time_code(noon - 30), noon));
  EXPECT_TRUE(factor.use_code("maria", totp_of(), one_time_code(noon + 60), noon + 60));
}

TEST(SecondFactor, RememberedWhileACodeIsGood) {
  Factor factor;
  ASSERT_TRUE(factor.use_code("maria", totp_of(), one_time_code(noon + 30), noon));
  for (std::int64_t later = noon; later < noon + 90; later += 10) {
    (void)factor.use_code("peter", totp_of(), one_time_code(later), later);  // sweeps
    EXPECT_FALSE(factor.use_code("maria", totp_of(), one_time_code(noon + 30), later)) << later - noon;
  }
}

TEST(SecondFactor, OneOfManyAtOnce) {
  Factor factor;
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
  Factor factor;
  EXPECT_FALSE(factor.use_code("maria", totp_of("Strong"), one_time_code(noon), noon));
  EXPECT_TRUE(factor.use_code("maria", totp_of("Strong"), one_time_code(noon, crypto::HashAlgorithm::sha512), noon));
}

TEST(SecondFactor, NobodyGuessesForLong) {
  Factor factor;
  const auto now_and_then = [&](std::int64_t now, std::string_view code) {
    return factor.use_code("maria", totp_of(), code, now).has_value();
  };
  for (int i = 1; i < SecondFactor::most_wrong_codes; ++i) EXPECT_FALSE(now_and_then(noon, "00000x"));
  EXPECT_TRUE(now_and_then(noon, one_time_code(noon)));  // begins to count anew
  for (int i = 0; i < SecondFactor::most_wrong_codes; ++i) EXPECT_FALSE(now_and_then(noon + 30, "00000x"));
  EXPECT_FALSE(now_and_then(noon + 30, one_time_code(noon + 30)));
  EXPECT_FALSE(now_and_then(noon + 600, one_time_code(noon + 600)));
  EXPECT_TRUE(factor.use_code("peter", totp_of(), one_time_code(noon), noon));
  EXPECT_TRUE(now_and_then(noon + 630, one_time_code(noon + 630)));
}

// Whoever saw a code cannot go on guessing by repeating it.
TEST(SecondFactor, AUsedCodeDoesNotMendWrongOnes) {
  Factor factor;
  const std::string seen = one_time_code(noon);
  EXPECT_TRUE(factor.use_code("maria", totp_of(), seen, noon));
  for (int i = 1; i < SecondFactor::most_wrong_codes; ++i) {
    EXPECT_FALSE(factor.use_code("maria", totp_of(), "00000x", noon));
  }
  EXPECT_FALSE(factor.use_code("maria", totp_of(), seen, noon));
  EXPECT_FALSE(factor.use_code("maria", totp_of(), one_time_code(noon + 30), noon));
}

TEST(SecondFactor, AClaimThatCannotBeStoredIsRefused) {
  Factor factor;
  factor.provider.broken_writes = true;
  EXPECT_FALSE(factor.use_code("maria", totp_of(), one_time_code(noon), noon));
  factor.provider.broken_writes = false;
  EXPECT_TRUE(factor.use_code("maria", totp_of(), one_time_code(noon), noon));
}

TEST(SecondFactor, WhatCannotBeCheckedIsRefused) {
  Factor factor(crypto::Secret(std::string_view("the master key")));
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
  Factor other_key(crypto::Secret(std::string_view("another key")));
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

// HTTP: beside the password; a recovery code is as good, once.
TEST_F(CodeLoginTest, CodesBesideThePassword) {
  change([](model::User& user) {
    user.filters.totp_config.protocols = {"HTTP"};
    user.filters.recovery_codes.resize(2);
    for (const char* text : {"first-recovery", "second-recovery"}) {
      auto& code = user.filters.recovery_codes[text[0] == 'f' ? 0 : 1];
      code.secret = {.status = "Plain", .payload = text, .key = {}, .additional_data = {}};
      model::seal(code.secret, "maria", {});
    }
  });
  const auto http = [](std::string_view password, std::optional<std::string> code = {}) {
    LoginRequest login = request(password, std::move(code));
    login.protocol = "HTTP";
    login.method = Method::password;
    return login;
  };
  EXPECT_FALSE(lets_in(http("secret")));
  EXPECT_FALSE(lets_in(http("secret", "")));
  EXPECT_FALSE(lets_in(http("secret", "000000x")));
  EXPECT_FALSE(lets_in(http("secret" + code_of_now())));
  EXPECT_FALSE(lets_in(http("wrong", "first-recovery")));
  const std::string code = code_of_now();
  EXPECT_TRUE(lets_in(http("secret", code)));
  EXPECT_FALSE(lets_in(http("secret", code)));
  EXPECT_TRUE(lets_in(http("secret", "second-recovery")));
  EXPECT_FALSE(lets_in(http("secret", "second-recovery")));
  Authenticator restarted(provider_, options());
  EXPECT_FALSE(login_now(restarted, http("secret", "second-recovery")));
  EXPECT_FALSE(login_now(restarted, http("secret", code)));
  provider_.broken_writes = true;  // a code that cannot be marked as used is not taken
  EXPECT_FALSE(lets_in(http("secret", "first-recovery")));
  provider_.broken_writes = false;
  EXPECT_TRUE(login_now(restarted, http("secret", "first-recovery")));
}

TEST_F(CodeLoginTest, OneOfManyUsesARecoveryCode) {
  change([](model::User& user) {
    user.filters.totp_config.protocols = {"HTTP"};
    user.filters.recovery_codes.resize(1);
    user.filters.recovery_codes[0].secret = {
        .status = "Plain", .payload = "the-only-one", .key = {}, .additional_data = {}};
  });
  LoginRequest login = request("secret", "the-only-one");
  login.protocol = "HTTP";
  login.method = Method::password;
  std::atomic<int> let_in = 0;
  std::vector<std::jthread> threads;
  for (int i = 0; i < 8; ++i) {
    threads.emplace_back([&] {
      if (login_now(auth_, login)) ++let_in;
    });
  }
  threads.clear();
  EXPECT_EQ(let_in, 1);
}

// FTP has no field for it.
TEST_F(CodeLoginTest, CodesAtThePasswordsEnd) {
  change([](model::User& user) { user.filters.totp_config.protocols = {"FTP"}; });
  const auto ftp = [](const std::string& password) {
    LoginRequest login = request(password);
    login.protocol = "FTP";
    login.method = Method::password;
    return login;
  };
  EXPECT_FALSE(lets_in(ftp("secret")));
  EXPECT_FALSE(lets_in(ftp("")));
  EXPECT_FALSE(lets_in(ftp("cret")));
  EXPECT_FALSE(lets_in(ftp(code_of_now())));
  EXPECT_FALSE(lets_in(ftp("wrong" + code_of_now())));
  const std::string code = code_of_now();
  EXPECT_TRUE(lets_in(ftp("secret" + code)));
  EXPECT_FALSE(lets_in(ftp("secret" + code)));
}

TEST_F(CodeLoginTest, WhatIsRequiredAndNotSetUp) {
  change([](model::User& user) {
    user.filters.totp_config = {};
    user.filters.two_factor_protocols = {"SSH", "HTTP"};
  });
  EXPECT_FALSE(lets_in(request("secret")));
  LoginRequest http = request("secret");
  http.protocol = "HTTP";
  http.method = Method::password;
  EXPECT_TRUE(lets_in(http));  // to set it up, and for nothing else
  EXPECT_EQ(duty_of(**provider_.user("maria"), store::now_ms()), Duty::set_up_second_factor);
  change([](model::User& user) {
    user.filters.totp_config = totp_of();
    user.filters.totp_config.protocols = {"HTTP"};
  });
  EXPECT_FALSE(lets_in(request("secret")));  // set up, but not for SSH
  EXPECT_EQ(duty_of(**provider_.user("maria"), store::now_ms()), Duty::set_up_second_factor);
  change([](model::User& user) { user.filters.totp_config.protocols = {"HTTP", "SSH"}; });
  EXPECT_EQ(duty_of(**provider_.user("maria"), store::now_ms()), Duty::none);
}

TEST_F(CodeLoginTest, Administrators) {
  model::Admin admin;
  admin.username = "root";
  admin.permissions = {"*"};
  admin.password = crypto::hash_password("secret", fast_options().hashing);
  admin.filters.totp_config = totp_of();
  admin.filters.totp_config.protocols = {};
  admin.filters.recovery_codes.resize(1);
  admin.filters.recovery_codes[0].secret = {
      .status = "Plain", .payload = "the-only-one", .key = {}, .additional_data = {}};
  ASSERT_TRUE(provider_.add_admin(admin));
  const auto login = [&](const char* password, std::optional<std::string> code = {}) {
    AdminLoginRequest request{
        .username = "root", .password = crypto::Secret(std::string_view(password)), .client_ip = "10.1.2.3"};
    if (code) request.code = crypto::Secret(std::string_view(*code));
    return login_admin_now(auth_, request).has_value();
  };
  EXPECT_FALSE(login("secret"));
  EXPECT_FALSE(login("secret", ""));
  EXPECT_FALSE(login("wrong", code_of_now()));
  const std::string code = code_of_now();
  EXPECT_TRUE(login("secret", code));
  EXPECT_FALSE(login("secret", code));
  EXPECT_FALSE(login("wrong", "the-only-one"));
  EXPECT_TRUE(login("secret", "the-only-one"));
  EXPECT_FALSE(login("secret", "the-only-one"));
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
