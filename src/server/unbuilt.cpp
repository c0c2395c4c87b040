#include "server/unbuilt.h"

#include <algorithm>
#include <map>
#include <span>
#include <string_view>

namespace ferry::server {

namespace {

// A section, a group of keys or one key; building a feature removes its line.
constexpr std::string_view unbuilt[] = {
    "acme",
    "common.data_retention_hook",
    "common.event_manager",
    "common.metadata",
    "common.resume_max_size",
    "data_provider.is_shared",
    "data_provider.node",
    "ftpd",
    "httpd.backups_path",
    "httpd.bindings[].base_url",
    "httpd.bindings[].branding",
    "httpd.bindings[].disabled_login_methods",
    "httpd.bindings[].enabled_login_methods",
    "httpd.bindings[].hide_login_url",
    "httpd.bindings[].languages",
    "httpd.bindings[].oidc",
    "httpd.bindings[].security",
    "httpd.bindings[].tls_protocols",
    "httpd.bindings[].web_client_integrations",
    "httpd.cookie_lifetime",
    "httpd.cors",
    "httpd.hide_support_link",
    "httpd.max_upload_file_size",
    "httpd.openapi_path",
    "httpd.setup",
    "httpd.share_cookie_lifetime",
    "httpd.static_files_path",
    "httpd.templates_path",
    "httpd.web_root",
    "kms.secrets.url",
    "plugins",
    "smtp",
    "telemetry",
    "webdavd",
};

// Keys that will never do anything: Ferry keeps the credentials of Google Cloud Storage where it keeps all secrets, in
// the data provider.
constexpr std::string_view of_no_use[] = {"data_provider.credentials_path",
                                          "data_provider.prefer_database_credentials"};

bool covers(std::string_view entry, std::string_view key) {
  if (!key.starts_with(entry)) return false;
  key.remove_prefix(entry.size());
  return key.empty() || key.front() == '.' || key.front() == '[';
}

std::vector<std::string> warnings_of(const std::vector<std::string>& changed, std::span<const std::string_view> entries,
                                     std::string_view what) {
  std::map<std::string, std::string> by_section;
  for (const std::string& key : changed) {
    const auto entry = std::ranges::find_if(entries, [&](std::string_view one) { return covers(one, key); });
    if (entry == entries.end()) continue;
    const std::size_t end = key.find_first_of(".[");
    std::string& line = by_section[key.substr(0, end)];
    if (entry->find('.') == std::string_view::npos) continue;  // the whole section: its name says it
    line += line.empty() ? ": " : ", ";
    line += key.substr(end + 1);
  }
  std::vector<std::string> warnings;
  for (const auto& [section, keys] : by_section) warnings.push_back(section + ": " + std::string(what) + keys);
  return warnings;
}

}  // namespace

std::vector<std::string> unbuilt_warnings(const config::Config& config) {
  const std::vector<std::string> changed = config::changed_keys(config);
  std::vector<std::string> warnings = warnings_of(changed, unbuilt, "not built yet, ignored");
  for (auto& one : warnings_of(changed, of_no_use, "of no use in Ferry, ignored")) warnings.push_back(std::move(one));
  return warnings;
}

}  // namespace ferry::server
