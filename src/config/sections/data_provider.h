// Section "data_provider": where users, folders, admins and the rest are kept.
#pragma once

#include <string>
#include <vector>

namespace ferry::config {

struct DataProvider {
  std::string driver = "sqlite";
  std::string name = "ferry.db";  // sqlite: a file, relative to the config directory
  std::string host;
  int port = 0;
  std::string username;
  std::string password;
  std::string password_file;
  int sslmode = 0;
  bool disable_sni = false;
  std::string target_session_attrs;
  std::string root_cert;
  std::string client_cert;
  std::string client_key;
  std::string connection_string;
  std::string sql_tables_prefix;
  int track_quota = 2;           // 0 off, 1 everybody, 2 who has limits
  int delayed_quota_update = 0;  // seconds
  int pool_size = 0;             // 0: no limit
  std::string users_base_dir;
  struct Actions {
    std::vector<std::string> execute_on;
    std::vector<std::string> execute_for;
    std::string hook;
    bool operator==(const Actions&) const = default;
  } actions;
  std::string external_auth_hook;
  int external_auth_scope = 0;
  std::string pre_login_hook;
  std::string post_login_hook;
  int post_login_scope = 0;
  std::string check_password_hook;
  int check_password_scope = 0;
  struct PasswordHashing {
    struct Bcrypt {
      int cost = 10;
      bool operator==(const Bcrypt&) const = default;
    } bcrypt_options;
    struct Argon2 {
      int memory = 65536;  // KiB
      int iterations = 1;
      int parallelism = 2;
      bool operator==(const Argon2&) const = default;
    } argon2_options;
    std::string algo = "bcrypt";
    bool operator==(const PasswordHashing&) const = default;
  } password_hashing;
  struct PasswordValidation {
    struct Rules {
      double min_entropy = 0;
      bool operator==(const Rules&) const = default;
    };
    Rules admins;
    Rules users;
    bool operator==(const PasswordValidation&) const = default;
  } password_validation;
  bool password_caching = true;
  int update_mode = 0;  // 0: the schema is made and updated at start, 1: by `initprovider` alone
  bool create_default_admin = false;
  int naming_rules = 5;  // bits: 1 any UTF-8, 2 lower case, 4 trimmed
  int is_shared = 0;
  struct Node {
    std::string host;
    int port = 0;
    std::string proto = "http";
    bool operator==(const Node&) const = default;
  } node;
  std::string backups_path = "backups";
  std::string credentials_path = "credentials";
  bool prefer_database_credentials = false;
  bool skip_natural_keys_validation = false;
  bool operator==(const DataProvider&) const = default;
};

}  // namespace ferry::config
