// The first administrator of a new data provider.
#pragma once

#include <optional>
#include <string>

#include "base/error.h"
#include "config/loader.h"
#include "store/accounts.h"

namespace ferry::server {

struct NewAdmin {
  std::string username;
  std::string password;  // to be printed once, then forgotten
};

// Without an administrator: with data_provider.create_default_admin the one that FERRY_DEFAULT_ADMIN_USERNAME and
// _PASSWORD (or SFTPGO_…) name, which must both be set; else "admin" with a random password, which is answered.
// Nothing to answer when there is an administrator already or the environment named one. Blocking.
Result<std::optional<NewAdmin>> create_first_admin(store::Accounts& accounts, bool from_environment,
                                                   const config::Environment& environment);

struct Welcome {
  NewAdmin admin;
  std::string sftp_host;  // as a client on this machine reaches it
  int sftp_port = 0;      // 0: no such server
  std::string http_url;   // empty: none
  std::string home;       // absolute, for the example's user
};

// The one-time text: password, addresses, and lines to copy that end with a running sftp.
std::string welcome_text(const Welcome& welcome);

}  // namespace ferry::server
