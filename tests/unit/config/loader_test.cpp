#include "config/loader.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <fstream>

namespace ferry::config {
namespace {

namespace fs = std::filesystem;
using testing::Test;

class LoaderTest : public Test {
 protected:
  void SetUp() override {
    std::string name = (fs::temp_directory_path() / "ferry-config-XXXXXX").string();
    ASSERT_NE(mkdtemp(name.data()), nullptr);
    sources_.directory = name;
  }
  void TearDown() override { fs::remove_all(sources_.directory); }

  void write(const fs::path& name, std::string_view text) {
    fs::create_directories((sources_.directory / name).parent_path());
    std::ofstream(sources_.directory / name) << text;
  }
  Config loaded() {
    auto result = load(sources_);
    EXPECT_TRUE(result) << result.error().message;
    if (!result) return {};
    EXPECT_TRUE(result->warnings.empty()) << result->warnings.front();
    return result->config;
  }
  std::string error_of(std::string_view file, std::string_view text) {
    write(file, text);
    auto result = load(sources_);
    fs::remove(sources_.directory / file);
    EXPECT_FALSE(result) << text;
    if (result) return {};
    EXPECT_EQ(result.error().message.find('\n'), std::string::npos) << result.error().message;
    EXPECT_TRUE(result.error().message.find(file) != std::string::npos) << result.error().message;
    return result.error().message;
  }

