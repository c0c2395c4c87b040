#include "server/ssh/host_keys.h"

#include <chrono>
#include <optional>

#include "base/log.h"
#include "server/settings.h"

namespace ferry::server {

namespace {

namespace fs = std::filesystem;

std::optional<ssh::PrivateKey::Kind> generated_kind(const fs::path& file) {
  const std::string name = file.filename().string();
  if (name == "id_rsa") return ssh::PrivateKey::Kind::rsa_3072;
  if (name == "id_ecdsa") return ssh::PrivateKey::Kind::ecdsa_p256;
  if (name == "id_ed25519") return ssh::PrivateKey::Kind::ed25519;
  return std::nullopt;
}

Result<ssh::PrivateKey> load_or_make(const fs::path& file) {
  std::error_code error;
  const auto kind = generated_kind(file);
  if (!kind || fs::exists(file, error) || error) return ssh::PrivateKey::load(file);
  const auto key = ssh::PrivateKey::generate(*kind);
  auto saved = key.save(file, "ferry host key");
  // Another process may have been faster: then its key counts.
  if (!saved && saved.error().code != ErrorCode::already_exists) return fail(saved.error());
  if (saved) log::info("sftpd", "", "generated the host key {}", file.string());
  return ssh::PrivateKey::load(file);
}

}  // namespace

Result<HostKeys> load_host_keys(const fs::path& directory, std::vector<std::string> files) {
  if (files.empty()) files = {"id_rsa", "id_ecdsa", "id_ed25519"};
  HostKeys keys;
  for (const std::string& name : files) {
    const fs::path file = directory / name;
    auto key = load_or_make(file);
    if (!key) return fail(key.error().code, "sftpd.host_keys: " + file.string() + ": " + key.error().message);
    log::info("sftpd", "", "host key {}: {} {}", file.string(), key->public_key().type(),
              key->public_key().fingerprint());
    keys.push_back({file.string(), std::make_shared<const ssh::PrivateKey>(std::move(*key))});
  }
  return keys;
}

std::vector<std::string> fingerprints_of(const HostKeys& host_keys) {
  std::vector<std::string> fingerprints;
  for (const HostKey& host_key : host_keys) fingerprints.push_back(host_key.key->public_key().fingerprint());
  return fingerprints;
}

std::vector<std::shared_ptr<const ssh::PrivateKey>> keys_of(const HostKeys& host_keys) {
  std::vector<std::shared_ptr<const ssh::PrivateKey>> keys;
  for (const HostKey& host_key : host_keys) keys.push_back(host_key.key);
  return keys;
}

Result<std::vector<ssh::HostCertificate>> load_host_certificates(const fs::path& directory,
                                                                 const std::vector<std::string>& files,
                                                                 const HostKeys& keys) {
  const std::string setting = "sftpd.host_certificates";
  const auto since_epoch = std::chrono::system_clock::now().time_since_epoch();
  const auto now = static_cast<std::uint64_t>(std::chrono::duration_cast<std::chrono::seconds>(since_epoch).count());
  std::vector<ssh::HostCertificate> certificates;
  for (const std::string& name : files) {
    const fs::path file = directory / name;
    const auto text = read_setting_file(setting, file);
    if (!text) return fail(text.error());
    auto certificate = ssh::parse_host_certificate(*text, keys_of(keys));
    if (!certificate && certificate.error().code != ErrorCode::not_found) {
      return fail(ErrorCode::invalid_argument, setting + ": " + file.string() + ": " + certificate.error().message);
    }
    if (!certificate) {
      log::warn("sftpd", "", "host certificate {} is not used: {}", file.string(), certificate.error().message);
    } else if (now < certificate->valid_after || now >= certificate->valid_before) {
      log::warn("sftpd", "", "host certificate {} is not used: it is not valid now", file.string());
    } else {
      log::info("sftpd", "", "host certificate {}", file.string());
      certificates.push_back(std::move(*certificate));
    }
  }
  return certificates;
}

}  // namespace ferry::server
