#include "config/sections/httpd.h"

#include "config/schema.h"

namespace ferry::config {

template <>
const Schema& schema<Cors>();

template <>
const Schema& schema<Httpd::Oidc>() {
  static const Row rows[] = {
      row<&Httpd::Oidc::client_id>("client_id"),
      row<&Httpd::Oidc::client_secret>("client_secret"),
      row<&Httpd::Oidc::client_secret_file>("client_secret_file"),
      row<&Httpd::Oidc::config_url>("config_url"),
      row<&Httpd::Oidc::redirect_base_url>("redirect_base_url"),
      row<&Httpd::Oidc::scopes>("scopes"),
      row<&Httpd::Oidc::username_field>("username_field"),
      row<&Httpd::Oidc::role_field>("role_field"),
      row<&Httpd::Oidc::implicit_roles>("implicit_roles"),
      row<&Httpd::Oidc::custom_fields>("custom_fields"),
      row<&Httpd::Oidc::insecure_skip_signature_check>("insecure_skip_signature_check"),
      row<&Httpd::Oidc::debug>("debug"),
  };
  static const Schema table{rows};
  return table;
}

template <>
const Schema& schema<Httpd::Security::ProxyHeader>() {
  static const Row rows[] = {
      row<&Httpd::Security::ProxyHeader::key>("key"),
      row<&Httpd::Security::ProxyHeader::value>("value"),
  };
  static const Schema table{rows};
  return table;
}

template <>
const Schema& schema<Httpd::Security>() {
  static const Row rows[] = {
      row<&Httpd::Security::enabled>("enabled"),
      row<&Httpd::Security::allowed_hosts>("allowed_hosts"),
      row<&Httpd::Security::allowed_hosts_are_regex>("allowed_hosts_are_regex"),
      row<&Httpd::Security::hosts_proxy_headers>("hosts_proxy_headers"),
      row<&Httpd::Security::https_redirect>("https_redirect"),
      row<&Httpd::Security::https_host>("https_host"),
      row<&Httpd::Security::https_proxy_headers>("https_proxy_headers"),
      row<&Httpd::Security::sts_seconds>("sts_seconds", at_least(0)),
      row<&Httpd::Security::sts_include_subdomains>("sts_include_subdomains"),
      row<&Httpd::Security::sts_preload>("sts_preload"),
      row<&Httpd::Security::content_type_nosniff>("content_type_nosniff"),
      row<&Httpd::Security::content_security_policy>("content_security_policy"),
      row<&Httpd::Security::permissions_policy>("permissions_policy"),
      row<&Httpd::Security::cross_origin_opener_policy>("cross_origin_opener_policy"),
      row<&Httpd::Security::cross_origin_resource_policy>("cross_origin_resource_policy"),
      row<&Httpd::Security::cross_origin_embedder_policy>("cross_origin_embedder_policy"),
      row<&Httpd::Security::referrer_policy>("referrer_policy"),
      row<&Httpd::Security::cache_control>("cache_control"),
  };
  static const Schema table{rows};
  return table;
}

template <>
const Schema& schema<Httpd::Brand>() {
  static const Row rows[] = {
      row<&Httpd::Brand::name>("name"),
      row<&Httpd::Brand::short_name>("short_name"),
      row<&Httpd::Brand::favicon_path>("favicon_path"),
      row<&Httpd::Brand::logo_path>("logo_path"),
      row<&Httpd::Brand::disclaimer_name>("disclaimer_name"),
      row<&Httpd::Brand::disclaimer_path>("disclaimer_path"),
      row<&Httpd::Brand::default_css>("default_css"),
      row<&Httpd::Brand::extra_css>("extra_css"),
  };
  static const Schema table{rows};
  return table;
}

template <>
const Schema& schema<Httpd::Branding>() {
  static const Row rows[] = {
      row<&Httpd::Branding::web_admin>("web_admin"),
      row<&Httpd::Branding::web_client>("web_client"),
  };
  static const Schema table{rows};
  return table;
}

template <>
const Schema& schema<Httpd::WebClientIntegration>() {
  static const Row rows[] = {
      row<&Httpd::WebClientIntegration::file_extensions>("file_extensions"),
      row<&Httpd::WebClientIntegration::url>("url"),
  };
  static const Schema table{rows};
  return table;
}

template <>
const Schema& schema<Httpd::Binding>() {
  static const Row rows[] = {
      row<&Httpd::Binding::port>("port", port_number()),
      row<&Httpd::Binding::address>("address", listen_address()),
      row<&Httpd::Binding::enable_web_admin>("enable_web_admin"),
      row<&Httpd::Binding::enable_web_client>("enable_web_client"),
      row<&Httpd::Binding::enable_rest_api>("enable_rest_api"),
      row<&Httpd::Binding::enabled_login_methods>("enabled_login_methods", at_least(0)),
      row<&Httpd::Binding::disabled_login_methods>("disabled_login_methods", at_least(0)),
      row<&Httpd::Binding::enable_https>("enable_https"),
      row<&Httpd::Binding::certificate_file>("certificate_file"),
      row<&Httpd::Binding::certificate_key_file>("certificate_key_file"),
      row<&Httpd::Binding::min_tls_version>("min_tls_version", tls_version()),
      row<&Httpd::Binding::client_auth_type>("client_auth_type", range(0, 2)),
      row<&Httpd::Binding::tls_cipher_suites>("tls_cipher_suites"),
      row<&Httpd::Binding::tls_protocols>("tls_protocols"),
      row<&Httpd::Binding::proxy_mode>("proxy_mode", flag()),
      row<&Httpd::Binding::proxy_allowed>("proxy_allowed", network()),
      row<&Httpd::Binding::client_ip_proxy_header>("client_ip_proxy_header"),
      row<&Httpd::Binding::client_ip_header_depth>("client_ip_header_depth", at_least(-1)),
      row<&Httpd::Binding::hide_login_url>("hide_login_url", range(0, 3)),
      row<&Httpd::Binding::render_openapi>("render_openapi"),
      row<&Httpd::Binding::base_url>("base_url"),
      row<&Httpd::Binding::languages>("languages"),
      row<&Httpd::Binding::oidc>("oidc"),
      row<&Httpd::Binding::security>("security"),
      row<&Httpd::Binding::branding>("branding"),
      row<&Httpd::Binding::web_client_integrations>("web_client_integrations"),
  };
  static const Schema table{rows};
  return table;
}

template <>
const Schema& schema<Httpd::Setup>() {
  static const Row rows[] = {
      row<&Httpd::Setup::installation_code>("installation_code"),
      row<&Httpd::Setup::installation_code_hint>("installation_code_hint"),
  };
  static const Schema table{rows};
  return table;
}

template <>
const Schema& schema<Httpd>() {
  static const Row rows[] = {
      row<&Httpd::bindings>("bindings"),
      row<&Httpd::templates_path>("templates_path"),
      row<&Httpd::static_files_path>("static_files_path"),
      row<&Httpd::openapi_path>("openapi_path"),
      row<&Httpd::web_root>("web_root"),
      row<&Httpd::certificate_file>("certificate_file"),
      row<&Httpd::certificate_key_file>("certificate_key_file"),
      row<&Httpd::ca_certificates>("ca_certificates"),
      row<&Httpd::ca_revocation_lists>("ca_revocation_lists"),
      row<&Httpd::signing_passphrase>("signing_passphrase"),
      row<&Httpd::signing_passphrase_file>("signing_passphrase_file"),
      row<&Httpd::token_validation>("token_validation", flag()),
      row<&Httpd::cookie_lifetime>("cookie_lifetime", at_least(1)),
      row<&Httpd::share_cookie_lifetime>("share_cookie_lifetime", at_least(1)),
      row<&Httpd::jwt_lifetime>("jwt_lifetime", at_least(1)),
      row<&Httpd::max_upload_file_size>("max_upload_file_size", at_least(0)),
      row<&Httpd::cors>("cors"),
      row<&Httpd::setup>("setup"),
      row<&Httpd::hide_support_link>("hide_support_link"),
      row<&Httpd::backups_path>("backups_path"),
      row<&Httpd::allow_storage_checks>("allow_storage_checks"),
  };
  static const Schema table{rows};
  return table;
}

}  // namespace ferry::config