  Sources sources_;
};

bool contains(const std::string& text, std::string_view part) { return text.find(part) != std::string::npos; }

TEST_F(LoaderTest, NothingGivenIsTheDefaults) {
  EXPECT_EQ(loaded(), Config{});
  EXPECT_TRUE(changed_keys(Config{}).empty());
}

// The reference names every key with its default: all must be known, of that type, and have that default.
TEST_F(LoaderTest, EveryReferenceKeyIsKnownWithItsDefault) {
  fs::copy_file(FERRY_TEST_DATA "/config/keys.json", sources_.directory / "ferry.json");
  EXPECT_EQ(changed_keys(loaded()), std::vector<std::string>{});
}

TEST_F(LoaderTest, FormatsSayTheSame) {
  const std::map<std::string, std::string> files = {
      {"ferry.json",
       R"({"sftpd":{"bindings":[{"port":2100,"address":"127.0.0.1"}],"ciphers":["aes128-ctr"]},
           "common":{"umask":"0022"},"http":{"timeout":1.5},"data_provider":{"create_default_admin":true}})"},
      {"ferry.yaml",
       "sftpd:\n  bindings:\n    - port: 2100\n      address: 127.0.0.1\n  ciphers: [aes128-ctr]\n"
       "common:\n  umask: 0022\nhttp:\n  timeout: 1.5\ndata_provider:\n  create_default_admin: true\n"},
      {"ferry.toml",
       "[sftpd]\nciphers = ['aes128-ctr']\n[[sftpd.bindings]]\nport = 2100\naddress = '127.0.0.1'\n"
       "[common]\numask = '0022'\n[http]\ntimeout = 1.5\n[data_provider]\ncreate_default_admin = true\n"},
      {"ferry.env",
       "# the same\nexport FERRY_SFTPD__BINDINGS__0__PORT=2100\nSFTPGO_SFTPD__BINDINGS__0__ADDRESS=\"127.0.0.1\"\n"
       "SFTPD__CIPHERS='aes128-ctr'\nCOMMON__UMASK=0022 # octal\nHTTP__TIMEOUT=1.5\n"
       "DATA_PROVIDER__CREATE_DEFAULT_ADMIN=true\n"},
  };
  for (const auto& [name, text] : files) {
    write(name, text);
    const Config config = loaded();
    fs::remove(sources_.directory / name);
    ASSERT_EQ(config.sftpd.bindings.size(), 1U) << name;
    EXPECT_EQ(config.sftpd.bindings[0].port, 2100) << name;
    EXPECT_EQ(config.sftpd.bindings[0].address, "127.0.0.1") << name;
    EXPECT_TRUE(config.sftpd.bindings[0].apply_proxy_config) << name;
    EXPECT_EQ(config.sftpd.ciphers, std::vector<std::string>{"aes128-ctr"}) << name;
    EXPECT_EQ(config.common.umask, "0022") << name;
    EXPECT_EQ(config.http.timeout, 1.5) << name;
    EXPECT_TRUE(config.data_provider.create_default_admin) << name;
    EXPECT_EQ(changed_keys(config).size(), 6U) << name;
  }
}

TEST_F(LoaderTest, OurFileComesBeforeTheOther) {
  write("sftpgo.json", R"({"common":{"idle_timeout":1}})");
  EXPECT_EQ(loaded().common.idle_timeout, 1);
  write("ferry.toml", "[common]\nidle_timeout = 2\n");
  const auto result = load(sources_);
  ASSERT_TRUE(result);
  EXPECT_EQ(result->config.common.idle_timeout, 2);
  ASSERT_EQ(result->warnings.size(), 1U);
  EXPECT_TRUE(contains(result->warnings[0], "sftpgo.json"));
}

TEST_F(LoaderTest, ANamedFileIsUsedAndMustExist) {
  write("sub/other.yml", "common: {idle_timeout: 3}");
  sources_.file = "sub/other.yml";
  EXPECT_EQ(loaded().common.idle_timeout, 3);
  sources_.file = (sources_.directory / "sub/other.yml").string();
  EXPECT_EQ(loaded().common.idle_timeout, 3);
  sources_.file = "missing.json";
  const auto result = load(sources_);
  ASSERT_FALSE(result);
  EXPECT_TRUE(contains(result.error().message, "missing.json"));
}

TEST_F(LoaderTest, EnvironmentOverridesInTheDocumentedOrder) {
  write("ferry.json", R"({"common":{"idle_timeout":1,"upload_mode":1,"setstat_mode":1,"rename_mode":0}})");
  write("env.d/10.env",
        "FERRY_COMMON__UPLOAD_MODE=2\nSFTPGO_COMMON__SETSTAT_MODE=2\nFERRY_COMMON__RENAME_MODE=1\n"
        "FERRY_DEFAULT_ADMIN_USERNAME=first\nFERRY_COMMON__IDLE_TIMEOUT=wrong but set already\n");
  write("env.d/20.env", "FERRY_COMMON__UPLOAD_MODE=0\nFERRY_DEFAULT_ADMIN_USERNAME=second\n");
  write("env.d/notes.txt", "not read");
  sources_.environment = {{"FERRY_COMMON__IDLE_TIMEOUT", "7"},
                          {"SFTPGO_COMMON__IDLE_TIMEOUT", "8"},
                          {"SFTPGO_COMMON__RENAME_MODE", "0"},
                          {"FERRY_CONFIG_DIR", "not a key"}};
  const auto result = load(sources_);
  ASSERT_TRUE(result) << result.error().message;
  EXPECT_TRUE(result->warnings.empty());
  EXPECT_EQ(result->config.common.idle_timeout, 7);  // FERRY_ before SFTPGO_
  EXPECT_EQ(result->config.common.upload_mode, 2);   // the first file of env.d
  EXPECT_EQ(result->config.common.setstat_mode, 2);  // env.d before the file
  EXPECT_EQ(result->config.common.rename_mode, 0);   // the process before env.d
  EXPECT_EQ(result->environment.at("FERRY_DEFAULT_ADMIN_USERNAME"), "first");
  EXPECT_EQ(result->environment.at("FERRY_COMMON__IDLE_TIMEOUT"), "7");
}

TEST_F(LoaderTest, EnvironmentIndexesChangeAndAppend) {
  write("ferry.json", R"({"sftpd":{"bindings":[{"port":1},{"port":2}]}})");
  sources_.environment = {{"FERRY_SFTPD__BINDINGS__1__PORT", "22"},
                          {"FERRY_SFTPD__BINDINGS__12__PORT", "12"},
                          {"FERRY_SFTPD__BINDINGS__5__PORT", "5"},
                          {"FERRY_SFTPD__BINDINGS__5__ADDRESS", "::1"},
                          {"SFTPGO_COMMON__ACTIONS__EXECUTE_ON", "upload, download,"},
                          {"FERRY_HTTPD__BINDINGS__0__BRANDING__WEB_ADMIN__NAME", "a b"}};
  const Config config = loaded();
  ASSERT_EQ(config.sftpd.bindings.size(), 4U);
  EXPECT_EQ(config.sftpd.bindings[0].port, 1);
  EXPECT_EQ(config.sftpd.bindings[1].port, 22);
  EXPECT_EQ(config.sftpd.bindings[2].port, 5);
  EXPECT_EQ(config.sftpd.bindings[2].address, "::1");
  EXPECT_EQ(config.sftpd.bindings[3].port, 12);
  EXPECT_EQ(config.common.actions.execute_on, (std::vector<std::string>{"upload", "download"}));
  EXPECT_EQ(config.httpd.bindings.at(0).branding.web_admin.name, "a b");
}

TEST_F(LoaderTest, ErrorsNameFileKeyAndExpectedForm) {
  const auto check = [&](std::string_view file, std::string_view text, std::string_view key, std::string_view form) {
    const std::string error = error_of(file, text);
    EXPECT_TRUE(contains(error, key)) << error;
    EXPECT_TRUE(contains(error, form)) << error;
  };
  check("ferry.json", R"({"sftpd":{"bindings":[{"port":70000}]}})", "sftpd.bindings[0].port",
        "expected an integer from 0 to 65535, found 70000");
  check("ferry.json", R"({"sftpd":{"bindings":[{"port":"2022"}]}})", "sftpd.bindings[0].port",
        "found a string \"2022\"");
  check("ferry.json", R"({"sftpd":{"bindings":[{"port":1.5}]}})", "sftpd.bindings[0].port", "an integer");
  check("ferry.json", R"({"sftpd":{"bindings":[{"port":99999999999999999999}]}})", "port", "an integer");
  check("ferry.json", R"({"sftpd":{"bindings":{"port":1}}})", "sftpd.bindings", "a list of objects");
  check("ferry.json", R"({"sftpd":{"bindings":[{"address":"no name"}]}})", "sftpd.bindings[0].address",
        "expected an IP address, a host name, or empty, found \"no name\"");
  check("ferry.json", R"({"sftpd":[]})", "sftpd", "an object");
  check("ferry.json", R"([])", "document", "an object");
  check("ferry.json", R"({"sftpd":{"ciphers":"aes128-ctr"}})", "sftpd.ciphers", "a list of strings");
  check("ferry.json", R"({"sftpd":{"ciphers":[1]}})", "sftpd.ciphers", "a list of strings");
  check("ferry.json", R"({"sftpd":{"password_authentication":1}})", "sftpd.password_authentication", "true or false");
  check("ferry.json", R"({"common":{"umask":"99"}})", "common.umask", "an octal mask");
  check("ferry.json", R"({"common":{"umask":22}})", "common.umask", "an octal mask");
  check("ferry.json", R"({"common":{"proxy_allowed":["10.0.0.0/33"]}})", "common.proxy_allowed", "10.0.0.0/33");
  check("ferry.json", R"({"http":{"timeout":-1}})", "http.timeout", "a number of at least 0");
  check("ferry.json", R"({"data_provider":{"driver":"oracle"}})", "data_provider.driver", "one of sqlite, ");
  check("ferry.json", R"({"data_provider":{"users_base_dir":"relative"}})", "users_base_dir", "an absolute path");
  check("ferry.json", "{\n\"common\": {,}", "not valid JSON", "line 2");
  check("ferry.json", "{\"common\": " + std::string(40, '[') + std::string(40, ']') + "}", "nested", "deep");
  check("ferry.yaml", "common:\n  idle_timeout: [1]\n", "common.idle_timeout", "found a list");
  check("ferry.yaml", "common:\n  idle_timeout: \"15\"\n", "common.idle_timeout", "found a string");
  check("ferry.yaml", "common: [\n", "not valid YAML", "line");
  check("ferry.toml", "[common]\nidle_timeout = true\n", "common.idle_timeout", "found a boolean");
  check("ferry.toml", "[common\n", "not valid TOML", "line 1");
  check("ferry.env", "FINE=1\nnot a line\n", "line 2", "NAME=value");
  check("ferry.env", "A='open\n", "line 1", "NAME=value");
  check("env.d/a.env", "1 2=3", "line 1", "NAME=value");
}

TEST_F(LoaderTest, AWrongVariableIsNamed) {
  sources_.environment = {{"SFTPGO_SFTPD__BINDINGS__0__PORT", "many"}};
  const auto result = load(sources_);
  ASSERT_FALSE(result);
  EXPECT_TRUE(contains(result.error().message,
                       "environment variable SFTPGO_SFTPD__BINDINGS__0__PORT (sftpd.bindings[0].port): expected an "
                       "integer from 0 to 65535, found a string \"many\""))
      << result.error().message;
  sources_.environment = {{"FERRY_SFTPD__BINDINGS__X__PORT", "1"}};
  const auto no_index = load(sources_);
  ASSERT_FALSE(no_index);
  EXPECT_TRUE(contains(no_index.error().message, "FERRY_SFTPD__BINDINGS__X__PORT")) << no_index.error().message;
}

TEST_F(LoaderTest, AddressesMayBeNamesAndHaveBrackets) {
  for (const char* good : {"", "127.0.0.1", "::1", "[::1]", "localhost", "files.example.com"}) {
    sources_.environment = {{"FERRY_SFTPD__BINDINGS__0__ADDRESS", good}, {"FERRY_HTTPD__BINDINGS__0__ADDRESS", good}};
    EXPECT_EQ(loaded().sftpd.bindings.at(0).address, good);
  }
  for (const char* bad : {"1.2.3", "300.1.1.1", "[127.0.0.1]", "[::1", "::g", "a b", "-a", "/run/ferry.sock"}) {
    sources_.environment = {{"FERRY_SFTPD__BINDINGS__0__ADDRESS", bad}};
    EXPECT_FALSE(load(sources_)) << bad;
  }
  sources_.environment = {{"FERRY_HTTPD__BINDINGS__0__ADDRESS", "/run/ferry.sock"}};
  EXPECT_EQ(loaded().httpd.bindings.at(0).address, "/run/ferry.sock");
}

TEST_F(LoaderTest, EnvironmentIndexesReachPlainLists) {
  write("ferry.json", R"({"sftpd":{"ciphers":["a","b"]}})");
  sources_.environment = {{"FERRY_SFTPD__CIPHERS__1", "B"},
                          {"FERRY_SFTPD__CIPHERS__7", "d, e"},
                          {"FERRY_SFTPD__CIPHERS__3", "c"},
                          {"SFTPGO_SFTPD__MACS__0", "m"}};
  const Config config = loaded();
  EXPECT_EQ(config.sftpd.ciphers, (std::vector<std::string>{"a", "B", "c", "d, e"}));
  EXPECT_EQ(config.sftpd.macs, std::vector<std::string>{"m"});
  sources_.environment = {{"FERRY_SFTPD__CIPHERS__FIRST", "a"}};
  EXPECT_FALSE(load(sources_));
}

TEST_F(LoaderTest, VariablesReferToVariables) {
  write("env.d/1.env",
        "BASE=/srv\nFERRY_SFTPD__BANNER=$BASE/$GIVEN/${BASE}x/$NOWHERE/$lower/$/\\$BASE/${BASE\n"
        "FERRY_SFTPD__LOGIN_BANNER_FILE=\"$BASE \\$BASE\"\nFERRY_COMMON__STARTUP_HOOK='$BASE'\n");
  write("env.d/2.env", "FERRY_COMMON__TEMP_PATH=$BASE/tmp\n");
  sources_.environment = {{"GIVEN", "given"}};
  const Config config = loaded();
  EXPECT_EQ(config.sftpd.banner, "/srv/given//srvx//$lower/$/$BASE/${BASE");
  EXPECT_EQ(config.sftpd.login_banner_file, "/srv $BASE");
  EXPECT_EQ(config.common.startup_hook, "$BASE");
  EXPECT_EQ(config.common.temp_path, "/srv/tmp") << "of a file before";
}

TEST_F(LoaderTest, YamlMergesMaps) {
  write("ferry.yaml",
        "x: &base {idle_timeout: 3, umask: \"0077\"}\ny: &other {idle_timeout: 4, upload_mode: 1}\n"
        "common:\n  umask: \"0022\"\n  <<: [*base, *other]\n");
  const auto result = load(sources_);
  ASSERT_TRUE(result) << result.error().message;
  EXPECT_EQ(result->config.common.idle_timeout, 3);
  EXPECT_EQ(result->config.common.umask, "0022");
  EXPECT_EQ(result->config.common.upload_mode, 1);
  EXPECT_TRUE(contains(error_of("ferry.yaml", "common:\n  <<: 3\n"), "\"<<\""));
}

TEST_F(LoaderTest, VariablesWithOneUnderscoreAreNamed) {
  sources_.environment = {{"FERRY_SFTPD_MAX_AUTH_TRIES", "3"},      {"SFTPGO_SFTPD_BINDINGS_0_PORT", "1"},
                          {"FERRY_DATA_PROVIDER_DRIVER", "memory"}, {"FERRY_LOG_LEVEL", "info"},
                          {"FERRY_DEFAULT_ADMIN_USERNAME", "a"},    {"OTHER_SFTPD_MACS", "x"}};
  const auto result = load(sources_);
  ASSERT_TRUE(result) << result.error().message;
  ASSERT_EQ(result->warnings.size(), 3U);
  EXPECT_TRUE(contains(result->warnings[0],
                       "FERRY_DATA_PROVIDER_DRIVER: not used; the key's variable is "
                       "FERRY_DATA_PROVIDER__DRIVER"));
  EXPECT_TRUE(contains(result->warnings[1], "is FERRY_SFTPD__MAX_AUTH_TRIES"));
  EXPECT_TRUE(contains(result->warnings[2], "is SFTPGO_SFTPD__BINDINGS__0__PORT"));
  EXPECT_EQ(result->config, Config{});
}

TEST_F(LoaderTest, UnknownKeysAreWarningsThatNameTheNearestKey) {
  write("ferry.json", R"({"comon":{},"sftpd":{"max_auth_trys":3,"idle_timeout":3,"Bindings":[{"prot":1}]}})");
  sources_.environment = {{"FERRY_HTTPD__WEB_ROT", "/x"}};
  const auto result = load(sources_);
  ASSERT_TRUE(result) << result.error().message;
  ASSERT_EQ(result->warnings.size(), 5U);
  std::string all;
  for (const auto& warning : result->warnings) all += warning + "\n";
  EXPECT_TRUE(contains(all, "comon is ignored; the nearest known key is common\n")) << all;
  EXPECT_TRUE(contains(all, "is sftpd.max_auth_tries\n")) << all;
  EXPECT_TRUE(contains(all, "is common.idle_timeout\n")) << all;
  EXPECT_TRUE(contains(all, "sftpd.Bindings[0].prot is ignored; the nearest known key is sftpd.Bindings[0].port\n"))
      << all;
  EXPECT_TRUE(contains(all, "environment variable FERRY_HTTPD__WEB_ROT: unknown key httpd.web_rot")) << all;
}

TEST_F(LoaderTest, UnreadableFilesAndDirectoriesAreErrors) {
  fs::create_directory(sources_.directory / "ferry.json");
  auto result = load(sources_);
  ASSERT_FALSE(result);
  EXPECT_TRUE(contains(result.error().message, "ferry.json"));
  fs::remove(sources_.directory / "ferry.json");
  EXPECT_TRUE(contains(error_of("ferry.json", std::string(5 * 1024 * 1024, ' ')), "4 MiB"));
  sources_.file = "ferry.hcl";
  error_of("ferry.hcl", "x = 1");
  sources_ = {};
  sources_.directory = "/nowhere";
  result = load(sources_);
  ASSERT_FALSE(result);
  EXPECT_TRUE(contains(result.error().message, "/nowhere"));
}

TEST_F(LoaderTest, YamlAliasesCannotGrowWithoutBound) {
  std::string text = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n";
  for (int i = 1; i < 9; ++i) {
    const std::string before = "*a" + std::to_string(i - 1);
    text += "a" + std::to_string(i) + ": &a" + std::to_string(i) + " [";
    for (int j = 0; j < 10; ++j) text += before + (j < 9 ? ", " : "]\n");
  }
  EXPECT_TRUE(contains(error_of("ferry.yaml", text), "too large"));
}

TEST_F(LoaderTest, EmptyFilesAndEmptyKeysKeepDefaults) {
  write("ferry.yaml", "");
  EXPECT_EQ(loaded(), Config{});
  write("ferry.yaml", "common:\n  idle_timeout:\nsftpd: ~\n");
  EXPECT_EQ(loaded(), Config{});
}

TEST_F(LoaderTest, ChangedKeysAreFullNames) {
  write("ferry.json", R"({"common":{"defender":{"enabled":true}},"plugins":[{"type":"kms"}],
                          "sftpd":{"bindings":[{"port":2022},{"port":2023}]}})");
  EXPECT_EQ(changed_keys(loaded()),
            (std::vector<std::string>{"common.defender.enabled", "sftpd.bindings[].port", "plugins[].type"}));
}

}  // namespace
}  // namespace ferry::config
