#include "config/sections/sftpd.h"

#include "config/schema.h"

namespace ferry::config {

template <>
const Schema& schema<Sftpd::Binding>() {
  static const Row rows[] = {
      row<&Sftpd::Binding::port>("port", port_number()),
      row<&Sftpd::Binding::address>("address", host_address()),
      row<&Sftpd::Binding::apply_proxy_config>("apply_proxy_config"),
  };
  static const Schema table{rows};
  return table;
}

namespace {
constexpr std::string_view compatibilities[] = {"", "sftpgo"};
}  // namespace

template <>
const Schema& schema<Sftpd>() {
  static const Row rows[] = {
      row<&Sftpd::bindings>("bindings"),
      row<&Sftpd::max_auth_tries>("max_auth_tries"),
      row<&Sftpd::login_grace_time>("login_grace_time", range(1, 3600)),
      row<&Sftpd::max_handles>("max_handles", range(1, 10000)),
      row<&Sftpd::rename_replaces>("rename_replaces"),
      row<&Sftpd::host_keys>("host_keys"),
      row<&Sftpd::host_certificates>("host_certificates"),
      row<&Sftpd::compatibility>("compatibility", one_of(compatibilities)),
      row<&Sftpd::host_key_algorithms>("host_key_algorithms"),
      row<&Sftpd::kex_algorithms>("kex_algorithms"),
      row<&Sftpd::ciphers>("ciphers"),
      row<&Sftpd::macs>("macs"),
      row<&Sftpd::public_key_algorithms>("public_key_algorithms"),
      row<&Sftpd::trusted_user_ca_keys>("trusted_user_ca_keys"),
      row<&Sftpd::revoked_user_certs_file>("revoked_user_certs_file"),
      row<&Sftpd::opkssh_path>("opkssh_path"),
      row<&Sftpd::opkssh_checksum>("opkssh_checksum"),
      row<&Sftpd::login_banner_file>("login_banner_file"),
      row<&Sftpd::enabled_ssh_commands>("enabled_ssh_commands"),
      row<&Sftpd::keyboard_interactive_authentication>("keyboard_interactive_authentication"),
      row<&Sftpd::keyboard_interactive_auth_hook>("keyboard_interactive_auth_hook"),
      row<&Sftpd::password_authentication>("password_authentication"),
      row<&Sftpd::banner>("banner", version_text()),
      row<&Sftpd::folder_prefix>("folder_prefix", absolute_path()),
  };
  static const Schema table{rows};
  return table;
}

}  // namespace ferry::config
