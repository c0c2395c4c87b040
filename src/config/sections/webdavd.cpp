#include "config/sections/webdavd.h"

#include "config/schema.h"

namespace ferry::config {

template <>
const Schema& schema<Cors>();

template <>
const Schema& schema<Webdavd::Binding>() {
  static const Row rows[] = {
      row<&Webdavd::Binding::port>("port", port_number()),
      row<&Webdavd::Binding::address>("address", listen_address()),
      row<&Webdavd::Binding::enable_https>("enable_https"),
      row<&Webdavd::Binding::certificate_file>("certificate_file"),
      row<&Webdavd::Binding::certificate_key_file>("certificate_key_file"),
      row<&Webdavd::Binding::min_tls_version>("min_tls_version", tls_version()),
      row<&Webdavd::Binding::client_auth_type>("client_auth_type", range(0, 2)),
      row<&Webdavd::Binding::tls_cipher_suites>("tls_cipher_suites"),
      row<&Webdavd::Binding::tls_protocols>("tls_protocols"),
      row<&Webdavd::Binding::prefix>("prefix"),
      row<&Webdavd::Binding::proxy_mode>("proxy_mode", flag()),
      row<&Webdavd::Binding::proxy_allowed>("proxy_allowed", network()),
      row<&Webdavd::Binding::client_ip_proxy_header>("client_ip_proxy_header"),
      row<&Webdavd::Binding::client_ip_header_depth>("client_ip_header_depth", at_least(0)),
      row<&Webdavd::Binding::disable_www_auth_header>("disable_www_auth_header"),
  };
  static const Schema table{rows};
  return table;
}

template <>
const Schema& schema<Webdavd::Cache::Users>() {
  static const Row rows[] = {
      row<&Webdavd::Cache::Users::expiration_time>("expiration_time"),
      row<&Webdavd::Cache::Users::max_size>("max_size"),
  };
  static const Schema table{rows};
  return table;
}

template <>
const Schema& schema<Webdavd::Cache::MimeTypes::Mapping>() {
  static const Row rows[] = {
      row<&Webdavd::Cache::MimeTypes::Mapping::ext>("ext"),
      row<&Webdavd::Cache::MimeTypes::Mapping::mime>("mime"),
  };
  static const Schema table{rows};
  return table;
}

template <>
const Schema& schema<Webdavd::Cache::MimeTypes>() {
  static const Row rows[] = {
      row<&Webdavd::Cache::MimeTypes::enabled>("enabled"),
      row<&Webdavd::Cache::MimeTypes::max_size>("max_size"),
      row<&Webdavd::Cache::MimeTypes::custom_mappings>("custom_mappings"),
  };
  static const Schema table{rows};
  return table;
}

template <>
const Schema& schema<Webdavd::Cache>() {
  static const Row rows[] = {
      row<&Webdavd::Cache::users>("users"),
      row<&Webdavd::Cache::mime_types>("mime_types"),
  };
  static const Schema table{rows};
  return table;
}

template <>
const Schema& schema<Webdavd>() {
  static const Row rows[] = {
      row<&Webdavd::bindings>("bindings"),
      row<&Webdavd::certificate_file>("certificate_file"),
      row<&Webdavd::certificate_key_file>("certificate_key_file"),
      row<&Webdavd::ca_certificates>("ca_certificates"),
      row<&Webdavd::ca_revocation_lists>("ca_revocation_lists"),
      row<&Webdavd::cors>("cors"),
      row<&Webdavd::cache>("cache"),
  };
  static const Schema table{rows};
  return table;
}

}  // namespace ferry::config
