#include "server/portable.h"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <cstring>
#include <iostream>

#include "base/descriptor.h"
#include "crypto/token.h"
#include "server/server.h"
#include "server/storages.h"

namespace ferry::server {

namespace {

namespace fs = std::filesystem;

// The first address of this machine that others reach.
std::string own_address() {
  std::string found = "127.0.0.1";
  ifaddrs* all = nullptr;
  if (::getifaddrs(&all) != 0) return found;
  for (const ifaddrs* one = all; one != nullptr; one = one->ifa_next) {
    if (one->ifa_addr == nullptr || one->ifa_addr->sa_family != AF_INET || (one->ifa_flags & IFF_LOOPBACK) != 0 ||
        (one->ifa_flags & IFF_UP) == 0) {
      continue;
    }
    char text[INET_ADDRSTRLEN];
    const auto* address = reinterpret_cast<const sockaddr_in*>(one->ifa_addr);
    if (::inet_ntop(AF_INET, &address->sin_addr, text, sizeof text) == nullptr) continue;
    found = text;
    break;
  }
  ::freeifaddrs(all);
  return found;
}

// Free now; whoever else takes it meanwhile makes the start fail, with a line that says so.
Result<int> free_port() {
  const Descriptor probe(::socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in6 address{};
  address.sin6_family = AF_INET6;
  socklen_t size = sizeof address;
  if (!probe || ::bind(probe.get(), reinterpret_cast<sockaddr*>(&address), size) != 0 ||
      ::getsockname(probe.get(), reinterpret_cast<sockaddr*>(&address), &size) != 0) {
    return fail_errno(errno, "no free port");
  }
  return ntohs(address.sin6_port);
}

class TemporaryDirectory {
 public:
  static Result<TemporaryDirectory> make() {
    std::string path = (fs::temp_directory_path() / "ferry-portable-XXXXXX").string();
    if (::mkdtemp(path.data()) == nullptr) return fail_errno(errno, "mkdtemp " + path);
    return TemporaryDirectory(std::move(path));
  }
  TemporaryDirectory(TemporaryDirectory&& other) noexcept : path_(std::move(other.path_)) { other.path_.clear(); }
  ~TemporaryDirectory() {
    std::error_code ignored;
    if (!path_.empty()) fs::remove_all(path_, ignored);
  }
  const fs::path& path() const { return path_; }

 private:
  explicit TemporaryDirectory(std::string path) : path_(std::move(path)) {}
  fs::path path_;
};

config::Loaded configuration(const PortableOptions& options, int port) {
  config::Loaded loaded;
  config::Config& config = loaded.config;
  config.data_provider.driver = "memory";
  config.data_provider.name.clear();
  config.sftpd.bindings.front().port = port;
  config.sftpd.enabled_ssh_commands = options.ssh_commands;
  config.sftpd.host_keys = {"id_ecdsa", "id_ed25519"};  // made in a moment, unlike RSA's
  config.httpd.bindings.front().port = 0;
  config.common.secret_min_entropy = 0;  // of a passphrase: what is shared may have one already
  return loaded;
}

std::string joined(const std::vector<std::string>& words) { return fmt::format("{}", fmt::join(words, ", ")); }

std::string place_of(const PortableOptions& options) {
  const model::FilesystemConfig& storage = options.filesystem;
  switch (storage.provider) {
    case model::FilesystemProvider::s3: return "s3://" + storage.s3config.bucket + "/" + storage.s3config.key_prefix;
    case model::FilesystemProvider::gcs: return "gs://" + storage.gcsconfig.bucket + "/" + storage.gcsconfig.key_prefix;
    case model::FilesystemProvider::azure_blob:
      return "azblob://" + storage.azblobconfig.container + "/" + storage.azblobconfig.key_prefix;
    case model::FilesystemProvider::sftp: return "sftp://" + storage.sftpconfig.endpoint + storage.sftpconfig.prefix;
    default: return options.directory.string();
  }
}

std::string invitation(const PortableOptions& options, int port, const std::string& fingerprint) {
  const std::string host = own_address();
  std::string text = fmt::format("Sharing {} over SFTP on port {}\n", place_of(options), port);
  text += fmt::format("  user      {}\n", options.username);
  if (!options.password.empty()) text += fmt::format("  password  {}\n", options.password);
  if (!options.public_keys.empty()) text += fmt::format("  keys      {}\n", options.public_keys.size());
  text += fmt::format("  may       {}\n  commands  {}\n", joined(options.permissions), joined(options.ssh_commands));
  text += fmt::format("  host key  {}\n\nPaste into a client:\n", fingerprint);
  text += fmt::format("  sftp -P {} {}@{}\n", port, options.username, host);
  text += fmt::format("  sftp://{}@{}:{}\n", options.username, host, port);
  text += fmt::format("  rclone copy :sftp,host={},port={},user={},ask_password=true:/ here\n\nCtrl-C ends it.\n", host,
                      port, options.username);
  return text;
}

model::User account(const PortableOptions& options) {
  model::User user;
  user.username = options.username;
  user.password = options.password;
  user.public_keys = options.public_keys;
  user.home_dir = options.directory.string();
  user.filesystem = options.filesystem;
  user.permissions["/"] = options.permissions;
  user.filters.file_patterns = options.file_patterns;
  user.filters.start_directory = options.start_directory == "/" ? "" : options.start_directory;
  return user;
}

}  // namespace

Result<void> run_portable(PortableOptions options) {
  if (!is_built(options.filesystem.provider)) {
    return fail(ErrorCode::unsupported, "--fs-provider: this storage is not built yet");
  }
  std::error_code error;
  options.directory = fs::canonical(options.directory, error);
  if (error) return fail(ErrorCode::not_found, "--directory: " + error.message());
  if (!fs::is_directory(options.directory)) return fail(ErrorCode::not_a_directory, "--directory: not a directory");
  if (!options.start_directory.starts_with('/')) {
    return fail(ErrorCode::invalid_argument, "--start-directory: expected an absolute path");
  }
  if (options.sftpd_port < 0) return fail(ErrorCode::invalid_argument, "--sftpd-port: there is nothing else to serve");
  if (options.username.empty()) options.username = "user" + crypto::random_id(4);
  if (options.password.empty() && options.public_keys.empty()) options.password = crypto::random_id(16);
  Result<int> port = options.sftpd_port;
  if (options.sftpd_port == 0) port = free_port();
  if (!port) return fail(port.error());
  auto keys = TemporaryDirectory::make();
  if (!keys) return fail(keys.error());
  auto server = Server::start(configuration(options, *port),
                              {.directory = keys->path(), .grace = options.grace, .only_account = account(options)});
  if (!server) return fail(server.error());
  std::cout << invitation(options, *port, (*server)->host_key_fingerprint()) << std::flush;
  (*server)->run();
  return {};
}

}  // namespace ferry::server
