// The SSH server's host keys: loaded from the configured files, made when the usual ones are missing; and certificates
// for them.
#pragma once

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "base/error.h"
#include "ssh/keys/host_certificate.h"
#include "ssh/keys/private_key.h"

namespace ferry::server {

struct HostKey {
  std::string path;
  std::shared_ptr<const ssh::PrivateKey> key;
};
using HostKeys = std::vector<HostKey>;

// `files`: absolute or relative to `directory`; empty: id_rsa, id_ecdsa and id_ed25519 there. A missing file with
// one of these three names is generated (mode 0600); any other missing file is an error that names it.
Result<HostKeys> load_host_keys(const std::filesystem::path& directory, std::vector<std::string> files);

std::vector<std::shared_ptr<const ssh::PrivateKey>> keys_of(const HostKeys& host_keys);
// SHA256.
std::vector<std::string> fingerprints_of(const HostKeys& host_keys);

// `files` as above. An error names the file: it cannot be read, or holds no certificate of a host. One that belongs to
// none of the keys, or that is not valid now, is left out with a warning in the log.
Result<std::vector<ssh::HostCertificate>> load_host_certificates(const std::filesystem::path& directory,
                                                                 const std::vector<std::string>& files,
                                                                 const HostKeys& keys);

}  // namespace ferry::server
