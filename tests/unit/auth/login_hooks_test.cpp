// Hooks around logins: real programs, good ones and bad ones, and a provider that fails at every call in turn.
#include "auth/login_hooks.h"

#include <sys/stat.h>

#include <csignal>
#include <filesystem>
#include <fstream>
#include <functional>
#include <nlohmann/json.hpp>
#include <set>

#include "auth/dialogue.h"
#include "events/hook.h"
#include "model/json.h"
#include "model/public_key.h"
#include "store/accounts.h"
#include "tests/support/temp_directory.h"
#include "tests/unit/auth/auth_fixture.h"
#include "tests/unit/auth/one_time_code.h"

namespace ferry::auth {
namespace {

using namespace std::chrono_literals;
using Outcome = LoginReport::Outcome;

constexpr const char* hook_key_line =
    "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIB6YsCWxDCoIcFKuaOvTFJmlRZhqP5AfvEEgHzuU1vvJ";

class Ears final : public LoginObserver {
 public:
  std::chrono::milliseconds login_ended(const LoginReport& report) override {
    heard.push_back(report);
    return delay;
  }
  std::vector<LoginReport> heard;
  std::chrono::milliseconds delay{0};
};

class LoginHooksTest : public testing::Test {
 protected:
  LoginHooksTest() {
    std::signal(SIGPIPE, SIG_IGN);
    model::User user;
    user.username = "maria";
    user.home_dir = "/srv/maria";
    user.permissions["/"] = {"*"};
    user.public_keys = {hook_key_line};
    user.password = "secret";
    if (!accounts_.add_user(user)) throw std::runtime_error("add_user");
  }
  ~LoginHooksTest() override { hooks_.close(0s); }

  std::string file(const char* name) const { return directory_ / name; }
  // A program that logs its environment to "seen", then runs the script.
  std::string program(const std::string& script) {
    std::ofstream(file("hook")) << "#!/bin/sh\nenv | grep ^SFTPGO_ > " << file("seen") << "\necho x >> "
                                << file("count") << "\n"
                                << script << "\n";
    ::chmod(file("hook").c_str(), 0700);
    return file("hook");
  }
  std::string read(const char* name) const {
    std::ifstream in(file(name));
    return {std::istreambuf_iterator<char>(in), {}};
  }
  std::size_t times_asked() const { return read("count").size() / 2; }
  bool saw(const std::string& line) const {
    return ("\n" + read("seen")).find("\n" + line + "\n") != std::string::npos;
  }

  void use(LoginHookOptions hooks) {
    hooks.hooks = &hooks_;
    hooks.accounts = &accounts_;
    LoginOptions options = fast_options();
    options.hooks = std::move(hooks);
    options.observers = {&ears_};
    options.totp = {{"Default", crypto::HashAlgorithm::sha1}};
    provider_.fail_at = 0;
    auth_ = std::make_unique<Authenticator>(provider_, std::move(options));
  }
  void external(const std::string& script, unsigned scope = 0) {
    LoginHookOptions hooks;
    hooks.external_auth = program(script);
    hooks.external_auth_scope = scope;
    use(std::move(hooks));
  }
  void pre_login(const std::string& script) {
    LoginHookOptions hooks;
    hooks.pre_login = program(script);
    use(std::move(hooks));
  }
  void check_hook(const std::string& script, unsigned scope = 0) {
    LoginHookOptions hooks;
    hooks.check_password = program(script);
    hooks.check_password_scope = scope;
    use(std::move(hooks));
  }

