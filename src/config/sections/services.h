// The small sections: acme, telemetry, http (the client), command, kms, mfa, smtp, plugins.
#pragma once

#include <string>
#include <vector>

namespace ferry::config {

struct Acme {
  std::vector<std::string> domains;
  std::string email;
  std::string key_type = "4096";
  std::string certs_path = "certs";
  std::string ca_endpoint = "https://acme-v02.api.letsencrypt.org/directory";
  int renew_days = 30;
  struct Http01 {
    int port = 80;
    std::string proxy_header;
    std::string webroot;
    bool operator==(const Http01&) const = default;
  } http01_challenge;
  struct TlsAlpn01 {
    int port = 0;
    bool operator==(const TlsAlpn01&) const = default;
  } tls_alpn01_challenge;
  bool operator==(const Acme&) const = default;
};

struct Telemetry {
  int bind_port = 0;  // 0: off
  std::string bind_address = "127.0.0.1";
  bool enable_profiler = false;
  std::string auth_user_file;
  std::string certificate_file;
  std::string certificate_key_file;
  int min_tls_version = 12;
  std::vector<std::string> tls_cipher_suites;
  std::vector<std::string> tls_protocols;
  bool operator==(const Telemetry&) const = default;
};

struct Http {
  struct Certificate {
    std::string cert;
    std::string key;
    bool operator==(const Certificate&) const = default;
  };
  struct Header {
    std::string key;
    std::string value;
    std::string url;
    bool operator==(const Header&) const = default;
  };
  double timeout = 20;      // seconds
  int retry_wait_min = 2;   // seconds
  int retry_wait_max = 30;  // seconds
  int retry_max = 3;
  std::vector<std::string> ca_certificates;
  std::vector<Certificate> certificates;
  bool skip_tls_verify = false;
  std::vector<Header> headers;
  bool operator==(const Http&) const = default;
};

struct Command {
  struct Specific {
    std::string path;
    int timeout = 0;  // seconds; 0: the section's
    std::vector<std::string> env;
    std::vector<std::string> args;
    std::string hook;
    bool operator==(const Specific&) const = default;
  };
  int timeout = 30;              // seconds
  std::vector<std::string> env;  // "NAME=value"
  std::vector<Specific> commands;
  bool operator==(const Command&) const = default;
};

struct Kms {
  struct Secrets {
    std::string url;
    std::string master_key;
    std::string master_key_path;
    bool operator==(const Secrets&) const = default;
  } secrets;
  bool operator==(const Kms&) const = default;
};

struct Mfa {
  struct Totp {
    std::string name = "Default";
    std::string issuer = "Ferry";
    std::string algo = "sha1";
    bool operator==(const Totp&) const = default;
  };
  std::vector<Totp> totp = {Totp{}};
  bool operator==(const Mfa&) const = default;
};

struct Smtp {
  std::string host;
  int port = 587;
  std::string from;
  std::string user;
  std::string password;
  int auth_type = 0;
  int encryption = 0;
  std::string domain;
  std::string templates_path = "templates";
  int debug = 0;
  struct Oauth2 {
    int provider = 0;
    std::string tenant;
    std::string client_id;
    std::string client_secret;
    std::string refresh_token;
    bool operator==(const Oauth2&) const = default;
  } oauth2;
  bool operator==(const Smtp&) const = default;
};

struct Plugin {
  std::string type;
  struct NotifierOptions {
    std::vector<std::string> fs_events;
    std::vector<std::string> provider_events;
    std::vector<std::string> provider_objects;
    std::vector<std::string> log_events;
    int retry_max_time = 0;  // seconds
    int retry_queue_max_size = 0;
    bool operator==(const NotifierOptions&) const = default;
  } notifier_options;
  struct KmsOptions {
    std::string scheme;
    std::string encrypted_status;
    bool operator==(const KmsOptions&) const = default;
  } kms_options;
  struct AuthOptions {
    int scope = 0;
    bool operator==(const AuthOptions&) const = default;
  } auth_options;
  std::string cmd;
  std::vector<std::string> args;
  std::string sha256sum;
  bool auto_mtls = false;
  std::string env_prefix;
  std::vector<std::string> env_vars;
  bool operator==(const Plugin&) const = default;
};

}  // namespace ferry::config
