// Section "common": what all protocols share.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace ferry::config {

struct Common {
  int idle_timeout = 15;  // minutes; 0: never
  int upload_mode = 0;    // 0 direct, 1 atomic, 2 atomic and kept on error; further bits are for object stores
  struct Actions {
    std::vector<std::string> execute_on;
    std::vector<std::string> execute_sync;
    std::string hook;
    int retry_for = 24 * 60 * 60;  // seconds; ours, as is the next: SFTPGo has no such keys
    int queue_size = 100'000;      // notifications
    bool operator==(const Actions&) const = default;
  } actions;
  // What happened, searchable; ours, SFTPGo leaves it to plugins. Hours that it is kept, 0: it is not.
  struct Audit {
    int fs_events = 0;
    int provider_events = 30 * 24;
    int log_events = 30 * 24;
    int max_events = 1'000'000;  // of each kind
    std::string instance_id;
    bool operator==(const Audit&) const = default;
  } audit;
  int setstat_mode = 0;  // 0 do, 1 ignore, 2 ignore where the storage cannot
  int rename_mode = 0;   // 1: also directories of storages that rename only by copying
  int symlink_mode = 0;  // where clients may make links: 1 local storage, 2 remote SFTP, 3 both
  std::int64_t resume_max_size = 0;
  int secret_min_entropy = 80;
  int proxy_protocol = 0;  // 0 off, 1 if sent, 2 required
  std::vector<std::string> proxy_allowed;
  std::vector<std::string> proxy_skipped;
  std::string startup_hook;
  std::string post_connect_hook;
  std::string post_disconnect_hook;
  int max_total_connections = 0;      // 0: no limit
  int max_per_host_connections = 20;  // 0: no limit
  int ipv6_host_prefix = 64;          // bits of an IPv6 address that make a host, for limits and bans; ours
  // Files and directories that clients may have open, all of them and those of one account; 0: what the descriptor
  // limit of the process allows. Ours.
  std::int64_t max_open_files = 0;
  std::int64_t max_open_files_per_account = 0;
  std::int64_t memory_budget = 0;  // MiB
  int allowlist_status = 0;
  int allow_self_connections = 0;
  std::string umask;           // octal; empty: the process's
  std::string server_version;  // "short" leaves the version out of banners
  std::string tz;              // "local" or empty (UTC), for schedules
  struct Metadata {
    int read = 0;
    bool operator==(const Metadata&) const = default;
  } metadata;
  struct Defender {
    bool enabled = false;
    std::string driver = "memory";
    int ban_time = 30;            // minutes
    int ban_time_increment = 50;  // percent
    int threshold = 15;
    int score_invalid = 2;
    int score_valid = 1;
    int score_limit_exceeded = 3;
    int score_no_auth = 0;
    int observation_time = 30;  // minutes
    int entries_soft_limit = 100;
    int entries_hard_limit = 150;
    struct LoginDelay {
      int success = 0;             // ms
      int password_failed = 1000;  // ms
      bool operator==(const LoginDelay&) const = default;
    } login_delay;
    std::string safelist_file;
    std::string blocklist_file;
    bool operator==(const Defender&) const = default;
  } defender;
  struct RateLimiter {
    std::int64_t average = 0;    // 0: off
    std::int64_t period = 1000;  // ms
    int burst = 1;
    int type = 2;  // 1 global, 2 each address
    std::vector<std::string> protocols = {"SSH", "FTP", "DAV", "HTTP"};
    bool generate_defender_events = false;
    int entries_soft_limit = 100;
    int entries_hard_limit = 150;
    std::vector<std::string> allow_list;
    bool operator==(const RateLimiter&) const = default;
  };
  std::vector<RateLimiter> rate_limiters = {RateLimiter{}};
  struct EventManager {
    std::vector<std::string> enabled_commands;
    bool operator==(const EventManager&) const = default;
  } event_manager;
  std::string temp_path;
  std::string data_retention_hook;
  bool operator==(const Common&) const = default;
};

}  // namespace ferry::config
