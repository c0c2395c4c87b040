#include "base/glob.h"
#include "crypto/encoding.h"
#include "model/checker.h"

namespace ferry::model {

namespace {

constexpr std::string_view web_client_options[] = {
    "publickey-change-disabled", "tls-cert-change-disabled",        "write-disabled",       "mfa-disabled",
    "password-change-disabled",  "api-key-auth-change-disabled",    "info-change-disabled", "shares-disabled",
    "password-reset-disabled",   "shares-without-password-disabled"};
constexpr std::string_view mfa_protocols[] = {"SSH", "FTP", "HTTP"};
constexpr std::string_view tls_usernames[] = {"", "None", "CommonName"};

bool is_one_of(std::string_view word, std::span<const std::string_view> known) {
  return std::ranges::find(known, word) != known.end();
}

// "HH:MM", "00:00" to "24:00".
bool is_time_of_day(std::string_view text) {
  const auto digit = [&](std::size_t i) { return text[i] >= '0' && text[i] <= '9'; };
  if (text.size() != 5 || text[2] != ':' || !digit(0) || !digit(1) || !digit(3) || !digit(4)) return false;
  return text <= "24:00" && text.substr(3) < "60";
}

// Patterns match without regard to case; ASCII letters are shown as SFTPGo shows them.
char lower_letter(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

void check_patterns(Checker& check, std::vector<PatternsFilter>& list) {
  std::vector<std::string> seen;
  for (PatternsFilter& filter : list) {
    check.virtual_path("filters.file_patterns.path", filter.path);
    check.require(!filter.allowed_patterns.empty() || !filter.denied_patterns.empty(), "filters.file_patterns",
                  "no pattern for \"" + filter.path + "\"");
    check.range("filters.file_patterns.deny_policy", filter.deny_policy, 0, 1);
    for (auto* patterns : {&filter.allowed_patterns, &filter.denied_patterns}) {
      for (std::string& pattern : *patterns) std::ranges::transform(pattern, pattern.begin(), lower_letter);
      const auto compiled = GlobSet::compile(*patterns);
      if (!compiled) check.require(false, "filters.file_patterns", compiled.error().message);
    }
    check.require(std::ranges::find(seen, filter.path) == seen.end(), "filters.file_patterns",
                  "\"" + filter.path + "\" stands twice");
    seen.push_back(filter.path);
  }
}

void check_bandwidth(Checker& check, std::vector<BandwidthLimit>& list) {
  for (BandwidthLimit& limit : list) {
    check.require(!limit.sources.empty(), "filters.bandwidth_limits.sources", "at least one is required");
    check.networks("filters.bandwidth_limits.sources", limit.sources);
    check.not_negative("filters.bandwidth_limits.upload_bandwidth", limit.upload_bandwidth);
    check.not_negative("filters.bandwidth_limits.download_bandwidth", limit.download_bandwidth);
  }
}

void check_access_time(Checker& check, const std::vector<TimePeriod>& list) {
  for (const TimePeriod& period : list) {
    check.range("filters.access_time.day_of_week", period.day_of_week, 0, 6);
    check.require(is_time_of_day(period.from), "filters.access_time.from", "a time as HH:MM is required");
    check.require(is_time_of_day(period.to), "filters.access_time.to", "a time as HH:MM is required");
    check.require(period.from < period.to, "filters.access_time", "\"from\" must be before \"to\"");
  }
}

void check_numbers(Checker& check, const BaseUserFilters& filters) {
  check.not_negative("filters.external_auth_cache_time", filters.external_auth_cache_time);
  check.range("filters.ftp_security", filters.ftp_security, 0, 1);
  check.not_negative("filters.default_shares_expiration", filters.default_shares_expiration);
  check.not_negative("filters.max_shares_expiration", filters.max_shares_expiration);
  check.require(
      filters.max_shares_expiration == 0 || filters.default_shares_expiration <= filters.max_shares_expiration,
      "filters.default_shares_expiration", "is longer than max_shares_expiration");
  check.not_negative("filters.password_expiration", filters.password_expiration);
  check.range("filters.password_strength", filters.password_strength, 0, 1024);
}

}  // namespace

void Checker::base_filters(BaseUserFilters& filters) {
  if (filters.hooks.external_auth_disabled) filters.external_auth_cache_time = 0;  // there is nothing to remember
  networks("filters.allowed_ip", filters.allowed_ip);
  networks("filters.denied_ip", filters.denied_ip);
  words("filters.denied_login_methods", filters.denied_login_methods, known_login_methods());
  require(filters.denied_login_methods.size() < known_login_methods().size(), "filters.denied_login_methods",
          "cannot deny every method");
  words("filters.denied_protocols", filters.denied_protocols, known_protocols());
  require(filters.denied_protocols.size() < known_protocols().size(), "filters.denied_protocols",
          "cannot deny every protocol");
  words("filters.web_client", filters.web_client, web_client_options);
  words("filters.two_factor_protocols", filters.two_factor_protocols, mfa_protocols);
  require(is_one_of(filters.tls_username, tls_usernames), "filters.tls_username", "unknown value");
  check_patterns(*this, filters.file_patterns);
  check_bandwidth(*this, filters.bandwidth_limits);
  check_access_time(*this, filters.access_time);
  check_numbers(*this, filters);
  if (!filters.start_directory.empty()) {
    if (!filters.start_directory.starts_with('/')) filters.start_directory.insert(0, "/");
    virtual_path("filters.start_directory", filters.start_directory);
    if (filters.start_directory == "/") filters.start_directory.clear();
  }
}

void Checker::filters(UserFilters& filters) {
  base_filters(filters);
  totp(filters.totp_config, filters.recovery_codes);
  words("filters.totp_config.protocols", filters.totp_config.protocols, mfa_protocols);
  certificates("filters.tls_certs", filters.tls_certs);
  for (const std::string& address : filters.additional_emails) {
    require(!address.empty(), "filters.additional_emails", "an address is empty");
    email("filters.additional_emails", address);
  }
}

// PEM, whole, with the beginning of an ASN.1 sequence inside; whether it is trusted is decided at a login.
void Checker::certificates(std::string_view field, const std::vector<std::string>& list) {
  constexpr std::string_view begin = "-----BEGIN CERTIFICATE-----", end = "-----END CERTIFICATE-----";
  for (std::size_t i = 0; i < list.size(); ++i) {
    const std::string_view text = list[i];
    const std::size_t from = text.find(begin), to = text.find(end);
    std::string base64;
    if (from != std::string_view::npos && to != std::string_view::npos && from < to) {
      for (const char c : text.substr(from + begin.size(), to - from - begin.size())) {
        if (c != '\n' && c != '\r' && c != ' ' && c != '\t') base64 += c;
      }
    }
    const auto der = crypto::base64_decode(base64);
    const bool holds = der && der->size() > 64 && (*der)[0] == std::byte{0x30};
    require(holds, field, "certificate " + std::to_string(i + 1) + " is no certificate in PEM form");
  }
}

void Checker::totp(const TotpConfig& totp, const std::vector<RecoveryCode>& codes) {
  secret("filters.totp_config.secret", totp.secret);
  require(!totp.enabled || !totp.secret.empty(), "filters.totp_config.secret", "is required when enabled");
  require(codes.size() <= 100, "filters.recovery_codes", "too many");
  for (const RecoveryCode& code : codes) secret("filters.recovery_codes.secret", code.secret);
}

}  // namespace ferry::model
