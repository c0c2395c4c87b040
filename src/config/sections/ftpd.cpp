#include "config/sections/ftpd.h"

#include "config/schema.h"

namespace ferry::config {

template <>
const Schema& schema<Ftpd::PassiveIpOverride>() {
  static const Row rows[] = {
      row<&Ftpd::PassiveIpOverride::networks>("networks", network()),
      row<&Ftpd::PassiveIpOverride::ip>("ip", ip_address()),
  };
  static const Schema table{rows};
  return table;
}

template <>
const Schema& schema<Ftpd::Binding>() {
  static const Row rows[] = {
      row<&Ftpd::Binding::port>("port", port_number()),
      row<&Ftpd::Binding::address>("address", host_address()),
      row<&Ftpd::Binding::apply_proxy_config>("apply_proxy_config"),
      row<&Ftpd::Binding::tls_mode>("tls_mode", range(0, 2)),
      row<&Ftpd::Binding::certificate_file>("certificate_file"),
      row<&Ftpd::Binding::certificate_key_file>("certificate_key_file"),
      row<&Ftpd::Binding::min_tls_version>("min_tls_version", tls_version()),
      row<&Ftpd::Binding::force_passive_ip>("force_passive_ip", ip_address()),
      row<&Ftpd::Binding::passive_ip_overrides>("passive_ip_overrides"),
      row<&Ftpd::Binding::passive_host>("passive_host"),
      row<&Ftpd::Binding::client_auth_type>("client_auth_type", range(0, 2)),
      row<&Ftpd::Binding::tls_cipher_suites>("tls_cipher_suites"),
      row<&Ftpd::Binding::passive_connections_security>("passive_connections_security", flag()),
      row<&Ftpd::Binding::active_connections_security>("active_connections_security", flag()),
      row<&Ftpd::Binding::debug>("debug"),
  };
  static const Schema table{rows};
  return table;
}

template <>
const Schema& schema<Ftpd::PortRange>() {
  static const Row rows[] = {
      row<&Ftpd::PortRange::start>("start", port_number()),
      row<&Ftpd::PortRange::end>("end", port_number()),
  };
  static const Schema table{rows};
  return table;
}

template <>
const Schema& schema<Ftpd>() {
  static const Row rows[] = {
      row<&Ftpd::bindings>("bindings"),
      row<&Ftpd::banner_file>("banner_file"),
      row<&Ftpd::active_transfers_port_non_20>("active_transfers_port_non_20"),
      row<&Ftpd::passive_port_range>("passive_port_range"),
      row<&Ftpd::disable_active_mode>("disable_active_mode"),
      row<&Ftpd::enable_site>("enable_site"),
      row<&Ftpd::hash_support>("hash_support", flag()),
      row<&Ftpd::combine_support>("combine_support", flag()),
      row<&Ftpd::certificate_file>("certificate_file"),
      row<&Ftpd::certificate_key_file>("certificate_key_file"),
      row<&Ftpd::ca_certificates>("ca_certificates"),
      row<&Ftpd::ca_revocation_lists>("ca_revocation_lists"),
      row<&Ftpd::banner>("banner"),
  };
  static const Schema table{rows};
  return table;
}

}  // namespace ferry::config
