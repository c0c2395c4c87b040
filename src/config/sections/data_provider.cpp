#include "config/sections/data_provider.h"

#include "config/schema.h"

namespace ferry::config {

namespace {

constexpr std::string_view drivers[] = {"sqlite", "postgresql", "cockroachdb", "mysql", "bolt", "memory"};
constexpr std::string_view hash_algorithms[] = {"bcrypt", "argon2id"};
constexpr std::string_view node_protocols[] = {"http", "https"};

}  // namespace

template <>
const Schema& schema<DataProvider::Actions>() {
  static const Row rows[] = {
      row<&DataProvider::Actions::execute_on>("execute_on"),
      row<&DataProvider::Actions::execute_for>("execute_for"),
      row<&DataProvider::Actions::hook>("hook"),
  };
  static const Schema table{rows};
  return table;
}

template <>
const Schema& schema<DataProvider::PasswordHashing::Bcrypt>() {
  static const Row rows[] = {
      row<&DataProvider::PasswordHashing::Bcrypt::cost>("cost", range(4, 31)),
  };
  static const Schema table{rows};
  return table;
}

template <>
const Schema& schema<DataProvider::PasswordHashing::Argon2>() {
  static const Row rows[] = {
      row<&DataProvider::PasswordHashing::Argon2::memory>("memory", range(8, 4194304)),
      row<&DataProvider::PasswordHashing::Argon2::iterations>("iterations", range(1, 1000)),
      row<&DataProvider::PasswordHashing::Argon2::parallelism>("parallelism", range(1, 255)),
  };
  static const Schema table{rows};
  return table;
}

template <>
const Schema& schema<DataProvider::PasswordHashing>() {
  static const Row rows[] = {
      row<&DataProvider::PasswordHashing::bcrypt_options>("bcrypt_options"),
      row<&DataProvider::PasswordHashing::argon2_options>("argon2_options"),
      row<&DataProvider::PasswordHashing::algo>("algo", one_of(hash_algorithms)),
  };
  static const Schema table{rows};
  return table;
}

template <>
const Schema& schema<DataProvider::PasswordValidation::Rules>() {
  static const Row rows[] = {
      row<&DataProvider::PasswordValidation::Rules::min_entropy>("min_entropy"),
  };
  static const Schema table{rows};
  return table;
}

template <>
const Schema& schema<DataProvider::PasswordValidation>() {
  static const Row rows[] = {
      row<&DataProvider::PasswordValidation::admins>("admins"),
      row<&DataProvider::PasswordValidation::users>("users"),
  };
  static const Schema table{rows};
  return table;
}

template <>
const Schema& schema<DataProvider::Node>() {
  static const Row rows[] = {
      row<&DataProvider::Node::host>("host"),
      row<&DataProvider::Node::port>("port", port_number()),
      row<&DataProvider::Node::proto>("proto", one_of(node_protocols)),
  };
  static const Schema table{rows};
  return table;
}

template <>
const Schema& schema<DataProvider>() {
  static const Row rows[] = {
      row<&DataProvider::driver>("driver", one_of(drivers)),
      row<&DataProvider::name>("name"),
      row<&DataProvider::host>("host"),
      row<&DataProvider::port>("port", port_number()),
      row<&DataProvider::username>("username"),
      row<&DataProvider::password>("password"),
      row<&DataProvider::password_file>("password_file"),
      row<&DataProvider::sslmode>("sslmode", range(0, 6)),
      row<&DataProvider::disable_sni>("disable_sni"),
      row<&DataProvider::target_session_attrs>("target_session_attrs"),
      row<&DataProvider::root_cert>("root_cert"),
      row<&DataProvider::client_cert>("client_cert"),
      row<&DataProvider::client_key>("client_key"),
      row<&DataProvider::connection_string>("connection_string"),
      row<&DataProvider::sql_tables_prefix>("sql_tables_prefix"),
      row<&DataProvider::track_quota>("track_quota", range(0, 2)),
      row<&DataProvider::delayed_quota_update>("delayed_quota_update", at_least(0)),
      row<&DataProvider::pool_size>("pool_size", at_least(0)),
      row<&DataProvider::users_base_dir>("users_base_dir", absolute_path()),
      row<&DataProvider::actions>("actions"),
      row<&DataProvider::external_auth_hook>("external_auth_hook"),
      row<&DataProvider::external_auth_scope>("external_auth_scope", range(0, 15)),
      row<&DataProvider::pre_login_hook>("pre_login_hook"),
      row<&DataProvider::post_login_hook>("post_login_hook"),
      row<&DataProvider::post_login_scope>("post_login_scope", range(0, 2)),
      row<&DataProvider::check_password_hook>("check_password_hook"),
      row<&DataProvider::check_password_scope>("check_password_scope", range(0, 15)),
      row<&DataProvider::password_hashing>("password_hashing"),
      row<&DataProvider::password_validation>("password_validation"),
      row<&DataProvider::password_caching>("password_caching"),
      row<&DataProvider::update_mode>("update_mode", flag()),
      row<&DataProvider::create_default_admin>("create_default_admin"),
      row<&DataProvider::naming_rules>("naming_rules", range(0, 7)),
      row<&DataProvider::is_shared>("is_shared", flag()),
      row<&DataProvider::node>("node"),
      row<&DataProvider::backups_path>("backups_path"),
      row<&DataProvider::credentials_path>("credentials_path"),
      row<&DataProvider::prefer_database_credentials>("prefer_database_credentials"),
      row<&DataProvider::skip_natural_keys_validation>("skip_natural_keys_validation"),
  };
  static const Schema table{rows};
  return table;
}

}  // namespace ferry::config
