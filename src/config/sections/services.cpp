#include "config/sections/services.h"

#include "config/schema.h"

namespace ferry::config {

namespace {

constexpr std::string_view totp_algorithms[] = {"sha1", "sha256", "sha512"};

}  // namespace

template <>
const Schema& schema<Acme::Http01>() {
  static const Row rows[] = {
      row<&Acme::Http01::port>("port", port_number()),
      row<&Acme::Http01::proxy_header>("proxy_header"),
      row<&Acme::Http01::webroot>("webroot"),
  };
  static const Schema table{rows};
  return table;
}

template <>
const Schema& schema<Acme::TlsAlpn01>() {
  static const Row rows[] = {
      row<&Acme::TlsAlpn01::port>("port", port_number()),
  };
  static const Schema table{rows};
  return table;
}

template <>
const Schema& schema<Acme>() {
  static const Row rows[] = {
      row<&Acme::domains>("domains"),
      row<&Acme::email>("email"),
      row<&Acme::key_type>("key_type"),
      row<&Acme::certs_path>("certs_path"),
      row<&Acme::ca_endpoint>("ca_endpoint"),
      row<&Acme::renew_days>("renew_days", at_least(1)),
      row<&Acme::http01_challenge>("http01_challenge"),
      row<&Acme::tls_alpn01_challenge>("tls_alpn01_challenge"),
  };
  static const Schema table{rows};
  return table;
}

template <>
const Schema& schema<Telemetry>() {
  static const Row rows[] = {
      row<&Telemetry::bind_port>("bind_port", port_number()),
      row<&Telemetry::bind_address>("bind_address", listen_address()),
      row<&Telemetry::enable_profiler>("enable_profiler"),
      row<&Telemetry::auth_user_file>("auth_user_file"),
      row<&Telemetry::certificate_file>("certificate_file"),
      row<&Telemetry::certificate_key_file>("certificate_key_file"),
      row<&Telemetry::min_tls_version>("min_tls_version", tls_version()),
      row<&Telemetry::tls_cipher_suites>("tls_cipher_suites"),
      row<&Telemetry::tls_protocols>("tls_protocols"),
  };
  static const Schema table{rows};
  return table;
}

template <>
const Schema& schema<Http::Certificate>() {
  static const Row rows[] = {
      row<&Http::Certificate::cert>("cert"),
      row<&Http::Certificate::key>("key"),
  };
  static const Schema table{rows};
  return table;
}

template <>
const Schema& schema<Http::Header>() {
  static const Row rows[] = {
      row<&Http::Header::key>("key"),
      row<&Http::Header::value>("value"),
      row<&Http::Header::url>("url"),
  };
  static const Schema table{rows};
  return table;
}

template <>
const Schema& schema<Http>() {
  static const Row rows[] = {
      row<&Http::timeout>("timeout", at_least(0)),
      row<&Http::retry_wait_min>("retry_wait_min", at_least(0)),
      row<&Http::retry_wait_max>("retry_wait_max", at_least(0)),
      row<&Http::retry_max>("retry_max", at_least(0)),
      row<&Http::ca_certificates>("ca_certificates"),
      row<&Http::certificates>("certificates"),
      row<&Http::skip_tls_verify>("skip_tls_verify"),
      row<&Http::headers>("headers"),
  };
  static const Schema table{rows};
  return table;
}

template <>
const Schema& schema<Command::Specific>() {
  static const Row rows[] = {
      row<&Command::Specific::path>("path"), row<&Command::Specific::timeout>("timeout", range(0, 300)),
      row<&Command::Specific::env>("env"),   row<&Command::Specific::args>("args"),
      row<&Command::Specific::hook>("hook"),
  };
  static const Schema table{rows};
  return table;
}

template <>
const Schema& schema<Command>() {
  static const Row rows[] = {
      row<&Command::timeout>("timeout", range(1, 300)),
      row<&Command::env>("env"),
      row<&Command::commands>("commands"),
  };
  static const Schema table{rows};
  return table;
}

template <>
const Schema& schema<Kms::Secrets>() {
  static const Row rows[] = {
      row<&Kms::Secrets::url>("url"),
      row<&Kms::Secrets::master_key>("master_key"),
      row<&Kms::Secrets::master_key_path>("master_key_path"),
  };
  static const Schema table{rows};
  return table;
}

template <>
const Schema& schema<Kms>() {
  static const Row rows[] = {
      row<&Kms::secrets>("secrets"),
  };
  static const Schema table{rows};
  return table;
}

template <>
const Schema& schema<Mfa::Totp>() {
  static const Row rows[] = {
      row<&Mfa::Totp::name>("name"),
      row<&Mfa::Totp::issuer>("issuer"),
      row<&Mfa::Totp::algo>("algo", one_of(totp_algorithms)),
  };
  static const Schema table{rows};
  return table;
}

template <>
const Schema& schema<Mfa>() {
  static const Row rows[] = {
      row<&Mfa::totp>("totp"),
  };
  static const Schema table{rows};
  return table;
}

template <>
const Schema& schema<Smtp::Oauth2>() {
  static const Row rows[] = {
      row<&Smtp::Oauth2::provider>("provider", range(0, 1)),
      row<&Smtp::Oauth2::tenant>("tenant"),
      row<&Smtp::Oauth2::client_id>("client_id"),
      row<&Smtp::Oauth2::client_secret>("client_secret"),
      row<&Smtp::Oauth2::refresh_token>("refresh_token"),
  };
  static const Schema table{rows};
  return table;
}

template <>
const Schema& schema<Smtp>() {
  static const Row rows[] = {
      row<&Smtp::host>("host"),
      row<&Smtp::port>("port", port_number()),
      row<&Smtp::from>("from"),
      row<&Smtp::user>("user"),
      row<&Smtp::password>("password"),
      row<&Smtp::auth_type>("auth_type", range(0, 3)),
      row<&Smtp::encryption>("encryption", range(0, 2)),
      row<&Smtp::domain>("domain"),
      row<&Smtp::templates_path>("templates_path"),
      row<&Smtp::debug>("debug", flag()),
      row<&Smtp::oauth2>("oauth2"),
  };
  static const Schema table{rows};
  return table;
}

template <>
const Schema& schema<Plugin::NotifierOptions>() {
  static const Row rows[] = {
      row<&Plugin::NotifierOptions::fs_events>("fs_events"),
      row<&Plugin::NotifierOptions::provider_events>("provider_events"),
      row<&Plugin::NotifierOptions::provider_objects>("provider_objects"),
      row<&Plugin::NotifierOptions::log_events>("log_events"),
      row<&Plugin::NotifierOptions::retry_max_time>("retry_max_time"),
      row<&Plugin::NotifierOptions::retry_queue_max_size>("retry_queue_max_size"),
  };
  static const Schema table{rows};
  return table;
}

template <>
const Schema& schema<Plugin::KmsOptions>() {
  static const Row rows[] = {
      row<&Plugin::KmsOptions::scheme>("scheme"),
      row<&Plugin::KmsOptions::encrypted_status>("encrypted_status"),
  };
  static const Schema table{rows};
  return table;
}

template <>
const Schema& schema<Plugin::AuthOptions>() {
  static const Row rows[] = {
      row<&Plugin::AuthOptions::scope>("scope"),
  };
  static const Schema table{rows};
  return table;
}

template <>
const Schema& schema<Plugin>() {
  static const Row rows[] = {
      row<&Plugin::type>("type"),
      row<&Plugin::notifier_options>("notifier_options"),
      row<&Plugin::kms_options>("kms_options"),
      row<&Plugin::auth_options>("auth_options"),
      row<&Plugin::cmd>("cmd"),
      row<&Plugin::args>("args"),
      row<&Plugin::sha256sum>("sha256sum"),
      row<&Plugin::auto_mtls>("auto_mtls"),
      row<&Plugin::env_prefix>("env_prefix"),
      row<&Plugin::env_vars>("env_vars"),
  };
  static const Schema table{rows};
  return table;
}

}  // namespace ferry::config
