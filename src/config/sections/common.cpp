#include "config/sections/common.h"

#include "config/schema.h"

namespace ferry::config {

namespace {

constexpr std::string_view defender_drivers[] = {"memory", "provider"};
constexpr std::string_view limited_protocols[] = {"SSH", "FTP", "DAV", "HTTP"};

}  // namespace

template <>
const Schema& schema<Common::Actions>() {
  static const Row rows[] = {
      row<&Common::Actions::execute_on>("execute_on"),
      row<&Common::Actions::execute_sync>("execute_sync"),
      row<&Common::Actions::hook>("hook"),
      row<&Common::Actions::retry_for>("retry_for", range(1, 366 * 24 * 60 * 60)),
      row<&Common::Actions::queue_size>("queue_size", range(100, 10'000'000)),
  };
  static const Schema table{rows};
  return table;
}

template <>
const Schema& schema<Common::Audit>() {
  static const Row rows[] = {
      row<&Common::Audit::fs_events>("fs_events", range(0, 100 * 366 * 24)),
      row<&Common::Audit::provider_events>("provider_events", range(0, 100 * 366 * 24)),
      row<&Common::Audit::log_events>("log_events", range(0, 100 * 366 * 24)),
      row<&Common::Audit::max_events>("max_events", range(1000, 1'000'000'000)),
      row<&Common::Audit::instance_id>("instance_id"),
  };
  static const Schema table{rows};
  return table;
}

template <>
const Schema& schema<Common::Metadata>() {
  static const Row rows[] = {
      row<&Common::Metadata::read>("read", flag()),
  };
  static const Schema table{rows};
  return table;
}

template <>
const Schema& schema<Common::Defender::LoginDelay>() {
  static const Row rows[] = {
      row<&Common::Defender::LoginDelay::success>("success", at_least(0)),
      row<&Common::Defender::LoginDelay::password_failed>("password_failed", at_least(0)),
  };
  static const Schema table{rows};
  return table;
}

template <>
const Schema& schema<Common::Defender>() {
  static const Row rows[] = {
      row<&Common::Defender::enabled>("enabled"),
      row<&Common::Defender::driver>("driver", one_of(defender_drivers)),
      row<&Common::Defender::ban_time>("ban_time", at_least(0)),
      row<&Common::Defender::ban_time_increment>("ban_time_increment", at_least(0)),
      row<&Common::Defender::threshold>("threshold", at_least(0)),
      row<&Common::Defender::score_invalid>("score_invalid", at_least(0)),
      row<&Common::Defender::score_valid>("score_valid", at_least(0)),
      row<&Common::Defender::score_limit_exceeded>("score_limit_exceeded", at_least(0)),
      row<&Common::Defender::score_no_auth>("score_no_auth", at_least(0)),
      row<&Common::Defender::observation_time>("observation_time", at_least(0)),
      row<&Common::Defender::entries_soft_limit>("entries_soft_limit", at_least(0)),
      row<&Common::Defender::entries_hard_limit>("entries_hard_limit", at_least(0)),
      row<&Common::Defender::login_delay>("login_delay"),
      row<&Common::Defender::safelist_file>("safelist_file"),
      row<&Common::Defender::blocklist_file>("blocklist_file"),
  };
  static const Schema table{rows};
  return table;
}

template <>
const Schema& schema<Common::RateLimiter>() {
  static const Row rows[] = {
      row<&Common::RateLimiter::average>("average", at_least(0)),
      row<&Common::RateLimiter::period>("period", at_least(1)),
      row<&Common::RateLimiter::burst>("burst", at_least(1)),
      row<&Common::RateLimiter::type>("type", range(1, 2)),
      row<&Common::RateLimiter::protocols>("protocols", one_of(limited_protocols)),
      row<&Common::RateLimiter::generate_defender_events>("generate_defender_events"),
      row<&Common::RateLimiter::entries_soft_limit>("entries_soft_limit"),
      row<&Common::RateLimiter::entries_hard_limit>("entries_hard_limit"),
      row<&Common::RateLimiter::allow_list>("allow_list", network()),
  };
  static const Schema table{rows};
  return table;
}

template <>
const Schema& schema<Common::EventManager>() {
  static const Row rows[] = {
      row<&Common::EventManager::enabled_commands>("enabled_commands"),
  };
  static const Schema table{rows};
  return table;
}

template <>
const Schema& schema<Common>() {
  static const Row rows[] = {
      row<&Common::idle_timeout>("idle_timeout", at_least(0)),
      row<&Common::upload_mode>("upload_mode", range(0, 31)),
      row<&Common::actions>("actions"),
      row<&Common::audit>("audit"),
      row<&Common::setstat_mode>("setstat_mode", range(0, 2)),
      row<&Common::rename_mode>("rename_mode", flag()),
      row<&Common::symlink_mode>("symlink_mode", range(0, 3)),
      row<&Common::resume_max_size>("resume_max_size", at_least(0)),
      row<&Common::secret_min_entropy>("secret_min_entropy", at_least(0)),
      row<&Common::proxy_protocol>("proxy_protocol", range(0, 2)),
      row<&Common::proxy_allowed>("proxy_allowed", network()),
      row<&Common::proxy_skipped>("proxy_skipped", network()),
      row<&Common::startup_hook>("startup_hook"),
      row<&Common::post_connect_hook>("post_connect_hook"),
      row<&Common::post_disconnect_hook>("post_disconnect_hook"),
      row<&Common::max_total_connections>("max_total_connections", at_least(0)),
      row<&Common::max_per_host_connections>("max_per_host_connections", at_least(0)),
      row<&Common::max_open_files>("max_open_files", at_least(0)),
      row<&Common::max_open_files_per_account>("max_open_files_per_account", at_least(0)),
      row<&Common::memory_budget>("memory_budget", at_least(0)),
      row<&Common::ipv6_host_prefix>("ipv6_host_prefix", range(16, 128)),
      row<&Common::allowlist_status>("allowlist_status", flag()),
      row<&Common::allow_self_connections>("allow_self_connections", flag()),
      row<&Common::umask>("umask", octal_mask()),
      row<&Common::server_version>("server_version"),
      row<&Common::tz>("tz"),
      row<&Common::metadata>("metadata"),
      row<&Common::defender>("defender"),
      row<&Common::rate_limiters>("rate_limiters"),
      row<&Common::event_manager>("event_manager"),
      row<&Common::temp_path>("temp_path"),
      row<&Common::data_retention_hook>("data_retention_hook"),
  };
  static const Schema table{rows};
  return table;
}

}  // namespace ferry::config
