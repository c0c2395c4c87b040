// What narrows an account: the REST schemas BaseUserFilters and UserFilters. Field names are those of the JSON.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "model/config_secret.h"

namespace ferry::model {

struct PatternsFilter {
  std::string path;
  std::vector<std::string> allowed_patterns;
  std::vector<std::string> denied_patterns;
  std::int64_t deny_policy = 0;  // 0 denied files are seen but refused, 1 they are hidden
  bool operator==(const PatternsFilter&) const = default;
};

struct HooksFilter {
  bool external_auth_disabled = false;
  bool pre_login_disabled = false;
  bool check_password_disabled = false;
  bool operator==(const HooksFilter&) const = default;
};

struct BandwidthLimit {
  std::vector<std::string> sources;     // networks in CIDR form
  std::int64_t upload_bandwidth = 0;    // KB/s, 0 unlimited
  std::int64_t download_bandwidth = 0;  // KB/s, 0 unlimited
  bool operator==(const BandwidthLimit&) const = default;
};

struct TimePeriod {
  std::int64_t day_of_week = 0;  // 0 Sunday .. 6 Saturday
  std::string from;              // "HH:MM"
  std::string to;                // "HH:MM"
  bool operator==(const TimePeriod&) const = default;
};

struct TotpConfig {
  bool enabled = false;
  std::string config_name;
  ConfigSecret secret;
  std::vector<std::string> protocols;  // users only: SSH, FTP, HTTP
  bool operator==(const TotpConfig&) const = default;
};

struct RecoveryCode {
  ConfigSecret secret;
  bool used = false;
  bool operator==(const RecoveryCode&) const = default;
};

struct BaseUserFilters {
  std::vector<std::string> allowed_ip;  // networks in CIDR form; empty: any
  std::vector<std::string> denied_ip;   // wins over allowed_ip
  std::vector<std::string> denied_login_methods;
  std::vector<std::string> denied_protocols;
  std::vector<PatternsFilter> file_patterns;
  std::int64_t max_upload_file_size = 0;  // bytes, 0 unlimited
  std::string tls_username;
  HooksFilter hooks;
  bool disable_fs_checks = false;
  std::vector<std::string> web_client;
  bool allow_api_key_auth = false;
  std::string user_type;
  std::vector<BandwidthLimit> bandwidth_limits;
  std::int64_t external_auth_cache_time = 0;  // seconds
  std::string start_directory;
  std::vector<std::string> two_factor_protocols;
  std::int64_t ftp_security = 0;  // 1: TLS required
  bool is_anonymous = false;
  std::int64_t default_shares_expiration = 0;  // days
  std::int64_t max_shares_expiration = 0;      // days
  std::int64_t password_expiration = 0;        // days
  std::int64_t password_strength = 0;          // minimum entropy, 0 the server's
  std::vector<TimePeriod> access_time;
  bool operator==(const BaseUserFilters&) const = default;
};

struct UserFilters : BaseUserFilters {
  bool require_password_change = false;
  TotpConfig totp_config;
  std::vector<RecoveryCode> recovery_codes;
  std::vector<std::string> tls_certs;
  std::vector<std::string> additional_emails;
  bool operator==(const UserFilters&) const = default;
};

}  // namespace ferry::model
