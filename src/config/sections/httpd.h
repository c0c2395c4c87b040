// Section "httpd": REST and the browser interface.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "config/sections/cors.h"

namespace ferry::config {

struct Httpd {
  struct Oidc {
    std::string client_id;
    std::string client_secret;
    std::string client_secret_file;
    std::string config_url;
    std::string redirect_base_url;
    std::vector<std::string> scopes = {"openid", "profile", "email"};
    std::string username_field;
    std::string role_field;
    bool implicit_roles = false;
    std::vector<std::string> custom_fields;
    bool insecure_skip_signature_check = false;
    bool debug = false;
    bool operator==(const Oidc&) const = default;
  };
  struct Security {
    struct ProxyHeader {
      std::string key;
      std::string value;
      bool operator==(const ProxyHeader&) const = default;
    };
    bool enabled = false;
    std::vector<std::string> allowed_hosts;
    bool allowed_hosts_are_regex = false;
    std::vector<std::string> hosts_proxy_headers;
    bool https_redirect = false;
    std::string https_host;
    std::vector<ProxyHeader> https_proxy_headers;
    std::int64_t sts_seconds = 0;
    bool sts_include_subdomains = false;
    bool sts_preload = false;
    bool content_type_nosniff = false;
    std::string content_security_policy;
    std::string permissions_policy;
    std::string cross_origin_opener_policy;
    std::string cross_origin_resource_policy;
    std::string cross_origin_embedder_policy;
    std::string referrer_policy;
    std::string cache_control;
    bool operator==(const Security&) const = default;
  };
  struct Brand {
    std::string name;
    std::string short_name;
    std::string favicon_path;
    std::string logo_path;
    std::string disclaimer_name;
    std::string disclaimer_path;
    std::vector<std::string> default_css;
    std::vector<std::string> extra_css;
    bool operator==(const Brand&) const = default;
  };
  struct Branding {
    Brand web_admin;
    Brand web_client;
    bool operator==(const Branding&) const = default;
  };
  struct WebClientIntegration {
    std::vector<std::string> file_extensions;
    std::string url;
    bool operator==(const WebClientIntegration&) const = default;
  };
  struct Binding {
    int port = 8080;      // 0: off, unless the address is a socket's path
    std::string address;  // empty: all; an absolute path: a Unix-domain socket
    bool enable_web_admin = true;
    bool enable_web_client = true;
    bool enable_rest_api = true;
    int enabled_login_methods = 0;
    int disabled_login_methods = 0;
    bool enable_https = false;
    std::string certificate_file;
    std::string certificate_key_file;
    int min_tls_version = 12;
    int client_auth_type = 0;
    std::vector<std::string> tls_cipher_suites;
    std::vector<std::string> tls_protocols;
    int proxy_mode = 0;
    std::vector<std::string> proxy_allowed;
    std::string client_ip_proxy_header;
    int client_ip_header_depth = 0;
    int hide_login_url = 0;
    bool render_openapi = true;
    std::string base_url;
    std::vector<std::string> languages = {"en"};
    Oidc oidc;
    Security security;
    Branding branding;
    std::vector<WebClientIntegration> web_client_integrations;
    bool operator==(const Binding&) const = default;
  };
  std::vector<Binding> bindings = {Binding{}};
  std::string templates_path = "templates";
  std::string static_files_path = "static";
  std::string openapi_path = "openapi";
  std::string web_root;
  std::string certificate_file;
  std::string certificate_key_file;
  std::vector<std::string> ca_certificates;
  std::vector<std::string> ca_revocation_lists;
  std::string signing_passphrase;  // of tokens; empty: random at every start
  std::string signing_passphrase_file;
  int token_validation = 0;               // 1: a token may change its address
  int cookie_lifetime = 20;               // minutes
  int share_cookie_lifetime = 120;        // minutes
  int jwt_lifetime = 20;                  // minutes
  std::int64_t max_upload_file_size = 0;  // bytes; 0: no limit
  Cors cors;
  struct Setup {
    std::string installation_code;
    std::string installation_code_hint = "Installation code";
    bool operator==(const Setup&) const = default;
  } setup;
  bool hide_support_link = false;
  std::string backups_path = "backups";
  bool allow_storage_checks = false;  // to administrators with a role; ours
  bool operator==(const Httpd&) const = default;
};

}  // namespace ferry::config