  static LoginRequest by_password(const char* password = "secret", const char* name = "maria") {
    LoginRequest request;
    request.protocol = "SSH";
    request.client_ip = "10.1.2.3";
    request.username = name;
    request.method = Method::password;
    request.password = crypto::Secret(std::string_view(password));
    return request;
  }
  static LoginRequest by_key(const char* name = "maria") {
    LoginRequest request = by_password("", name);
    request.method = Method::publickey;
    request.public_key = model::parse_authorized_key(hook_key_line)->blob;
    return request;
  }
  bool lets_in(LoginRequest request) {
    ears_.heard.clear();
    const auto outcome = login_now(*auth_, std::move(request));
    EXPECT_TRUE(outcome || outcome.error().code == ErrorCode::authentication_failed);
    return outcome && outcome->user != nullptr;
  }
  Outcome outcome() const { return ears_.heard.empty() ? Outcome::succeeded : ears_.heard.back().outcome; }
  void change(const std::function<void(model::User&)>& edit) {
    ASSERT_TRUE(provider_.inner().change_user("maria", [&](model::User& user) -> Result<void> {
      edit(user);
      return {};
    }));
  }
  model::User maria() { return **provider_.inner().user("maria"); }

  test::TempDirectory directory_;
  FaultyProvider provider_;
  store::Accounts accounts_{provider_, {.users = {}, .hashing = fast_options().hashing, .master_key = {}}};
  events::Hooks hooks_{{.timeout = 20s, .environment = {}, .commands = {}}, {}};
  Ears ears_;
  std::unique_ptr<Authenticator> auth_;
};

constexpr const char* new_peter =
    R"(echo '{"username":"peter","status":1,"home_dir":"/srv/peter","permissions":{"/":["*"]}}')";

TEST_F(LoginHooksTest, ExternalAuthenticationMakesAccounts) {
  external(new_peter);
  EXPECT_TRUE(lets_in(by_password("whatever", "peter")));
  EXPECT_TRUE(saw("SFTPGO_AUTHD_USERNAME=peter") && saw("SFTPGO_AUTHD_PASSWORD=whatever") &&
              saw("SFTPGO_AUTHD_USER=") && saw("SFTPGO_AUTHD_IP=10.1.2.3") && saw("SFTPGO_AUTHD_PROTOCOL=SSH") &&
              saw("SFTPGO_AUTHD_PUBLIC_KEY=") && saw("SFTPGO_AUTHD_KEYBOARD_INTERACTIVE=") &&
              saw("SFTPGO_AUTHD_TLS_CERT="))
      << read("seen");
  EXPECT_EQ(ears_.heard.size(), 1U);
  EXPECT_EQ(ears_.heard[0].user->username, "peter");
  const auto first = provider_.inner().user("peter");
  ASSERT_TRUE(first);
  EXPECT_TRUE(lets_in(by_key("peter")));
  EXPECT_TRUE(saw("SFTPGO_AUTHD_PUBLIC_KEY=" + std::string(hook_key_line)) && saw("SFTPGO_AUTHD_PASSWORD="));
  EXPECT_NE(read("seen").find("SFTPGO_AUTHD_USER={"), std::string::npos);
  EXPECT_EQ((*provider_.inner().user("peter"))->updated_at, (*first)->updated_at) << "nothing new is not written";
  external("test \"${SFTPGO_AUTHD_PUBLIC_KEY%?}\" = \"" + std::string(hook_key_line) + "\" || exit 1\n" + new_peter);
  EXPECT_TRUE(lets_in(by_key("peter"))) << "the key comes with the end of its line";
  external(R"(echo '{"username":"peter","status":0,"home_dir":"/srv/peter","permissions":{"/":["*"]}}')");
  EXPECT_FALSE(lets_in(by_password("whatever", "peter"))) << "the account's rules hold";
  EXPECT_EQ((*provider_.inner().user("peter"))->status, 0);
}

TEST_F(LoginHooksTest, ExternalAuthenticationSaysNo) {
  external("echo '{\"username\":\"\"}'");
  EXPECT_FALSE(lets_in(by_password()));
  EXPECT_EQ(outcome(), Outcome::refused);
  external("");  // nothing to add: the stored credential counts
  EXPECT_TRUE(lets_in(by_password()));
  EXPECT_FALSE(lets_in(by_password("wrong")));
  EXPECT_FALSE(lets_in(by_password("secret", "nobody")));
  EXPECT_EQ(outcome(), Outcome::unknown_account);
}

TEST_F(LoginHooksTest, ExternalAuthenticationKnowsItsScopeAndWhoIsNotItsBusiness) {
  external("echo '{\"username\":\"\"}'", 2);
  EXPECT_TRUE(lets_in(by_password()));
  EXPECT_EQ(times_asked(), 0U);
  EXPECT_FALSE(lets_in(by_key()));
  change([](model::User& user) { user.filters.hooks.external_auth_disabled = true; });
  EXPECT_TRUE(lets_in(by_key()));
  EXPECT_EQ(times_asked(), 1U);
}

// A key that is only offered proves nothing yet.
TEST_F(LoginHooksTest, ProbesAskNobody) {
  external("echo '{\"username\":\"\"}'");
  LoginRequest probe = by_key("peter");
  probe.probe = true;
  EXPECT_TRUE(login_now(*auth_, probe));
  EXPECT_EQ(times_asked(), 0U);
  EXPECT_FALSE(provider_.inner().user("peter"));
}

TEST_F(LoginHooksTest, ExternalUsersAreCachedForATime) {
  const std::string answer =
      R"(echo '{"username":"peter","status":1,"home_dir":"/srv/peter","permissions":{"/":["*"]},)"
      R"("filters":{"external_auth_cache_time":100}}')";
  external("test \"$SFTPGO_AUTHD_PASSWORD\" = right && " + answer + " || echo '{\"username\":\"\"}'");
  EXPECT_TRUE(lets_in(by_password("right", "peter")));
  EXPECT_TRUE(lets_in(by_password("right", "peter")));
  EXPECT_EQ(times_asked(), 1U);
  EXPECT_FALSE(lets_in(by_password("wrong", "peter")));
  EXPECT_EQ(times_asked(), 2U);
  EXPECT_TRUE(lets_in(by_password("right", "peter")));
  EXPECT_EQ(times_asked(), 2U);
  // Whatever changes the account ends it.
  const auto edit = [&](const std::function<void(model::User&)>& change) {
    std::this_thread::sleep_for(3ms);  // updated_at counts milliseconds
    ASSERT_TRUE(provider_.inner().change_user("peter", [&](model::User& user) -> Result<void> {
      change(user);
      return {};
    }));
  };
  edit([](model::User& user) { user.status = 0; });
  external("exit 1");  // nor does another process know of it
  EXPECT_FALSE(lets_in(by_password("right", "peter")));
}

TEST_F(LoginHooksTest, TheCacheEndsWithTheAccountsChange) {
  external(R"(echo '{"username":"maria","status":1,"home_dir":"/srv/maria","permissions":{"/":["*"]},)"
           R"("filters":{"external_auth_cache_time":100}}')");
  EXPECT_TRUE(lets_in(by_password("external")));
  EXPECT_TRUE(lets_in(by_password("external")));
  EXPECT_EQ(times_asked(), 1U);
  std::this_thread::sleep_for(3ms);
  program("echo '{\"username\":\"\"}'");
  EXPECT_TRUE(lets_in(by_password("external"))) << "cached";
  change([](model::User& user) { user.password = crypto::hash_password("other", fast_options().hashing); });
  EXPECT_FALSE(lets_in(by_password("external"))) << "the password has changed";
  change([](model::User& user) { user.status = 0; });
  EXPECT_FALSE(lets_in(by_password("external"))) << "it is disabled";
}

TEST_F(LoginHooksTest, PreLoginMakesAndChangesAccounts) {
  pre_login(
      R"(echo '{"username":"peter","password":"new","status":1,"home_dir":"/srv/peter","permissions":{"/":["*"]}}')");
  EXPECT_FALSE(lets_in(by_password("wrong", "peter"))) << "it is made, the password is still checked";
  EXPECT_TRUE(lets_in(by_password("new", "peter")));
  const auto peter = provider_.inner().user("peter");
  EXPECT_TRUE(lets_in(by_password("new", "peter")));
  EXPECT_EQ((*provider_.inner().user("peter"))->updated_at, (*peter)->updated_at);
  EXPECT_TRUE(saw("SFTPGO_LOGIND_METHOD=password") && saw("SFTPGO_LOGIND_IP=10.1.2.3") &&
              saw("SFTPGO_LOGIND_PROTOCOL=SSH"));
  EXPECT_NE(read("seen").find("SFTPGO_LOGIND_USER={"), std::string::npos);

  pre_login("echo '{\"status\":0}'");  // only what changes
  EXPECT_FALSE(lets_in(by_password()));
  EXPECT_EQ(maria().status, 0);
  EXPECT_EQ(maria().home_dir, "/srv/maria");
  pre_login("echo '{\"status\":1,\"filters\":{\"denied_protocols\":[\"FTP\"]}}'");
  EXPECT_TRUE(lets_in(by_password()));
  EXPECT_EQ(maria().filters.denied_protocols, std::vector<std::string>{"FTP"});
  pre_login("");
  EXPECT_TRUE(lets_in(by_password()));
  EXPECT_TRUE(lets_in(by_key()));
  EXPECT_TRUE(saw("SFTPGO_LOGIND_METHOD=publickey"));
}

TEST_F(LoginHooksTest, PreLoginIsToldOfStrangersAndSkipsWhoOptsOut) {
  pre_login("");
  EXPECT_FALSE(lets_in(by_password("x", "stranger")));
  const std::string seen = read("seen");
  const auto begin = seen.find("SFTPGO_LOGIND_USER=") + 19;
  const auto json = nlohmann::json::parse(seen.substr(begin, seen.find('\n', begin) - begin));
  ASSERT_TRUE(json.contains("id"));
  EXPECT_EQ(json["username"], "stranger");
  EXPECT_EQ(json["id"].get<int>(), 0);
  pre_login("exit 1");
  EXPECT_FALSE(lets_in(by_password()));
  EXPECT_EQ(outcome(), Outcome::undecided);
  change([](model::User& user) { user.filters.hooks.pre_login_disabled = true; });
  EXPECT_TRUE(lets_in(by_password()));
}

TEST_F(LoginHooksTest, WithExternalAuthenticationThereIsNoPreLogin) {
  LoginHookOptions hooks;
  hooks.external_auth = hooks.pre_login = program("exit 1");
  hooks.external_auth_scope = 2;
  use(std::move(hooks));
  EXPECT_TRUE(lets_in(by_password()));
}

TEST_F(LoginHooksTest, ThePasswordIsChecked) {
  check_hook("echo '{\"status\":1}'");
  EXPECT_TRUE(lets_in(by_password("anything")));
  EXPECT_TRUE(saw("SFTPGO_AUTHD_USERNAME=maria") && saw("SFTPGO_AUTHD_PASSWORD=anything") &&
              saw("SFTPGO_AUTHD_IP=10.1.2.3") && saw("SFTPGO_AUTHD_PROTOCOL=SSH"));
  check_hook("echo '{\"status\":0}'");
  EXPECT_FALSE(lets_in(by_password()));
  EXPECT_EQ(outcome(), Outcome::refused);
  check_hook("echo '{\"status\":2,\"to_verify\":\"secret\"}'");
  EXPECT_TRUE(lets_in(by_password("secret123456")));
  check_hook("echo '{\"status\":2,\"to_verify\":\"wrong\"}'");
  EXPECT_FALSE(lets_in(by_password()));
  const std::size_t asked = times_asked();
  EXPECT_TRUE(lets_in(by_key())) << "a key is no password";
  EXPECT_FALSE(lets_in(by_password("secret", "nobody")));
  change([](model::User& user) { user.status = 0; });
  EXPECT_FALSE(lets_in(by_password()));
  EXPECT_EQ(times_asked(), asked) << "asked about accounts that may log in alone";
  change([](model::User& user) {
    user.status = 1;
    user.filters.hooks.check_password_disabled = true;
  });
  EXPECT_TRUE(lets_in(by_password()));
  change([](model::User& user) { user.filters.hooks.check_password_disabled = false; });
  check_hook("exit 1", 2 | 4);
  EXPECT_TRUE(lets_in(by_password())) << "not for SSH";
}

// A second way to give a password must not lead around the hook.
TEST_F(LoginHooksTest, DialoguesAreChecked) {
  check_hook("echo '{\"status\":0}'");
  LoginRequest request = by_password();
  request.method = Method::keyboard_interactive;
  EXPECT_FALSE(lets_in(request));
  EXPECT_FALSE(check_password_now(*auth_, request));
  check_hook("echo '{\"status\":1}'");
  EXPECT_TRUE(lets_in(request));
  EXPECT_TRUE(check_password_now(*auth_, request));
}

TEST_F(LoginHooksTest, DialoguesAskForAccountsOnce) {
  pre_login(
      R"(echo '{"username":"peter","password":"new","status":1,"home_dir":"/srv/peter","permissions":{"/":["*"]}}')");
  LoginRequest request = by_password("", "peter");
  request.method = Method::keyboard_interactive;
  EXPECT_TRUE(finished(auth_->prepare(request)));
  request.prepared = true;
  request.password = crypto::Secret(std::string_view("new"));
  EXPECT_TRUE(check_password_now(*auth_, request));
  EXPECT_TRUE(lets_in(request));
  EXPECT_EQ(times_asked(), 1U);
  external("echo '{\"username\":\"\"}'");
  request.prepared = false;
  EXPECT_FALSE(finished(auth_->prepare(request)));
  EXPECT_TRUE(saw("SFTPGO_AUTHD_KEYBOARD_INTERACTIVE=1") && saw("SFTPGO_AUTHD_PASSWORD="));
  // Its yes is no answer to the questions.
  external(new_peter);
  request.password = crypto::Secret(std::string_view("wrong"));
  EXPECT_FALSE(lets_in(request));
}

TEST_F(LoginHooksTest, PostLoginIsTold) {
  const auto told = [&](int scope, LoginRequest request) {
    std::filesystem::remove(file("seen"));
    events::Hooks hooks({}, {});
    LoginOptions options = fast_options();
    options.hooks.hooks = &hooks;
    options.hooks.accounts = &accounts_;
    options.hooks.post_login = program("");
    options.hooks.post_login_scope = scope;
    Authenticator auth(provider_, std::move(options));
    (void)login_now(auth, std::move(request));
    hooks.close(20s);
    return !read("seen").empty();
  };
  EXPECT_TRUE(told(0, by_password()));
  EXPECT_TRUE(saw("SFTPGO_LOGIND_STATUS=1") && saw("SFTPGO_LOGIND_METHOD=password") &&
              saw("SFTPGO_LOGIND_IP=10.1.2.3") && saw("SFTPGO_LOGIND_PROTOCOL=SSH"));
  EXPECT_NE(read("seen").find("\"username\":\"maria\""), std::string::npos);
  EXPECT_EQ(read("seen").find("$2a$"), std::string::npos) << "no hash";
  EXPECT_TRUE(told(0, by_password("wrong")));
  EXPECT_TRUE(saw("SFTPGO_LOGIND_STATUS=0"));
  EXPECT_NE(read("seen").find("\"home_dir\":"), std::string::npos) << "who it was: the whole account";
  EXPECT_FALSE(told(1, by_password()));
  EXPECT_TRUE(told(1, by_password("wrong", "nobody")));
  EXPECT_NE(read("seen").find("\"username\":\"nobody\""), std::string::npos);
  EXPECT_TRUE(told(2, by_password()));
  EXPECT_FALSE(told(2, by_password("wrong")));
}

TEST_F(LoginHooksTest, BadHooksAreRefusals) {
  const std::pair<const char*, const char*> bad[] = {
      {"dies", "exit 1"},
      {"is killed", "kill -9 $$"},
      {"answers, then fails", "echo '{\"username\":\"maria\",\"status\":1}'; exit 1"},
      {"garbage", "echo hello"},
      {"a list", "echo '[]'"},
      {"half", "printf '{\"username\":\"ma'"},
      {"a wrong type", "echo '{\"username\":\"maria\",\"status\":\"1\"}'"},
      {"another account",
       "echo '{\"username\":\"root\",\"status\":1,\"home_dir\":\"/\",\"permissions\":{\"/\":[\"*\"]}}'"},
      {"an invalid account", "echo '{\"username\":\"maria\",\"status\":1,\"home_dir\":\"relative\"}'"},
      {"deep", "head -c 100000 /dev/zero | tr '\\0' '['"},
      {"floods", "yes '{\"username\":\"maria\"}'"},
      {"hangs", "sleep 1000"},
      {"hangs elsewhere", "setsid sleep 1000 & exit 3"},
      {"has gone", ""},
  };
  events::HookOptions options;
  options.timeout = 1s;
  events::Hooks impatient(options, {});
  for (const auto& [name, script] : bad) {
    const std::string place = program(script);
    if (std::string_view(name) == "has gone") std::filesystem::remove(place);
    for (const int which : {0, 1, 2}) {
      if (which == 2 && std::string_view(name).find("account") != std::string_view::npos) continue;  // "status":1
      LoginHookOptions hooks;
      hooks.hooks = &impatient;
      hooks.accounts = &accounts_;
      (which == 0 ? hooks.external_auth : which == 1 ? hooks.pre_login : hooks.check_password) = place;
      LoginOptions login = fast_options();
      login.hooks = std::move(hooks);
      login.observers = {&ears_};
      auth_ = std::make_unique<Authenticator>(provider_, std::move(login));
      EXPECT_FALSE(lets_in(by_password())) << name << " " << which;
      ASSERT_EQ(ears_.heard.size(), 1U);
      EXPECT_EQ(outcome(), Outcome::undecided) << name << " " << which << ": " << ears_.heard[0].why;
    }
  }
  use({});
  EXPECT_TRUE(lets_in(by_password())) << "no harm was done";
}

// The provider fails at its first call, its second, ...: never a login.
TEST_F(LoginHooksTest, EveryCallOfTheProviderMayFail) {
  const std::string changes = R"(echo "{\"username\":\"maria\",\"status\":1,\"home_dir\":\"/srv/maria\",)"
                              R"(\"permissions\":{\"/\":[\"*\"]},\"description\":\"$(wc -l < )" +
                              file("count") + R"()\"}")";
  const auto with_code = [&](std::int64_t ahead) {
    LoginRequest request = by_password();
    request.protocol = "HTTP";
    request.code = crypto::Secret(std::string_view(one_time_code(store::now_ms() / 1000 + ahead)));
    return request;
  };
  struct Case {
    const char* what;
    std::function<void()> set_up;
    std::function<LoginRequest(std::int64_t ahead)> request;
    int least;          // calls that may fail
    bool noted = true;  // the last call notes the login
  };
  const auto password = [](std::int64_t) { return by_password(); };
  const auto key = [](std::int64_t) { return by_key(); };
  const Case cases[] = {
      {"password", [&] { use({}); }, password, 2},
      {"external", [&] { external(changes); }, password, 5},
      {"pre-login", [&] { pre_login(changes); }, password, 5},
      {"check", [&] { check_hook("echo '{\"status\":2,\"to_verify\":\"secret\"}'"); }, password, 3},
      {"key", [&] { use({}); }, key, 2},
      {"external, key", [&] { external(changes); }, key, 5},
      {"pre-login, key", [&] { pre_login(changes); }, key, 4},
      {"code",
       [&] {
         use({});
         change([](model::User& user) {
           user.filters.totp_config = {
               .enabled = true,
               .config_name = "Default",
               .secret = {.status = "Plain", .payload = totp_secret, .key = {}, .additional_data = {}},
               .protocols = {"HTTP"}};
         });
       },
       with_code, 2, false},  // which is used up before the login is noted
  };
  const auto now = store::now_ms();
  for (const Case& one : cases) {
    SCOPED_TRACE(one.what);
    one.set_up();
    change([](model::User& user) { user.public_keys = {hook_key_line}; });  // a hook before took it
    for (const bool throwing : {false, true}) {
      provider_.throwing = throwing;
      int failures = 0;
      for (int call = 1;; ++call) {
        ASSERT_LT(call, 50);
        ASSERT_TRUE(provider_.inner().set_user_last_login("maria", one.noted ? 0 : now));
        provider_.calls = 0;
        provider_.fail_at = call;
        const bool inside = lets_in(one.request(throwing ? 30 : 0));  // a code serves once
        if (provider_.calls < call) {
          EXPECT_TRUE(inside);
          break;
        }
        ++failures;
        EXPECT_FALSE(inside) << "call " << call;
        ASSERT_EQ(ears_.heard.size(), 1U);
        EXPECT_EQ(outcome(), Outcome::undecided) << "call " << call << ": " << ears_.heard[0].why;
        EXPECT_FALSE(ears_.heard[0].why.empty());
      }
      EXPECT_GE(failures, one.least);
      provider_.fail_at = 0;
    }
  }
}

// A clock that runs behind what it has shown already decides no expiry.
TEST_F(LoginHooksTest, ClockJumps) {
  use({});
  const auto now = store::now_ms();
  constexpr std::int64_t day = 86'400'000;
  change([&](model::User& user) { user.expiration_date = now + 30 * day; });
  EXPECT_TRUE(lets_in(by_password()));
  ASSERT_TRUE(provider_.inner().set_user_last_login("maria", now + 20 * day));
  EXPECT_FALSE(lets_in(by_password())) << "the clock has jumped back";
  EXPECT_EQ(outcome(), Outcome::undecided);
  EXPECT_NE(ears_.heard[0].why.find("clock"), std::string::npos);
  change([](model::User& user) { user.expiration_date = 0; });
  EXPECT_TRUE(lets_in(by_password())) << "nothing of it depends on the clock";
  change([&](model::User& user) { user.expiration_date = now - 1; });
  EXPECT_FALSE(lets_in(by_password())) << "forwards: it has expired";
}

TEST_F(LoginHooksTest, WhoListensHearsHowItEnds) {
  use({});
  EXPECT_TRUE(lets_in(by_password()));
  ASSERT_EQ(ears_.heard.size(), 1U);
  EXPECT_EQ(ears_.heard[0].outcome, Outcome::succeeded);
  EXPECT_EQ(ears_.heard[0].method, "password");
  EXPECT_FALSE(lets_in(by_password("wrong")));
  EXPECT_EQ(outcome(), Outcome::refused);
  EXPECT_FALSE(lets_in(by_password("wrong", "nobody")));
  EXPECT_EQ(outcome(), Outcome::unknown_account);
  LoginRequest probe = by_key("nobody");
  probe.probe = true;
  EXPECT_FALSE(lets_in(probe));
  LoginRequest none = by_password();
  none.method = Method::none;
  EXPECT_FALSE(lets_in(none));
  EXPECT_TRUE(ears_.heard.empty());
  ears_.delay = 50ms;
  const auto begin = std::chrono::steady_clock::now();
  EXPECT_FALSE(lets_in(by_password("wrong")));
  EXPECT_GE(std::chrono::steady_clock::now() - begin, 50ms);
  EXPECT_FALSE(login_admin_now(*auth_, {"root", crypto::Secret(std::string_view("x")), "10.1.2.3"}));
  EXPECT_TRUE(ears_.heard.back().admin);
  EXPECT_EQ(outcome(), Outcome::unknown_account);
}

}  // namespace
}  // namespace ferry::auth
