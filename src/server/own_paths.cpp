#include "server/own_paths.h"

#include "base/log.h"

namespace ferry::server {

namespace {

namespace fs = std::filesystem;
using Own = std::vector<ProtectedPaths::Own>;

// Collects what the configuration names.
class Collector {
 public:
  explicit Collector(const fs::path& directory) : directory_(directory) {}
  // Relative to the configuration directory, or absolute; empty: not configured.
  void add(const std::string& path, const char* what) {
    if (!path.empty()) own_.push_back({directory_ / path, what});
  }
  void add(const std::vector<std::string>& paths, const char* what) {
    for (const std::string& path : paths) add(path, what);
  }
  // Programs are absolute paths; URLs are no files.
  void add_hook(const std::string& where) {
    if (where.starts_with('/')) add(where, "a program of the server's hooks");
  }
  Own take() { return std::move(own_); }

 private:
  const fs::path& directory_;
  Own own_;
};

void add_data(const config::DataProvider& data, Collector& own) {
  if (data.driver == "sqlite" || data.driver == "bolt") own.add(data.name, "the database");
  own.add(data.backups_path, "the directory of dumps");
  own.add(data.credentials_path, "the directory of credentials");
  for (const std::string& file : {data.password_file, data.root_cert, data.client_cert, data.client_key}) {
    own.add(file, "a file of the data provider");
  }
}

void add_sftpd(const config::Sftpd& sftpd, Collector& own) {
  if (sftpd.host_keys.empty()) own.add({"id_rsa", "id_ecdsa", "id_ed25519"}, "a host key");
  own.add(sftpd.host_keys, "a host key");
  own.add(sftpd.host_certificates, "a host certificate");
  own.add(sftpd.trusted_user_ca_keys, "the keys of trusted authorities");
  own.add(sftpd.revoked_user_certs_file, "the list of revoked certificates");
  own.add(sftpd.login_banner_file, "the login banner");
  own.add(sftpd.opkssh_path, "a program of the server");
}

void add_httpd(const config::Httpd& httpd, Collector& own) {
  constexpr const char* what = "a TLS file";
  const auto add_pair = [&](const auto& one) {
    own.add(one.certificate_file, what);
    own.add(one.certificate_key_file, what);
  };
  add_pair(httpd);
  for (const auto& binding : httpd.bindings) add_pair(binding);
  own.add(httpd.ca_certificates, what);
  own.add(httpd.ca_revocation_lists, what);
  own.add(httpd.signing_passphrase_file, "the passphrase of tokens");
}

void add_hooks(const config::Config& config, Collector& own) {
  const config::Common& common = config.common;
  const config::DataProvider& data = config.data_provider;
  for (const std::string& hook :
       {common.actions.hook, common.startup_hook, common.post_connect_hook, common.post_disconnect_hook,
        common.data_retention_hook, data.actions.hook, data.external_auth_hook, data.pre_login_hook,
        data.post_login_hook, data.check_password_hook, config.sftpd.keyboard_interactive_auth_hook}) {
    own.add_hook(hook);
  }
  for (const auto& command : config.command.commands) own.add_hook(command.path);
  for (const std::string& command : common.event_manager.enabled_commands) own.add_hook(command);
}

void add_others(const config::Config& config, Collector& own) {
  own.add(config.kms.secrets.master_key_path, "the master key");
  own.add(config.common.defender.safelist_file, "a list of the defender");
  own.add(config.common.defender.blocklist_file, "a list of the defender");
  for (const auto& certificate : config.http.certificates) {
    own.add(certificate.cert, "a TLS file");
    own.add(certificate.key, "a TLS file");
  }
  own.add(config.http.ca_certificates, "a TLS file");
}

// Calls `act` on every object, page by page: `next(page)` gives one.
template <class Next, class Act>
void for_all(std::stop_token stop, Next next, Act act) {
  for (store::Page page{.limit = 500};; page.offset += page.limit) {
    const auto some = next(page);
    if (!some) {
      log::error("server", "", "whose directories are the server's own is not known: {}", some.error().message);
      return;
    }
    for (const auto& one : *some) {
      if (stop.stop_requested()) return;
      act(one);
    }
    if (some->size() < page.limit) return;
  }
}

}  // namespace

std::shared_ptr<const ProtectedPaths> own_paths(const config::Config& config, const fs::path& directory,
                                                const fs::path& file, const fs::path& log_file) {
  Collector own(directory);
  add_data(config.data_provider, own);
  add_sftpd(config.sftpd, own);
  add_httpd(config.httpd, own);
  add_hooks(config, own);
  add_others(config, own);
  own.add("env.d", "the directory env.d");
  own.add(file.string(), "the configuration file");
  own.add(log_file.string(), "the log");
  const fs::path usual = directory / default_data_folder, base = config.data_provider.users_base_dir;
  return std::make_shared<const ProtectedPaths>(ProtectedPaths::Options{
      .directory = directory, .data = {usual, base}, .own = own.take(), .base = base.empty() ? usual : base});
}

Result<void> check_places(const ProtectedPaths& paths, const model::User& user, bool at_once) {
  const auto check = [&](const std::string& what, const std::string& path) -> Result<void> {
    const auto free = at_once ? paths.check_text(path) : paths.check(path);
    if (free) return {};
    return fail(ErrorCode::permission_denied, what + " \"" + path + "\": " + free.error().message);
  };
  if (auto free = check("home directory", user.home_dir); !free) return free;
  for (const model::VirtualFolder& folder : user.virtual_folders) {
    const bool apart = folder.subpath.empty() || folder.subpath.starts_with('/');
    if (folder.mapped_path.empty()) continue;
    const std::string path = folder.mapped_path + (apart ? "" : "/") + folder.subpath;
    if (auto free = check("folder \"" + folder.name + '"', path); !free) return free;
  }
  return {};
}

void warn_of_places(const ProtectedPaths& paths, store::Provider& provider, std::stop_token stop) {
  const auto warn = [](std::string_view kind, const std::string& name, std::string_view what, const Error& error) {
    log::warn("server", "", "{} \"{}\": {}{}: whoever uses it cannot log in", kind, name, what, error.message);
  };
  for_all(
      stop, [&](store::Page page) { return provider.users(page); },
      [&](const model::UserPtr& user) {
        auto effective = user->groups.empty() ? Result<model::UserPtr>(user) : provider.effective_user(user->username);
        if (!effective) return;  // gone meanwhile, or refused at login for what its groups say
        if (auto free = check_places(paths, **effective, false); !free)
          warn("account", user->username, "", free.error());
      });
  for_all(
      stop, [&](store::Page page) { return provider.groups(page); },
      [&](const model::Group& group) {
        const std::string& home = group.user_settings.home_dir;
        if (auto free = paths.check_template(home); !free) warn("group", group.name, "home_dir: ", free.error());
      });
  for_all(
      stop, [&](store::Page page) { return provider.folders(page); },
      [&](const model::Folder& folder) {
        if (auto free = paths.check_template(folder.mapped_path); !free) {
          warn("folder", folder.name, "mapped_path: ", free.error());
        }
      });
}

}  // namespace ferry::server
