// The composition root: builds everything a configuration asks for, and takes it down again.
//
//   auto server = Server::start(std::move(loaded), {.directory = dir, .grace = 60s});
//   if (!server) ...                        // one line for the operator; nothing is left running
//   (*server)->run();                       // until SIGTERM or SIGINT; see lifecycle.h
#pragma once

#include <chrono>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>

#include "base/error.h"
#include "config/loader.h"
#include "crypto/secret.h"
#include "model/user.h"

namespace ferry::server {

// A dump to load (store/dump.h).
struct LoadData {
  std::filesystem::path file;  // "" loads nothing; absolute
  int mode = 1;                // 0, 2: add and update; 1: add only
  int scan = 0;                // quota scans afterwards
  bool skip_invalid = false;   // load the rest when some objects are not valid
  bool clean = false;          // remove the file once it is loaded; with it a missing file is no error
};

struct StartOptions {
  std::filesystem::path directory;      // the configuration directory: relative paths start here
  std::chrono::seconds grace{0};        // for running transfers when the server is told to stop
  LoadData load = {};                   // before the ports open
  std::filesystem::path log_file = {};  // that no account may reach; empty: there is none
  // Made before the ports open, in place of a first administrator; nothing but errors is printed then, and the account
  // may lie anywhere.
  std::optional<model::User> only_account = {};
};

class Server {
 public:
  // Everything is checked and every port is open when this returns. On a new data provider the first
  // administrator is made, and what is needed to begin is printed to stdout, once.
  static Result<std::unique_ptr<Server>> start(config::Loaded loaded, StartOptions options);
  ~Server();
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

  void run();
  // Of the host key that clients prefer; empty: there is none.
  std::string host_key_fingerprint() const;
  // Reads host keys, TLS files, the login banner, IP lists and the defender's files again; what cannot be read stays as
  // it was, with a log line.
  void reload();

 private:
  struct Parts;
  explicit Server(std::unique_ptr<Parts> parts);
  std::unique_ptr<Parts> parts_;
};

// `ferry resetpwd`: gives an administrator a new password and switches the second factor off. unsupported: the memory
// provider.
Result<void> reset_admin_password(const config::Loaded& loaded, const std::filesystem::path& directory,
                                  const std::string& admin, const crypto::Secret& password);

// `ferry initprovider`: creates or updates the data provider's schema, then loads a dump when one is named.
Result<void> init_provider(const config::Loaded& loaded, const std::filesystem::path& directory,
                           const LoadData& load = {});

}  // namespace ferry::server
