#include "server/admission_control.h"

#include "auth/memory_hosts.h"
#include "base/expiry_clock.h"
#include "base/log.h"
#include "server/settings.h"

namespace ferry::server {

namespace {

Result<void> check_limits(const std::string& key, std::int64_t soft, std::int64_t hard) {
  if (soft > 0 && soft < hard) return {};
  return fail(ErrorCode::invalid_argument, key + ": entries_soft_limit must be above 0 and below entries_hard_limit");
}

unsigned bits_of(const std::vector<std::string>& names) {
  unsigned bits = 0;
  for (const Protocol protocol : {Protocol::ssh, Protocol::ftp, Protocol::webdav, Protocol::http}) {
    for (const std::string& name : names) bits |= name == to_string(protocol) ? bit(protocol) : 0;
  }
  return bits;
}

Result<auth::DefenderOptions> defender_options(const config::Common::Defender& config) {
  const bool provider = config.driver == "provider";
  if (!provider) {
    auto sound = check_limits("common.defender", config.entries_soft_limit, config.entries_hard_limit);
    if (!sound) return fail(sound.error());
  }
  if (config.ban_time == 0 || config.observation_time == 0 || config.threshold == 0) {
    return fail(ErrorCode::invalid_argument,
                "common.defender: ban_time, observation_time and threshold must be above 0");
  }
  auth::DefenderOptions options;
  options.ban_time = std::chrono::minutes(config.ban_time);
  options.ban_time_increment = config.ban_time_increment;
  options.threshold = config.threshold;
  options.score_invalid = config.score_invalid;
  options.score_valid = config.score_valid;
  options.score_limit_exceeded = config.score_limit_exceeded;
  options.score_no_auth = config.score_no_auth;
  options.observation_time = std::chrono::minutes(config.observation_time);
  options.list_limit = static_cast<std::size_t>(config.entries_hard_limit);
  // The memory of the process holds as many of both kinds.
  if (!provider) options.list_limit *= 2;
  options.hosts_block = provider;
  options.success_delay = std::chrono::milliseconds(config.login_delay.success);
  options.failure_delay = std::chrono::milliseconds(config.login_delay.password_failed);
  return options;
}

Result<std::vector<auth::RateLimiterOptions>> rate_limiters(const std::vector<config::Common::RateLimiter>& all) {
  std::vector<auth::RateLimiterOptions> limiters;
  for (std::size_t i = 0; i < all.size(); ++i) {
    const config::Common::RateLimiter& config = all[i];
    if (config.average == 0) continue;
    auth::RateLimiterOptions options;
    options.average = config.average;
    options.period = std::chrono::milliseconds(config.period);
    options.burst = config.burst;
    options.per_source = config.type == 2;
    options.protocols = bits_of(config.protocols);
    options.tells_defender = config.generate_defender_events;
    options.allow_list = NetworkSet::of(config.allow_list);
    if (options.per_source) {
      auto sound = check_limits("common.rate_limiters[" + std::to_string(i) + "]", config.entries_soft_limit,
                                config.entries_hard_limit);
      if (!sound) return fail(sound.error());
      options.soft_limit = static_cast<std::size_t>(config.entries_soft_limit);
      options.hard_limit = static_cast<std::size_t>(config.entries_hard_limit);
    }
    limiters.push_back(std::move(options));
  }
  return limiters;
}

}  // namespace

Result<std::unique_ptr<AdmissionControl>> AdmissionControl::open(const config::Common& config,
                                                                 const std::filesystem::path& directory,
                                                                 store::Accounts& accounts,
                                                                 std::shared_ptr<presence::Registry> registry,
                                                                 ConnectHooks connect) {
  std::unique_ptr<AdmissionControl> admission(new AdmissionControl(config, directory, accounts));
  auth::IpRules& rules = admission->rules_;
  const auto ipv6_prefix = static_cast<unsigned>(config.ipv6_host_prefix);
  if (auto read = rules.reload(accounts.provider()); !read) return fail(read.error());
  accounts.on_ip_list_change([self = admission.get()](model::IpListType type, const std::string& ipornet) {
    const auto known = self->rules_.refresh(self->accounts_.provider(), type, ipornet);
    if (known) return;
    log::error("server", "", "IP list {}: {}", ipornet, known.error().message);
    self->lists_are_old_ = true;
  });
  if (config.defender.enabled) {
    if (auto read = admission->read_files(); !read) return fail(read.error());
    auto options = defender_options(config.defender);
    if (!options) return fail(options.error());
    options->ipv6_prefix = ipv6_prefix;
    if (!options->hosts_block) {
      admission->memory_ =
          std::make_unique<auth::MemoryHosts>(static_cast<std::size_t>(config.defender.entries_soft_limit),
                                              static_cast<std::size_t>(config.defender.entries_hard_limit));
    }
    store::DefenderHosts& hosts = admission->memory_ ? *admission->memory_ : accounts.provider();
    admission->defender_ = std::make_unique<auth::Defender>(*options, rules, hosts, expiry_now_ms);
  }
  auto limiters = rate_limiters(config.rate_limiters);
  if (!limiters) return fail(limiters.error());
  admission->limiters_ = std::make_unique<auth::RateLimiters>(std::move(*limiters), rules, ipv6_prefix);
  admission->keeper_ = std::make_shared<ConnectionGatekeeper>(rules, admission->defender_.get(), *admission->limiters_,
                                                              std::move(registry), std::move(connect),
                                                              config.allowlist_status == 1, ipv6_prefix);
  return admission;
}

Result<void> AdmissionControl::read_files() {
  constexpr std::size_t longest_file = std::size_t{64} * 1024 * 1024;
  const auto read = [this](const char* key, const std::string& name) -> Result<std::vector<IpNetwork>> {
    if (name.empty()) return std::vector<IpNetwork>();
    const std::string path = std::string("common.defender.") + key;
    const auto text = read_setting_file(path, directory_ / name, longest_file);
    if (!text) return fail(text.error());
    auto networks = model::networks_from_text(*text);
    if (!networks) return fail(networks.error().code, path + ": " + name + ": " + networks.error().message);
    return networks;
  };
  const auto safe = read("safelist_file", config_.defender.safelist_file);
  if (!safe) return fail(safe.error());
  const auto blocked = read("blocklist_file", config_.defender.blocklist_file);
  if (!blocked) return fail(blocked.error());
  rules_.set_files(*safe, *blocked);
  return {};
}

Result<void> AdmissionControl::reload() {
  Result<void> lists = rules_.reload(accounts_.provider());
  Result<void> files = defender_ ? read_files() : Result<void>();
  return lists ? files : lists;
}

void AdmissionControl::tick() {
  if (lists_are_old_.exchange(false)) {
    const auto read = rules_.reload(accounts_.provider());
    if (!read) lists_are_old_ = true;
  }
  if (defender_) defender_->tick();
}

std::vector<std::string> AdmissionControl::rate_limited_protocols() const {
  std::vector<std::string> names;
  for (const Protocol protocol : {Protocol::ssh, Protocol::ftp, Protocol::webdav, Protocol::http}) {
    if ((limiters_->protocols() & bit(protocol)) != 0) names.emplace_back(to_string(protocol));
  }
  return names;
}

std::shared_ptr<const net::ProxyPolicy> proxy_policy(const config::Common& config, std::vector<std::string>& warnings) {
  if (config.proxy_protocol == 0) return nullptr;
  if (config.proxy_allowed.empty()) {
    warnings.emplace_back("common.proxy_protocol: common.proxy_allowed names nobody, so no PROXY header is believed");
  }
  auto policy = std::make_shared<net::ProxyPolicy>();
  policy->required = config.proxy_protocol == 2;
  policy->allowed = NetworkSet::of(config.proxy_allowed);
  policy->skipped = NetworkSet::of(config.proxy_skipped);
  return policy;
}

}  // namespace ferry::server
